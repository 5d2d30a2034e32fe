//! The merge of several results into one, as if their experiments had been one run: the parts of a suite that
//! was split over jobs.
//!
//! Only parts of one run and one suite are merged, and a suite of which a part is missing or doubled is
//! refused. The gate decides anew about the whole.

use std::collections::{BTreeMap, BTreeSet};

use super::gate::decide;
use super::parts;
use faultgate_core::model::{CompareTo, ExperimentResult, Gate, RunResult, Shard, ToolInfo, Verdict};

/// Merges results, each with the name of its origin. The shards of a suite may come in any order; other
/// results stay in the order given. The whole is compared anew, whatever the parts were compared with.
///
/// # Errors
///
/// Each error says by itself why these are not the parts of one run.
pub fn merge(
    mut parts: Vec<(String, RunResult)>,
    compare_to: Option<&CompareTo>,
) -> Result<RunResult, Vec<String>> {
    let problems = problems(&parts);
    if !problems.is_empty() {
        return Err(problems);
    }
    parts.sort_by_key(|(_, part)| part.run.shard);
    let refusals: Vec<Refusal> = parts.iter().filter_map(|(name, part)| Refusal::find(name, part)).collect();
    let mut parts = parts.into_iter().map(|(_, part)| part);
    let Some(mut whole) = parts.next() else { return Err(vec!["there is no result to merge".to_owned()]) };
    let mut rows = vec![std::mem::take(&mut whole.experiments)];
    for part in parts {
        rows.push(add(&mut whole, part));
    }
    whole.experiments =
        if whole.run.shard.take().is_some() { in_turn(rows) } else { rows.into_iter().flatten().collect() };
    whole.faultgate = ToolInfo::current();
    let compare_to = compare_to.filter(|_| !whole.dry_run);
    whole.comparison = compare_to.map(|compare_to| compare_to.compare(&whole.experiments, true));
    whole.gate = decide(&whole);
    for refusal in refusals {
        refusal.apply(&mut whole.gate);
    }
    Ok(whole)
}

/// Adds what does not depend on the order of the parts, and returns the experiments, for which the order
/// matters.
fn add(whole: &mut RunResult, part: RunResult) -> Vec<ExperimentResult> {
    whole.started_at = whole.started_at.min(part.started_at);
    whole.ended_at = whole.ended_at.max(part.ended_at);
    whole.gate.signal = whole.gate.signal.or(part.gate.signal);
    whole.plan = whole.plan.take().or(part.plan);
    if whole.run.url != part.run.url {
        // Each job has a page of its own, and none of these is the page of all.
        whole.run.url = None;
    }
    // All parts have checked the same account, so most findings are equal.
    for finding in part.findings {
        if !whole.findings.contains(&finding) {
            whole.findings.push(finding);
        }
    }
    whole.subscriptions.extend(part.subscriptions);
    whole.reporting.extend(part.reporting);
    for (operation, calls) in part.api_calls {
        let sum = whole.api_calls.entry(operation).or_default();
        *sum = sum.saturating_add(calls);
    }
    part.experiments
}

/// Takes one item of each row in turn until none is left: the reverse of [`Shard::takes`].
fn in_turn<T>(rows: Vec<Vec<T>>) -> Vec<T> {
    let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(rows.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

/// A `no` of a part's gate although its experiments alone would have passed: a required report is missing. A
/// refusal of a part refuses the whole.
struct Refusal {
    verdict: Verdict,
    reason: String,
}

impl Refusal {
    /// Returns the refusal of a part, if there is one.
    fn find(name: &str, part: &RunResult) -> Option<Self> {
        let refused = part.gate.verdict != Verdict::Passed && decide(part).verdict == Verdict::Passed;
        refused.then(|| {
            let verdict = part.gate.verdict;
            let told = part.gate.reasons.first().filter(|reason| !reason.is_empty());
            let why = told.map_or("it does not say why", String::as_str);
            Self { verdict, reason: format!("the part {name} is {verdict}: {why}") }
        })
    }

    /// Makes a gate's verdict at least as bad as the refusal.
    fn apply(self, gate: &mut Gate) {
        // Verdicts are ordered by weight: the first one that occurs is the run's.
        gate.verdict = gate.verdict.min(self.verdict);
        gate.exit_code = gate.verdict.exit_code(gate.signal);
        gate.reasons.insert(0, self.reason);
    }
}

/// Returns all reasons why these are not the parts of one run.
fn problems(parts: &[(String, RunResult)]) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(((first_name, first), others)) = parts.split_first() else { return problems };
    for (name, part) in others {
        let mut differ = |same: bool, what: &str| {
            if !same {
                problems.push(format!("{first_name} and {name} are not of one run: {what}"));
            }
        };
        let (a, b) = (first.gate.expected_resilience_score, part.gate.expected_resilience_score);
        differ(a == b, &format!("the one expects a resilience score of {a}, the other of {b}"));
        differ(first.scoring == part.scoring, "they are scored by different rules");
        differ(first.dry_run == part.dry_run, "only one of them is a dry run");
        differ(first.rehearsal == part.rehearsal, "they are no rehearsals of the same scenario");
    }
    problems.extend(parts::problems(parts));
    problems.extend(same_names(parts));
    problems.extend(shards(parts));
    problems.extend(parts::missing(parts));
    problems
}

/// Says which experiments are in more than one part.
fn same_names(parts: &[(String, RunResult)]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, part) in parts {
        for experiment in &part.experiments {
            if let Some(first) = seen.insert(&experiment.name, name) {
                problems.push(format!("the experiment {} is in {first} and in {name}", experiment.name));
            }
        }
    }
    problems
}

/// Says which shards are missing, doubled, or of another number of shards.
fn shards(parts: &[(String, RunResult)]) -> Vec<String> {
    let known: Vec<(&str, Shard)> =
        parts.iter().filter_map(|(name, part)| Some((name.as_str(), part.run.shard?))).collect();
    let Some((first_name, first)) = known.first() else { return Vec::new() };
    let mut problems = Vec::new();
    for (name, part) in parts {
        match part.run.shard {
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
#[path = "merge_tests.rs"]
mod tests;
