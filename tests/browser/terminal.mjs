// A terminal as people see it: what the binary writes to one of so many columns is recorded, and xterm.js draws it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { asset, open } from "./browser.mjs";

export const ROWS = 30;
/** The colours of two terminals that many people have. */
const THEMES = {
  light: { background: "#ffffff", foreground: "#24292f", red: "#cf222e", green: "#116329", yellow: "#7d4e00" },
  dark: { background: "#0d1117", foreground: "#e6edf3", red: "#ff7b72", green: "#3fb950", yellow: "#d29922" },
};

const FRAME = `<!doctype html><html lang="en"><meta charset="utf-8"><title>terminal</title>
<style>${asset("@xterm/xterm/css/xterm.css")} body { margin: 0 } main { padding: 4px; width: max-content }
/* The ground shows through where a row ends within a pixel. */ .xterm-viewport { background: none !important }</style><main></main></html>`;

/** Records what the binary writes to a terminal. The program `script` plays the terminal. */
export async function record(args, { cwd, columns, code }) {
  const command = `stty cols ${columns} rows ${ROWS}; exec "$BINARY" ${args}`;
  const { PATH, FAULTGATE_BIN: BINARY } = process.env;
  const env = { PATH, BINARY, HOME: cwd, SHELL: "/bin/sh", TERM: "xterm-256color", LANG: "C.UTF-8" };
  const options = { cwd, env, maxBuffer: 64 << 20 };
  const ended = await promisify(execFile)("script", ["-qec", command, "/dev/null"], options).catch((error) => error);
  assert.equal(ended.code ?? 0, code, ended.stdout);
  return ended.stdout;
}

/** Opens a terminal of so many columns that shows what was recorded. */
export async function show(browser, folder, written, { columns, colorScheme, rows = ROWS, ...options }) {
  const file = path.join(folder, "terminal.html");
  writeFileSync(file, FRAME);
  const opened = await open(browser, file, { colorScheme, ...options });
  await opened.page.addScriptTag({ content: asset("@xterm/xterm/lib/xterm.js") });
  await opened.page.evaluate(write, { written, columns, rows, theme: THEMES[colorScheme] });
  return opened;
}

/** Writes to a new terminal, and waits until it has drawn all of it. */
async function write({ written, columns, rows, theme }) {
  document.body.style.background = theme.background;
  const terminal = new globalThis.Terminal({
    cols: columns,
    rows,
    // Bold letters keep their colour, and red is as red as the theme has it.
    theme: { ...theme, brightRed: theme.red, brightGreen: theme.green, brightYellow: theme.yellow, cursor: theme.background },
    fontFamily: "DejaVu Sans Mono",
    fontSize: 13,
    scrollback: 100_000,
    cursorInactiveStyle: "none",
  });
  globalThis.terminal = terminal;
  terminal.open(document.querySelector("main"));
  const drawn = new Promise((resolve) => terminal.onRender(resolve));
  await new Promise((resolve) => terminal.write(written, resolve));
  await drawn;
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

/** The lines of the whole terminal, those of its last screen, and texts that a line was too short for. */
export function lines() {
  const { active: buffer } = globalThis.terminal.buffer;
  const all = Array.from({ length: buffer.length }, (_, place) => buffer.getLine(place));
  const texts = all.map((line) => line.translateToString(true));
  // Live lines are filled up with blanks to the last column, and go on in the next row; a text must not.
  const cut = all.flatMap((line, place) => {
    const goesOn = line.isWrapped && /^\S/.test(texts[place]) && /\S$/.test(all[place - 1].translateToString(false));
    return goesOn ? [`${texts[place - 1]}|${texts[place]}`] : [];
  });
  return { texts, screen: texts.slice(buffer.baseY), cut };
}
