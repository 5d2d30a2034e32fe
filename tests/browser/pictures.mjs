// Takes the pictures of the README and the docs, light and dark: the first screen of report.html, and the terminal at the
// end of the rehearsal of docs/first-probe.md that fails.
// pictures.mjs FOLDER
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { launch, open, render, require, SCHEMES } from "./browser.mjs";
import { fixtures } from "./results.mjs";
import { lines, record, show } from "./terminal.mjs";

const { PNG } = require("pngjs");
const [into] = process.argv.slice(2);
const COLUMNS = 90;
const STEP = 8;
const COMMAND = "rehearse --fault 3s --scenario degraded";
const SUITE = `
version: 1
experiments:
  - name: latency
    fis: { template: EXTrehearsal }
    probes:
      - name: checkout answers
        http: { url: "http://target.rehearsal.invalid/checkout", status: 200, within: 2s }
        when: [before, during, after]
        every: 200ms
`;

/** Writes a picture in as few bytes as any filter brings, in steps of colours that no eye tells apart. */
function keep(name, picture) {
  const pixels = PNG.sync.read(picture);
  pixels.data.forEach((value, place) => {
    pixels.data[place] = Math.min(255, Math.round(value / STEP) * STEP);
  });
  const small = [0, 1, 2, 3, 4].map((filterType) => PNG.sync.write(pixels, { colorType: 2, deflateLevel: 9, deflateStrategy: 0, filterType }));
  const [least] = small.toSorted((one, other) => one.length - other.length);
  writeFileSync(path.join(into, `${name}.png`), least);
}

const { browser, folder, stop } = await launch();
try {
  mkdirSync(into, { recursive: true });
  const report = path.join(await render(folder, "measured", fixtures.measured), "report.html");
  writeFileSync(path.join(folder, ".faultgate.yml"), SUITE);
  const recorded = await record(COMMAND, { cwd: folder, columns: COLUMNS, code: 1 });
  const written = `$ faultgate ${COMMAND}\r\n${recorded.trimEnd()}`;
  const measured = await show(browser, folder, written, { columns: COLUMNS, colorScheme: "light" });
  const { texts } = await measured.page.evaluate(lines);
  const rows = texts.findLastIndex((line) => line !== "") + 1;
  for (const colorScheme of SCHEMES) {
    const options = { colorScheme, viewport: { width: 1100, height: 760 }, deviceScaleFactor: 1.5 };
    const { page } = await open(browser, report, options);
    keep(`report-${colorScheme}`, await page.screenshot());
    const terminal = await show(browser, folder, written, { ...options, columns: COLUMNS, rows });
    keep(`terminal-${colorScheme}`, await terminal.page.locator("main").screenshot());
  }
} finally {
  await stop();
}
