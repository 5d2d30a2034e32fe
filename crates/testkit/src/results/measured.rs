//! A run whose probes have measured over time, compared with an earlier one.

use super::{action, at, experiment, run};
use faultgate_core::model::{
    CompareTo, DashboardLink, Earlier, FaultWindow, Phase, PhaseEvaluations, Phases, Probe, RunComparison,
    RunResult, Sample, Score, ScoreSource, State, Verdict,
};

fn sample(seconds: i64, passed: bool, latency_ms: Option<u64>) -> Sample {
    let phase = match seconds {
        ..10 => Phase::Before,
        10..50 => Phase::During,
        _ => Phase::After,
    };
    let reason = match (passed, latency_ms) {
        (true, _) => None,
        (false, Some(_)) => Some("it took longer than 500 ms".into()),
        (false, None) => Some("connection refused".into()),
    };
    Sample { at: at(seconds), phase, passed, latency_ms, reason }
}

/// Returns a probe with these samples, of which the last ones after a failure are a recovery.
fn probe(name: &str, kind: &str, weight: u32, limit_ms: Option<u64>, samples: Vec<Sample>) -> Probe {
    let looks = |phase: Option<Phase>| {
        let mut looks = PhaseEvaluations::default();
        for sample in samples.iter().filter(|sample| phase.is_none_or(|phase| sample.phase == phase)) {
            looks.total += 1;
            looks.passed += u64::from(sample.passed);
        }
        let of_phase = samples.iter().filter(|sample| phase.is_none_or(|phase| sample.phase == phase));
        let mut latencies: Vec<u64> = of_phase.filter_map(|sample| sample.latency_ms).collect();
        latencies.sort_unstable();
        let percentile =
            |percent: usize| latencies.get((latencies.len() * percent).div_ceil(100).max(1) - 1).copied();
        (looks.p50_ms, looks.p95_ms, looks.max_ms) = (percentile(50), percentile(95), percentile(100));
        looks
    };
    let phases = Phases {
        before: looks(Some(Phase::Before)),
        during: looks(Some(Phase::During)),
        after: looks(Some(Phase::After)),
    };
    let (all, PhaseEvaluations { passed, total, .. }) = (looks(None), phases.during);
    let failed: Vec<&Sample> = samples.iter().filter(|sample| !sample.passed).collect();
    let since =
        |sample: &Sample, from: i64| u64::try_from(sample.at.duration_since(at(from)).as_millis()).ok();
    let hundredths = (passed * 10_000).checked_div(total).unwrap_or_default();
    let share = f64::from(u32::try_from(hundredths).unwrap()) / 100.0;
    Probe {
        passed: all.passed,
        total: all.total,
        phases,
        unevaluated: (total == 0).then_some(Phase::During),
        passed_counted: passed,
        counted: total,
        score: Score::new(share).unwrap(),
        limit_ms,
        detected_after_ms: failed.first().and_then(|sample| since(sample, 10)),
        // The probe is sampled every second, so the pass comes one second after the last failure.
        recovered_after_ms: failed.last().and_then(|sample| since(sample, 49)),
        samples,
        ..Probe::new(name, kind, weight)
    }
}

