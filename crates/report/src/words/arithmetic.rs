//! Words for the arithmetic of a score, from the samples to the run, which every report has in common.

use faultgate_core::duration::{coarse, fine, from_millis};
use faultgate_core::model::{
    AlarmInterval, ExperimentResult, Phase, PhaseEvaluations, Probe, RunResult, Score, ScoreSource,
};

/// Number of intervals of one alarm that are written out.
const MAX_INTERVALS: usize = 10;

/// Writes the evaluations of a probe as a sum: `9 of 10 looks that count passed = 90 (12 of 15 in all)`.
pub(crate) fn of_probe(probe: &Probe, experiment: &ExperimentResult) -> String {
    if let (None, Some(time)) = (probe.unevaluated, &probe.by_time) {
        let ok = coarse(from_millis(time.ok_ms));
        let failed_after = match time.failed_after_ms {
            0 => String::new(),
            more => format!(" and of {} for the failure after the end", coarse(from_millis(more))),
        };
        let fault = coarse(from_millis(time.fault_ms));
        return format!("measured by time: in OK for {ok} of {fault}{failed_after} = {}", probe.score);
    }
    let all = format!("{} of {}", probe.passed, probe.total);
    if let Some(phase) = probe.unevaluated {
        let when = if phase == Phase::After { "after the end" } else { "while the fault was in" };
        let score = score_of_probe(probe, experiment);
        let is = score.map(|score| format!(" = {score}")).unwrap_or_default();
        if let Some(why) = &probe.unmeasured {
            return format!("not measured {when}{is} ({why})");
        }
        let evaluations = if probe.total == 0 { String::new() } else { format!(" ({all} looks in all)") };
        return format!("never evaluated {when}{is}{evaluations}");
    }
    if probe.counted == 0 {
        return format!("{all} looks passed before the launch; no look counts");
    }
    let in_all = if probe.counted == probe.total { String::new() } else { format!(" ({all} in all)") };
    format!("{} of {} looks that count passed = {}{in_all}", probe.passed_counted, probe.counted, probe.score)
}

/// Returns the score of a probe, or `None` of one that measured nothing in an experiment without a score: it
/// is nobody's 0.
pub(crate) fn score_of_probe(probe: &Probe, experiment: &ExperimentResult) -> Option<Score> {
    let has_measured = probe.counted > 0 || probe.by_time.is_some() || experiment.score.is_some();
    has_measured.then_some(probe.score)
}

/// Writes the intervals in which an alarm that was measured by time was not in OK, and what else is to be
/// told of its measure, a sentence for each.
pub(crate) fn of_intervals(probe: &Probe) -> Vec<String> {
    let Some(time) = &probe.by_time else { return Vec::new() };
    let mut sentences: Vec<String> = time.not_ok.iter().take(MAX_INTERVALS).map(of_interval).collect();
    let more = (time.not_ok.len() as u64).saturating_sub(MAX_INTERVALS as u64) + time.left_out;
    if more > 0 {
        sentences.push(format!("and {more} more intervals that were not in OK"));
    }
    if time.lost_events > 0 {
        let lost = time.lost_events;
        sentences.push(format!("changes that CloudWatch's history has and no event told: {lost}"));
    }
    sentences
}

fn of_interval(interval: &AlarmInterval) -> String {
    let lasted = coarse(interval.to.duration_since(interval.from));
    let reason = interval.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("not in OK from {:.0} for {lasted} ({}{reason})", interval.from, interval.state)
}

