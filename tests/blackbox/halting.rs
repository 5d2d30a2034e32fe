//! Tests of halts by several probes, and of halts that stop the whole run.

use std::time::Duration;

use faultgate_rehearsal::{Beat, SECOND_TEMPLATE_ID, Step, TEMPLATE_ID, Which};
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
    let probe = |(probe, check): &(&str, &str)| {
        format!("      - {{ name: {probe}, {check}, when: [during], every: 100ms }}\n")
    };
    let probes: Vec<String> = probes.iter().map(probe).collect();
    format!("  - name: {name}\n    fis: {{ template: {template} }}\n    probes:\n{}", probes.concat())
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
                reason.contains(told) && reason.contains("checkout (") && reason.contains("cart ("),
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
    assert_eq!(result["gate"]["verdict"], "errored", "one experiment never ran");
}
