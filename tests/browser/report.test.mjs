// report.html as people open it: in a browser, in both themes, on a small screen, on paper. No error, no request, no
// script, and nothing that axe finds wrong. Fonts differ from machine to machine, and pixels with them, so what is
// compared is the layout. SCREENSHOTS=<folder> keeps what was seen.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

const { FAULTGATE_BIN, BROWSER_TOOLS, CHROMIUM, SCREENSHOTS } = process.env;
const require = createRequire(path.join(BROWSER_TOOLS, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const here = import.meta.dirname;
const fixtures = {
  measured: path.join(here, "fixtures/measured.json"),
  hostile: path.join(here, "fixtures/hostile.json"),
  cancelled: path.join(here, "fixtures/cancelled.json"),
  stopped: path.join(here, "../../crates/testkit/src/results/stopped.json"),
};
/** Runs that are made of the one that was measured. */
const variants = { passed, flapping, many };
const names = [...Object.keys(fixtures), ...Object.keys(variants)];
const WIDTHS = [360, 768, 1440];

function measured() {
  return JSON.parse(readFileSync(fixtures.measured, "utf8"));
}

/** A run whose only experiment passed. */
function passed() {
  const result = measured();
  result.experiments = [result.experiments[1]];
  delete result.comparison;
  Object.assign(result.gate, { verdict: "passed", exit_code: 0, resilience_score: 100, reasons: ["it completed"] });
  return result;
}

/** A run of which every second look failed while the fault was in. */
function flapping() {
  const result = measured();
  const [probe] = result.experiments[0].probes;
  probe.flaps = true;
  let place = 0;
  for (const sample of probe.samples) {
    if (sample.phase === "during") sample.passed = place++ % 2 === 0;
    if (!sample.passed) sample.reason = "status 503, not 200";
  }
  return result;
}

/** A run of 300 experiments, of which every hundredth failed. */
function many() {
  const result = measured();
  const [failed, good] = result.experiments;
  delete result.comparison;
  result.experiments = Array.from({ length: 300 }, (_, place) => {
    const experiment = structuredClone(place % 100 === 50 ? failed : good);
    return { ...experiment, name: `${experiment.name}-${place}` };
  });
  result.gate.resilience_score = null;
  return result;
}

let browser;
let folder;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "faultgate-browser-"));
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The page of a result, as the binary renders it. */
function render(name) {
  const reports = path.join(folder, name);
  mkdirSync(reports, { recursive: true });
  const file = fixtures[name] ?? path.join(folder, `${name}.json`);
  if (variants[name]) writeFileSync(file, JSON.stringify(variants[name]()));
  const args = ["report", file, "--report-dir", reports];
  try {
    execFileSync(FAULTGATE_BIN, args, { env: { PATH: process.env.PATH }, cwd: folder, stdio: "pipe" });
  } catch (error) {
    // The exit code is that of the result.
    const { exit_code } = JSON.parse(readFileSync(file, "utf8")).gate;
    assert.equal(error.status, exit_code, String(error.stderr));
  }
  return path.join(reports, "report.html");
}

/** Opens a file, and listens to all that it does. */
async function open(file, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => noise.push(message.text()));
  page.on("pageerror", (error) => noise.push(String(error)));
  page.on("dialog", (dialog) => {
    noise.push(`dialog ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== pathToFileURL(file).href) noise.push(`request ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href, { waitUntil: "networkidle" });
  return { page, noise, close: () => context.close() };
}

/** What of the layout is wrong: elements wider than the page, and short texts that break within a word. */
function layout() {
  const room = document.documentElement.clientWidth;
  const scrolls = (element) => element.closest(".scroll, pre");
  const wide = [...document.querySelectorAll("body *")]
    .filter((element) => !scrolls(element) && element.checkVisibility())
    .filter((element) => element.getBoundingClientRect().right > room + 1)
    .map((element) => element.outerHTML.slice(0, 120));
  const broken = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (node.parentElement.closest("svg, pre, code")) continue;
    for (const word of node.data.matchAll(/[\p{L}\d.]{2,16}/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) broken.push(word[0]);
    }
  }
  return { scroll: document.documentElement.scrollWidth, room, wide, broken };
}

