// What @actions/core writes, as the oracle for what faultgate writes.
//
//     node actions-core.mjs <folder of @actions/core>
//
// Standard input: {"commands": [{"command", "properties", "message"}], "outputs": [{"name", "value"}]}.
// Standard output: {"commands": [one line each], "outputs": the content of GITHUB_OUTPUT}.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const library = (file) => import(pathToFileURL(join(resolve(process.argv[2]), "lib", file)));
const { issueCommand } = await library("command.js");
const { setOutput } = await library("core.js");

const wanted = JSON.parse(readFileSync(0, "utf8"));
const folder = mkdtempSync(join(tmpdir(), "actions-core-"));
process.env.GITHUB_OUTPUT = join(folder, "output");
writeFileSync(process.env.GITHUB_OUTPUT, "");

const commands = (wanted.commands ?? []).map(({ command, properties, message }) =>
  printed(() => issueCommand(command, properties, message)),
);
for (const { name, value } of wanted.outputs ?? []) setOutput(name, value);
const outputs = readFileSync(process.env.GITHUB_OUTPUT, "utf8");
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ commands, outputs }));

/** What `print` writes to standard output, without the end of its line. */
function printed(print) {
  const written = [];
  const write = process.stdout.write;
  process.stdout.write = (text) => written.push(text) > 0;
  print();
  process.stdout.write = write;
  return written.join("").replace(/\n$/, "");
}
