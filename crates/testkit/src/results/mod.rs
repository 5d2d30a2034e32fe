//! Results of runs: of each verdict, measured, with faults that are judged, and with hostile text.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

mod faults;
mod hostile;
mod measured;

pub use faults::{faulted, saying_faults};
pub use hostile::{HOSTILE, large, saying, saying_measured};
pub use measured::measured;

use faultgate_core::model::{
    Action, Effect, Evidence, ExperimentResult, Finding, Gate, Level, Monitor, MonitorRecord, Outcome, Phase,
    PhaseEvaluations, Phases, Probe, Reported, RunIdentity, RunResult, SCHEMA_VERSION, SCORING, Sample,
    Score, ScoreSource, Signal, Source, State, StopReport, Target, ToolInfo, Transition, Verdict,
};

/// The `result.json` of [`stopped`].
pub const STOPPED: &str = include_str!("stopped.json");

/// Returns a run that a stop condition stopped, with text from outside that would like to act.
pub fn stopped() -> RunResult {
    serde_json::from_str(STOPPED).expect("a result")
}

fn reported(sink: &str, outcome: Outcome, detail: Option<&str>) -> Reported {
    Reported {
        sink: sink.to_owned(),
        outcome,
        detail: detail.map(str::to_owned),
        to_do: false,
        required: false,
    }
}

fn written(sink: &str) -> Reported {
    reported(sink, Outcome::Written, None)
}

fn skipped(sink: &str, why: &str) -> Reported {
    reported(sink, Outcome::Skipped, Some(why))
}

fn failed(sink: &str, why: &str) -> Reported {
    reported(sink, Outcome::Failed, Some(why))
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
        effect: Effect::Injects,
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
    monitor.learned = "by an event, confirmed by GetExperiment".into();
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
        alarms: Vec::new(),
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
            has_more: false,
            resources: (1..=7).map(|n| format!("arn:aws:ecs:eu-west-1:111122223333:task/shop-{n}")).collect(),
        }],
        preview: None,
        faults: Vec::new(),
        probes: Vec::new(),
        fault: None,
        fault_may_be_in: false,
        stop_conditions: vec!["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop-5xx".to_owned()],
        warnings: Vec::new(),
        evidence: vec![Evidence::new("GetExperiment", format!("the state is {state}"))],
        error: None,
        stop: None,
        report_location: None,
        report_state: None,
        monitor,
    }
}

fn run(verdict: Verdict, score: Option<f64>, experiments: Vec<ExperimentResult>) -> RunResult {
    let reasons = match verdict {
        Verdict::Passed => vec!["score 100 >= 95: all 2 experiments passed".to_owned()],
        _ => experiments
            .iter()
            .filter(|experiment| experiment.verdict != Verdict::Passed)
            .map(|experiment| format!("{}: {}", experiment.name, experiment.reason))
            .collect(),
    };
    RunResult {
        schema_version: SCHEMA_VERSION,
        scoring: SCORING,
        faultgate: ToolInfo { version: "0.1.0".to_owned() },
        rehearsal: None,
        run: RunIdentity {
            id: "1234567890-1-0a1b2c3d".to_owned(),
            ci: "github-actions".to_owned(),
            pipeline: None,
            url: Some("https://github.com/shop/web/actions/runs/1234567890".to_owned()),
            repository: Some("shop/web".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            environment: None,
            shard: None,
            plan_run: None,
            attempt_key: String::new(),
        },
        plan: None,
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
        merged: false,
        tolerate: None,
        links: Vec::new(),
        comparison: None,
        experiments,
        findings: vec![Finding::new(Level::Ok, "template EXT1a2b3c4d5e6f7", "the template exists")],
        subscriptions: Vec::new(),
        reporting: Vec::new(),
        api_calls: BTreeMap::from([("StartExperiment".to_owned(), 1), ("GetExperiment".to_owned(), 2)]),
    }
}

pub fn passed() -> RunResult {
    let reason = "it completed; injected: latency";
    let experiments = vec![experiment("az-latency", Verdict::Passed, State::Completed, reason)];
    run(Verdict::Passed, Some(100.0), experiments)
}

/// Returns a run of so many experiments, `e0` and so on, which have all passed but those of these names.
pub fn fleet(count: usize, failed: &[&str]) -> RunResult {
    let one = |name: String| {
        let (verdict, state, reason) = if failed.contains(&name.as_str()) {
            (Verdict::Failed, State::Stopped, "a stop condition fired: shop-5xx")
        } else {
            (Verdict::Passed, State::Completed, "it completed; injected: latency")
        };
        experiment(&name, verdict, state, reason)
    };
    let verdict = if failed.is_empty() { Verdict::Passed } else { Verdict::Failed };
    run(verdict, Some(99.0), (0..count).map(|number| one(format!("e{number}"))).collect())
}

/// Returns a run with an experiment of each verdict but cancelled, and with reports that are missing.
pub fn mixed() -> RunResult {
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
        signal: None,
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
        written("summary.md"),
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
        reason: (number < total - passed).then(|| "status 503, not 200".into()),
    });
    let during = PhaseEvaluations { total, passed, p50_ms: Some(12), p95_ms: Some(20), max_ms: Some(21) };
    Probe {
        passed,
        total,
        passed_counted: passed,
        counted: total,
        score: Score::of_share(passed, total),
        phases: Phases { during, ..Phases::default() },
        unevaluated: (total == 0).then_some(Phase::During),
        limit_ms: Some(2_000),
        detected_after_ms: (passed < total).then_some(500),
        recovered_after_ms: (passed < total).then_some(0),
        samples: samples.collect(),
        ..Probe::new(name, kind, weight)
    }
}

/// Returns a run with an experiment whose probes measured a weakness, and one without probes.
pub fn probed() -> RunResult {
    let reason =
        "score 90.62 < 95: checkout answers failed 1 of 10 looks (status 503, not 200) while latency was in";
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

pub fn cancelled() -> RunResult {
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
        signal: None,
    });
    let mut waiting = experiment("pod-delete", Verdict::Cancelled, State::Cancelled, "");
    waiting.reason = "not launched: SIGINT came first".into();
    (waiting.id, waiting.url, waiting.raw_state) = (None, None, None);
    (waiting.started_at, waiting.ended_at) = (None, None);
    (waiting.actions, waiting.targets, waiting.transitions) = (Vec::new(), Vec::new(), Vec::new());
    waiting.evidence = Vec::new();
    run(Verdict::Cancelled, None, vec![running, waiting])
}
