// The comparison of pictures itself: what people would call a fault is seen, and what another version of Chromium does to
// letters is not.
import assert from "node:assert/strict";
import path from "node:path";
import { after, test } from "node:test";
import { launch, open, render } from "./browser.mjs";
import { fixtures } from "./results.mjs";
import { differences, MAX_OTHERS, reduce } from "./sheets.mjs";

const { browser, folder, stop } = await launch();
after(stop);
const file = path.join(await render(folder, "measured", fixtures.measured), "report.html");

/** The reduced picture of the page with a style of its own. */
async function pictureWith(style) {
  // The page's own policy would refuse the style.
  const { page, close } = await open(browser, file, { bypassCSP: true, viewport: { width: 768, height: 1440 } });
  await page.addStyleTag({ content: style || "/**/" });
  const picture = reduce(await page.screenshot());
  await close();
  return picture;
}

const right = await pictureWith("");

const FAULTS = {
  "the bar of the score is hidden": ".gauge { visibility: hidden }",
  "the bar of the score is of another colour": ".gauge rect, .gauge * { fill: #888 !important; background: #888 !important }",
  "the verdict is hidden": "h1 { visibility: hidden }",
  "the verdict is of another colour": ".badge { background: #1a7f37 !important; color: #fff !important }",
  "a reason is missing": "header .reasons li:first-child { visibility: hidden }",
  "a section is missing": "section:has(#overview) { display: none }",
  "sections have changed places": "main { display: flex; flex-direction: column } section:has(#overview) { order: 9 }",
  "a section has moved by a line": "section:has(#overview) { position: relative; top: 24px }",
  "the links are hidden": "a { visibility: hidden }",
  "the bars of the timeline are hidden": "section:has(#overview) svg rect { visibility: hidden }",
};
for (const [fault, style] of Object.entries(FAULTS)) {
  test(`it is seen that ${fault}`, async () => {
    const others = differences(right, await pictureWith(style)).length;
    assert.ok(others > MAX_OTHERS, String(others));
  });
}

const HARMLESS = {
  "the same page": "",
  "letters that are placed more finely": "* { text-rendering: geometricPrecision }",
  "letters that are a little bolder": "body { -webkit-text-stroke: 0.15px }",
  "all that is a pixel lower": "body { position: relative; top: 1px }",
};
for (const [harmless, style] of Object.entries(HARMLESS)) {
  test(`it is the same with ${harmless}`, async () => {
    const others = differences(right, await pictureWith(style)).length;
    assert.ok(others <= MAX_OTHERS, String(others));
  });
}
