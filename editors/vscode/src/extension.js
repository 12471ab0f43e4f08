// Starts `alpine-doctor server` and connects it to the editor; everything else is the server's work.
"use strict";

const { commands, extensions, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");
const { serverCommand } = require("./command");

const SECTION = "alpine-doctor";
const INSTALL = "https://alpine-doctor.github.io/alpine-doctor/install/";

// What a report rests on besides Dockerfiles: with these open, their unsaved text counts, and hovers answer in them.
const DOCUMENTS = [
  { language: "dockerfile" },
  { pattern: "**/*{ocker,ontainer}file*" },
  { language: "pip-requirements" },
  { pattern: "**/*{requirements,constraints}*.{txt,in}" },
  { pattern: "**/{packages*.txt,pyproject.toml,pylock*.toml,poetry.lock,uv.lock,pdm.lock,Pipfile,Pipfile.lock,setup.cfg}" },
].flatMap((filter) => [{ scheme: "file", ...filter }, ...(filter.language ? [{ scheme: "untitled", ...filter }] : [])]);

let client;
let output;

function settings() {
  return workspace.getConfiguration(SECTION);
}

function options() {
  return settings().get("options") ?? {};
}

// The interpreter that the Python extension has chosen for a folder, where there is that extension.
async function chosenPython(folder) {
  const python = extensions.getExtension("ms-python.python");
  if (python === undefined) return undefined;
  try {
    const api = await python.activate();
    const chosen = api?.environments?.getActiveEnvironmentPath?.(folder?.uri);
    return (await api?.environments?.resolveEnvironment?.(chosen))?.executable?.uri?.fsPath ?? chosen?.path;
  } catch (error) {
    output.appendLine(`the Python extension does not tell its interpreter: ${error.message}`);
    return undefined;
  }
}

async function start() {
  const folder = workspace.workspaceFolders?.[0];
  const found = serverCommand({
    configured: settings().get("command"),
    folder: folder?.uri.fsPath,
    // What lies in a folder that is not trusted is not started.
    trusted: workspace.isTrusted,
    python: workspace.isTrusted ? await chosenPython(folder) : undefined,
  });
  output.appendLine(`starting ${[found.command, ...found.args].join(" ")} (${found.why})`);
  client = new LanguageClient(
    SECTION,
    SECTION,
    { command: found.command, args: found.args, options: { cwd: folder?.uri.fsPath } },
    { documentSelector: DOCUMENTS, initializationOptions: options(), outputChannel: output },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const choice = await window.showErrorMessage(
      `${SECTION}: ${found.command} does not start: ${error.message}. Install it with: pip install 'alpine-doctor[lsp]'`,
      "How to install",
      "Show log",
    );
    if (choice === "Show log") output.show();
    else if (choice !== undefined) await commands.executeCommand("vscode.open", INSTALL);
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
  output = window.createOutputChannel(SECTION);
  context.subscriptions.push(
    output,
    commands.registerCommand(`${SECTION}.restart`, restart),
    commands.registerCommand(`${SECTION}.showLog`, () => output.show()),
    workspace.onDidChangeConfiguration(changed),
    workspace.onDidGrantWorkspaceTrust(restart),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