/// Writes the availability in each phase that has looks:
/// `100 % before, 66.66 % during (p50 40ms, p95 80ms, at most 90ms), 100 % after`.
pub(crate) fn of_phases(probe: &Probe) -> String {
    let phases = Phase::ALL.map(|phase| (probe.phases.get(phase), phase.as_str()));
    let seen = phases.into_iter().filter(|(looks, _)| looks.total > 0);
    seen.map(|(looks, when)| format!("{} {when}{}", availability(looks), latencies(looks)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes the share of the looks of one phase that passed: `66.66 %`.
pub(crate) fn availability(looks: PhaseEvaluations) -> String {
    format!("{} %", Score::of_share(looks.passed, looks.total))
}

/// Writes the latencies of one phase, or nothing if its looks have none.
fn latencies(looks: PhaseEvaluations) -> String {
    match [looks.p50_ms, looks.p95_ms, looks.max_ms].map(|value| value.map(|value| fine(from_millis(value))))
    {
        [Some(p50), Some(p95), Some(max)] => format!(" (p50 {p50}, p95 {p95}, at most {max})"),
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
        Some(ScoreSource::Completion) if experiment.probes.is_empty() => {
            format!("{score}, since it completed and has no probes")
        }
        Some(ScoreSource::Completion) => {
            format!("{score}, since it completed and no look of its probes counts")
        }
        None => score.to_string(),
    }
}

/// Writes the score of the run as a sum.
pub(crate) fn of_run(result: &RunResult) -> String {
    let parts = result.deciding().map(|experiment| (experiment.score, experiment.weight));
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
    use faultgate_core::model::TimeInOk;
    use faultgate_testkit::results;

    #[test]
    fn each_step_is_written_out() {
        let result = results::probed();
        let [measured, plain] = &result.experiments[..] else { panic!("two experiments") };
        assert_eq!(of_probe(&measured.probes[0], measured), "9 of 10 looks that count passed = 90");
        assert_eq!(of_probe(&measured.probes[2], measured), "never evaluated while the fault was in = 0");
        assert_eq!(of_phases(&measured.probes[0]), "90 % during (p50 12ms, p95 20ms, at most 21ms)");
        assert_eq!(of_phases(&measured.probes[2]), "");
        assert_eq!(of_experiment(measured), "(90 × 5 + 100 × 10 + 0 × 1) / 16 = 90.62");
        assert_eq!(of_experiment(plain), "100, since it completed and has no probes");
        let watched = ExperimentResult { probes: measured.probes.clone(), ..plain.clone() };
        assert_eq!(of_experiment(&watched), "100, since it completed and no look of its probes counts");
        let unjudged = ExperimentResult { score: None, ..measured.clone() };
        assert_eq!(of_probe(&unjudged.probes[2], &unjudged), "never evaluated while the fault was in");
        assert_eq!(score_of_probe(&unjudged.probes[2], &unjudged), None, "it is nobody's 0");
        assert_eq!(score_of_probe(&unjudged.probes[0], &unjudged), Score::new(90.0));
        assert_eq!(of_run(&result), "(90.62 × 10 + 100 × 30) / 40 = 97.65");
    }

    #[test]
    fn an_alarm_that_was_measured_by_time_says_so_with_its_intervals() {
        let experiment = &results::probed().experiments[0];
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        let interval = |from: i64| AlarmInterval {
            from: at(from),
            to: at(from + 2),
            state: "ALARM".to_owned(),
            reason: Some("1 datapoint".to_owned()),
        };
        let time = TimeInOk {
            fault_ms: 60_000,
            ok_ms: 36_000,
            not_ok: (0..12).map(|n| interval(n * 4)).collect(),
            left_out: 1,
            lost_events: 3,
            ..TimeInOk::default()
        };
        let mut probe = Probe { score: time.score(), by_time: Some(time), ..Probe::new("slow", "k", 10) };
        assert_eq!(of_probe(&probe, experiment), "measured by time: in OK for 36s of 1m = 60");
        let told = of_intervals(&probe);
        assert_eq!(told[0], "not in OK from 1970-01-01T00:00:00Z for 2s (ALARM: 1 datapoint)");
        assert_eq!(told[10], "and 3 more intervals that were not in OK");
        assert_eq!(told.len(), 12);
        probe.by_time.as_mut().unwrap().failed_after_ms = 5_000;
        assert!(of_probe(&probe, experiment).contains("of 1m and of 5s for the failure after the end = "));
        probe.unevaluated = Some(Phase::During);
        probe.by_time = None;
        probe.unmeasured = Some("no answer".to_owned());
        assert_eq!(of_probe(&probe, experiment), "not measured while the fault was in = 60 (no answer)");
        assert_eq!(of_intervals(&probe), [""; 0]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let result = results::mixed();
        assert_eq!(of_run(&result), "(100 × 10 + 0 × 10 + unknown × 10 + unknown × 10) / 40 = unknown");
    }
}
