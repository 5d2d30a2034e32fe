//! A control plane's word for a run and its own details must agree: where the word is better, nobody knows which of the two
//! is true. Pure.

use super::course::{Course, has_failed, has_passed, has_stopped};
use super::execution::{Execution, Told};
use super::manager::Run;
use super::weights::{self, Worth};
use faultgate_core::model::Score;
use faultgate_core::text::plain;

/// Characters of a control plane's word.
const WORD: usize = 100;

/// Why the score of a run that has completed cannot be believed. None where its details bear it out.
pub(super) fn contradiction(run: &Run, score: Score, execution: Option<&Execution>) -> Option<String> {
    let by_details = execution.filter(|execution| execution.unreadable.is_none());
    by_details
        .and_then(|execution| by_counts(run, execution))
        .or_else(|| by_phase(run, score, by_details))
        .or_else(|| by_failures(score, execution?))
        .or_else(|| by_weights(score, by_details?))
}

/// The counts are of the same faults.
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
    // How much a fault weighs that is counted and named nowhere is not known.
    let shown = u64::try_from(execution.told.len()).unwrap_or(u64::MAX);
    let more = run.counts.total.filter(|total| *total > shown);
    differs.or_else(|| {
        Some(format!("it counts {} faults in all, and its details and weights name {shown}", more?))
    })
}

/// A run whose word is that not all was well has no full score, but where what failed weighs nothing.
fn by_phase(run: &Run, score: Score, execution: Option<&Execution>) -> Option<String> {
    let failed_without_weight = |execution: &Execution| {
        execution.faults.iter().any(|fault| fault.weight == Some(0) && has_failed(&fault.verdict))
    };
    let troubled = run.phase.to_ascii_lowercase().contains("_with_") && score == Score::FULL;
    let contradicts = troubled && !execution.is_some_and(failed_without_weight);
    contradicts.then(|| format!("it is {}, and its score is 100", plain(&run.phase, WORD)))
}

/// What failed and weighs something takes from a score.
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

fn is_cut(told: &Told) -> bool {
    matches!(told.course, Course::Cut(_))
}

/// How probes of the whole experiment weigh is not known, so nothing can be computed where there are some.
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
