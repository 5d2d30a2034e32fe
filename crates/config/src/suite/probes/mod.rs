//! The probes of a suite's experiment: their keys are read and judged here.
//!
//! `keys` has the tables of keys; `kinds` reads the block of each kind; `access` and `identity` read headers,
//! credentials and certificates; `queries` finds what is wrong with a query without asking anybody.

mod access;
mod identity;
pub(crate) mod keys;
mod kinds;
mod queries;

use ::config::{Value, ValueKind};
use faultgate_core::model::{Check, Phase, ProbeKind, ProbePlan};

use self::keys::{PHASES_HINT, PROBE};
use crate::inputs::kind::{Kind, Parsed};
use crate::layers::file::below;
use crate::layers::tree::Table;
use crate::suite::keys::{Section, names};
use crate::suite::reader::Reader;

impl<'a> Reader<'a> {
    /// The probes in a list. Each one that is whole is returned, and everything that is wrong is told.
    pub(crate) fn probes(&mut self, value: Option<&'a Value>, path: &str) -> Vec<ProbePlan> {
        let list = match value.map(|value| &value.kind) {
            None | Some(ValueKind::Nil) => return Vec::new(),
            Some(ValueKind::Array(list)) => list,
            Some(_) => {
                self.tell_shape(&format!("{path}:"), "is not a list", "write each probe as - name: …");
                return Vec::new();
            }
        };
        let before = self.mistakes.len();
        let probes: Vec<(usize, ProbePlan)> = list
            .iter()
            .enumerate()
            .filter_map(|(place, value)| Some((place, self.probe(value, &format!("{path}[{place}]"))?)))
            .collect();
        for (number, (place, probe)) in probes.iter().enumerate() {
            if let Some((first, _)) = probes[..number].iter().find(|(_, other)| other.name == probe.name) {
                let what = format!("is the same as that of {path}[{first}]");
                let hint = "give each probe of an experiment a name of its own";
                self.mistake(&format!("{path}[{place}].name:"), &what, hint);
            }
        }
        let probes: Vec<ProbePlan> = probes.into_iter().map(|(_, probe)| probe).collect();
        // An experiment without any mistake may still have no score: its weights are judged last, on what is
        // whole.
        let weightless = !probes.is_empty() && probes.iter().all(|probe| probe.weight == 0);
        if self.mistakes.len() == before && weightless {
            let hint = "give one a weight from 1 to 1000";
            self.mistake(&format!("{path}:"), "all weights are 0, so that there is no score", hint);
        }
        probes
    }

    fn probe(&mut self, value: &'a Value, path: &str) -> Option<ProbePlan> {
        let table = self.table(Some(value), path)?;
        // The keys of the kinds are known here as well, since a probe holds the block of its kind.
        self.known_keys(table, path, &[names(PROBE), ProbeKind::WORDS.to_vec()].concat());
        let probe = Section::new(table, path, PROBE);
        let name = self.text(&probe, "name");
        let when = self.when(&probe);
        let every = self.time(&probe, "every");
        let weight = self.count(&probe, "weight");
        let recovers_within = self.time(&probe, "recovers-within");
        if recovers_within.is_some() && when.as_ref().is_some_and(|when| !when.contains(&Phase::After)) {
            let path = format!("{}:", probe.at("recovers-within"));
            self.mistake(&path, "has no effect without after", "add after to when");
        }
        if recovers_within.zip(every).is_some_and(|(limit, every)| limit < every) {
            let path = format!("{}:", probe.at("recovers-within"));
            let hint = "make it longer than every, from one look to the next";
            self.mistake(&path, "is shorter than every, so that there is no second look", hint);
        }
        let aborts_after = self.count(&probe, "aborts-after");
        if aborts_after.is_some() && when.as_ref().is_some_and(|when| !when.contains(&Phase::During)) {
            let path = format!("{}:", probe.at("aborts-after"));
            self.mistake(&path, "has no effect without during", "add during to when");
        }
        let check = self.check(table, path);
        Some(ProbePlan {
            name: name?,
            check: check?,
            when: when?,
            every: every?,
            weight: weight?,
            recovers_within,
            aborts_after,
        })
    }

