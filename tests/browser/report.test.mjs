// report.html as people open it: in a browser, in both themes, on a small screen, on paper. No error, no request, no
// script, and nothing that axe finds wrong. Fonts differ from machine to machine, and pixels with them, so what is
// compared is the layout. SCREENSHOTS=<folder> keeps what was seen.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { judge, launch, open, render, SCHEMES, unfold, WIDTHS } from "./browser.mjs";
import { fixtures, fleet, names, resultOf, SHOWN, write } from "./results.mjs";
import { SCREENS, Sheet } from "./sheets.mjs";

const { browser, folder, stop } = await launch();
after(stop);

/** A4, in pixels of CSS. */
const PAPER = { key: "paper", width: 794 };
const sheet = new Sheet("page", SHOWN, [...SCREENS, PAPER]);
after(() => sheet.save());

/** The page of a result. */
async function pageOf(name, result) {
  const file = result || !fixtures[name] ? write(folder, name, result ?? resultOf(name)) : fixtures[name];
  return path.join(await render(folder, name, file), "report.html");
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

for (const name of names) {
  describe(name, () => {
    let shown;
    before(async () => {
      shown = await open(browser, await pageOf(name), { viewport: { width: 1440, height: 900 } });
    });
    after(() => shown?.close());

    test("the reader sees the verdict, the score, and what failed before all else", async () => {
      const tops = await shown.page.evaluate(() => {
        const top = (selector) => document.querySelector(selector)?.getBoundingClientRect().top;
        return ["h1", ".gauge", "header .reasons", "#overview", "#score", "#experiments", "#diagnostics"].map(top);
      });
      const known = tops.filter((top) => top !== undefined);
      assert.deepEqual(known, known.toSorted((one, other) => one - other));
      assert.ok(known.length >= 5 && tops[1] < 200, String(tops));
    });

    test("it looks as it did, on all screens and on paper", { skip: !SHOWN.includes(name) }, async () => {
      for (const { key, colorScheme } of SCREENS) {
        await shown.page.emulateMedia({ colorScheme });
        await sheet.hold(shown.page, name, key);
      }
      await shown.page.emulateMedia({ media: "print", colorScheme: "dark" });
      await sheet.hold(shown.page, name, PAPER.key);
    });

    test("on paper it is dark on light", async () => {
      await shown.page.emulateMedia({ media: "print", colorScheme: "dark" });
      const ground = await shown.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, "rgb(255, 255, 255)");
      // What was done to which resources is the evidence, and is printed though it folds on the screen.
      const { targets, printed } = await shown.page.evaluate(() => {
        const tables = [...document.querySelectorAll("details [aria-label=Targets], details [aria-label=Actions]")];
        return { targets: tables.length, printed: tables.filter((table) => table.checkVisibility()).length };
      });
      assert.equal(printed, targets);
      await shown.page.emulateMedia({ media: "screen" });
    });

    const skip = name === "many" && "it has too many folds to press";
    test("by keyboard all that folds unfolds", { skip }, async () => {
      const folds = await shown.page.locator("details").count();
      for (let presses = 0; presses < 2_000; presses += 1) {
        await shown.page.keyboard.press("Tab");
        const tag = await shown.page.evaluate(() => document.activeElement.tagName);
        if (tag === "BODY") break;
        if (tag === "SUMMARY") await shown.page.keyboard.press("Enter");
      }
      assert.equal(await shown.page.locator("details[open]").count(), folds);
    });

    for (const colorScheme of SCHEMES) {
      test(`${colorScheme}: quiet, and accessible`, async () => {
        await shown.page.setViewportSize({ width: 1100, height: 900 });
        await shown.page.emulateMedia({ colorScheme });
        // The folds of 300 experiments are as those of a few, and take long.
        if (name !== "many") await unfold(shown.page);
        const { wrong, seen } = await judge(shown.page);
        assert.deepEqual(wrong, []);
        assert.ok(seen.includes("color-contrast"), "colours were looked at");
        assert.deepEqual(shown.noise, []);
      });
    }

    for (const width of WIDTHS) {
      test(`at ${width} pixels nothing sticks out, is cut or breaks within a word`, async () => {
        await shown.page.setViewportSize({ width, height: 900 });
        if (name !== "many") await unfold(shown.page);
        const { scroll, room, wide, broken } = await shown.page.evaluate(layout);
        assert.ok(scroll <= room, `${scroll} > ${room}`);
        assert.deepEqual(wide, []);
        // Hostile names have no words to keep together.
        if (name !== "hostile") assert.deepEqual(broken, []);
      });
    }
  });
}

test("hostile names make no element and no link", async () => {
  const { page, noise, close } = await open(browser, await pageOf("hostile"), {});
  assert.equal(await page.locator("script, img, iframe, object, embed, form, link, base, [onclick], [onerror]").count(), 0);
  const links = await page.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  // The links of the suite are those of its owner.
  const ours = (href) => href.startsWith("#") || href.startsWith("https://grafana.example/") || href.startsWith("https://app.datadoghq.com/");
  assert.ok(links.every(ours), links.join(" "));
  assert.deepEqual(noise, []);
  await close();
});

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
    const viewport = { width: 1100, height: 900 };
    const { page, noise, close } = await open(browser, await pageOf("fleet", fleet(2_000)), { viewport });
    const first = await page.locator("tbody tr").first().innerText();
    assert.match(first, /^az-latency\b/);
    assert.deepEqual(noise, []);
    // Colours take axe minutes here, and are those of the small pages.
    const options = { rules: { "color-contrast": { enabled: false } }, resultTypes: ["violations"] };
    assert.deepEqual((await judge(page, options)).wrong, []);
    await close();
  });

  test("the page opens in a second, or not much later than a small one on a busy machine", async (context) => {
    const [small, large] = [await opens(await pageOf("small", fleet(100))), await opens(await pageOf("large", fleet(2_000)))];
    context.diagnostic(`opened in ${large.toFixed(0)} ms, one of 100 experiments in ${small.toFixed(0)} ms`);
    assert.ok(large < Math.max(1_000, 5 * small), `${large} ms, and ${small} ms for a twentieth of it`);
  });
});

test("a page is small", async () => {
  const size = async (name) => statSync(await pageOf(name)).size;
  const [passed, stopped, many] = [await size("passed"), await size("stopped"), await size("many")];
  assert.ok(passed < 60_000 && stopped < 60_000, `${passed}, ${stopped}`);
  assert.ok(many < 2_000_000, String(many));
});
