//! Results to render in tests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{failed, skipped};
use crate::model::{
    Action, Evidence, ExperimentResult, FaultWindow, Finding, Gate, Level, Monitor, MonitorRecord, Phase,
    Probe, RunIdentity, RunResult, SCHEMA_VERSION, Sample, Score, ScoreSource, Signal, Source, State,
    StopReport, SubscriptionRecord, Target, ToolInfo, Transition, Verdict,
};

/// A run that a stop condition stopped, with text from outside that would like to act.
pub(super) fn stopped() -> RunResult {
    serde_json::from_str(include_str!("fixtures/stopped.json")).expect("a result")
}

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn transition(state: State, seconds: i64) -> Transition {
    Transition {
        state,
        raw_state: state.to_string(),
        at: at(seconds),
        observed_at: at(seconds) + SignedDuration::from_millis(300),
        source: Source::Event,
        reason: None,
    }
}

fn action(name: &str, state: &str, ran: Option<(i64, i64)>) -> Action {
    Action {
        name: name.to_owned(),
        action_id: "aws:ecs:task-network-latency".to_owned(),
        state: state.to_owned(),
        reason: Some(format!("Action is {state}.")),
        started_at: ran.map(|(start, _)| at(start)),
        ended_at: ran.map(|(_, end)| at(end)),
        targets: vec!["tasks".to_owned()],
    }
}

fn experiment(name: &str, verdict: Verdict, state: State, reason: &str) -> ExperimentResult {
    let score = match verdict {
        Verdict::Passed => Score::new(100.0),
        Verdict::Failed => Score::new(0.0),
        _ => None,
    };
    let mut monitor = MonitorRecord::new(Monitor::Events);
    monitor.learned = "by an event, confirmed by GetExperiment".to_owned();
    monitor.events = 3;
    ExperimentResult {
        name: name.to_owned(),
        engine: "fis".to_owned(),
        id: Some(format!("EXP{name}")),
        url: Some(format!("https://eu-west-1.console.aws.amazon.com/fis/home#ExperimentDetails:{name}")),
        state,
        raw_state: Some(state.to_string()),
        reason: reason.to_owned(),
        verdict,
        score,
        score_source: None,
        expected_resilience_score: None,
        weight: 10,
        started_at: Some(at(5)),
        ended_at: Some(at(65)),
        source: "EXT1a2b3c4d5e6f7".to_owned(),
        region: Some("eu-west-1".to_owned()),
        transitions: vec![
            transition(State::Pending, 5),
            transition(State::Running, 6),
            transition(state, 65),
        ],
        actions: vec![action("latency", "completed", Some((6, 60)))],
        targets: vec![Target {
            name: "tasks".to_owned(),
            resource_type: "aws:ecs:task".to_owned(),
            resolved: Some(7),
            resources: (1..=7).map(|n| format!("arn:aws:ecs:eu-west-1:111122223333:task/shop-{n}")).collect(),
        }],
        probes: Vec::new(),
        fault: None,
        stop_conditions: vec!["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop-5xx".to_owned()],
        evidence: vec![Evidence::new("GetExperiment", format!("the state is {state}"))],
        error: None,
        stop: None,
        report_location: None,
        monitor,
    }
}

