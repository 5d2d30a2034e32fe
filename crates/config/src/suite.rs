//! The structure of the suite file: its keys, and what each experiment says.
//!
//! `keys`, `centers` and `command` have the tables of keys. Every part that is whole is returned, and
//! everything that is wrong is told with its place in the file.

use std::path::Path;
use std::time::Duration;

pub(super) mod centers;
pub(super) mod command;
mod keys;

use ::config::{Value, ValueKind};

use super::centers::{HarnessBlock, LitmusBlock};
use super::file::{Document, Table, below};
use super::inputs::{INPUTS, Input, find};
use super::keys::{Section, is_blank, names};
use super::kind::{Kind, Parsed};
use super::layers::Layer;
use super::values;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{key, suggestion};
use faultgate_core::model::{EngineSpec, ProbePlan, Score};
use faultgate_core::text::plain;

pub(super) use keys::{DEFAULT_WEIGHT_TEXT, EXPERIMENT, FIS, ROOT, WEIGHT};

/// The only version of the format.
const VERSION: i64 = 1;

pub(super) const SCORE_KEY: &str = "expected-resilience-score";
/// The keys of the gate, each with the input that it sets.
pub(super) const GATE: &[(&str, &str)] = &[
    (SCORE_KEY, SCORE_KEY),
    ("each", "each-resilience-score"),
    ("compare-to", "compare-to"),
    ("max-score-drop", "max-score-drop"),
];
const STOP_KEY: &str = "stop-on-failure";
const PROBES_KEY: &str = "probes";

/// The engines, each with an example of how its block begins.
pub(super) const ENGINES: &[(&str, &str)] = &[
    ("fis", "fis: { template: EXT… }"),
    ("harness", "harness: { project: …, experiment: … }"),
    ("litmus", "litmus: { url: …, project: …, experiment: … }"),
    ("command", "command: { run: [\"program\", \"argument\"] }"),
];

/// One experiment of the suite. The inputs complete what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) block: Block,
    pub(super) weight: u32,
    pub(super) timeout: Option<Duration>,
    pub(super) queue_timeout: Option<Duration>,
    pub(super) expected: Option<Score>,
    pub(super) probes: Vec<ProbePlan>,
}

/// The engine of an experiment, with its block.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each experiment of a suite")]
pub(super) enum Block {
    /// A specification that is complete, except that inputs may set Region and role.
    Spec(EngineSpec),
    /// The block of a Harness experiment, and its path in the file. Its inputs complete it.
    Harness(String, HarnessBlock),
    /// The block of a LitmusChaos experiment, and its path in the file.
    Litmus(String, LitmusBlock),
}

/// The content of a suite file.
#[derive(Debug, Default)]
pub(super) struct Suite {
    /// Values of the inputs that the suite sets.
    pub(super) layer: Layer,
    /// `true` if no experiment is launched after one that did not pass.
    pub(super) stop_on_failure: bool,
    /// Experiments without mistakes; `None` if the suite has no list of experiments.
    pub(super) experiments: Option<Vec<Entry>>,
}

/// Reads the suite from a file. Relative paths in it start at `dir`.
pub(super) fn read(document: &Document, dir: &Path, mistakes: &mut Vec<Mistake>) -> Suite {
    let mut reader = Reader { document, dir, mistakes };
    if !reader.version() {
        // The keys of another version mean something else, so more mistakes would be guesses.
        return Suite::default();
    }
    Suite {
        layer: reader.inputs(),
        stop_on_failure: reader.yes(&Section::new(&document.root, "", ROOT), STOP_KEY),
        experiments: reader.experiments(),
    }
}

