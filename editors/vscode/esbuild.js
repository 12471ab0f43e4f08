// One file for the editor to load, with the client library in it; `vscode` is the editor's own.
"use strict";

require("esbuild").buildSync({
  entryPoints: ["src/extension.js"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  legalComments: "inline",
});