fn run(verdict: Verdict, score: Option<f64>, experiments: Vec<ExperimentResult>) -> RunResult {
    let reasons = match verdict {
        Verdict::Passed => vec!["the resilience score 100 reaches the expected 95".to_owned()],
        _ => experiments
            .iter()
            .filter(|experiment| experiment.verdict != Verdict::Passed)
            .map(|experiment| format!("{}: {}", experiment.name, experiment.reason))
            .collect(),
    };
    RunResult {
        schema_version: SCHEMA_VERSION,
        faultgate: ToolInfo { version: "0.1.0".to_owned() },
        rehearsal: None,
        run: RunIdentity {
            id: "1234567890-1-0a1b2c3d".to_owned(),
            ci: "github-actions".to_owned(),
            url: Some("https://github.com/shop/web/actions/runs/1234567890".to_owned()),
            repository: Some("shop/web".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            shard: None,
            attempt_key: String::new(),
        },
        dry_run: false,
        started_at: at(0),
        ended_at: at(70),
        gate: Gate {
            verdict,
            exit_code: verdict.exit_code(Some(Signal::Interrupt)),
            resilience_score: score.and_then(Score::new),
            expected_resilience_score: Score::new(95.0).unwrap(),
            reasons,
            signal: (verdict == Verdict::Cancelled).then_some(Signal::Interrupt),
        },
        experiments,
        findings: vec![Finding::new(Level::Ok, "template EXT1a2b3c4d5e6f7", "the template exists")],
        subscriptions: Vec::new(),
        reporting: Vec::new(),
        api_calls: BTreeMap::from([("StartExperiment".to_owned(), 1), ("GetExperiment".to_owned(), 2)]),
    }
}

pub(super) fn passed() -> RunResult {
    let reason = "it completed; injected: latency";
    let experiments = vec![experiment("az-latency", Verdict::Passed, State::Completed, reason)];
    run(Verdict::Passed, Some(100.0), experiments)
}

/// One of each verdict but cancelled, and reports that are missing.
pub(super) fn mixed() -> RunResult {
    let passed =
        experiment("az-latency", Verdict::Passed, State::Completed, "it completed; injected: latency");
    let mut failed_one = experiment(
        "pod-delete",
        Verdict::Failed,
        State::Stopped,
        "a stop condition fired: shop-5xx (Experiment halted by stop condition.)",
    );
    failed_one.expected_resilience_score = Score::new(90.0);
    failed_one.actions = vec![
        action("settle", "completed", Some((6, 16))),
        action("latency", "stopped", Some((16, 65))),
        action("recover", "cancelled", None),
    ];
    let mut timed_out = experiment(
        "cpu-stress",
        Verdict::TimedOut,
        State::TimedOut,
        "it did not end within its timeout; the experiment is stopped",
    );
    timed_out.stop = Some(StopReport {
        why: "it did not end within 20m".to_owned(),
        requested_at: at(60),
        accepted: true,
        confirmed: true,
        error: None,
    });
    let mut errored = experiment(
        "disk-fill",
        Verdict::Errored,
        State::Failed,
        "FIS could not carry it out: TargetResolutionError",
    );
    errored.actions = vec![action("fill", "failed", Some((6, 7))), action("fill", "failed", Some((6, 7)))];
    errored.url = None;
    let mut result = run(Verdict::Failed, None, vec![passed, failed_one, timed_out, errored]);
    result.findings.push(
        Finding::new(Level::Warning, "template EXT1a2b3c4d5e6f7", "the template has no stop condition")
            .with_remedy("add a CloudWatch alarm"),
    );
    result.reporting = vec![
        super::written("summary.md"),
        skipped("commit status", "the token may not write statuses (403)")
            .with_remedy("add to the job: permissions: { statuses: write }"),
        skipped("comment", "there is no pull request"),
        failed("gitlab comment", "no answer within 6.6 s"),
    ];
    result
}

fn counted(name: &str, kind: &str, passed: u64, total: u64, weight: u32) -> Probe {
    let samples = (0..total).map(|number| Sample {
        at: at(6 + 5 * i64::try_from(number).unwrap()),
        phase: Phase::During,
        passed: number >= total - passed,
        latency_ms: Some(12 + number),
        reason: (number < total - passed).then(|| "status 503, not 200".to_owned()),
    });
    Probe {
        name: name.to_owned(),
        kind: kind.to_owned(),
        passed,
        total,
        score: Score::of_share(passed, total),
        weight,
        limit_ms: Some(2_000),
        detected_after_ms: (passed < total).then_some(500),
        recovered_after_ms: (passed < total).then_some(0),
        samples: samples.collect(),
        samples_left_out: 0,
    }
}

/// An experiment whose probes measured a weakness, and one without probes.
pub(super) fn probed() -> RunResult {
    let reason =
        "it completed; injected: latency; its probes score 90.62; its score 90.62 is below the expected 95";
    let mut measured = experiment("az-latency", Verdict::Failed, State::Completed, reason);
    measured.probes = vec![
        counted("checkout answers", "http", 9, 10, 5),
        counted("port open", "tcp", 4, 4, 10),
        counted("smoke", "command", 0, 0, 1),
    ];
    measured.score = Score::new(1450.0 / 16.0);
    measured.score_source = Some(ScoreSource::Probes);
    measured.expected_resilience_score = Score::new(95.0);
    let mut plain =
        experiment("pod-delete", Verdict::Passed, State::Completed, "it completed; injected: latency");
    (plain.score_source, plain.weight) = (Some(ScoreSource::Completion), 30);
    run(Verdict::Failed, Some((1450.0 / 16.0 * 10.0 + 3000.0) / 40.0), vec![measured, plain])
}

fn sample(seconds: i64, passed: bool, latency_ms: Option<u64>) -> Sample {
    let phase = match seconds {
        ..5 => Phase::Before,
        5..65 => Phase::During,
        _ => Phase::After,
    };
    let reason = match (passed, latency_ms) {
        (true, _) => None,
        (false, Some(_)) => Some("it took longer than 500 ms".to_owned()),
        (false, None) => Some("connection refused".to_owned()),
    };
    Sample { at: at(seconds), phase, passed, latency_ms, reason }
}

/// A probe with these samples, of which the last ones after a failure are a recovery.
fn probe(name: &str, kind: &str, weight: u32, limit_ms: Option<u64>, samples: Vec<Sample>) -> Probe {
    let (mut passed, mut total) = (0, 0);
    for sample in &samples {
        total += 1;
        passed += u64::from(sample.passed);
    }
    let failed: Vec<&Sample> = samples.iter().filter(|sample| !sample.passed).collect();
    let since =
        |sample: &Sample, from: i64| u64::try_from(sample.at.duration_since(at(from)).as_millis()).ok();
    let hundredths = (passed * 10_000).checked_div(total).unwrap_or_default();
    let share = f64::from(u32::try_from(hundredths).unwrap()) / 100.0;
    Probe {
        name: name.to_owned(),
        kind: kind.to_owned(),
        passed,
        total,
        score: Score::new(share).unwrap(),
        weight,
        limit_ms,
        detected_after_ms: failed.first().and_then(|sample| since(sample, 10)),
        // It is sampled every second.
        recovered_after_ms: failed.last().and_then(|sample| since(sample, 49)),
        samples,
        samples_left_out: 0,
    }
}

/// A run whose experiments were measured: one bore the fault badly, one well, one could not be asked.
pub(super) fn measured() -> RunResult {
    let mut latency = experiment(
        "az-latency",
        Verdict::Failed,
        State::Completed,
        "it completed; its score 67.7 is below the expected 90",
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
    result
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

pub(super) fn cancelled() -> RunResult {
    let reason = "SIGINT cancelled the run; the experiment is stopping";
    let mut running = experiment("az-latency", Verdict::Cancelled, State::Cancelled, reason);
    running.ended_at = None;
    running.actions = vec![action("latency", "running", Some((6, 6)))];
    running.actions[0].ended_at = None;
    running.transitions.pop();
    running.stop = Some(StopReport {
        why: "SIGINT".to_owned(),
        requested_at: at(30),
        accepted: true,
        confirmed: false,
        error: None,
    });
    let mut waiting = experiment("pod-delete", Verdict::Cancelled, State::Cancelled, "");
    waiting.reason = "not launched: SIGINT came first".to_owned();
    (waiting.id, waiting.url, waiting.raw_state) = (None, None, None);
    (waiting.started_at, waiting.ended_at) = (None, None);
    (waiting.actions, waiting.targets, waiting.transitions) = (Vec::new(), Vec::new(), Vec::new());
    waiting.evidence = Vec::new();
    run(Verdict::Cancelled, None, vec![running, waiting])
}

/// A run in which every text from outside is this one.
pub(super) fn saying(text: &str) -> RunResult {
    let mut result = mixed();
    result.experiments.extend(probed().experiments);
    said(result, text)
}

/// The same with many samples.
pub(super) fn saying_measured(text: &str) -> RunResult {
    let mut result = mixed();
    result.experiments.extend(measured().experiments);
    said(result, text)
}

fn said(mut result: RunResult, text: &str) -> RunResult {
    let said = || text.to_owned();
    for experiment in &mut result.experiments {
        (experiment.name, experiment.reason, experiment.source) = (said(), said(), said());
        (experiment.engine, experiment.id, experiment.url) = (said(), Some(said()), Some(said()));
        (experiment.region, experiment.raw_state) = (Some(said()), Some(said()));
        (experiment.report_location, experiment.monitor.learned) = (Some(said()), said());
        experiment.stop_conditions = vec![said()];
        experiment.evidence = vec![Evidence::new(said(), said())];
        for transition in &mut experiment.transitions {
            (transition.raw_state, transition.reason) = (said(), Some(said()));
        }
        for action in &mut experiment.actions {
            (action.name, action.action_id, action.state) = (said(), said(), said());
            (action.reason, action.targets) = (Some(said()), vec![said()]);
        }
        for target in &mut experiment.targets {
            (target.name, target.resource_type) = (said(), said());
            target.resources = vec![said(), said()];
        }
        for probe in &mut experiment.probes {
            (probe.name, probe.kind) = (said(), said());
            for sample in &mut probe.samples {
                sample.reason = Some(said());
            }
        }
        if let Some(stop) = &mut experiment.stop {
            stop.why = said();
        }
    }
    result.gate.reasons = vec![said(), said()];
    result.findings = vec![Finding::new(Level::Warning, said(), said()).with_remedy(said())];
    result.subscriptions = vec![SubscriptionRecord {
        name: said(),
        region: Some(said()),
        handshake_ms: None,
        leftovers: vec![said()],
    }];
    result.reporting =
        vec![super::written("summary.md"), failed(text, text), skipped("a sink", text).with_remedy(text)];
    result.run = RunIdentity {
        id: said(),
        ci: said(),
        url: Some(said()),
        repository: Some(said()),
        commit: Some(said()),
        shard: None,
        attempt_key: String::new(),
    };
    result.faultgate.version = said();
    result
}

/// Text that tries everything at once.
pub(super) const HOSTILE: &str = "x\n::set-output name=verdict::passed\r\n##[group]a ##vso[task.complete result=Succeeded;]b \
     \u{1b}[31m<script>alert(1)</script>\u{1b}[0m | **b** `c` [l](https://evil.example) @everyone #1 $x$\0\u{fffe}\
     \u{202e}dessap [[ATTACHMENT|/etc/passwd]] ]]> &amp; \"q\" 'q' $(id) ; `id` %0A::error::y";

/// Many experiments of many actions, targets and reasons, each of which holds this text.
pub(super) fn large(text: &str) -> RunResult {
    let mut result = saying(text);
    let one = result.experiments.swap_remove(1);
    result.experiments = (0..50)
        .map(|number| {
            let mut experiment = one.clone();
            if number % 3 == 0 {
                experiment.verdict = Verdict::Passed;
            }
            experiment.actions = many(&one.actions[0], 300);
            experiment.targets = many(&one.targets[0], 300);
            experiment.evidence = many(&one.evidence[0], 50);
            experiment
        })
        .collect();
    result.gate.reasons = many(&text.to_owned(), 50);
    result.findings = many(&result.findings[0], 50);
    result
}

fn many<T: Clone>(one: &T, count: usize) -> Vec<T> {
    std::iter::repeat_n(one.clone(), count).collect()
}
