// Which program is started. `npm test` runs this and protocol.test.js.
"use strict";

const assert = require("node:assert/strict");
const { mkdtempSync, mkdirSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { test } = require("node:test");
const { serverCommand } = require("../src/command");

const WINDOWS = process.platform === "win32";
const PROGRAM = WINDOWS ? "alpine-doctor.exe" : "alpine-doctor";

function environment(folder, name) {
  const bin = join(folder, name, WINDOWS ? "Scripts" : "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, PROGRAM), "");
  return join(bin, PROGRAM);
}

test("the setting decides, with the folder in it", () => {
  const found = serverCommand({ configured: ["${workspaceFolder}/x", "server", "-v"], folder: "/w", trusted: true });
  assert.deepEqual([found.command, found.args], ["/w/x", ["server", "-v"]]);
});

test("the chosen interpreter's program comes before the project's own", () => {
  const folder = mkdtempSync(join(tmpdir(), "alpine-doctor-"));
  const own = environment(folder, ".venv");
  const chosen = environment(folder, "chosen");
  assert.equal(serverCommand({ configured: [], folder, trusted: true }).command, own);
  const python = join(chosen, "..", "python");
  assert.equal(serverCommand({ configured: [], folder, trusted: true, python }).command, chosen);
  assert.equal(serverCommand({ configured: [], folder, trusted: true, python: "/nowhere/python" }).command, own);
});

test("nothing of a folder that is not trusted is started", () => {
  const folder = mkdtempSync(join(tmpdir(), "alpine-doctor-"));
  environment(folder, ".venv");
  assert.equal(serverCommand({ configured: [], folder, trusted: false }).command, "alpine-doctor");
});
