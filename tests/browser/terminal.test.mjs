// The terminal as people see it: real runs on one of 100 columns, and the end of the log of fixtures on terminals as wide
// as a telephone and a screen. No text from outside moves anything, nothing is cut, and the verdict is on the last screen.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, SCHEMES } from "./browser.mjs";
import { resultOf, SHOWN, write } from "./results.mjs";
import { Sheet } from "./sheets.mjs";
import { lines, record, show } from "./terminal.mjs";

const { browser, folder, stop } = await launch();
after(stop);

const COLUMNS = 100;
/** Commands that say all that a terminal obeys, and a probe of such a name. */
const HOSTILE = String.raw`
version: 1
experiments:
  - name: az
    fis: { template: EXT1 }
    probes:
      - name: "::error::x <script>alert(1)</script> ##[group]"
        command: { run: [sh, -c, "printf '\\033]0;owned\\007\\033[2J\\033[?1049h\\r\\n::error::x \\302\\2332J'; exit 1"] }
        when: [during]
        every: 1s
`;
/** 300 commands, of which every hundredth fails. */
const MANY = ["version: 1", "parallel: 50", "experiments:"]
  .concat(Array.from({ length: 300 }, (_, place) => {
    const program = place % 100 === 50 ? "[sh, -c, 'exit 7']" : '[sleep, "0.2"]';
    return `  - { name: freeze-${place}, command: { run: ${program} } }`;
  }))
  .join("\n");

const rehearse = (scenario) => `rehearse --scenario ${scenario} --fault 2s`;
const RUNS = {
  passed: { args: rehearse("completed"), code: 0 },
  failed: { args: rehearse("not-recovered"), code: 1 },
  flapping: { args: rehearse("degraded"), code: 1 },
  many: { args: "run", code: 3, suite: MANY },
  hostile: { args: rehearse("completed"), code: 1, suite: HOSTILE },
};

/** Records one of the runs, in a folder of its own. */
async function play(name) {
  const { args, code, suite } = RUNS[name];
  const cwd = path.join(folder, name);
  mkdirSync(cwd);
  if (suite) writeFileSync(path.join(cwd, ".faultgate.yml"), suite);
  return record(args, { cwd, columns: COLUMNS, code });
}

// Most of them wait. That of the many computes, and would slow the looks of the others.
const waiting = Promise.all(Object.keys(RUNS).filter((name) => name !== "many").map(async (name) => [name, await play(name)]));
const recorded = new Map(await waiting).set("many", await play("many"));

/** What remains without the sequences of colours and of the cursor, and without ends of lines. */
function residue(written) {
  return written.replace(/\u001b\[[\d;]*[mABCDK]|\r|\n/g, "").match(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g) ?? [];
}

for (const [name, written] of recorded) {
  describe(`a run on a terminal: ${name}`, () => {
    test("only colours and the cursor are told to the terminal", () => {
      assert.deepEqual(residue(written), []);
    });

    for (const colorScheme of SCHEMES) {
      test(`${colorScheme}: nothing is cut or left behind, and the verdict is on the last screen`, async () => {
        const { page, noise, close } = await show(browser, folder, written, { columns: COLUMNS, colorScheme });
        const { texts, screen, cut } = await page.evaluate(lines);
        assert.deepEqual(cut, []);
        assert.ok(screen.some((line) => /^(PASSED|FAILED|ERRORED): resilience score/.test(line)), screen.join("\n"));
        assert.deepEqual(texts.filter((line) => /╌|running, /.test(line) || line.trimStart().startsWith("::")), []);
        // A line that is drawn again leaves no second one.
        const launched = texts.filter((line) => /^[\d:]{8} {3}\S+ (launched|started)/.test(line));
        assert.ok(launched.length >= 1 && new Set(launched).size === launched.length, launched.join("\n"));
        assert.deepEqual(noise, []);
        await close();
      });
    }
  });
}

/** The columns that fit on a telephone, a tablet and a screen, whose widths are in pixels. */
const SIZES = [{ width: 360, columns: 44 }, { width: 768, columns: 96 }, { width: 1440, columns: 180 }];
const SCREENS = SCHEMES.flatMap((colorScheme) =>
  SIZES.map((size) => ({ key: `${colorScheme}-${size.width}`, colorScheme, ...size })),
);

describe("the end of the log looks as it did", () => {
  const sheet = new Sheet("terminal", SHOWN, SCREENS, 480);
  after(() => sheet.save());
  const cut = [];
  for (const name of SHOWN) {
    test(name, async () => {
      const result = resultOf(name);
      const file = write(folder, name, result);
      for (const { key, colorScheme, width, columns } of SCREENS) {
        const args = `report ${file} --report-dir reports`;
        const written = await record(args, { cwd: folder, columns, code: result.gate.exit_code });
        assert.deepEqual(residue(written), []);
        const viewport = { width, height: 480 };
        const { page, close } = await show(browser, folder, written, { columns, colorScheme, viewport });
        await sheet.hold(page, name, key);
        if (columns === 96) cut.push(...(await page.evaluate(lines)).cut);
        await close();
      }
    });
  }

  test("no line is cut", () => {
    assert.deepEqual(cut, []);
  });
});
