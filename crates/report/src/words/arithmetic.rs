//! Words for the arithmetic of a score, from the samples to the run, which every report has in common.

use faultgate_core::model::{
    ExperimentResult, Phase, PhaseEvaluations, Probe, RunResult, Score, ScoreSource,
};

/// Writes the evaluations of a probe as a sum: `9 of 10 looks that count passed = 90 (12 of 15 in all)`.
pub(crate) fn of_probe(probe: &Probe) -> String {
    let all = format!("{} of {}", probe.passed, probe.total);
    if let Some(phase) = probe.unevaluated {
        let when = if phase == Phase::After { "after the end" } else { "while the fault was in" };
        let evaluations = if probe.total == 0 { String::new() } else { format!(" ({all} looks in all)") };
        return format!("never evaluated {when} = {}{evaluations}", probe.score);
    }
    if probe.counted == 0 {
        return format!("{all} looks passed before the launch; no look counts");
    }
    let in_all = if probe.counted == probe.total { String::new() } else { format!(" ({all} in all)") };
    format!("{} of {} looks that count passed = {}{in_all}", probe.passed_counted, probe.counted, probe.score)
}

/// Writes the success rate of each phase that has evaluations:
/// `100 % before, 66.66 % during (p50 40 ms, p95 80 ms, at most 90 ms), 100 % after`.
pub(crate) fn of_phases(probe: &Probe) -> String {
    let phases = Phase::ALL.map(|phase| (probe.phases.get(phase), phase.as_str()));
    let seen = phases.into_iter().filter(|(evaluations, _)| evaluations.total > 0);
    let share = |evaluations: PhaseEvaluations| Score::of_share(evaluations.passed, evaluations.total);
    seen.map(|(evaluations, when)| format!("{} % {when}{}", share(evaluations), latencies(evaluations)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes the latencies of one phase in milliseconds, or nothing if its evaluations have none.
fn latencies(evaluations: PhaseEvaluations) -> String {
    match (evaluations.p50_ms, evaluations.p95_ms, evaluations.max_ms) {
        (Some(p50), Some(p95), Some(max)) => format!(" (p50 {p50} ms, p95 {p95} ms, at most {max} ms)"),
        _ => String::new(),
    }
}

/// Writes the score of an experiment as a sum, `(90 × 5 + 100 × 10) / 15 = 96.66`, or says where else it
/// comes from.
pub(crate) fn of_experiment(experiment: &ExperimentResult) -> String {
    let Some(score) = experiment.score else {
        return "no score: it could not be judged".to_owned();
    };
    match experiment.score_source {
        Some(ScoreSource::Probes) => {
            // A probe of weight 0 only watches; its term would add nothing.
            let scored = experiment.probes.iter().filter(|probe| probe.weight > 0);
            let parts = scored.map(|probe| (Some(probe.score), probe.weight));
            mean(&parts.collect::<Vec<_>>(), Some(score))
        }
        Some(ScoreSource::Engine) => format!("{score}, the score of the engine"),
        Some(ScoreSource::StopCondition) => format!("{score}, since a stop condition fired"),
        Some(ScoreSource::Halt) => format!("{score}, since a probe with aborts-after stopped it"),
        Some(ScoreSource::Completion) => format!("{score}, since it completed and has no probes"),
        None => score.to_string(),
    }
}

/// Writes the score of the run as a sum.
pub(crate) fn of_run(result: &RunResult) -> String {
    let parts = result.experiments.iter().map(|experiment| (experiment.score, experiment.weight));
    mean(&parts.collect::<Vec<_>>(), result.gate.resilience_score)
}

/// Writes out the weighted mean of scores. Nobody reads more than a few terms, so the rest is only counted.
fn mean(parts: &[(Option<Score>, u32)], score: Option<Score>) -> String {
    const MAX_TERMS: usize = 20;
    let weights: u64 = parts.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut terms: Vec<String> = parts
        .iter()
        .take(MAX_TERMS)
        .map(|(score, weight)| {
            let score = score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
            format!("{score} × {weight}")
        })
        .collect();
    if parts.len() > MAX_TERMS {
        terms.push(format!("… {} more", parts.len() - MAX_TERMS));
    }
    let score = score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    format!("({}) / {weights} = {score}", terms.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    #[test]
    fn each_step_is_written_out() {
        let result = results::probed();
        let [measured, plain] = &result.experiments[..] else { panic!("two experiments") };
        assert_eq!(of_probe(&measured.probes[0]), "9 of 10 looks that count passed = 90");
        assert_eq!(of_probe(&measured.probes[2]), "never evaluated while the fault was in = 0");
        assert_eq!(of_phases(&measured.probes[0]), "90 % during (p50 12 ms, p95 20 ms, at most 21 ms)");
        assert_eq!(of_phases(&measured.probes[2]), "");
        assert_eq!(of_experiment(measured), "(90 × 5 + 100 × 10 + 0 × 1) / 16 = 90.62");
        assert_eq!(of_experiment(plain), "100, since it completed and has no probes");
        assert_eq!(of_run(&result), "(90.62 × 10 + 100 × 30) / 40 = 97.65");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let result = results::mixed();
        assert_eq!(of_run(&result), "(100 × 10 + 0 × 10 + unknown × 10 + unknown × 10) / 40 = unknown");
    }
}