    /// The phases of a probe, in their order. A single word stands for a list of one.
    fn when(&mut self, probe: &Section<'a>) -> Option<Vec<Phase>> {
        let key = probe.key("when")?;
        let path = probe.at("when");
        let words = match probe.value("when").map(|value| &value.kind) {
            Some(ValueKind::Array(items)) => self.items(items, &path, key.kind()?)?,
            Some(_) if probe.is_set("when") => vec![self.text(probe, "when")?],
            _ => key.words().map(ToOwned::to_owned).collect(),
        };
        let mut phases = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let Some(phase) = Phase::find(word) else {
                self.mistake(&format!("{path}[{place}]:"), "is empty", PHASES_HINT);
                return None;
            };
            phases.push(phase);
        }
        phases.sort_unstable();
        phases.dedup();
        if phases.is_empty() {
            self.mistake(&format!("{path}:"), "is an empty list", PHASES_HINT);
            return None;
        }
        Some(phases)
    }

    /// The question that a table asks: the one block of a kind in it.
    pub(crate) fn check(&mut self, table: &'a Table, path: &str) -> Option<Check> {
        let found: Vec<_> =
            ProbeKind::ALL.into_iter().filter(|kind| table.contains_key(kind.as_str())).collect();
        let kind = match found.as_slice() {
            [kind] => *kind,
            [] => {
                let hint = format!("add one of {}", ProbeKind::WORDS.join(", "));
                self.mistake(path, "looks at nothing", hint);
                return None;
            }
            several => {
                let all: Vec<_> = several.iter().map(|kind| kind.as_str()).collect();
                let what = format!("looks at {} things at once: {}", all.len(), all.join(", "));
                self.mistake(path, &what, "keep one; write a probe for each");
                return None;
            }
        };
        let path = below(path, kind.as_str());
        let block = table.get(kind.as_str()).filter(|value| !matches!(value.kind, ValueKind::Nil));
        if block.is_none() {
            self.mistake(&path, "is empty", "write key: value pairs below it");
        }
        let block = self.table(block, &path)?;
        let block = self.section(block, &path, keys::keys(kind));
        match kind {
            ProbeKind::Http => self.http(&block),
            ProbeKind::Tcp => self.tcp(&block),
            ProbeKind::Command => self.command(&block),
            ProbeKind::CloudwatchAlarm => self.alarm(&block),
            ProbeKind::CloudwatchMetric => self.metric(&block),
            ProbeKind::Prometheus => self.prometheus(&block),
        }
    }

    /// The texts of a list; `None` if one of them is a mistake, which has been told.
    fn items(&mut self, items: &[Value], path: &str, kind: &Kind) -> Option<Vec<String>> {
        let parsed = self.parsed_items(items, path, kind)?;
        let texts = parsed.into_iter().map(|parsed| match parsed {
            Some(Parsed::Text(text)) => text,
            // An argument of a program may be empty.
            _ => String::new(),
        });
        Some(texts.collect())
    }

    /// The values of a list, with `None` for each blank one; `None` altogether if one of them is a mistake.
    pub(crate) fn parsed_items(
        &mut self,
        items: &[Value],
        path: &str,
        kind: &Kind,
    ) -> Option<Vec<Option<Parsed>>> {
        let before = self.mistakes.len();
        let mut values = Vec::new();
        let mut broken = false;
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            // The variables of this string could not be replaced, and that has been told.
            if self.document.broken.contains(&path) {
                broken = true;
                continue;
            }
            let written = self.document.written.get(&path).map(String::as_str);
            match crate::layers::values::read(kind, &path, item, &self.document.origin, written) {
                Ok(value) => values.push(value),
                Err(mistake) => self.of_value(mistake, &path),
            }
        }
        (self.mistakes.len() == before && !broken).then_some(values)
    }
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod judgement_tests;
#[cfg(test)]
mod tests;
