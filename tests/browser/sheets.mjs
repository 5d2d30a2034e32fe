// Pictures that are compared with those in the repository. A picture is reduced to blocks of 12 pixels, of which each has
// one colour: another version of Chromium draws the edges of letters anew, and hardly changes a block. A bar that is
// hidden, moved or of another colour changes many. All pictures of one surface are on one sheet.
// UPDATE_SHEETS=1 writes the sheets anew. SCREENSHOTS=<folder> keeps the pictures in full.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { require, SCHEMES, WIDTHS } from "./browser.mjs";

const { PNG } = require("pngjs");
const { SCREENSHOTS, UPDATE_SHEETS } = process.env;

const BLOCK = 12;
/** The height of the part of a page that is compared, in pixels. */
const HEIGHT = 1_440;
/** Steps of a colour in a sheet, which keep its file small. */
const STEP = 16;
/** The difference of a colour from which a block counts as another, of 255. A line that is a pixel lower stays below. */
const TOLERANCE = 36;
/** The number of blocks that may be others in one picture. */
export const MAX_OTHERS = 16;
/** The ground of a sheet, which no page has. */
const GROUND = [200, 0, 200];

/** Each theme at each width. */
export const SCREENS = SCHEMES.flatMap((colorScheme) =>
  WIDTHS.map((width) => ({ key: `${colorScheme}-${width}`, colorScheme, width })),
);

const blocks = (pixels) => Math.ceil(pixels / BLOCK);

function blank(width, height) {
  const picture = new PNG({ width, height });
  for (let at = 0; at < picture.data.length; at += 4) picture.data.set([...GROUND, 255], at);
  return picture;
}

/** Reduces a picture to the mean colours of its blocks. */
export function reduce(png) {
  const whole = PNG.sync.read(png);
  const small = blank(blocks(whole.width), blocks(whole.height));
  for (let row = 0; row < small.height; row += 1) {
    for (let column = 0; column < small.width; column += 1) {
      const sum = [0, 0, 0];
      let count = 0;
      for (let y = row * BLOCK; y < Math.min((row + 1) * BLOCK, whole.height); y += 1) {
        for (let x = column * BLOCK; x < Math.min((column + 1) * BLOCK, whole.width); x += 1) {
          const at = (y * whole.width + x) * 4;
          for (let channel = 0; channel < 3; channel += 1) sum[channel] += whole.data[at + channel];
          count += 1;
        }
      }
      const mean = sum.map((of) => Math.min(255, Math.round(of / count / STEP) * STEP));
      small.data.set(mean, (row * small.width + column) * 4);
    }
  }
  return small;
}

/** The places, in pixels, of the blocks in which two reduced pictures differ. */
export function differences(one, other) {
  const places = [];
  for (let at = 0; at < one.data.length; at += 4) {
    const differs = [0, 1, 2].some((channel) => Math.abs(one.data[at + channel] - other.data[at + channel]) > TOLERANCE);
    const block = at / 4;
    if (differs) places.push([(block % one.width) * BLOCK, Math.floor(block / one.width) * BLOCK]);
  }
  return places;
}

/** The sheet of a surface, with a row for each run and a column for each screen. */
export class Sheet {
  constructor(surface, rows, columns, height = HEIGHT) {
    Object.assign(this, { surface, rows, columns, height });
    this.file = path.join(import.meta.dirname, "sheets", `${surface}.png`);
    const width = columns.reduce((sum, column) => sum + blocks(column.width), 0);
    this.picture = UPDATE_SHEETS ? blank(width, rows.length * blocks(height)) : this.read();
  }

  read() {
    assert.ok(existsSync(this.file), `${this.file} is missing: UPDATE_SHEETS=1 writes it`);
    return PNG.sync.read(readFileSync(this.file));
  }

  /** The place of a picture on the sheet. */
  place(row, key) {
    const column = this.columns.findIndex((column) => column.key === key);
    const left = this.columns.slice(0, column).reduce((sum, before) => sum + blocks(before.width), 0);
    return [left, this.rows.indexOf(row) * blocks(this.height)];
  }

  /** Gives a page the size of the pictures of a column. */
  resize(page, key) {
    const { width } = this.columns.find((column) => column.key === key);
    return page.setViewportSize({ width, height: this.height });
  }

  /** Compares the first screen of a page with the one on the sheet. */
  async hold(page, row, key) {
    await this.resize(page, key);
    const now = reduce(await page.screenshot({ animations: "disabled" }));
    const name = `${this.surface}-${row}-${key}`;
    if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
    const [x, y] = this.place(row, key);
    if (UPDATE_SHEETS) {
      PNG.bitblt(now, this.picture, 0, 0, now.width, now.height, x, y);
      return;
    }
    const before = blank(now.width, now.height);
    PNG.bitblt(this.picture, before, x, y, now.width, now.height, 0, 0);
    const places = differences(before, now);
    const told = places.slice(0, 5).map((place) => place.join("/")).join(", ");
    const remedy = "SCREENSHOTS=<folder> keeps the picture; make sheets takes it as the right one";
    assert.ok(places.length <= MAX_OTHERS, `${name}: ${places.length} blocks are others, such as at ${told}; ${remedy}`);
  }

  /** Writes the sheet, if it is to be written anew. */
  save() {
    if (!UPDATE_SHEETS) return;
    mkdirSync(path.dirname(this.file), { recursive: true });
    writeFileSync(this.file, PNG.sync.write(this.picture, { colorType: 2, deflateLevel: 9, deflateStrategy: 0, filterType: 0 }));
  }
}