/// A reader of the tables in a suite file. It collects the mistakes.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document,
    pub(super) dir: &'a Path,
    pub(super) mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// Adds a mistake in the key at this path.
    pub(super) fn mistake(&mut self, path: &str, what: &str, hint: impl Into<String>) {
        let message = format!("{} {what}", plain(path, 120));
        let place = self.document.key_at(path.trim_end_matches(':'));
        self.mistakes.push(Mistake::new(&self.document.origin, message).hint(hint).at(place));
    }

    /// Adds a mistake in the value at this path.
    pub(super) fn of_value(&mut self, mistake: Mistake, path: &str) {
        self.mistakes.push(mistake.at(self.document.value_at(path)));
    }

    /// Checks the version. Returns `false` if the rest of the file is written for another version.
    fn version(&mut self) -> bool {
        match self.document.root.get("version").map(|v| &v.kind) {
            Some(ValueKind::I64(VERSION)) => {}
            Some(ValueKind::String(text)) if text.trim() == "1" => {}
            None | Some(ValueKind::Nil) => {
                self.mistake("version:", "is missing", "begin the suite file with version: 1");
            }
            Some(_) => {
                self.mistake("version:", "is not one that this faultgate reads", "write version: 1");
                return false;
            }
        }
        true
    }

    fn inputs(&mut self) -> Layer {
        let document = self.document;
        let known: Vec<_> = ["version", "gate", "experiments"]
            .into_iter()
            .chain(names(ROOT))
            .chain(INPUTS.iter().filter(|i| i.in_suite()).map(|i| i.name))
            .collect();
        let mut values = Table::new();
        for (name, value) in sorted(&document.root) {
            match find(name) {
                Some(input) if input.in_suite() => {
                    self.input(&mut values, input, name, value);
                }
                Some(input) => self.not_here(input),
                None if known.contains(&name.as_str()) => {}
                None => self.unknown("", name, &known),
            }
        }
        if let Some(gate) = self.table(document.root.get("gate"), "gate") {
            self.known_keys(gate, "gate", &GATE.iter().map(|(key, _)| *key).collect::<Vec<_>>());
            for (key, name) in GATE {
                let (Some(value), Some(input)) = (gate.get(*key), find(name)) else { continue };
                let path = below("gate", key);
                if values.contains_key(*name) {
                    let what = "is set at the top of the file as well";
                    self.mistake(&format!("{path}:"), what, "keep one of them");
                }
                self.input(&mut values, input, &path, value);
            }
        }
        Layer::new(values)
    }

    fn input(&self, values: &mut Table, input: &Input, path: &str, value: &Value) {
        let is_list = matches!(&value.kind, ValueKind::Array(_));
        let item = format!("{path}[");
        let broken = self.document.broken.iter().any(|b| b == path || is_list && b.starts_with(&item));
        // A blank value is not set, so it must not hide the default.
        if !broken && !is_blank(Some(value)) {
            // The `config` crate would merge a table with the layer below instead of refusing it. An empty
            // list takes its place, because no input accepts one.
            let kind = match &value.kind {
                ValueKind::Table(_) => ValueKind::Array(Vec::new()),
                other => other.clone(),
            };
            values.insert(input.name.to_owned(), Value::new(Some(&self.document.origin), kind));
        }
    }

    fn not_here(&mut self, input: &Input) {
        let path = format!("{}:", input.name);
        if input.is_secret() {
            let hint = format!("set the variable {} instead", input.variable());
            self.mistake(&path, "a secret may not stand in the suite file", hint);
        } else {
            let hint = format!("use --{} or {}", input.name, input.variable());
            self.mistake(&path, "cannot be set in the suite file itself", hint);
        }
    }

    fn experiments(&mut self) -> Option<Vec<Entry>> {
        let list = match self.document.root.get("experiments").map(|v| &v.kind) {
            None | Some(ValueKind::Nil) => return None,
            Some(ValueKind::Array(list)) => list,
            Some(_) => {
                self.mistake("experiments:", "is not a list", "write each experiment as - name: …");
                return Some(Vec::new());
            }
        };
        if list.is_empty() {
            self.mistake("experiments:", "is an empty list", "add - name: … with fis: { template: EXT… }");
        }
        let entries: Vec<_> = list
            .iter()
            .enumerate()
            .filter_map(|(place, value)| Some((place, self.experiment(&at(place), value)?)))
            .collect();
        self.unique_names(&entries);
        let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
        // An entry with a mistake may have a weight, so the weights are only judged if all entries are whole.
        if entries.len() == list.len() && !entries.is_empty() && entries.iter().all(|e| e.weight == 0) {
            self.mistake(
                "experiments:",
                "all weights are 0, so that there is no score",
                "give one a weight from 1 to 1000",
            );
        }
        Some(entries)
    }

    fn unique_names(&mut self, entries: &[(usize, Entry)]) {
        for (number, (place, entry)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..number].iter().find(|(_, e)| e.name == entry.name) {
                let what = format!("is the same as that of {}", at(*first));
                let path = format!("{}:", below(&at(*place), "name"));
                self.mistake(&path, &what, "give each experiment a name of its own");
            }
        }
    }

    fn experiment(&mut self, path: &str, value: &'a Value) -> Option<Entry> {
        let before = self.mistakes.len();
        let table = self.table(Some(value), path)?;
        let engines = ENGINES.iter().map(|(engine, _)| *engine);
        let known: Vec<_> = names(EXPERIMENT).into_iter().chain(engines).chain([PROBES_KEY]).collect();
        self.known_keys(table, path, &known);
        let experiment = Section::new(table, path, EXPERIMENT);
        let name = self.text(&experiment, "name");
        let block = self.engine(table, path);
        let entry = Entry {
            name: name.unwrap_or_default(),
            block: block.clone().unwrap_or_else(no_engine),
            weight: self.count(&experiment, "weight")?,
            timeout: self.time(&experiment, "timeout"),
            queue_timeout: self.time(&experiment, "queue-timeout"),
            expected: match self.parsed(&experiment, SCORE_KEY) {
                Some(Parsed::Score(score)) => Some(score),
                _ => None,
            },
            probes: self.probes(table.get(PROBES_KEY), &below(path, PROBES_KEY)),
        };
        let whole = self.mistakes.len() == before && !entry.name.is_empty() && block.is_some();
        whole.then_some(entry)
    }

    /// The one engine of the experiment.
    fn engine(&mut self, table: &'a Table, path: &str) -> Option<Block> {
        let engines: Vec<_> =
            ENGINES.iter().map(|(engine, _)| *engine).filter(|engine| table.contains_key(*engine)).collect();
        match engines.as_slice() {
            [] => {
                self.mistake(path, "has no engine", format!("add {}", example("fis")));
                None
            }
            [engine] => {
                let (block, path) = self.block(table, path, engine)?;
                match *engine {
                    "fis" => self.fis(block, &path).map(Block::Spec),
                    "harness" => Some(Block::Harness(path.clone(), self.harness(block, &path))),
                    "litmus" => Some(Block::Litmus(path.clone(), self.litmus(block, &path))),
                    _ => self.command_engine(block, &path).map(Block::Spec),
                }
            }
            several => {
                let what = format!("has {} engines at once: {}", several.len(), several.join(", "));
                self.mistake(path, &what, "keep one; write an experiment for each");
                None
            }
        }
    }

    /// The block of an engine, and its path.
    fn block(&mut self, table: &'a Table, path: &str, engine: &str) -> Option<(&'a Table, String)> {
        let path = below(path, engine);
        let block = table.get(engine).filter(|v| !matches!(v.kind, ValueKind::Nil));
        if block.is_none() {
            self.mistake(&path, "is empty", format!("write {}", example(engine)));
        }
        Some((self.table(block, &path)?, path))
    }

    fn fis(&mut self, fis: &'a Table, path: &str) -> Option<EngineSpec> {
        let fis = self.section(fis, path, FIS);
        let template = self.text(&fis, "template");
        let region = self.text(&fis, "region");
        let role_arn = self.text(&fis, "role-arn");
        Some(EngineSpec::Fis { template: template?, region, role_arn })
    }

    /// Tells that a needed key is missing. A key that is there and wrong has been told already.
    pub(super) fn missing(&mut self, table: &Table, path: &str, name: &str, hint: &str) {
        if is_blank(table.get(name)) {
            self.mistake(&format!("{}:", below(path, name)), "is missing", hint);
        }
    }

    /// The parsed value at a key; `None` if it is not set, or is a mistake, which has been told.
    pub(super) fn leaf(&mut self, table: &Table, path: &str, name: &str, kind: &Kind) -> Option<Parsed> {
        let path = below(path, name);
        let value = table.get(name)?;
        if self.document.broken.contains(&path) {
            return None;
        }
        let written = self.document.written.get(&path).map(String::as_str);
        values::read(kind, &path, value, &self.document.origin, written).unwrap_or_else(|mistake| {
            self.of_value(mistake, &path);
            None
        })
    }

    /// The value as a table; `None` if there is no value, or another one, which is told.
    pub(super) fn table(&mut self, value: Option<&'a Value>, path: &str) -> Option<&'a Table> {
        if let ValueKind::Table(table) = &value?.kind {
            return Some(table);
        }
        self.mistake(path, "is not a table of keys", "write key: value pairs below it");
        None
    }

    /// Tells of keys in a table that are not among the known ones.
    pub(super) fn known_keys(&mut self, table: &Table, path: &str, known: &[&str]) {
        for (name, _) in sorted(table) {
            if !known.contains(&name.as_str()) {
                self.unknown(path, name, known);
            }
        }
    }

    fn unknown(&mut self, path: &str, name: &str, known: &[&str]) {
        let mut hint = suggestion(name, known);
        if known.len() > 20 && !hint.starts_with("did") {
            // The top level knows every input, and the reference shows them better than one line can.
            "faultgate inputs lists all".clone_into(&mut hint);
        }
        self.mistake(&format!("{}:", below(path, &key(name))), "is not a known key", hint);
    }
}

/// An example of how the block of an engine begins.
fn example(engine: &str) -> &'static str {
    ENGINES.iter().find(|(name, _)| *name == engine).map_or("", |(_, example)| example)
}

/// A placeholder for an engine that could not be read, so that the rest of the entry is read. It is never
/// run.
fn no_engine() -> Block {
    Block::Litmus(String::new(), LitmusBlock::default())
}

/// The key path of an experiment.
fn at(place: usize) -> String {
    format!("experiments[{place}]")
}

/// The entries of a table in alphabetical order, so that mistakes always come in the same order.
pub(super) fn sorted(table: &Table) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

#[cfg(test)]
#[path = "suite_tests.rs"]
mod tests;
