//! The agreement of a control plane's word for a run with its own details. Pure. Where the word is better
//! than the details, nobody knows which of the two is true, so the run must not pass by it.

use super::course::{FaultCourse, has_failed, has_passed, has_stopped};
use super::execution::{Execution, ToldFault};
use super::manager::Run;
use super::weights::{self, Worth};
use faultgate_core::model::Score;
use faultgate_core::text::plain;

/// Most characters of a control plane's word that are shown.
const MAX_WORD_CHARS: usize = 100;

/// Returns the reason why the score of a completed run cannot be believed. `None` if its details bear it out.
pub(super) fn contradiction(run: &Run, score: Score, execution: Option<&Execution>) -> Option<String> {
    let by_details = execution.filter(|execution| execution.unreadable.is_none());
    by_details
        .and_then(|execution| by_counts(run, execution))
        .or_else(|| by_phase(run, score, by_details))
        .or_else(|| by_failures(score, execution?))
        .or_else(|| by_weights(score, by_details?))
}

/// Compares the counts with the verdicts in the details, which are of the same faults.
fn by_counts(run: &Run, execution: &Execution) -> Option<String> {
    let shown = |is: fn(&str) -> bool| -> u64 {
        let counted = execution.told.iter().filter_map(|told| told.counted.as_deref());
        counted.map(|verdict| u64::from(is(verdict))).sum()
    };
    let counts = [
        ("passed", run.counts.passed, shown(has_passed)),
        ("failed", run.counts.failed, shown(has_failed)),
        ("stopped", run.counts.stopped, shown(has_stopped)),
    ];
    let differs = counts.into_iter().find_map(|(word, told, shown)| {
        let told = told.filter(|told| *told != shown)?;
        Some(format!("it counts {told} {word} of its faults, and its details show {shown}"))
    });
    // A fault that is counted and named nowhere may weigh anything, so the score cannot be checked.
    let shown = u64::try_from(execution.told.len()).unwrap_or(u64::MAX);
    let more = run.counts.total.filter(|total| *total > shown);
    differs.or_else(|| {
        Some(format!("it counts {} faults in all, and its details and weights name {shown}", more?))
    })
}

/// Compares the run's word with its score. A run that was not all well has no full score, unless what failed
/// weighs nothing.
fn by_phase(run: &Run, score: Score, execution: Option<&Execution>) -> Option<String> {
    let failed_without_weight = |execution: &Execution| {
        execution.faults.iter().any(|fault| fault.weight == Some(0) && has_failed(&fault.verdict))
    };
    // Words such as `Completed_With_Probe_Failure` are open, so every one of that form counts.
    let troubled = run.phase.to_ascii_lowercase().contains("_with_") && score == Score::FULL;
    let contradicts = troubled && !execution.is_some_and(failed_without_weight);
    contradicts.then(|| format!("it is {}, and its score is 100", plain(&run.phase, MAX_WORD_CHARS)))
}

/// Compares a full score with the faults and probes that failed. Whatever failed and weighs something takes
/// from a score.
fn by_failures(score: Score, execution: &Execution) -> Option<String> {
    if score < Score::FULL {
        return None;
    }
    let weighing = || execution.faults.iter().enumerate().filter(|(_, fault)| fault.weight != Some(0));
    let failed_probe = weighing().find_map(|(_, fault)| {
        let probe = fault.probes.iter().find(|probe| has_failed(&probe.verdict))?;
        Some(format!("its score is 100, and the probe {} of {} failed", probe.name, fault.name))
    });
    let failed_fault = || {
        weighing().find_map(|(place, fault)| {
            let failed = has_failed(&fault.verdict) || execution.told.get(place).is_some_and(is_cut);
            failed.then(|| format!("its score is 100, and {} has the verdict {}", fault.name, fault.verdict))
        })
    };
    failed_probe.or_else(failed_fault)
}

fn is_cut(told: &ToldFault) -> bool {
    matches!(told.course, FaultCourse::Cut(_))
}

/// Compares the score with the one that the weights make. Nothing can be computed if there are probes of the
/// whole experiment, since their weight is not known.
fn by_weights(score: Score, execution: &Execution) -> Option<String> {
    if execution.has_probes_of_its_own() {
        return None;
    }
    let (worth, how) = match execution.worth? {
        Worth::Mean(worth) => (worth, "the weights and its faults' probes make"),
        Worth::Least(worth) => (worth, "without the weights, its faults' probes make no more sure than"),
        Worth::Weightless => return None,
    };
    let differs = !weights::bears_out(worth, score);
    differs.then(|| format!("its score is {score}, and {how} {worth}"))
}
