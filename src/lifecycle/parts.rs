//! The check that several results are all the parts of one suite and of one run, by what they say themselves.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use faultgate_core::model::{PlanRecord, RunResult, SCORING};
use faultgate_core::text::plain;

/// A result with the name of its origin.
type NamedResult = (String, RunResult);

/// Time between the starts of parts that no CI ties to one run. Parts further apart are not taken for one
/// run.
const MAX_START_DIFFERENCE: SignedDuration = SignedDuration::from_hours(24);
/// Number of experiments that a message names.
const MAX_NAMES: usize = 20;
/// Number of characters of an experiment's name in a message.
const MAX_NAME_CHARS: usize = 80;

/// Returns the reasons why these are not all the parts of one suite.
pub(super) fn problems(parts: &[NamedResult]) -> Vec<String> {
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

/// Says that two parts began too far apart. The run's id ties parts together; only without one their starts
/// have to do that.
fn long_apart(one: &RunResult, other: &RunResult) -> Option<String> {
    let is_told = one.run.pipeline.is_some() || other.run.pipeline.is_some();
    let apart = one.started_at.duration_since(other.started_at).abs();
    (!is_told && apart > MAX_START_DIFFERENCE)
        .then(|| format!("they began {} hours apart, and no CI says which run they are of", apart.as_hours()))
}

/// Returns `true` if a part that should tell its suite does not. Versions that scored by the first rules did
/// not note the suite; any other part without it was changed.
fn is_planless(part: &RunResult) -> bool {
    part.plan.is_none() && part.scoring >= SCORING
}

/// Returns the suite of the parts, with the name of a part that tells it.
fn suite(parts: &[NamedResult]) -> Option<(&str, &PlanRecord)> {
    parts.iter().find_map(|(name, part)| Some((name.as_str(), part.plan.as_ref()?)))
}

/// Returns the reasons why parts belong to different suites.
fn other_suites(parts: &[NamedResult]) -> Vec<String> {
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
            let experiment = plain(&experiment.name, MAX_NAME_CHARS);
            format!("{name} has the experiment {experiment}, which is not in the suite of {first}")
        }));
    }
    problems
}

/// Says which experiments of the suite are in none of the parts.
pub(super) fn missing(parts: &[NamedResult]) -> Option<String> {
    let (_, suite) = suite(parts)?;
    let present: BTreeSet<&str> = parts
        .iter()
        .flat_map(|(_, part)| &part.experiments)
        .map(|experiment| experiment.name.as_str())
        .collect();
    let missing: Vec<String> = suite
        .experiments
        .iter()
        .filter(|name| !present.contains(name.as_str()))
        .map(|name| plain(name, MAX_NAME_CHARS))
        .collect();
    let (told, more) = missing.split_at(missing.len().min(MAX_NAMES));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let (noun, verb) = if missing.len() == 1 { ("experiment", "is") } else { ("experiments", "are") };
    (!missing.is_empty())
        .then(|| format!("the {noun} {}{more} of the suite {verb} in none of the parts", told.join(", ")))
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
