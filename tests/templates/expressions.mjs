// GitHub's own parser and evaluator of workflows (@actions/workflow-parser, @actions/expressions):
//   expressions.mjs lint FILE…   tells what GitHub would not take in a workflow
//   expressions.mjs evaluate     answers one request of a line by one line, both JSON: see expressions.py
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Node.js takes JSON only with an attribute, which the parser's own import does not have.
register(
  "data:text/javascript," +
    encodeURIComponent(`
import { readFile } from "node:fs/promises";
export async function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  return { format: "module", shortCircuit: true, source: "export default " + (await readFile(new URL(url), "utf8")) };
}`),
);
const modules = pathToFileURL(`${process.env.TEMPLATE_TOOLS}/node_modules/@actions/`);
const load = (path) => import(new URL(path, modules));
const { data, Evaluator, Lexer, Parser } = await load("expressions/dist/index.js");
const { reviver } = await load("expressions/dist/data/reviver.js");
const { replacer } = await load("expressions/dist/data/replacer.js");

const STATUS = ["always", "cancelled", "failure", "success"];

function evaluate(expression, context, status) {
  const functions = STATUS.map((name) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(status[name]),
  }));
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(context), functions).parse();
  const values = JSON.parse(JSON.stringify(context), reviver);
  return new Evaluator(tree, values, new Map(functions.map((each) => [each.name, each]))).evaluate();
}

// What stands in `${{ }}`, where a string in quotes may hold braces.
const EXPRESSION = /\$\{\{((?:'[^']*'|[^'}]|\}(?!\}))*)\}\}/g;

const { ensureStatusFunction } = await load("workflow-parser/dist/model/converter/if-condition.js");

function answer({ text, context, status, condition }) {
  if (condition) {
    const whole = text.trim().match(new RegExp(`^${EXPRESSION.source}$`));
    const allowedContext = [...Object.keys(context), ...STATUS.map((name) => `${name}(0,0)`)];
    const full = ensureStatusFunction(whole ? whole[1].trim() : text.trim() || "success()", { allowedContext });
    return truthy(evaluate(full, context, status));
  }
  const whole = text.match(new RegExp(`^${EXPRESSION.source}$`));
  if (whole) return JSON.parse(JSON.stringify(evaluate(whole[1], context, status), replacer));
  return text.replace(EXPRESSION, (_, expression) => evaluate(expression, context, status).coerceString());
}

// GitHub's rule for what is neither true nor false.
function truthy(value) {
  const plain = JSON.parse(JSON.stringify(value, replacer));
  return !(plain === null || plain === false || plain === 0 || plain === "");
}

async function lint(files) {
  const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await load("workflow-parser/dist/index.js");
  let clean = true;
  for (const name of files) {
    const parsed = parseWorkflow({ name, content: readFileSync(name, "utf8") }, new NoOperationTraceWriter());
    if (parsed.value) await convertWorkflowTemplate(parsed.context, parsed.value);
    for (const error of parsed.context.errors.getErrors()) {
      clean = false;
      console.error(`${name}: ${error.message}`);
    }
  }
  process.exitCode = clean ? 0 : 1;
}

if (process.argv[2] === "lint") {
  await lint(process.argv.slice(3));
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    let told;
    try {
      told = { value: answer(JSON.parse(line)) };
    } catch (error) {
      told = { error: String(error.message ?? error) };
    }
    console.log(JSON.stringify(told));
  }
}
