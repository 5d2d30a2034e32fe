// The results that are looked at: fixtures, and runs that are made of the one that was measured.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
export const fixtures = {
  measured: path.join(here, "fixtures/measured.json"),
  hostile: path.join(here, "fixtures/hostile.json"),
  cancelled: path.join(here, "fixtures/cancelled.json"),
  stopped: path.join(here, "../../crates/testkit/src/results/stopped.json"),
};
const variants = { passed, flapping, many };
export const names = [...Object.keys(fixtures), ...Object.keys(variants)];
/** The runs of which pictures are compared. */
export const SHOWN = ["passed", "measured", "flapping", "many", "hostile"];

function read(name) {
  return JSON.parse(readFileSync(fixtures[name], "utf8"));
}

/** The result of a run. */
export function resultOf(name) {
  return variants[name] ? variants[name]() : read(name);
}

/** Writes a result into a folder, and returns the path of the file. */
export function write(folder, name, result) {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(result));
  return file;
}

/** A run whose only experiment passed. */
function passed() {
  const result = read("measured");
  result.experiments = [result.experiments[1]];
  delete result.comparison;
  Object.assign(result.gate, { verdict: "passed", exit_code: 0, resilience_score: 100, reasons: ["it completed"] });
  return result;
}

/** A run of which every second look failed while the fault was in. */
function flapping() {
  const result = read("measured");
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
  const result = read("measured");
  const [failed, good] = result.experiments;
  delete result.comparison;
  result.experiments = Array.from({ length: 300 }, (_, place) => {
    const experiment = structuredClone(place % 100 === 50 ? failed : good);
    return { ...experiment, name: `${experiment.name}-${place}` };
  });
  result.gate.resilience_score = null;
  return result;
}

/** A result of so many experiments, of which the last one has failed. */
export function fleet(count) {
  const result = read("measured");
  const [failed, good] = result.experiments;
  const others = Array.from({ length: count - 1 }, (_, number) => ({ ...good, name: `e${number}` }));
  result.experiments = [...others, failed];
  result.comparison = undefined;
  return result;
}

/** The result as one that can be merged: of a commit and a suite that are known, each experiment once. */
export function mergeable(result) {
  Object.assign(result.run, { repository: "shop/web", commit: "0123456789abcdef0123456789abcdef01234567" });
  const all = result.experiments.map(({ name }) => name);
  result.experiments.forEach((experiment, place) => {
    if (all.indexOf(experiment.name) !== all.lastIndexOf(experiment.name)) experiment.name += ` ${place}`;
  });
  result.plan = { experiments: result.experiments.map(({ name }) => name), digest: "0".repeat(64) };
  return result;
}
