//! How the score came about, from the samples to the run: the same words in every report.

use crate::model::{ExperimentResult, Probe, RunResult, Score, ScoreSource};

/// `9 of 10 passed = 90`
pub(super) fn of_probe(probe: &Probe) -> String {
    if probe.total == 0 {
        return "never evaluated = 0".to_owned();
    }
    format!("{} of {} passed = {}", probe.passed, probe.total, probe.score)
}

/// `(90 × 5 + 100 × 10) / 15 = 96.66`, or where else the score is from.
pub(super) fn of_experiment(experiment: &ExperimentResult) -> String {
    let Some(score) = experiment.score else {
        return "no score: it could not be judged".to_owned();
    };
    match experiment.score_source {
        Some(ScoreSource::Probes) => {
            let parts = experiment.probes.iter().map(|probe| (Some(probe.score), probe.weight));
            mean(&parts.collect::<Vec<_>>(), Some(score))
        }
        Some(ScoreSource::Engine) => format!("{score}, the score of the engine"),
        Some(ScoreSource::StopCondition) => format!("{score}, since a stop condition fired"),
        Some(ScoreSource::Abort) => format!("{score}, since a probe with aborts-after stopped it"),
        Some(ScoreSource::Completion) => format!("{score}, since it completed and has no probes"),
        None => score.to_string(),
    }
}

pub(super) fn of_run(result: &RunResult) -> String {
    let parts = result.experiments.iter().map(|experiment| (experiment.score, experiment.weight));
    mean(&parts.collect::<Vec<_>>(), result.gate.resilience_score)
}

/// The weighted mean of scores, written out; longer than a few parts nobody reads.
fn mean(parts: &[(Option<Score>, u32)], score: Option<Score>) -> String {
    const PARTS: usize = 20;
    let weights: u64 = parts.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut terms: Vec<String> = parts
        .iter()
        .take(PARTS)
        .map(|(score, weight)| {
            let score = score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
            format!("{score} × {weight}")
        })
        .collect();
    if parts.len() > PARTS {
        terms.push(format!("… {} more", parts.len() - PARTS));
    }
    let score = score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    format!("({}) / {weights} = {score}", terms.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn each_step_is_written_out() {
        let result = samples::probed();
        let [measured, plain] = &result.experiments[..] else { panic!("two experiments") };
        assert_eq!(of_probe(&measured.probes[0]), "9 of 10 passed = 90");
        assert_eq!(of_probe(&measured.probes[2]), "never evaluated = 0");
        assert_eq!(of_experiment(measured), "(90 × 5 + 100 × 10 + 0 × 1) / 16 = 90.62");
        assert_eq!(of_experiment(plain), "100, since it completed and has no probes");
        assert_eq!(of_run(&result), "(90.62 × 10 + 100 × 30) / 40 = 97.65");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let result = samples::mixed();
        assert_eq!(of_run(&result), "(100 × 10 + 0 × 10 + unknown × 10 + unknown × 10) / 40 = unknown");
    }
}
