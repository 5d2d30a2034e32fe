//! The decision about a run: pure arithmetic on what is known of the experiments.
//!
//! A run passes only if every experiment passed and the weighted mean of their scores reaches the expected
//! score. Nothing that is not known ever makes a verdict better.

use super::guard;
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, Gate, Plan, RunComparison, RunResult, Score, Verdict, weighted_mean,
};

/// Number of tolerated experiments that are named.
const MAX_TOLERATED_NAMES: usize = 20;

/// Returns the score that an experiment must reach by itself: its own floor, or the one for all that name
/// none. An experiment without weight does not count in the mean, so it has no floor but its own.
pub(super) fn floor(plan: &Plan, experiment: &ExperimentPlan) -> Score {
    let of_each = if experiment.weight == 0 { Score::ZERO } else { plan.each.unwrap_or(plan.expected) };
    experiment.expected.unwrap_or(of_each)
}

/// Compares the experiments with those of the run that the plan names. A dry run measures nothing that could
/// be compared.
pub(super) fn comparison(plan: &Plan, experiments: &[ExperimentResult]) -> Option<RunComparison> {
    let compare_to = plan.compare_to.as_ref().filter(|_| !plan.dry_run)?;
    Some(compare_to.compare(experiments, !plan.is_part))
}

/// Decides about a result by its experiments: returns the verdict, the score, and the reasons for them. The
/// expected score and the signal are those of the gate that the result has so far; all else of that gate is
/// decided anew.
pub(super) fn decide(result: &RunResult) -> Gate {
    let RunResult { experiments, dry_run, rehearsal, comparison, findings, .. } = result;
    let Gate { expected_resilience_score: expected, signal, .. } = result.gate;
    let score = weighted_mean(result.deciding().map(|experiment| (experiment.score, experiment.weight)));
    let mut verdict = Verdict::of_run(result.deciding().map(|experiment| experiment.verdict));
    let tolerates = result.tolerates_errors();
    let mut culprits: Vec<&ExperimentResult> =
        result.worst_first().into_iter().map(|(_, experiment)| experiment).collect();
    culprits.retain(|experiment| match experiment.verdict {
        Verdict::Passed => false,
        Verdict::Errored => !tolerates,
        Verdict::Cancelled | Verdict::Failed | Verdict::TimedOut => true,
    });
    let mut reasons = guard::reasons_of_refused(findings);
    // An experiment whose halt a signal overtook has failed, and its run was cancelled all the same.
    let overtaken = experiments.iter().find_map(|experiment| experiment.stop.as_ref()?.signal);
    if let Some(signal) = overtaken {
        verdict = verdict.min(Verdict::Cancelled);
        reasons.push(format!("{} cancelled the run while a halt was under way", signal.as_str()));
    }
    // A refusal is the reason of each experiment, and need not be told for each.
    let told = guard::why_not_launched(findings).filter(|_| !reasons.is_empty());
    culprits.retain(|experiment| told.as_ref() != Some(&experiment.reason));
    reasons.extend(culprits.into_iter().map(|experiment| reason(experiment, experiments)));
    // A fault that may still be in comes first: statuses show only the first words.
    reasons.splice(..0, result.left_in());
    // The score of a run that was broken off or could not be judged has dropped for another reason.
    let excess = comparison.as_ref().and_then(RunComparison::excess);
    let excess = excess.filter(|_| matches!(verdict, Verdict::Passed | Verdict::Failed));
    // A dry run measures nothing, so it passes on its targets alone.
    if verdict == Verdict::Passed && !dry_run {
        match score {
            None => {
                verdict = Verdict::Errored;
                reasons.push("the resilience score is not known".to_owned());
            }
            Some(score) if score < expected => {
                verdict = Verdict::Failed;
                reasons.push(below(score, expected, experiments));
            }
            Some(_) if excess.is_some() => verdict = Verdict::Failed,
            Some(score) if experiments.len() > 1 => {
                reasons.push(format!("score {score} >= {expected}: {} passed", all_experiments(result)));
            }
            Some(_) => {}
        }
    }
    reasons.extend(excess.map(|excess| excess.to_string()));
    reasons.extend(tolerated(result));
    if reasons.is_empty() {
        reasons.extend(experiments.iter().map(|experiment| reason(experiment, experiments)));
    }
    if let Some(rehearsal) = rehearsal {
        // The note stands among the reasons because every report and output shows these.
        reasons.push(format!("rehearsal (scenario {}): {}", rehearsal.scenario, rehearsal.note));
    }
    Gate {
        verdict,
        exit_code: verdict.exit_code(signal.or(overtaken)),
        resilience_score: score,
        expected_resilience_score: expected,
        reasons,
        signal,
    }
}

/// Returns the words for the experiments that decide.
fn all_experiments(result: &RunResult) -> String {
    if result.tolerates_errors() {
        format!("{} of {} experiments", result.deciding().count(), result.experiments.len())
    } else {
        format!("all {} experiments", result.experiments.len())
    }
}

/// Returns the reason that names the errored experiments which do not decide, if there are some.
fn tolerated(result: &RunResult) -> Option<String> {
    let most = result.tolerate.filter(|_| result.tolerates_errors())?;
    let errored = result.experiments.iter().filter(|experiment| experiment.verdict == Verdict::Errored);
    let names: Vec<&str> = errored.map(|experiment| experiment.name.as_str()).collect();
    let told = names.iter().take(MAX_TOLERATED_NAMES).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MAX_TOLERATED_NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let (count, all) = (names.len(), result.experiments.len());
    Some(format!("tolerated: {count} of {all} experiments errored, and {most} % may: {told}{more}"))
}

/// Returns an experiment's reason, with its name where there are other experiments.
fn reason(experiment: &ExperimentResult, all: &[ExperimentResult]) -> String {
    if all.len() == 1 {
        experiment.reason.clone()
    } else {
        format!("{}: {}", experiment.name, experiment.reason)
    }
}

/// Returns the reason of a mean below what was expected although each experiment reaches its own floor: it
/// names the experiment that cost most.
fn below(score: Score, expected: Score, experiments: &[ExperimentResult]) -> String {
    let lost = |one: &ExperimentResult| {
        one.score.map_or(0.0, |score| (Score::FULL.get() - score.get()) * f64::from(one.weight))
    };
    let worst = experiments.iter().max_by(|one, other| lost(one).total_cmp(&lost(other)));
    let worst = worst.map(|worst| {
        // The experiment has reached a floor of its own, which is not what the run has missed.
        let reached = worst.reason.strip_prefix("score ").and_then(|reason| reason.split_once(": "));
        let because = reached.map_or(worst.reason.as_str(), |(_, because)| because);
        if experiments.len() == 1 { because.to_owned() } else { format!("{}: {because}", worst.name) }
    });
    format!("score {score} < {expected}: {}", worst.unwrap_or_default())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
