//! What the probes make of an experiment's score. Pure arithmetic.

use crate::engine::Judgement;
use crate::model::{Probe, Score, ScoreSource, Verdict, weighted_mean};

/// Probes that a reason names.
const NAMED: usize = 3;

/// Where an experiment completed and the engine has no score of its own, its probes are its score. What a stop
/// condition stopped, and what could not run, they do not change.
pub(super) fn measured(judged: &mut Judgement, probes: &[Probe]) {
    if probes.is_empty() || judged.score_source != Some(ScoreSource::Completion) {
        return;
    }
    judged.score = weighted_mean(probes.iter().map(|probe| (Some(probe.score), probe.weight)));
    judged.score_source = judged.score.map(|_| ScoreSource::Probes);
    if let Some(score) = judged.score {
        judged.reason = format!("{}; its probes score {score}", judged.reason);
    }
}

/// A score below the experiment's own floor is a weakness found.
pub(super) fn apply_floor(judged: &mut Judgement, floor: Option<Score>, probes: &[Probe]) {
    if let (Verdict::Passed, Some(score), Some(floor)) = (judged.verdict, judged.score, floor)
        && score < floor
    {
        judged.verdict = Verdict::Failed;
        let worst = match judged.score_source {
            Some(ScoreSource::Probes) => worst(probes),
            _ => String::new(),
        };
        judged.reason = format!("{}; its score {score} is below the expected {floor}{worst}", judged.reason);
    }
}

/// The probes that cost most.
fn worst(probes: &[Probe]) -> String {
    let lost = |probe: &Probe| (Score::FULL.get() - probe.score.get()) * f64::from(probe.weight);
    let mut failed: Vec<&Probe> = probes.iter().filter(|probe| lost(probe) > 0.0).collect();
    failed.sort_by(|one, other| lost(other).total_cmp(&lost(one)));
    let named = failed.iter().take(NAMED).map(|probe| {
        let why = match (probe.total, probe.last_failure()) {
            (0, _) => "it was never evaluated".to_owned(),
            (_, Some(why)) => format!("last {why}"),
            (_, None) => "no reason given".to_owned(),
        };
        format!("; {} passed {} of {} ({why})", probe.name, probe.passed, probe.total)
    });
    let more = failed.len().checked_sub(NAMED).filter(|more| *more > 0);
    named.chain(more.map(|more| format!("; and {more} more"))).collect()
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
