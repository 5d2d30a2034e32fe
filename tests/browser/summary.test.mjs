// The summary and the comment on a pull request, as people see them on GitHub: in both themes, on all screens and in all
// zones. Diagrams are drawn, nothing is asked for, and no text from outside becomes an element, a link or a mention.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { judge, launch, render, unfold } from "./browser.mjs";
import { commentOf, show } from "./github.mjs";
import { resultOf, SHOWN, write } from "./results.mjs";
import { SCREENS, Sheet } from "./sheets.mjs";

const { browser, folder, stop } = await launch();
after(stop);

async function summaryOf(name) {
  const reports = await render(folder, name, write(folder, name, resultOf(name)));
  return readFileSync(path.join(reports, "summary.md"), "utf8");
}

/** Each surface, with the most bytes that GitHub takes there. */
const SURFACES = {
  summary: { textOf: summaryOf, most: 1024 * 1024 },
  comment: { textOf: (name) => commentOf(folder, name), most: 60_000 },
};
/** The most characters of a diagram that Mermaid draws. */
const MOST_OF_DIAGRAM = 50_000;
const TAGS = "H2 H3 P STRONG A UL LI TABLE THEAD TBODY TR TH TD BR DETAILS SUMMARY SECTION SUB CODE".split(" ");
/** The owner of the suite, the engine and the CI are linked to, and nobody else. */
const OURS = /^https:\/\/(grafana\.example|app\.datadoghq\.com|eu-west-1\.console\.aws\.amazon\.com|github\.com\/shop\/web)\//;
/** What GitHub makes a link of in a text: mentions, and numbers of issues. */
const MENTION = /(?<![\w`])@\w|(?<!\w)#\d/;

/** What of the page has become an element or a link, and its texts outside of diagrams and code. */
function anatomy() {
  const article = document.querySelector("article");
  const own = [...article.querySelectorAll("*")].filter((element) => !element.closest("svg"));
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("svg, style, code, pre")) texts.push(walker.currentNode.data);
  }
  return {
    tags: [...new Set(own.map(({ tagName }) => tagName))],
    handlers: own.filter(({ attributes }) => [...attributes].some(({ name }) => name.startsWith("on"))).length,
    links: [...article.querySelectorAll("a")].map((a) => a.getAttribute("href") ?? a.getAttribute("xlink:href")),
    codes: [...article.querySelectorAll("code")].map(({ textContent }) => textContent),
    texts,
  };
}

/** The diagrams as they are drawn. */
function diagrams() {
  return [...document.querySelectorAll(".diagram")].map((diagram) => ({
    isDrawn: diagram.querySelectorAll("svg rect, svg path").length > 3,
    text: diagram.querySelector("svg")?.textContent ?? "",
    axis: [...diagram.querySelectorAll(".grid .tick text")].map(({ textContent }) => textContent),
    bars: [...diagram.querySelectorAll("rect.task")].map((bar) => [bar.getAttribute("x"), bar.getAttribute("width")].join(" ")),
    source: diagram.dataset.source,
  }));
}

for (const [surface, { textOf, most }] of Object.entries(SURFACES)) {
  const sheet = new Sheet(surface, SHOWN, SCREENS);
  after(() => sheet.save());

  for (const name of SHOWN) {
    describe(`${surface}: ${name}`, () => {
      let text;
      let shown;
      before(async () => {
        text = await textOf(name);
        shown = await show(browser, folder, `${surface}-${name}`, text, {});
      });
      after(() => shown?.close());

      test("it is within GitHub's limits", () => {
        assert.ok(Buffer.byteLength(text) <= most, String(Buffer.byteLength(text)));
        assert.ok(text.includes("Chaos gate: "));
      });

      test("on all screens the diagrams are drawn, and it looks as it did", async () => {
        for (const { key, colorScheme } of SCREENS) {
          await sheet.resize(shown.page, key);
          await shown.page.emulateMedia({ colorScheme });
          await shown.draw();
          const drawn = await shown.page.evaluate(diagrams);
          assert.ok(drawn.length > 0 || text.includes("the timeline"), "there is a timeline, or a word that there is none");
          for (const { isDrawn, text, source } of drawn) {
            assert.ok(isDrawn && !text.includes("Syntax error") && source.length < MOST_OF_DIAGRAM, text);
          }
          assert.ok(await shown.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${key}: too wide`);
          await sheet.hold(shown.page, name, key);
        }
        assert.deepEqual(shown.noise, []);
      });

      test("texts from outside stay texts", async () => {
        assert.deepEqual(shown.refused, []);
        const { tags, handlers, links, codes, texts } = await shown.page.evaluate(anatomy);
        assert.deepEqual(tags.filter((tag) => !TAGS.includes(tag) && tag.toUpperCase() !== "SVG"), []);
        assert.equal(handlers, 0);
        // What stands between backticks is code, so that commands can be copied. The hostile text has two of these.
        assert.deepEqual(codes.filter((code) => !/^(summary\.md|result\.json|c|id)$/.test(code)), []);
        assert.deepEqual(links.filter((href) => !OURS.test(href)), []);
        assert.deepEqual(texts.filter((text) => MENTION.test(text)), []);
      });

      test("axe finds nothing wrong but GitHub's own colours", async () => {
        // The folds of 300 experiments are as those of a few, and take long.
        if (name !== "many") await unfold(shown.page);
        const { wrong, seen } = await judge(shown.page, { rules: { "color-contrast": { enabled: false } } });
        assert.deepEqual(wrong, []);
        assert.ok(seen.includes("list"), "lists were looked at");
      });

      const skip = surface !== "comment" && "people who may read a summary may know the account";
      test("no ARN and no account is told", { skip }, async () => {
        const seen = await shown.page.evaluate(() => document.querySelector("article").textContent);
        const found = seen.match(/arn:aws[\w-]*:|(?<!\d)\d{12}(?!\d)/);
        assert.equal(found, null);
      });
    });
  }
}

/** What a reader in each of three zones is told of a result: the axis, the bars and the whole text. */
async function toldInZones(name, result) {
  const reports = await render(folder, name, write(folder, name, result));
  const text = readFileSync(path.join(reports, "summary.md"), "utf8");
  const told = [];
  for (const timezoneId of ["UTC", "Asia/Kathmandu", "America/Los_Angeles"]) {
    const { page, close } = await show(browser, folder, name, text, { timezoneId });
    const [{ axis, bars }] = await page.evaluate(diagrams);
    told.push({ axis, bars, text: await page.locator("article").innerText() });
    await close();
  }
  return told;
}

function assertUtc(told, { started_at: start, ended_at: end }) {
  const [first, last] = [start, end].map((at) => at.slice(11, 19));
  assert.ok(told[0].axis.length > 1 && told[0].axis.every((time) => first <= time && time <= last), String(told[0].axis));
  assert.deepEqual(told[1], told[0]);
  assert.deepEqual(told[2], told[0]);
}

test("in all zones the summary tells the same times, those of UTC", async () => {
  const result = resultOf("measured");
  assertUtc(await toldInZones("zones", result), result);
});

test("so it does in the hour that clocks leave out when summer begins", async () => {
  const text = JSON.stringify(resultOf("measured")).replaceAll("2026-11-22T10:", "2026-03-08T02:");
  const result = JSON.parse(text);
  assertUtc(await toldInZones("summer", result), result);
});
