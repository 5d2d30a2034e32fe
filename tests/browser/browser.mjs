// The tools of all browser tests: Chromium with one known font, a page that is listened to, axe, and the binary.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const { FAULTGATE_BIN, BROWSER_TOOLS, CHROMIUM } = process.env;
export const require = createRequire(path.join(BROWSER_TOOLS, "package.json"));
const { chromium } = require("playwright-core");

export const SCHEMES = ["light", "dark"];
export const WIDTHS = [360, 768, 1440];

/** The text of a file of a package, by its path below the package's folder. */
export function asset(file) {
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(file);
  // Not every package lets its files be resolved.
  return readFileSync(path.join(BROWSER_TOOLS, "node_modules", name, rest), "utf8");
}

const axe = asset("axe-core/axe.min.js");

/** Tells fontconfig of one font alone, so that texts take the same room on every machine. */
function writeFonts(folder) {
  const fonts = path.join(folder, "fonts");
  mkdirSync(fonts);
  // The package has faces besides, which Chromium would take for the fonts of a system.
  for (const face of ["Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "SansMono-Bold"]) {
    const file = `DejaVu${face}.ttf`;
    copyFileSync(path.join(BROWSER_TOOLS, "node_modules/dejavu-fonts-ttf/ttf", file), path.join(fonts, file));
  }
  const file = path.join(folder, "fonts.conf");
  const aliases = { "sans-serif": "Sans", "system-ui": "Sans", monospace: "Sans Mono", "ui-monospace": "Sans Mono" };
  const alias = ([name, face]) => `<alias><family>${name}</family><prefer><family>DejaVu ${face}</family></prefer></alias>`;
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${fonts}</dir>
    <cachedir>${path.join(folder, "cache")}</cachedir>${Object.entries(aliases).map(alias).join("")}</fontconfig>`,
  );
  return file;
}

/** Starts Chromium, with a folder for the files of the test. */
export async function launch() {
  const folder = mkdtempSync(path.join(tmpdir(), "faultgate-browser-"));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    env: { ...process.env, FONTCONFIG_FILE: writeFonts(folder) },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Edges of letters are grey on every machine.
      "--disable-lcd-text",
      "--font-render-hinting=none",
      "--force-color-profile=srgb",
    ],
  });
  const stop = async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { browser, folder, stop };
}

/** Opens a file, and listens to all that it does. */
export async function open(browser, file, options) {
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
  await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
  return { page, noise, close: () => context.close() };
}

/** Unfolds what is folded, so that it is looked at as well. */
export function unfold(page) {
  return page.evaluate(() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
}

/** What axe finds wrong, and the rules that were looked at. */
export async function judge(page, options = {}) {
  // A second world, in which the page's own policy does not keep axe from running.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
  const wrong = violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]);
  return { wrong, seen: passes.map(({ id }) => id) };
}

/** Runs the binary on a result, whose exit code it has to have. Returns what it prints. */
export async function faultgate(args, { cwd, code, env = {} }) {
  const options = { cwd, env: { PATH: process.env.PATH, ...env }, maxBuffer: 64 << 20 };
  const ended = await promisify(execFile)(FAULTGATE_BIN, args, options).catch((error) => error);
  assert.equal(ended.code ?? 0, code, ended.stderr);
  return ended.stdout;
}

/** The folder of the reports of a result, as the binary renders them. */
export async function render(folder, name, file) {
  const reports = path.join(folder, name);
  mkdirSync(reports, { recursive: true });
  const { exit_code: code } = JSON.parse(readFileSync(file, "utf8")).gate;
  await faultgate(["report", file, "--report-dir", reports], { cwd: folder, code });
  return reports;
}
