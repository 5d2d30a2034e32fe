//! Every scenario, rehearsed and run against an account.

use faultgate::model::Verdict;
use faultgate::rehearsal::{Scenario, Snapshot, TEMPLATE_ID};
use serde_json::Value;

use crate::contract::{assert_listed, assert_result};
use crate::support::{Account, Ended, Faultgate, at_once};

#[tokio::test]
async fn every_scenario_is_rehearsed_to_its_verdict() {
    at_once(Scenario::all(), |scenario| async move {
        let ended = Faultgate::new(&["rehearse", "--scenario", scenario.name]).finish().await;
        let result = verdict(scenario, &ended);
        let name = scenario.name;
        assert_eq!(result["rehearsal"]["scenario"], name);
        assert!(ended.summary().contains("**Rehearsal** of the scenario"), "{name}");
        assert!(ended.stdout.contains(&format!("this was a rehearsal of {name}")), "{name}");
    })
    .await;
}

#[tokio::test]
async fn every_scenario_is_run_to_its_verdict_and_leaves_nothing_behind() {
    at_once(Scenario::all(), |scenario| async move {
        let account = Account::of(scenario).await;
        // Where the system suffers, probes of the user's see it.
        let mut faultgate = match scenario.expected {
            Verdict::Failed if scenario.suffering.fails_every.is_some() => {
                account.faultgate(&["run"]).file(".faultgate.yml", &measured(&account))
            }
            _ => account.run(),
        };
        for (name, value) in scenario.inputs {
            let variable = format!("FAULTGATE_{}", name.to_uppercase().replace('-', "_"));
            faultgate = faultgate.env(&variable, value);
        }
        let ended = faultgate.finish().await;
        let result = verdict(scenario, &ended);
        let seen = account.world.snapshot();
        assert!(result["rehearsal"].is_null());
        assert!(!ended.summary().contains("**Rehearsal**"), "{}", ended.summary());
        assert!(!ended.stdout.contains("a rehearsal of"), "{}", ended.stdout);
        account.assert_nothing_left(scenario.name);
        assert_order(&seen);
        assert_calls_agree(&seen, &result);
        peculiar(scenario.name, &result, &seen);
    })
    .await;
}

#[tokio::test]
async fn no_mode_asks_for_more_than_iam_is_told() {
    let modes = ["events", "poll"];
    let all = Scenario::all().iter().flat_map(|scenario| modes.map(|mode| (scenario.name, mode)));
    at_once(all, |(scenario, mode)| async move {
        let ended = Faultgate::new(&["rehearse", "--scenario", scenario, "--monitor", mode]).finish().await;
        let result = ended.result();
        assert_eq!(result["experiments"][0]["monitor"]["mode"], mode, "{scenario}");
        assert_listed(result["api_calls"].as_object().unwrap().keys(), mode);
    })
    .await;
}

fn measured(account: &Account) -> String {
    format!(
        "version: 1\nexperiments:\n  - name: measured\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
         \x20     - name: checkout\n        http: {{ url: '{}/target/checkout', within: 3s }}\n\
         \x20       when: [before, during, after]\n        every: 200ms\n        recovers-within: 500ms\n",
        account.url()
    )
}

/// Exit code and verdict are the scenario's, everywhere they are told.
fn verdict(scenario: &Scenario, ended: &Ended) -> Value {
    let code = scenario.expected.exit_code(None);
    ended.assert_code(code, scenario.name);
    let result = ended.result();
    assert_result(&result, code);
    let verdict = scenario.expected.as_str();
    assert_eq!(result["gate"]["verdict"], verdict, "{}", scenario.name);
    assert_eq!(result["experiments"][0]["verdict"], verdict, "{}", scenario.name);
    let summary = ended.summary();
    assert!(summary.contains(&format!("Chaos gate: {verdict}")), "{summary}");
    let closing = format!("{}: resilience score", verdict.to_uppercase());
    assert!(ended.stdout.contains(&closing), "{}", ended.stdout);
    result
}

/// First the looks, then the subscription, then its proof, and only then the experiment.
fn assert_order(seen: &Snapshot) {
    let first = |operation: &str| seen.requests.iter().position(|r| r.operation == operation);
    let last = |operation: &str| seen.requests.iter().rposition(|r| r.operation == operation);
    let start = first("StartExperiment").expect("every scenario gets that far");
    for operation in [
        "GetExperimentTemplate",
        "GetSafetyLever",
        "DescribeAlarms",
        "CreateQueue",
        "PutRule",
        "PutTargets",
        "PutEvents",
    ] {
        let place = first(operation).unwrap_or_else(|| panic!("{operation} is missing"));
        assert!(place < start, "{operation} comes after StartExperiment");
    }
    let handshake =
        |r: &faultgate::rehearsal::Recorded| r.operation == "ReceiveMessage" && r.status == Some(200);
    assert!(seen.requests[..start].iter().any(handshake), "nothing was read before StartExperiment");
    assert!(first("RemoveTargets") < first("DeleteRule"));
    assert!(last("GetExperiment") < first("RemoveTargets"));
    assert_eq!(seen.count("SetQueueAttributes"), 0);
}

