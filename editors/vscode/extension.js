// Starts `alpine-doctor server` and connects it to the editor; everything else is the server's work.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const SECTION = "alpine-doctor";

// What a report rests on besides Dockerfiles: with these open, their unsaved text counts, and hovers answer in them.
const DOCUMENTS = [
  { language: "dockerfile" },
  { pattern: "**/*{ocker,ontainer}file*" },
  { language: "pip-requirements" },
  { pattern: "**/*{requirements,constraints}*.{txt,in}" },
  { pattern: "**/{packages*.txt,pyproject.toml,pylock*.toml,poetry.lock,uv.lock,pdm.lock,Pipfile,Pipfile.lock,setup.cfg}" },
].flatMap((filter) => [{ scheme: "file", ...filter }, ...(filter.language ? [{ scheme: "untitled", ...filter }] : [])]);

let client;

function options() {
  return workspace.getConfiguration(SECTION).get("options") ?? {};
}

async function start() {
  const [command, ...args] = workspace.getConfiguration(SECTION).get("command");
  client = new LanguageClient(
    SECTION,
    SECTION,
    { command, args },
    { documentSelector: DOCUMENTS, initializationOptions: options() },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    window.showErrorMessage(`${SECTION}: ${command} does not start: ${error.message}. Is alpine-doctor[lsp] installed?`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart() {
  await stop();
  await start();
}

async function changed(event) {
  if (event.affectsConfiguration(`${SECTION}.command`)) {
    await restart();
  } else if (event.affectsConfiguration(`${SECTION}.options`)) {
    await client?.sendNotification("workspace/didChangeConfiguration", { settings: { [SECTION]: options() } });
  }
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand(`${SECTION}.restart`, restart),
    workspace.onDidChangeConfiguration(changed),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
