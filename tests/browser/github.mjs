// Markdown as people see it on GitHub: its tags and addresses alone, its stylesheet, and diagrams that Mermaid draws.
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { asset, faultgate, open, require } from "./browser.mjs";
import { mergeable, resultOf, write } from "./results.mjs";

const { marked } = require("marked");

/** What GitHub's own sanitiser lets through, as far as a report may need it. */
const ALLOWED = {
  ALLOWED_TAGS:
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img div ins del sup sub p picture source ol ul li table thead tbody tfoot tr td th blockquote dl dt dd kbd q samp var hr s strike summary details span input".split(" "),
  ALLOWED_ATTR: "href src alt title align class id width height open checked disabled type start".split(" "),
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|\/)/i,
  ADD_URI_SAFE_ATTR: ["align", "open"],
};

/** The page around a text of Markdown. The heading is that of GitHub's page, which also underlines links. */
const FRAME = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>GitHub</title><style>${asset("github-markdown-css/github-markdown.css")}
body { box-sizing: border-box; margin: 0 auto; max-width: 980px; padding: 16px; min-height: 100vh }
.markdown-body article a { text-decoration: underline }
h1 { position: absolute; clip-path: inset(50%) }</style>
<body class="markdown-body"><main><h1>Pull request</h1><article></article></main></body></html>`;

/** Puts sanitised HTML onto the page, and returns the tags that had to be taken out. */
function put({ html, allowed }) {
  const article = document.querySelector("article");
  article.innerHTML = globalThis.DOMPurify.sanitize(html, allowed);
  for (const code of article.querySelectorAll("pre > code.language-mermaid")) {
    const diagram = Object.assign(document.createElement("section"), { className: "diagram" });
    diagram.dataset.source = code.textContent;
    code.parentElement.replaceWith(diagram);
  }
  // GitHub lets the keyboard reach what scrolls.
  for (const wide of article.querySelectorAll("table, pre")) wide.tabIndex = 0;
  // A comment before all else takes the body with it, which is no tag of the text.
  const isTag = (node) => node?.nodeType === 1 && node.tagName !== "BODY";
  return globalThis.DOMPurify.removed.flatMap(({ element }) => (isTag(element) ? [element.outerHTML] : []));
}

/** Draws the diagrams for the width and the theme that the page has now, as GitHub does in its frames. */
async function drawAll() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  globalThis.mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: isDark ? "dark" : "default" });
  const nodes = [...document.querySelectorAll(".diagram")];
  for (const node of nodes) {
    delete node.dataset.processed;
    node.textContent = node.dataset.source;
  }
  if (nodes.length > 0) await globalThis.mermaid.run({ nodes });
}

/** Opens a text of Markdown as GitHub shows it. */
export async function show(browser, folder, name, markdown, options) {
  const file = path.join(folder, `${name}.html`);
  writeFileSync(file, FRAME);
  const opened = await open(browser, file, options);
  for (const script of ["dompurify/dist/purify.min.js", "mermaid/dist/mermaid.min.js"]) {
    await opened.page.addScriptTag({ content: asset(script) });
  }
  const html = marked.parse(markdown, { gfm: true });
  const refused = await opened.page.evaluate(put, { html, allowed: ALLOWED });
  const draw = () => opened.page.evaluate(drawAll);
  await draw();
  return { ...opened, refused, draw };
}

/** The comment on a pull request: a merge of the result posts it to a server that plays GitHub's API. */
export async function commentOf(folder, name) {
  const result = mergeable(resultOf(name));
  const file = write(folder, `${name}-part`, result);
  let comment;
  const server = createServer(async (request, response) => {
    const parts = await request.toArray();
    const isPosted = request.method === "POST";
    if (isPosted) comment = JSON.parse(Buffer.concat(parts)).body;
    response.writeHead(isPosted ? 201 : 200, { "content-type": "application/json" });
    response.end(isPosted ? '{"id":1}' : "[]");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { repository, commit } = result.run;
  const inputs = {
    FORGE: "github",
    FORGE_API_URL: `http://127.0.0.1:${server.address().port}`,
    GITHUB_TOKEN: "a-token",
    REPOSITORY: repository,
    COMMIT: commit,
    PULL_REQUEST: "7",
    RUN_URL: "https://github.com/shop/web/actions/runs/1234567890",
    COMMENT: "on",
    COMMIT_STATUS: "off",
  };
  const env = Object.fromEntries(Object.entries(inputs).map(([input, value]) => [`FAULTGATE_${input}`, value]));
  const reports = path.join(folder, `${name}-merged`);
  try {
    const args = ["report", "--merge", file, "--report-dir", reports];
    await faultgate(args, { cwd: folder, code: result.gate.exit_code, env });
  } finally {
    server.close();
  }
  return comment;
}
