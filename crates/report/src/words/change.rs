//! Words for the changes since an earlier run, which every report has in common. A change has a sign or a
//! word, and never a colour alone.

use faultgate_core::model::{
    ExperimentChange, Presence, ProbeChange, RunComparison, RunResult, Score, ScoreChange, Verdict,
    VerdictChange,
};

/// Writes both scores and the change: `92 → 81.5, −10.5`.
pub(crate) fn of_scores(score: ScoreChange) -> String {
    let (earlier, now) = (write_score(score.earlier()), write_score(score.now()));
    match write_change(score) {
        Some(change) => format!("{earlier} → {now}, {change}"),
        None => format!("{earlier} → {now}"),
    }
}

/// Writes the change of a score: `−10.5`, `+3` or `no change`. Returns `None` if one of the scores is not
/// known.
pub(crate) fn write_change(score: ScoreChange) -> Option<String> {
    let change = score.change()?;
    Some(match change {
        0.0 => "no change".to_owned(),
        _ if change < 0.0 => format!("−{}", -change),
        _ => format!("+{change}"),
    })
}

/// Writes the change of an experiment. It says so if only one of the runs had the experiment.
pub(crate) fn of_experiment(change: &ExperimentChange) -> String {
    match change.presence {
        Presence::Both => of_scores(change.score),
        Presence::New => format!("new, {}", write_score(change.score.now())),
        Presence::Gone => format!("gone, was {}", write_score(change.score.earlier())),
    }
}

/// Writes the change of the experiment of this name, or nothing if it was not compared.
pub(crate) fn of_named(result: &RunResult, experiment: &str) -> String {
    let change = result.comparison.as_ref().and_then(|comparison| comparison.find(experiment));
    change.map_or_else(String::new, of_experiment)
}

/// Writes the change of the run, with the drop that is allowed. Returns `None` for a shard, whose score is
/// not the suite's.
pub(crate) fn of_run(comparison: &RunComparison) -> Option<String> {
    let scores = of_scores(comparison.score?);
    let allowed = comparison.max_score_drop.map(|allowed| format!(" (max-score-drop {allowed})"));
    let rules = comparison.rules_differ().then_some("; the earlier run was scored by other rules");
    Some(format!("{scores}{}{}", allowed.unwrap_or_default(), rules.unwrap_or_default()))
}

/// Writes the change of a verdict: `passed → failed`, or one word if both runs have the same verdict.
pub(crate) fn of_verdict(verdict: VerdictChange) -> String {
    let word = |verdict: Option<Verdict>| verdict.map_or("–", Verdict::as_str);
    match (verdict.earlier, verdict.now) {
        (Some(earlier), Some(now)) if earlier == now => now.as_str().to_owned(),
        (earlier, now) => format!("{} → {}", word(earlier), word(now)),
    }
}

/// Returns the probes whose scores have changed. An experiment that only one of the runs had has none.
pub(crate) fn changed_probes(change: &ExperimentChange) -> impl Iterator<Item = &ProbeChange> {
    let both = change.presence == Presence::Both;
    change.probes.iter().filter(move |probe| both && probe.score.has_changed())
}

/// Writes a score that may not be known.
pub(crate) fn write_score(score: Option<Score>) -> String {
    score.map_or_else(|| "unknown".to_owned(), |score| score.to_string())
}

/// Writes the score of a probe. A probe that was not there, or whose experiment was not launched, was not
/// measured.
pub(crate) fn write_probe_score(score: Option<Score>) -> String {
    score.map_or_else(|| "not measured".to_owned(), |score| score.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(earlier: Option<f64>, now: Option<f64>) -> ScoreChange {
        ScoreChange::new(earlier.and_then(Score::new), now.and_then(Score::new))
    }

    #[test]
    fn a_change_has_a_sign_or_a_word() {
        for (earlier, now, told) in [
            (Some(92.0), Some(81.5), "92 → 81.5, −10.5"),
            (Some(81.5), Some(92.0), "81.5 → 92, +10.5"),
            (Some(92.0), Some(92.0), "92 → 92, no change"),
            (Some(92.0), None, "92 → unknown"),
            (None, Some(92.0), "unknown → 92"),
            (None, None, "unknown → unknown"),
            // Scores are compared as they are shown, with two decimals.
            (Some(66.666_666), Some(66.669), "66.66 → 66.66, no change"),
            (Some(0.3), Some(0.1), "0.3 → 0.1, −0.2"),
        ] {
            assert_eq!(of_scores(change(earlier, now)), told);
        }
    }

    #[test]
    fn what_one_run_had_alone_is_said() {
        let one = |presence, score| ExperimentChange {
            name: "az".to_owned(),
            presence,
            score,
            verdict: VerdictChange { earlier: None, now: Some(Verdict::Passed) },
            probes: Vec::new(),
        };
        assert_eq!(of_experiment(&one(Presence::New, change(None, Some(90.0)))), "new, 90");
        assert_eq!(of_experiment(&one(Presence::Gone, change(Some(90.0), None))), "gone, was 90");
        assert_eq!(of_verdict(one(Presence::New, change(None, None)).verdict), "– → passed");
    }
}
