//! The attempts at one part, and what counts of them: the attempt that began last, unless that would hide a fault
//! that may still be in, or a failure that no later attempt has undone by passing.

use super::trouble::{self, MergeTrouble};
use crate::session::provenance::find_differences;
use crate::session::rendering::OTHER_RUN_HINT;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{ExperimentResult, Finding, Level, RunIdentity, RunResult, Verdict};

/// One attempt at a part.
#[derive(Debug)]
pub(super) struct PartAttempt {
    pub(super) name: String,
    /// Number of the attempt, as its name tells it.
    pub(super) number: u32,
    pub(super) result: RunResult,
}

/// A result that counts, with its name, and notes about the attempts that do not.
type ChosenAttempt = (String, RunResult, Vec<Finding>);

/// Chooses the attempt of a part that counts: the one that began last. All attempts must be of this run.
pub(super) fn choose_attempt(
    attempts: Vec<Result<PartAttempt, MergeTrouble>>,
    here: &RunIdentity,
) -> Result<ChosenAttempt, Vec<MergeTrouble>> {
    let (mut read, mut troubles) = (Vec::new(), Vec::new());
    for attempt in attempts {
        match attempt {
            Ok(attempt) => {
                let run = &attempt.result.run;
                troubles.extend(trouble::all(find_differences(&attempt.name, run, here, OTHER_RUN_HINT)));
                read.push(attempt);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    if !troubles.is_empty() {
        return Err(troubles);
    }
    read.sort_by_key(|attempt| (attempt.result.started_at, attempt.number));
    let Some(mut last) = read.pop() else { return Err(Vec::new()) };
    let mut notes = Vec::new();
    for PartAttempt { name, result, .. } in &read {
        if !is_same_part(result, &last.result) {
            let what = format!(
                "{name} and {} are attempts of one part, and differ in their experiments, their suite, their \
                 expected score, or in whether they are a rehearsal or a dry run",
                last.name
            );
            let mistake = Mistake::new(&last.name, what).hint("give each suite a folder of its own");
            return Err(vec![mistake.into()]);
        }
        let began_later = result.started_at < last.result.started_at;
        let why = if began_later { "which began later" } else { "whose number is higher" };
        let message = format!("an earlier attempt was {}; {} counts, {why}", result.gate.verdict, last.name);
        notes.push(Finding::new(Level::Warning, name.clone(), message));
    }
    keep_what_is_not_undone(&mut last.result, &last.name, &read);
    Ok((last.name, last.result, notes))
}

/// Returns `true` if these are attempts at the same thing, so that the later one may take the earlier one's
/// place.
fn is_same_part(one: &RunResult, other: &RunResult) -> bool {
    let digest = |result: &RunResult| result.plan.as_ref().map(|plan| plan.digest.clone());
    list_names(one) == list_names(other)
        && digest(one) == digest(other)
        && one.rehearsal == other.rehearsal
        && one.dry_run == other.dry_run
        && one.gate.expected_resilience_score == other.gate.expected_resilience_score
}

fn list_names(result: &RunResult) -> Vec<&str> {
    result.experiments.iter().map(|experiment| experiment.name.as_str()).collect()
}

/// Puts into the last attempt what it does not undo of the earlier ones.
fn keep_what_is_not_undone(last: &mut RunResult, last_name: &str, earlier: &[PartAttempt]) {
    for (place, experiment) in last.experiments.iter_mut().enumerate() {
        let before = earlier.iter().rev();
        let before =
            before.filter_map(|attempt| Some((&*attempt.name, attempt.result.experiments.get(place)?)));
        let attempts: Vec<_> = std::iter::once((last_name, &*experiment)).chain(before).collect();
        if let Some(counting) = join_what_counts(&attempts) {
            *experiment = counting;
        }
    }
    if last.experiments.iter().any(|experiment| experiment.verdict == Verdict::Cancelled) {
        let signal = earlier.iter().rev().find_map(|attempt| attempt.result.gate.signal);
        last.gate.signal = last.gate.signal.or(signal);
    }
}

/// Joins what counts of the attempts at an experiment, which come with their names, the last one first. None if the
/// last one alone counts.
fn join_what_counts(attempts: &[(&str, &ExperimentResult)]) -> Option<ExperimentResult> {
    let last = attempts.first()?;
    // Only an attempt that passes undoes what an earlier one has found. Of equals the last one counts.
    let worst = attempts.iter().min_by_key(|(_, one)| severity(one))?;
    let deciding = if last.1.verdict == Verdict::Passed { last } else { worst };
    // No later attempt says that the fault of an earlier one has gone.
    let left = attempts.iter().filter(|(_, one)| one.may_be_in());
    let is_told_by_left = deciding.1.may_be_in() || deciding.1.verdict == Verdict::Passed;
    let counting: Vec<_> = left.chain((!is_told_by_left).then_some(deciding)).collect();
    let taken = counting.iter().filter(|(name, _)| *name != last.0);
    let taken = taken.map(|(name, one)| {
        let why =
            if one.may_be_in() { "its fault may still be in" } else { "the last attempt has not passed" };
        format!("the attempt {name} counts: {why}")
    });
    let taken: Vec<String> = taken.collect();
    let first = counting.first().filter(|_| !taken.is_empty())?.1;
    let mut reasons: Vec<&str> = counting.iter().map(|(_, one)| one.reason.as_str()).collect();
    reasons.dedup();
    Some(ExperimentResult {
        verdict: counting.iter().map(|(_, one)| one.verdict).min()?,
        reason: reasons.join("; "),
        warnings: first.warnings.iter().cloned().chain(taken).collect(),
        ..first.clone()
    })
}

/// Returns the key by which the worst attempt is the smallest.
fn severity(one: &ExperimentResult) -> (bool, Verdict, bool) {
    (one.verdict != Verdict::Failed, one.verdict, one.may_be_tolerated())
}

#[cfg(test)]
#[path = "attempts_tests.rs"]
mod tests;
