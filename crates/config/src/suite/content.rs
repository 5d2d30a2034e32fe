//! The content of a suite file: the inputs that it sets, and its experiments.
//!
//! Every part that is whole is returned, and everything that is wrong is told with its place in the file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{DashboardLink, EngineKind, HaltRule, HaltScope, Phase, ProbePlan, Score};

use crate::inputs::input::Input;
use crate::inputs::kind::Parsed;
use crate::inputs::table::{EXPECTED_SCORE, GATE, INPUTS, find};
use crate::layers::file::{Document, below};
use crate::layers::merge::Layer;
use crate::layers::tree::Table;
use crate::suite::blocks::fis::FisSubject;
use crate::suite::blocks::{Block, example};
use crate::suite::keys::{Section, is_blank, names};
use crate::suite::links::LINKS_KEY;
use crate::suite::reader::{Reader, sort_entries};
use crate::suite::tables::{ABORT_WHEN, EXPERIMENT, ROOT};

/// The only version of the format.
const VERSION: i64 = 1;

const STOP_KEY: &str = "stop-on-failure";
const ABORT_KEY: &str = "abort";
pub(crate) const ABORT_WHEN_KEY: &str = "abort-when";
const FAILING_KEY: &str = "failing-probes";
pub(crate) const PROBES_KEY: &str = "probes";

/// One experiment of the suite. The inputs complete what it leaves out. Whatever is wrong with it has been
/// told, and is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedExperiment {
    /// The key path of its entry.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) block: Block,
    pub(crate) weight: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) queue_timeout: Option<Duration>,
    pub(crate) expected: Option<Score>,
    pub(crate) probes: Vec<ProbePlan>,
}

/// The content of a suite file.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    /// Values of the inputs that the suite sets.
    pub(crate) layer: Layer,
    /// `true` if no experiment is launched after one that did not pass.
    pub(crate) stop_on_failure: bool,
    pub(crate) halt: HaltRule,
    /// Links to pages about the system under test.
    pub(crate) links: Vec<DashboardLink>,
    /// Experiments that can be read; `None` if the suite has no list of experiments.
    pub(crate) experiments: Option<Vec<ListedExperiment>>,
    /// `true` if the list has an experiment that cannot be read.
    pub(crate) is_incomplete: bool,
}

impl Suite {
    /// `true` if an entry finds its experiments by a query.
    pub(crate) fn has_queries(&self) -> bool {
        let mut entries = self.experiments.iter().flatten();
        entries.any(|entry| matches!(&entry.block, Block::Fis(block) if matches!(block.subject, FisSubject::Query(_))))
    }
}

/// Reads the suite from a file. Relative paths in it start at `dir`.
pub(crate) fn read(document: &Document, dir: &Path, mistakes: &mut Vec<Mistake>) -> Suite {
    let mut reader = Reader { document, dir, mistakes };
    reader.version();
    let layer = reader.inputs();
    let stop_on_failure = reader.yes(&Section::new(&document.root, "", ROOT), STOP_KEY);
    let experiments = reader.experiments();
    let list = document.find("experiments").map(|list| &list.kind);
    let read = experiments.as_ref().map_or(0, Vec::len);
    let is_incomplete = matches!(list, Some(ValueKind::Array(list)) if read < list.len());
    let halt = reader.halt_rule(experiments.as_deref());
    let links = reader.links();
    Suite { layer, stop_on_failure, halt, links, experiments, is_incomplete }
}

impl<'a> Reader<'a> {
    /// Checks the version. Another one is a slip, since there is no other, so the rest of the file is read too.
    fn version(&mut self) {
        match self.document.root.get("version").map(|v| &v.kind) {
            Some(ValueKind::I64(VERSION)) => {}
            Some(ValueKind::String(text)) if text.trim() == "1" => {}
            None | Some(ValueKind::Nil) => {
                self.mistake("version:", "is missing", "begin the suite file with version: 1");
            }
            Some(_) => {
                self.tell_shape("version:", "is not one that this faultgate reads", "write version: 1");
            }
        }
    }

    fn inputs(&mut self) -> Layer {
        let document = self.document;
        let known: Vec<_> = ["version", "gate", "experiments", ABORT_WHEN_KEY, LINKS_KEY]
            .into_iter()
            .chain(names(ROOT))
            .chain(INPUTS.iter().filter(|i| i.in_suite()).map(|i| i.name))
            .collect();
        let mut values = Table::new();
        for (name, value) in sort_entries(&document.root) {
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
            for (key, input) in GATE {
                let Some(value) = gate.get(*key) else { continue };
                let path = below("gate", key);
                if values.contains_key(input.name) {
                    let what = "is set at the top of the file as well";
                    self.mistake(&format!("{path}:"), what, "keep one of them");
                }
                self.input(&mut values, input, &path, value);
            }
        }
        Layer::new(values)
    }