/** Unfolds what is folded, so that it is looked at as well. The 300 experiments are as the few, and take long. */
async function unfold(page, name) {
  if (name === "many") return;
  await page.evaluate(() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
}

async function keep(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

for (const name of names) {
  describe(name, () => {
    let file;
    before(() => {
      file = render(name);
    });

    for (const colorScheme of ["light", "dark"]) {
      test(`${colorScheme}: quiet, and accessible`, async () => {
        const { page, noise, close } = await open(file, { colorScheme, viewport: { width: 1100, height: 900 } });
        await keep(page, `${name}-${colorScheme}`);
        await unfold(page, name);
        assert.deepEqual(noise, []);
        // A second world, in which the page's own policy does not keep axe from running.
        const session = await page.context().newCDPSession(page);
        await session.send("Page.setBypassCSP", { enabled: true });
        await page.evaluate(axe);
        const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document));
        const told = violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html.slice(0, 200))]);
        assert.deepEqual(told, []);
        assert.ok(passes.some(({ id }) => id === "color-contrast"), "colours were looked at");
        await close();
      });
    }

    for (const width of WIDTHS) {
      test(`at ${width} pixels nothing sticks out, is cut or breaks within a word`, async () => {
        const { page, close } = await open(file, { viewport: { width, height: 900 } });
        await keep(page, `${name}-${width}`);
        await unfold(page, name);
        const { scroll, room, wide, broken } = await page.evaluate(layout);
        assert.ok(scroll <= room, `${scroll} > ${room}`);
        assert.deepEqual(wide, []);
        // Hostile names have no words to keep together.
        if (name !== "hostile") assert.deepEqual(broken, []);
        await close();
      });
    }

    test("the reader sees the verdict, the score, and what failed before all else", async () => {
      const { page, close } = await open(file, { viewport: { width: 1440, height: 900 } });
      const tops = await page.evaluate(() => {
        const top = (selector) => document.querySelector(selector)?.getBoundingClientRect().top;
        return ["h1", ".gauge", "header .reasons", "#overview", "#score", "#experiments", "#diagnostics"].map(top);
      });
      const known = tops.filter((top) => top !== undefined);
      assert.deepEqual(known, known.toSorted((one, other) => one - other));
      assert.ok(known.length >= 5 && tops[1] < 200, String(tops));
      await close();
    });

    test("on paper it is dark on light", async () => {
      const { page, close } = await open(file, { colorScheme: "dark", viewport: { width: 794, height: 1123 } });
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      await keep(page, `${name}-print`);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, "rgb(255, 255, 255)");
      // What was done to which resources is the evidence, and is printed though it folds on the screen.
      const { targets, printed } = await page.evaluate(() => {
        const tables = [...document.querySelectorAll("details [aria-label=Targets], details [aria-label=Actions]")];
        return { targets: tables.length, printed: tables.filter((table) => table.checkVisibility()).length };
      });
      assert.equal(printed, targets);
      if (SCREENSHOTS) await page.pdf({ path: path.join(SCREENSHOTS, `${name}.pdf`), format: "A4" });
      await close();
    });

    const skip = name === "many" && "it has too many folds to press";
    test("by keyboard all that folds unfolds", { skip }, async () => {
      const { page, close } = await open(file, { viewport: { width: 1100, height: 900 } });
      const folds = await page.locator("details").count();
      for (let presses = 0; presses < 2_000; presses += 1) {
        await page.keyboard.press("Tab");
        const tag = await page.evaluate(() => document.activeElement.tagName);
        if (tag === "BODY") break;
        if (tag === "SUMMARY") await page.keyboard.press("Enter");
      }
      assert.equal(await page.locator("details[open]").count(), folds);
      await close();
    });
  });
}

test("hostile names make no element and no link", async () => {
  const { page, noise, close } = await open(render("hostile"), {});
  assert.equal(await page.locator("script, img, iframe, object, embed, form, link, base, [onclick], [onerror]").count(), 0);
  const links = await page.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  // The links of the suite are those of its owner.
  const ours = (href) => href.startsWith("#") || href.startsWith("https://grafana.example/") || href.startsWith("https://app.datadoghq.com/");
  assert.ok(links.every(ours), links.join(" "));
  assert.deepEqual(noise, []);
  await close();
});

/** A result of so many experiments, of which the last one has failed. */
function fleet(name, count) {
  const result = JSON.parse(readFileSync(fixtures.measured, "utf8"));
  const [failed, passed] = result.experiments;
  const others = Array.from({ length: count - 1 }, (_, number) => ({ ...passed, name: `e${number}` }));
  result.experiments = [...others, failed];
  result.comparison = undefined;
  fixtures[name] = path.join(folder, `${name}.json`);
  writeFileSync(fixtures[name], JSON.stringify(result));
  return render(name);
}

/** The least time of some in which a page is there to be read, in milliseconds. */
async function opens(file) {
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    const page = await browser.newPage();
    const begun = performance.now();
    await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
    // The layout of the whole page is waited for.
    await page.evaluate(() => document.documentElement.scrollHeight);
    times.push(performance.now() - begun);
    await page.close();
  }
  return Math.min(...times);
}

describe("2,000 experiments", () => {
  test("the page begins with what failed, and is quiet and accessible", async () => {
    const { page, noise, close } = await open(fleet("fleet", 2_000), { viewport: { width: 1100, height: 900 } });
    await keep(page, "fleet");
    const first = await page.locator("tbody tr").first().innerText();
    assert.match(first, /^az-latency\b/);
    assert.deepEqual(noise, []);
    const session = await page.context().newCDPSession(page);
    await session.send("Page.setBypassCSP", { enabled: true });
    await page.evaluate(axe);
    // Colours take axe minutes here, and are those of the small pages.
    const options = { rules: { "color-contrast": { enabled: false } }, resultTypes: ["violations"] };
    const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
    const told = violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]);
    assert.deepEqual(told, []);
    await close();
  });

  test("the page opens in a second, or not much later than a small one on a busy machine", async (context) => {
    const [small, large] = [await opens(fleet("small", 100)), await opens(fleet("large", 2_000))];
    context.diagnostic(`opened in ${large.toFixed(0)} ms, one of 100 experiments in ${small.toFixed(0)} ms`);
    assert.ok(large < Math.max(1_000, 5 * small), `${large} ms, and ${small} ms for a twentieth of it`);
  });
});

test("a page is small", () => {
  const size = (name) => statSync(render(name)).size;
  assert.ok(size("passed") < 60_000 && size("stopped") < 60_000, `${size("passed")}, ${size("stopped")}`);
  assert.ok(size("many") < 2_000_000, String(size("many")));
});
