//! Tests of halts by several probes, and of halts that stop the whole run.

use std::fmt::Write as _;
use std::time::Duration;

use faultgate_rehearsal::{
    Beat, DEFAULT_REGION, FaultEffect, FaultRule, SECOND_TEMPLATE_ID, Snapshot, Step, TEMPLATE_ID, Which,
};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::contract::assert_result;
use serde_json::Value;

const fn beat(millis: u64, step: Step) -> Beat {
    Beat { after: Duration::from_millis(millis), step }
}

const RUNNING: Beat = beat(50, Step::Experiment { status: "running", reason: "Experiment is running." });
const INJECTING: Beat =
    beat(0, Step::Actions { which: Which::All, status: "running", reason: "Action is running." });

/// A life in which the fault is in until somebody stops it.
const HURTING: &[Beat] = &[RUNNING, INJECTING];

/// A life in which the fault is in for a second.
const PASSING: &[Beat] = &[
    RUNNING,
    INJECTING,
    beat(1000, Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." }),
    beat(50, Step::Experiment { status: "completed", reason: "Experiment completed." }),
];

const FAILING: &str = "tcp: { address: '127.0.0.1:1' }";
const WELL: &str = "command: { run: ['true'] }";

/// Returns an experiment of a suite with probes that are evaluated during it.
fn experiment(name: &str, template: &str, probes: &[(&str, &str)]) -> String {
    let mut text = format!("  - name: {name}\n    fis: {{ template: {template} }}\n    probes:\n");
    for (probe, check) in probes {
        let _ = writeln!(text, "      - {{ name: {probe}, {check}, when: [during], every: 100ms }}");
    }
    text
}

/// Runs a suite. `top` are the lines at its top.
async fn run(top: &str, experiments: &[String]) -> (EmbeddedAccount, Value, u8) {
    let account = EmbeddedAccount::living(HURTING).await;
    account.world.script(SECOND_TEMPLATE_ID, PASSING);
    let suite = format!("version: 1\n{top}\nexperiments:\n{}", experiments.concat());
    let ended = account.faultgate(&[]).file(".faultgate.yml", &suite).finish().await;
    account.assert_nothing_left(top);
    let code = ended.code.and_then(|code| code.try_into().ok()).unwrap();
    let result = ended.result();
    assert_result(&result, code);
    (account, result, code)
}

#[tokio::test]
async fn probes_that_fail_at_the_same_time_halt_their_experiments_alone() {
    let experiments = [
        experiment("first", TEMPLATE_ID, &[("checkout", FAILING), ("search", WELL)]),
        experiment("second", TEMPLATE_ID, &[("cart", FAILING)]),
        experiment("third", SECOND_TEMPLATE_ID, &[("login", WELL)]),
    ];
    let (_, result, code) = run("parallel: 3\nabort-when: { failing-probes: 2 }", &experiments).await;
    assert_eq!(code, 1);
    for (number, verdict) in ["failed", "failed", "passed"].into_iter().enumerate() {
        let experiment = &result["experiments"][number];
        assert_eq!(experiment["verdict"], verdict, "{experiment}");
        if verdict == "failed" {
            assert_eq!(experiment["score"], 0.0);
            assert_eq!(experiment["score_source"], "abort");
            let reason = experiment["reason"].as_str().unwrap();
            let told = "2 probes failed at the same time while the fault was in: ";
            assert!(
                reason.contains(told)
                    && reason.contains("checkout of first (")
                    && reason.contains("cart of second ("),
                "{reason}"
            );
        }
    }
}

#[tokio::test]
async fn one_probe_that_fails_is_not_two() {
    let experiments = [experiment("only", SECOND_TEMPLATE_ID, &[("checkout", FAILING), ("search", WELL)])];
    let (account, result, _) = run("abort-when: { failing-probes: 2 }", &experiments).await;
    assert_eq!(result["experiments"][0]["state"], "completed");
    assert!(account.requests_of("StopExperiment").is_empty());
}

#[tokio::test]
async fn a_halt_stops_the_whole_run_where_the_suite_says_so() {
    let halting = format!("{FAILING}, aborts-after: 1");
    let experiments = [
        experiment("first", TEMPLATE_ID, &[("checkout", &halting)]),
        experiment("second", TEMPLATE_ID, &[("cart", WELL)]),
        experiment("third", TEMPLATE_ID, &[("login", WELL)]),
    ];
    let (account, result, code) = run("parallel: 2\nabort: all", &experiments).await;
    assert_eq!(code, 1);
    assert_eq!(account.requests_of("StartExperiment").len(), 2);
    let reasons: Vec<&str> =
        result["experiments"].as_array().unwrap().iter().map(|e| e["reason"].as_str().unwrap()).collect();
    assert!(reasons[0].contains("checkout failed 1 "), "{}", reasons[0]);
    assert!(reasons[1].contains("the run was halted with first: checkout failed 1 "), "{}", reasons[1]);
    assert!(
        reasons[2].starts_with("not launched: the run was halted with first: checkout"),
        "{}",
        reasons[2]
    );
    assert_eq!(result["experiments"][1]["verdict"], "failed");
    assert_eq!(result["experiments"][2]["verdict"], "errored");
    assert_eq!(result["gate"]["verdict"], "failed", "it weighs more than what never ran");
}

#[tokio::test]
async fn a_stop_that_the_engine_never_takes_ends_with_the_experiment_and_is_told() {
    let account = EmbeddedAccount::living(HURTING).await;
    let broken = FaultEffect::Error {
        status: 500,
        code: "InternalServerException".into(),
        message: "try later".into(),
        retry_after: None,
    };
    account.world.inject(FaultRule::on("StopExperiment", broken));
    let halting = format!("{FAILING}, aborts-after: 1");
    let suite =
        format!("version: 1\nexperiments:\n{}", experiment("first", TEMPLATE_ID, &[("checkout", &halting)]));
    let run = account.faultgate(&[]).file(".faultgate.yml", &suite).spawn();
    // While the stop is not taken, nothing but the record tells that the experiment has ended.
    let reads_on = |seen: &Snapshot| {
        let refused = seen.requests.iter().position(|request| request.operation == "StopExperiment");
        refused.is_some_and(|first| {
            seen.requests[first..].iter().filter(|request| request.operation == "GetExperiment").count() > 2
        })
    };
    account.until("the record is read while the stop is not taken", reads_on).await;
    let id = account.world.inventory().experiments[0].id.clone();
    for step in [
        Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." },
        Step::Experiment { status: "completed", reason: "Experiment completed." },
    ] {
        assert!(account.world.advance(DEFAULT_REGION, &id, &step));
    }
    let ended = run.ended().await;
    ended.assert_code(1, "halted");
    let told = format!("the request to stop {id} is not taken yet");
    let lines = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(lines.matches(&told).count(), 1, "{lines}");
    let result = ended.result();
    let experiment = &result["experiments"][0];
    assert_eq!((&experiment["verdict"], &experiment["state"]), (&"failed".into(), &"completed".into()));
    let stop = &experiment["stop"];
    assert_eq!((stop["accepted"].as_bool(), stop["confirmed"].as_bool()), (Some(false), Some(true)));
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("the engine did not take the request to stop it (could not stop"), "{reason}");
    assert!(reason.ends_with("; it has ended all the same"), "{reason}");
}
