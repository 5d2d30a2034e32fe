//! The check that several results are all the parts of one suite and of one run, by what they say themselves.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};

use faultgate_core::model::{PlanRecord, RunResult, SCORING, Shard};
use faultgate_core::text::plain;

/// Time between the starts of parts that no id ties to one run. Parts further apart are not taken for one
/// run.
const MAX_START_DIFFERENCE: SignedDuration = SignedDuration::from_hours(24);
/// Number of experiments that a message names.
const MAX_NAMES: usize = 20;
/// Number of characters of an experiment's name in a message.
const MAX_NAME_CHARS: usize = 80;

/// The suite, as the parts that were added tell it.
#[derive(Debug, Default)]
pub(super) struct PartsOfSuite {
    /// The suite, with the name of a part that tells it.
    told: Option<(String, PlanRecord)>,
    /// Names of the suite's experiments. None where no part tells all of them.
    names: HashSet<String>,
    /// Experiments of the parts that came before any that tells the suite.
    untold: Vec<(String, Vec<String>)>,
    shards: Vec<(String, Option<Shard>)>,
}

impl PartsOfSuite {
    /// Adds a part, and returns the reasons why it is none of the same suite.
    pub(super) fn add(&mut self, name: &str, part: &RunResult) -> Vec<String> {
        let mut problems = Vec::new();
        self.shards.push((name.to_owned(), part.run.shard));
        if part.experiments.is_empty() {
            problems.push(format!("{name} has no experiments, so it is no part of a suite"));
        }
        // Versions that scored by the first rules did not note the suite; any other part without it was changed.
        if part.plan.is_none() && part.scoring >= SCORING {
            problems.push(format!(
                "{name} does not say of which suite it is: its plan is missing, so that nobody knows what else there was"
            ));
        }
        if let Some(plan) = &part.plan {
            match &mut self.told {
                Some((first, suite)) if !is_same(suite, plan) => {
                    problems.push(format!(
                        "{first} and {name} are not of one suite: their experiments, probes, weights, floors, expected \
                         scores or allow-empty-targets differ"
                    ));
                    return problems;
                }
                // An item of a query may not know the others.
                Some((_, suite)) if !suite.experiments.is_empty() => {}
                told => {
                    *told = Some((name.to_owned(), plan.clone()));
                    self.names = plan.experiments.iter().cloned().collect();
                }
            }
        }
        let names = part.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        self.untold.push((name.to_owned(), names));
        if !self.names.is_empty() {
            problems.extend(self.find_strange());
        }
        problems
    }

    /// Returns the experiments that are not in the suite, of the parts that were not looked at yet.
    fn find_strange(&mut self) -> Vec<String> {
        let Some((first, _)) = &self.told else { return Vec::new() };
        let parts = std::mem::take(&mut self.untold).into_iter();
        let all = parts.flat_map(|(part, names)| names.into_iter().map(move |name| (part.clone(), name)));
        let strange = all.filter(|(_, name)| !self.names.contains(name));
        let tell = |(part, name): (String, String)| {
            let experiment = plain(&name, MAX_NAME_CHARS);
            format!("{part} has the experiment {experiment}, which is not in the suite of {first}")
        };
        strange.map(tell).collect()
    }

    /// Returns the shards of all parts, each with the name of the part.
    pub(super) fn shards(&self) -> &[(String, Option<Shard>)] {
        &self.shards
    }

    /// Says which experiments of the suite are in none of the parts, or that nobody knows.
    pub(super) fn find_missing(&self, is_there: impl Fn(&str) -> bool) -> Option<String> {
        let (name, suite) = self.told.as_ref()?;
        if suite.experiments.is_empty() {
            return Some(format!(
                "{name} does not name all experiments of its suite, so nobody knows what is missing: hand over the plan \
                 with --plan"
            ));
        }
        let missing = suite.experiments.iter().filter(|name| !is_there(name));
        let missing: Vec<String> = missing.map(|name| plain(name, MAX_NAME_CHARS)).collect();
        let (told, more) = missing.split_at(missing.len().min(MAX_NAMES));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        let (noun, verb) = if missing.len() == 1 { ("experiment", "is") } else { ("experiments", "are") };
        (!missing.is_empty())
            .then(|| format!("the {noun} {}{more} of the suite {verb} in none of the parts", told.join(", ")))
    }

    /// Returns the suite.
    pub(super) fn into_record(self) -> Option<PlanRecord> {
        self.told.map(|(_, suite)| suite)
    }
}

/// Returns `true` if two records are of one suite. A record without names does not contradict one with them.
fn is_same(one: &PlanRecord, other: &PlanRecord) -> bool {
    let are_known = !one.experiments.is_empty() && !other.experiments.is_empty();
    one.digest == other.digest && (!are_known || one.experiments == other.experiments)
}

/// Says that two parts began too far apart. The CI's id of the run ties parts together; only without one their
/// starts have to do that, since a plan may be used again.
pub(super) fn long_apart(one: &RunResult, started_at: Timestamp, other: &RunResult) -> Option<String> {
    let is_told = one.run.pipeline.is_some() && one.run.pipeline == other.run.pipeline;
    let apart = started_at.duration_since(other.started_at).abs();
    (!is_told && apart > MAX_START_DIFFERENCE)
        .then(|| format!("they began {} hours apart, and no CI says that they are of one run: give them and the merge the same plan-run", apart.as_hours()))
}

/// Says which shards are missing, doubled, or of another number of shards.
pub(super) fn missing_shards(parts: &[(String, Option<Shard>)]) -> Vec<String> {
    let known: Vec<(&str, Shard)> =
        parts.iter().filter_map(|(name, shard)| Some((name.as_str(), (*shard)?))).collect();
    let Some((first_name, first)) = known.first() else { return Vec::new() };
    let mut problems = Vec::new();
    for (name, shard) in parts {
        match shard {
            None => problems.push(format!("{name} is no part of a suite, and {first_name} is shard {first}")),
            Some(shard) if shard.total() != first.total() => {
                problems.push(format!("{name} is shard {shard}, and {first_name} is shard {first}"));
            }
            Some(_) => {}
        }
    }
    let mut numbers = BTreeSet::new();
    for (name, shard) in &known {
        if !numbers.insert(shard.number()) {
            problems.push(format!("shard {shard} is there twice; {name} is the second"));
        }
    }
    if problems.is_empty() {
        let missing: Vec<String> = (1..=first.total())
            .filter(|number| !numbers.contains(number))
            .map(|number| format!("{number}/{}", first.total()))
            .collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "shard" } else { "shards" };
            problems.push(format!("{plural} {} missing: all parts make the gate", missing.join(", ")));
        }
    }
    problems
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
