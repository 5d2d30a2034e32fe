// The rule of our own finds riddles, and lets plain sentences pass.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

const modules = path.join(process.env.PROSE_TOOLS, "node_modules");
const here = import.meta.dirname;

function findings(text) {
  const options = ["--config", path.join(here, "textlintrc.json"), "--rulesdir", path.join(here, "rules")];
  const from = ["--rules-base-directory", modules, "--format", "json", "--stdin", "--stdin-filename", "page.md"];
  try {
    execFileSync(path.join(modules, ".bin/textlint"), [...options, ...from], { input: text, encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    return JSON.parse(error.stdout)[0].messages.map(({ message }) => message);
  }
}

const RIDDLES = [
  "What the gate has learned is in the file.",
  "A run that is over is not asked again.",
  "The engine is asked, and told on.",
  "It is what the post step is for.",
  "The error holds the claims of the very token.",
  "The report learns of its end by events.",
  "Please look at the page.",
  `The gate ${"goes on and ".repeat(15)}ends.`,
];

for (const riddle of RIDDLES) {
  test(`found: ${riddle.slice(0, 50)}`, () => assert.notDeepEqual(findings(`${riddle}\n`), []));
}

test("plain sentences pass, questions and code too", () => {
  const page = ["# What a run needs", "What does it cost? Little.", "The gate asks FIS, and `is asked` is code.", "| a | b |\n| --- | --- |\n| What it means | x |"];
  assert.deepEqual(findings(`${page.join("\n\n")}\n`), []);
});
