// The server through the client library that the extension is built on. ALPINE_DOCTOR names the program to start.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { test } = require("node:test");
const lsp = require("vscode-languageserver-protocol/node");

const LACKING = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install psycopg2==2.9.9\n";

test("findings, the fix and completion", { timeout: 60_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "alpine-doctor-"));
  const file = join(folder, "Dockerfile");
  writeFileSync(file, LACKING);
  const uri = pathToFileURL(file).href;
  const child = spawn(process.env.ALPINE_DOCTOR ?? "alpine-doctor", ["server"], {
    cwd: folder,
    env: { ...process.env, CI: "true" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  context.after(() => child.kill());
  const client = lsp.createProtocolConnection(child.stdout, child.stdin);
  const shown = new Promise((resolve) =>
    client.onNotification(lsp.PublishDiagnosticsNotification.type, (params) => params.diagnostics.length && resolve(params)),
  );
  client.listen();
  const { capabilities } = await client.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    workspaceFolders: null,
    capabilities: { textDocument: { hover: { contentFormat: ["markdown"] } } },
  });
  assert.ok(capabilities.completionProvider.resolveProvider);
  await client.sendNotification(lsp.InitializedNotification.type, {});
  const document = { uri, languageId: "dockerfile", version: 1, text: LACKING };
  await client.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: document });
  const first = (await shown).diagnostics.find((one) => one.code === "AD101");
  assert.match(first.codeDescription.href, /codes\/AD101\/$/);
  assert.ok(first.message.split("\n").length <= 3, first.message);

  const end = { line: 1, character: LACKING.split("\n")[1].length };
  const actions = await client.sendRequest(lsp.CodeActionRequest.type, {
    textDocument: { uri },
    range: { start: { line: 2, character: 4 }, end: { line: 2, character: 4 } },
    context: { diagnostics: [first], only: ["quickfix"] },
  });
  assert.match(JSON.stringify(actions[0].edit), /libpq-dev/);

  const typed = LACKING.replace("musl-dev", "musl-dev libpq-d");
  await client.sendNotification(lsp.DidChangeTextDocumentNotification.type, {
    textDocument: { uri, version: 2 },
    contentChanges: [{ text: typed }],
  });
  const offered = await client.sendRequest(lsp.CompletionRequest.type, {
    textDocument: { uri },
    position: { line: 1, character: end.character + " libpq-d".length },
  });
  const item = offered.items.find((one) => one.label === "libpq-dev");
  const resolved = await client.sendRequest(lsp.CompletionResolveRequest.type, item);
  assert.match(resolved.documentation.value, /Headers of libpq[^]*Brings .*libpq/);

  const left = new Promise((resolve) => child.on("exit", resolve));
  await client.sendRequest(lsp.ShutdownRequest.type);
  await client.sendNotification(lsp.ExitNotification.type);
  assert.equal(await left, 0);
  client.dispose();
});