    fn halt_rule(&mut self, experiments: Option<&[ListedExperiment]>) -> HaltRule {
        let root = &self.document.root;
        let scope = self.text(&Section::new(root, "", ROOT), ABORT_KEY);
        let failing_probes = self.table(root.get(ABORT_WHEN_KEY), ABORT_WHEN_KEY).and_then(|table| {
            let section = self.section(table, ABORT_WHEN_KEY, ABORT_WHEN);
            self.count(&section, FAILING_KEY)
        });
        let probes = experiments.into_iter().flatten().flat_map(|experiment| &experiment.probes);
        let during = probes.filter(|probe| probe.when.contains(&Phase::During)).count();
        // A probe with a mistake is not in the list, so it would be counted as missing.
        if let (Some(limit), true) =
            (failing_probes.filter(|limit| *limit as usize > during), self.mistakes.is_empty())
        {
            let probes = if during == 1 { "probe that is" } else { "probes that are" };
            let what =
                format!("is {limit}, and the suite has {during} {probes} evaluated during experiments");
            let path = format!("{}:", below(ABORT_WHEN_KEY, FAILING_KEY));
            self.mistake(&path, &what, "write a number that can be reached, or leave abort-when out");
        }
        let scope = scope.and_then(|word| HaltScope::find(&word)).unwrap_or_default();
        HaltRule { failing_probes, scope }
    }

    fn input(&self, values: &mut Table, input: &Input, path: &str, value: &Value) {
        // A blank value is not set, so it must not hide the default.
        if !self.document.breaks(path) && !is_blank(Some(value)) {
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

    fn experiments(&mut self) -> Option<Vec<ListedExperiment>> {
        let list = match self.document.root.get("experiments").map(|v| &v.kind) {
            None | Some(ValueKind::Nil) => return None,
            Some(ValueKind::Array(list)) => list,
            Some(_) => {
                self.tell_shape("experiments:", "is not a list", "write each experiment as - name: …");
                return Some(Vec::new());
            }
        };
        if list.is_empty() {
            self.mistake("experiments:", "is an empty list", "add - name: … with fis: { template: EXT… }");
        }
        let before = self.mistakes.len();
        let entries = list.iter().enumerate().map(|(place, value)| self.experiment(&at(place), value));
        let (names, entries): (Vec<_>, Vec<_>) = entries.unzip();
        let has_mistakes = self.mistakes.len() > before;
        self.unique_names(&names);
        let entries: Vec<_> = entries.into_iter().flatten().collect();
        // An entry with a mistake may have a weight, so the weights are only judged if all entries are whole.
        if !has_mistakes
            && !entries.is_empty()
            && entries.len() == list.len()
            && entries.iter().all(|e| e.weight == 0)
        {
            self.mistake(
                "experiments:",
                "all weights are 0, so that there is no score",
                "give one a weight from 1 to 1000",
            );
        }
        Some(entries)
    }

    fn unique_names(&mut self, names: &[Option<String>]) {
        let mut places = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            let Some(name) = name else { continue };
            let first = *places.entry(name).or_insert(place);
            if first != place {
                let what = format!("is the same as that of {}", at(first));
                let path = format!("{}:", below(&at(place), "name"));
                self.mistake(&path, &what, "give each experiment a name of its own");
            }
        }
    }

    /// Reads an experiment. Returns its name, and all of it, as far as they can be read.
    fn experiment(&mut self, path: &str, value: &'a Value) -> (Option<String>, Option<ListedExperiment>) {
        let Some(table) = self.table(Some(value), path) else { return (None, None) };
        let known: Vec<_> = names(EXPERIMENT)
            .into_iter()
            .chain(EngineKind::WORDS.iter().copied())
            .chain([PROBES_KEY])
            .collect();
        self.known_keys(table, path, &known);
        let experiment = Section::new(table, path, EXPERIMENT);
        let name = self.text(&experiment, "name").filter(|name| !name.is_empty());
        let block = self.engine(table, path);
        let weight = self.count(&experiment, "weight");
        let timeout = self.time(&experiment, "timeout");
        let queue_timeout = self.time(&experiment, "queue-timeout");
        let expected = match self.parse_value(&experiment, EXPECTED_SCORE.name()) {
            Some(Parsed::Score(score)) => Some(score),
            _ => None,
        };
        let probes = self.probes(table.get(PROBES_KEY), &below(path, PROBES_KEY));
        let listed = name.clone().zip(block).zip(weight).map(|((name, block), weight)| {
            let path = path.to_owned();
            ListedExperiment { path, name, block, weight, timeout, queue_timeout, expected, probes }
        });
        (name, listed)
    }

    /// The one engine of the experiment.
    fn engine(&mut self, table: &'a Table, path: &str) -> Option<Block> {
        let engines: Vec<_> =
            EngineKind::ALL.into_iter().filter(|engine| table.contains_key(engine.as_str())).collect();
        match engines.as_slice() {
            [] => {
                self.mistake(path, "has no engine", format!("add {}", example(EngineKind::Fis)));
                None
            }
            [engine] => self.block(table, path, *engine),
            several => {
                let words: Vec<_> = several.iter().map(|engine| engine.as_str()).collect();
                let what = format!("has {} engines at once: {}", words.len(), words.join(", "));
                self.mistake(path, &what, "keep one; write an experiment for each");
                None
            }
        }
    }
}

/// The key path of an experiment.
fn at(place: usize) -> String {
    format!("experiments[{place}]")
}

#[cfg(test)]
#[path = "content_tests.rs"]
pub(crate) mod tests;
