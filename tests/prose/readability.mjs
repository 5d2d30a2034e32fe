// Holds the pages below a median of words in a sentence, each and all together: readability.mjs PAGE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const LONGEST_MEDIAN = 20;
const require = createRequire(path.join(process.env.PROSE_TOOLS, "package.json"));
const { parse } = require("@textlint/markdown-to-ast");
const { sentences, words } = createRequire(import.meta.url)("./sentences.js");

function* paragraphs(node) {
  if (node.type === "Paragraph") yield node.raw;
  else for (const child of node.children ?? []) yield* paragraphs(child);
}

function counts(page) {
  const found = [...paragraphs(parse(readFileSync(page, "utf8")))].flatMap(sentences);
  // Shorter ones are labels and lists of links.
  return found.map(({ text }) => words(text)).filter((count) => count > 2);
}

function median(numbers) {
  return numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? 0;
}

const pages = process.argv.slice(2).map((page) => [page, counts(page)]);
const overall = median(pages.flatMap(([, numbers]) => numbers));
const hard = [["all pages", overall], ...pages.map(([page, numbers]) => [page, median(numbers)])]
  .filter(([, value]) => value >= LONGEST_MEDIAN);
for (const [page, value] of hard) console.error(`${page}: the median sentence has ${value} words, and is to have fewer than ${LONGEST_MEDIAN}`);
console.log(`the median sentence of ${pages.length} pages has ${overall} words`);
process.exitCode = hard.length ? 1 : 0;