/// Returns a run whose experiments were measured: one bore the fault badly, the other well.
pub fn measured() -> RunResult {
    let mut latency = experiment(
        "az-latency",
        Verdict::Failed,
        State::Completed,
        "score 51.56 < 90: checkout answers failed 26 of 40 looks (it took longer than 500 ms) while latency was in",
    );
    latency.actions = vec![
        action("settle", "completed", Some((6, 10))),
        action("latency", "completed", Some((10, 50))),
        action("packet-loss", "completed", Some((30, 50))),
    ];
    latency.fault = Some(FaultWindow { started_at: at(10), ended_at: Some(at(50)) });
    latency.probes = vec![
        probe("checkout answers", "http", 10, Some(500), checkout()),
        probe(
            "database port open",
            "tcp",
            5,
            Some(1_000),
            (0..75)
                .step_by(5)
                .map(|s| {
                    sample(
                        s,
                        !(20..30).contains(&s),
                        (!(20..30).contains(&s)).then_some(3 + s.unsigned_abs() % 7),
                    )
                })
                .collect(),
        ),
        probe(
            "shop has no alarm",
            "cloudwatch-alarm",
            1,
            None,
            (10..75).step_by(10).map(|s| sample(s, true, None)).collect(),
        ),
        probe("smoke", "command", 0, None, Vec::new()),
    ];
    let mut points = 0.0;
    for probe in &latency.probes {
        points += probe.score.get() * f64::from(probe.weight);
    }
    latency.score = Score::new(points / 16.0);
    latency.score_source = Some(ScoreSource::Probes);
    latency.expected_resilience_score = Score::new(90.0);
    let mut stop =
        experiment("stop-tasks", Verdict::Passed, State::Completed, "it completed; injected: stop");
    stop.actions = vec![action("stop", "completed", Some((8, 9)))];
    stop.fault = Some(FaultWindow { started_at: at(8), ended_at: Some(at(9)) });
    stop.probes = vec![probe(
        "checkout answers",
        "http",
        5,
        Some(500),
        (0..75).map(|s| sample(s, true, Some(35 + s.unsigned_abs() * 13 % 17))).collect(),
    )];
    stop.score_source = Some(ScoreSource::Probes);
    stop.weight = 5;
    let mean = latency.score.map(|score| (score.get() * 10.0 + 100.0 * 5.0) / 15.0);
    let mut result = run(Verdict::Failed, mean, vec![latency, stop]);
    result.ended_at = at(78);
    result.links = [
        ("Grafana", "https://grafana.example/d/shop?from=${FAULT_START_MS}&to=${FAULT_END_MS}"),
        ("Datadog", "https://app.datadoghq.com/apm?start=${FAULT_START_MS}&end=${FAULT_END_MS}"),
    ]
    .map(|(name, url)| DashboardLink { name: name.to_owned(), url: url.to_owned() })
    .to_vec();
    result.comparison = Some(
        CompareTo { earlier: yesterday(&result), max_score_drop: Score::new(5.0) }
            .compare(&result.experiments, true),
    );
    if let Some(excess) = result.comparison.as_ref().and_then(RunComparison::excess) {
        result.gate.reasons.push(excess.to_string());
    }
    result
}

/// Returns the run of the same suite a day before. It was better, lacked the experiment that is new today,
/// and had one that is gone.
fn yesterday(today: &RunResult) -> Earlier {
    let mut earlier = today.clone();
    earlier.run.id = "1234567000-1-9f8e7d6c".into();
    earlier.run.url = Some("https://github.com/shop/web/actions/runs/1234567000".to_owned());
    earlier.run.commit = Some("89abcdef0123456789abcdef0123456789abcdef".to_owned());
    earlier.ended_at = at(78 - 24 * 60 * 60);
    earlier.gate.verdict = Verdict::Passed;
    earlier.gate.resilience_score = Score::new(95.33);
    let latency = &mut earlier.experiments[0];
    (latency.verdict, latency.score) = (Verdict::Passed, Score::new(93.0));
    latency.probes[0].score = Score::new(90.5).unwrap();
    latency.probes.remove(3);
    "fill-disk".clone_into(&mut earlier.experiments[1].name);
    Earlier::from(earlier)
}

fn checkout() -> Vec<Sample> {
    (0..75)
        .map(|second| match second {
            14..30 => sample(second, false, Some(640 + second.unsigned_abs() * 37 % 190)),
            30..34 => sample(second, false, None),
            44..53 => sample(second, false, Some(510 + second.unsigned_abs() * 37 % 90)),
            10..14 | 34..44 => sample(second, true, Some(330 + second.unsigned_abs() * 29 % 150)),
            _ => sample(second, true, Some(40 + second.unsigned_abs() * 13 % 25)),
        })
        .collect()
}
