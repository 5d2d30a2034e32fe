// Takes the pictures of the README and the docs: the first screen of report.html, light and dark.
// pictures.mjs FOLDER
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { FAULTGATE_BIN, BROWSER_TOOLS, CHROMIUM } = process.env;
const require = createRequire(path.join(BROWSER_TOOLS, "package.json"));
const { chromium } = require("playwright-core");

const [into] = process.argv.slice(2);
const fixture = path.join(import.meta.dirname, "fixtures/measured.json");
const folder = mkdtempSync(path.join(tmpdir(), "faultgate-pictures-"));
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
try {
  try {
    execFileSync(FAULTGATE_BIN, ["report", fixture, "--report-dir", folder], { env: {}, cwd: folder, stdio: "pipe" });
  } catch (error) {
    // The exit code is that of the result, which has failed: 1.
    if (error.status !== 1) throw error;
  }
  mkdirSync(into, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 760 }, deviceScaleFactor: 1.5 });
    await page.goto(pathToFileURL(path.join(folder, "report.html")).href);
    await page.screenshot({ path: path.join(into, `report-${colorScheme}.png`) });
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
