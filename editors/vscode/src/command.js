// Which program is the server: the setting's, else the one of the project's environment, else the one on PATH.
"use strict";

const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

const WINDOWS = process.platform === "win32";
const PROGRAM = WINDOWS ? "alpine-doctor.exe" : "alpine-doctor";
const PLACES = [".venv", "venv", "env"];

// The program beside an interpreter: pip puts it there.
function beside(python) {
  const place = join(dirname(python), PROGRAM);
  return existsSync(place) ? place : undefined;
}

// `configured`: the setting (a list of words; empty: find it), `folder`: the workspace's, `trusted`: whether what lies in it may
// be started, `python`: the interpreter chosen for it. Gives the command, its arguments, and why it is this one.
function serverCommand({ configured, folder, trusted, python }) {
  if (configured?.length) {
    const [command, ...args] = configured.map((word) => word.replaceAll("${workspaceFolder}", folder ?? ""));
    return { command, args, why: "the setting alpine-doctor.command" };
  }
  const args = ["server"];
  if (trusted) {
    const chosen = python && beside(python);
    if (chosen) return { command: chosen, args, why: "the Python that is chosen for this folder" };
    for (const place of folder ? PLACES : []) {
      const own = join(folder, place, WINDOWS ? "Scripts" : "bin", PROGRAM);
      if (existsSync(own)) return { command: own, args, why: `the project's own environment, ${place}` };
    }
  }
  return { command: "alpine-doctor", args, why: "the one on PATH" };
}

module.exports = { serverCommand };