/// What the report counts is what arrived.
fn assert_calls_agree(seen: &Snapshot, result: &Value) {
    for (operation, count) in result["api_calls"].as_object().unwrap() {
        // A long poll that is dropped at the end may not have arrived.
        if operation != "ReceiveMessage" {
            assert_eq!(*count, seen.count(operation), "{operation}");
        }
    }
}

/// What makes each scenario what it is.
fn peculiar(name: &str, result: &Value, seen: &Snapshot) {
    let experiment = &result["experiments"][0];
    let monitor = &experiment["monitor"];
    let number = |value: &Value| value.as_u64().unwrap();
    let says = |words: &str| {
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{name}: {reason}");
    };
    match name {
        "completed" => {
            let mut fis: Vec<&str> = seen
                .requests
                .iter()
                .filter(|request| request.service == "fis")
                .map(|request| request.operation.as_str())
                .collect();
            assert!(fis.len() <= 6, "{fis:?}");
            fis.sort_unstable();
            let all = fis.len();
            fis.dedup();
            assert_eq!(fis.len(), all, "a request of a healthy run is repeated");
            assert_eq!(experiment["score"], 100.0);
            assert_eq!(number(&monitor["reconciliations"]), 0);
            let raw: Vec<&str> = experiment["transitions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|transition| transition["raw_state"].as_str().unwrap())
                .collect();
            assert_eq!(raw, ["pending", "initiating", "running", "completed"]);
            assert_eq!(experiment["targets"][0]["resolved"], 2);
            assert_eq!(experiment["actions"].as_array().unwrap().len(), 2);
        }
        "degraded" | "not-recovered" => suffered(experiment, name == "degraded", seen),
        "stop-condition" => {
            assert_eq!(experiment["score"], 0.0);
            assert_eq!(experiment["score_source"], "stop-condition");
            assert_eq!(experiment["state"], "stopped");
            says("rehearsal-steady");
        }
        "failed" => {
            assert_eq!(experiment["error"]["code"], "AuthorizationFailure");
            assert!(experiment["score"].is_null());
        }
        "cancelled" => {
            assert_eq!(experiment["raw_state"], "cancelled");
            assert!(number(&monitor["reconciliations"]) >= 1);
        }
        "safety-lever" => says("safety lever"),
        "nothing-injected" => {
            assert_eq!(experiment["state"], "completed");
            says("nothing was injected");
        }
        "never-ends" => {
            assert_eq!(experiment["state"], "timed-out");
            assert_eq!(experiment["stop"]["confirmed"], true);
            assert_eq!(seen.count("StopExperiment"), 1);
        }
        "lost-events" => {
            assert_eq!(number(&monitor["events"]), 0);
            assert!(number(&monitor["reconciliations"]) >= 1);
        }
        "duplicate-events" => {
            assert_eq!(number(&monitor["events"]), 3);
            assert!(number(&monitor["duplicates"]) >= 3, "{monitor:#}");
        }
        "out-of-order" => {
            let states: Vec<&str> = experiment["transitions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|transition| transition["raw_state"].as_str().unwrap())
                .collect();
            // On a busy machine the run may be over before the last of them comes.
            let mut told = ["pending", "initiating", "running", "completed"].iter();
            assert!(states.iter().all(|state| told.any(|next| next == state)), "{states:?}");
            assert_eq!((states.first(), states.last()), (Some(&"pending"), Some(&"completed")));
        }
        "throttled" => {
            assert_eq!(seen.count("StartExperiment"), 3);
            assert_eq!(seen.inventory.experiments.len(), 1);
        }
        "slow-propagation" => {
            assert!(seen.count("PutEvents") > 1);
            assert!(number(&result["subscriptions"][0]["handshake_ms"]) >= 2_000);
        }
        "denied" => {
            assert!(experiment["id"].is_null());
            says("fis:StartExperiment");
            says("add this statement");
            assert!(seen.inventory.experiments.is_empty());
        }
        other => panic!("the scenario {other} has no peculiarity here: add it"),
    }
}

/// The probe saw it suffer, and whether it came back; no service heard of that.
fn suffered(experiment: &Value, came_back: bool, seen: &Snapshot) {
    let probe = &experiment["probes"][0];
    let (passed, total) = (probe["passed"].as_u64().unwrap(), probe["total"].as_u64().unwrap());
    assert!(passed > 0 && passed < total, "{probe:#}");
    let last = probe["samples"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["phase"], &last["passed"]), (&"after".into(), &came_back.into()));
    assert_eq!(experiment["state"], "completed");
    let known = ["fis", "sqs", "events", "cloudwatch"];
    assert!(seen.requests.iter().all(|request| known.contains(&request.service.as_str())), "{seen:#?}");
}
