//! Whether results are all the parts of one suite and of one run, by what they say of it themselves.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use faultgate_core::model::{PlanRecord, RunResult, SCORING};
use faultgate_core::text::plain;

type Part = (String, RunResult);

/// Parts that no CI ties to one run are not taken for one if they began longer apart.
const LONGEST_APART: SignedDuration = SignedDuration::from_hours(24);
/// Names of experiments that are told.
const TOLD: usize = 20;
const LONGEST_NAME: usize = 80;

/// Why these are not all the parts of one suite.
pub(super) fn problems(parts: &[Part]) -> Vec<String> {
    let mut problems: Vec<String> = parts
        .iter()
        .filter(|(_, part)| part.experiments.is_empty())
        .map(|(name, _)| format!("{name} has no experiments, so it is no part of a suite"))
        .collect();
    problems.extend(parts.iter().filter(|(_, part)| is_planless(part)).map(|(name, _)| {
        format!("{name} does not say of which suite it is: its plan is missing, so that nobody knows what else there was")
    }));
    let Some(((first_name, first), others)) = parts.split_first() else { return problems };
    for (name, part) in others {
        let both = format!("{first_name} and {name} are not of one run");
        let runs = first.run.apart(&part.run).into_iter();
        problems.extend(
            runs.map(|found| format!("{both}: the one is of {}, the other of {}", found.own, found.other)),
        );
        problems.extend(long_apart(first, part).map(|why| format!("{both}: {why}")));
    }
    problems.extend(other_suites(parts));
    problems
}

/// The run's id ties the parts together; without one, only that they began at about the same time.
fn long_apart(one: &RunResult, other: &RunResult) -> Option<String> {
    let is_told = one.run.pipeline.is_some() || other.run.pipeline.is_some();
    let apart = one.started_at.duration_since(other.started_at).abs();
    (!is_told && apart > LONGEST_APART)
        .then(|| format!("they began {} hours apart, and no CI says which run they are of", apart.as_hours()))
}

/// Versions that scored by the first rules did not note the suite. Any other part without it was changed.
fn is_planless(part: &RunResult) -> bool {
    part.plan.is_none() && part.scoring >= SCORING
}

/// The suite of the parts, with the name of one that tells it.
fn suite(parts: &[Part]) -> Option<(&str, &PlanRecord)> {
    parts.iter().find_map(|(name, part)| Some((name.as_str(), part.plan.as_ref()?)))
}

fn other_suites(parts: &[Part]) -> Vec<String> {
    let Some((first, suite)) = suite(parts) else { return Vec::new() };
    let mut problems = Vec::new();
    for (name, part) in parts {
        if part.plan.as_ref().is_some_and(|plan| plan != suite) {
            problems.push(format!(
                "{first} and {name} are not of one suite: their experiments, probes, weights, floors, expected \
                 scores or allow-empty-targets differ"
            ));
            continue;
        }
        let strange =
            part.experiments.iter().filter(|experiment| !suite.experiments.contains(&experiment.name));
        problems.extend(strange.map(|experiment| {
            let experiment = plain(&experiment.name, LONGEST_NAME);
            format!("{name} has the experiment {experiment}, which is not in the suite of {first}")
        }));
    }
    problems
}

/// Which experiments of the suite no part has.
pub(super) fn missing(parts: &[Part]) -> Option<String> {
    let (_, suite) = suite(parts)?;
    let there: BTreeSet<&str> = parts
        .iter()
        .flat_map(|(_, part)| &part.experiments)
        .map(|experiment| experiment.name.as_str())
        .collect();
    let missing: Vec<String> = suite
        .experiments
        .iter()
        .filter(|name| !there.contains(name.as_str()))
        .map(|name| plain(name, LONGEST_NAME))
        .collect();
    let (told, more) = missing.split_at(missing.len().min(TOLD));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let (noun, verb) = if missing.len() == 1 { ("experiment", "is") } else { ("experiments", "are") };
    (!missing.is_empty())
        .then(|| format!("the {noun} {}{more} of the suite {verb} in none of the parts", told.join(", ")))
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
