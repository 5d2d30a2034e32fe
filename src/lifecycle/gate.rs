//! The decision: pure arithmetic on what is known of the experiments.

use crate::model::{ExperimentPlan, ExperimentResult, Gate, Plan, Score, Signal, Verdict, weighted_mean};

/// The score that an experiment must reach by itself: its own floor, or the run's where it is alone.
pub(super) fn floor(plan: &Plan, experiment: &ExperimentPlan) -> Option<Score> {
    experiment.expected.or_else(|| (plan.experiments.len() == 1).then_some(plan.expected))
}

pub(super) fn gate(plan: &Plan, experiments: &[ExperimentResult], signal: Option<Signal>) -> Gate {
    let score = weighted_mean(experiments.iter().map(|experiment| (experiment.score, experiment.weight)));
    let mut verdict = Verdict::of_run(experiments.iter().map(|experiment| experiment.verdict));
    let mut reasons: Vec<String> = experiments
        .iter()
        .filter(|experiment| experiment.verdict != Verdict::Passed)
        .map(|experiment| format!("{}: {}", experiment.name, experiment.reason))
        .collect();
    // A dry run measures nothing: it passes on its targets alone.
    if verdict == Verdict::Passed && !plan.dry_run {
        match score {
            None => {
                verdict = Verdict::Errored;
                reasons.push("the resilience score is not known".to_owned());
            }
            Some(score) if score < plan.expected => {
                verdict = Verdict::Failed;
                reasons.push(format!("the resilience score {score} is below the expected {}", plan.expected));
            }
            Some(score) => {
                reasons.push(format!("the resilience score {score} reaches the expected {}", plan.expected));
            }
        }
    }
    if reasons.is_empty() {
        reasons.extend(
            experiments.iter().map(|experiment| format!("{}: {}", experiment.name, experiment.reason)),
        );
    }
    Gate {
        verdict,
        exit_code: verdict.exit_code(signal),
        resilience_score: score,
        expected_resilience_score: plan.expected,
        reasons,
        signal,
    }
}
