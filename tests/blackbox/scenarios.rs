//! Tests of every scenario, rehearsed and run against an account.

use faultgate_core::model::Verdict;
use faultgate_rehearsal::{Scenario, Snapshot, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::{assert_listed, assert_result};
use serde_json::Value;

use crate::scenarios_guarded::guarded;

#[tokio::test]
async fn every_scenario_is_rehearsed_to_its_verdict() {
    at_once(Scenario::all(), |scenario| async move {
        let ended = Faultgate::new(&["rehearse", "--scenario", scenario.name]).finish().await;
        let result = verdict(scenario, &ended);
        let name = scenario.name;
        assert_eq!(result["rehearsal"]["scenario"], name);
        assert!(ended.summary().contains("**Rehearsal** of the scenario"), "{name}");
        assert!(ended.stdout.contains(&format!("rehearsal (scenario {name})")), "{name}");
    })
    .await;
}

#[tokio::test]
async fn every_scenario_is_run_to_its_verdict_and_leaves_nothing_behind() {
    at_once(Scenario::all(), |scenario| async move {
        let account = EmbeddedAccount::of(scenario).await;
        // The user's own probes see a system that suffers.
        let mut faultgate = match scenario.expected {
            Verdict::Failed if scenario.suffering.fails_every.is_some() || scenario.alarm.is_some() => {
                account.faultgate(&["run"]).file(".faultgate.yml", &measured(&account, scenario))
            }
            _ => account.run(),
        };
        for (name, value) in scenario.inputs {
            let variable = format!("FAULTGATE_{}", name.to_uppercase().replace('-', "_"));
            faultgate = faultgate.env(&variable, value);
        }
        if let Some(policy) = scenario.policy {
            faultgate = faultgate.file("policy.yml", policy).args(&["--policy", "policy.yml"]);
        }
        let ended = faultgate.finish().await;
        let result = verdict(scenario, &ended);
        let seen = account.world.snapshot();
        assert!(result["rehearsal"].is_null());
        assert!(!ended.summary().contains("**Rehearsal**"), "{}", ended.summary());
        assert!(!ended.stdout.contains("rehearsal ("), "{}", ended.stdout);
        // An experiment of somebody else is theirs to end.
        let is_foreign = |left: &String| {
            let mut experiments = seen.inventory.experiments.iter();
            experiments.any(|one| {
                !one.tags.contains_key("faultgate:run-id") && left.contains(&format!(" {} ", one.id))
            })
        };
        let mut left = account.left();
        left.retain(|left| scenario.others.is_none() || !is_foreign(left));
        assert_eq!(left, [""; 0], "{}: left behind", scenario.name);
        if scenario.policy.is_none() {
            assert_order(&seen);
        }
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

fn measured(account: &EmbeddedAccount, scenario: &Scenario) -> String {
    let aborts = scenario.aborts_after.map(|limit| format!("        aborts-after: {limit}\n"));
    let alarm = scenario.alarm.map(|name| {
        format!(
            "      - name: no alarm\n        cloudwatch-alarm: {{ name: {name} }}\n        when: [during, after]\n"
        )
    });
    format!(
        "version: 1\nexperiments:\n  - name: measured\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
         \x20     - name: checkout\n        http: {{ url: '{}/target/checkout', within: 3s }}\n\
         \x20       when: [before, during, after]\n        every: 200ms\n        recovers-within: 500ms\n{}{}",
        account.url(),
        aborts.unwrap_or_default(),
        alarm.unwrap_or_default()
    )
}

/// Plays the plain rehearsal of a scenario, with more arguments.
async fn rehearsed(scenario: &str, more: &[&str]) -> (Finished, Value) {
    let ended = Faultgate::new(&["rehearse", "--scenario", scenario]).args(more).finish().await;
    let result = ended.result();
    (ended, result)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// The probe is evaluated before, in and after the outage. Only the evaluations in it count, and the one
/// after the end.
#[tokio::test]
async fn waits_around_an_outage_dilute_no_score() {
    let (ended, result) = rehearsed("waits", &[]).await;
    ended.assert_code(1, "waits");
    let experiment = &result["experiments"][0];
    let probe = &experiment["probes"][0];
    let of = |phase: &str, member: &str| count(&probe["phases"][phase][member]);
    let during = of("during", "total");
    let failed = during - of("during", "passed");
    assert!((1..=9).contains(&during), "1.5 s of outage, a look each 0.2 s: {probe:#}");
    // An evaluation belongs to the time at which it began. At an edge it may have met the other side.
    assert!(of("during", "passed") <= 1 && failed > 0, "{probe:#}");
    assert_eq!(
        (count(&probe["counted"]), count(&probe["passed_counted"])),
        (during + 1, during + 1 - failed)
    );
    assert!(of("before", "total") > 1 && of("before", "passed") + 1 >= of("before", "total"), "{probe:#}");
    assert!(count(&probe["total"]) > count(&probe["counted"]) + 2, "{probe:#}");
    #[expect(clippy::cast_precision_loss, reason = "some looks")]
    let share = 100.0 * (during + 1 - failed) as f64 / (during + 1) as f64;
    // `cart comes back` is evaluated after the end alone, and it does come back.
    let score = (10.0 * share + 5.0 * 100.0) / 15.0;
    assert!((experiment["score"].as_f64().unwrap() - score).abs() < 0.02, "{experiment:#}");
    assert!(experiment["reason"].as_str().unwrap().contains("while outage was in"), "{experiment:#}");
    let (fault, outage) = (&experiment["fault"], &experiment["actions"]);
    let outage = outage.as_array().unwrap().iter().find(|action| action["name"] == "outage").unwrap();
    assert_eq!((&fault["started_at"], &fault["ended_at"]), (&outage["started_at"], &outage["ended_at"]));
    let effects: Vec<&str> = experiment["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["effect"].as_str().unwrap())
        .collect();
    assert_eq!(effects, ["waits", "injects", "waits"]);
}

/// A probe of the user's is evaluated in the fault alone. All that it saw there had failed.
#[tokio::test]
async fn looks_outside_of_an_outage_count_for_nothing() {
    let account = EmbeddedAccount::of(Scenario::find("waits").unwrap()).await;
    let suite = measured(&account, Scenario::find("waits").unwrap());
    let suite =
        suite.replace("[before, during, after]", "[during]").replace("        recovers-within: 500ms\n", "");
    let ended = account.faultgate(&["run"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(1, "an outage");
    let experiment = &ended.result()["experiments"][0];
    let probe = &experiment["probes"][0];
    assert_eq!(experiment["verdict"], "failed");
    let (counted, passed) = (count(&probe["counted"]), count(&probe["passed_counted"]));
    assert!(counted > passed && passed <= 1, "a look at the edge may have met the other side: {probe:#}");
    assert_eq!(counted, count(&probe["phases"]["during"]["total"]));
    #[expect(clippy::cast_precision_loss, reason = "some looks")]
    let share = 100.0 * passed as f64 / counted as f64;
    assert!((experiment["score"].as_f64().unwrap() - share).abs() < 0.01, "{experiment:#}");
    assert!(count(&probe["passed"]) > passed + 2, "it was well before and after: {probe:#}");
}

#[tokio::test]
async fn what_did_not_act_is_a_warning_that_names_it_or_an_error() {
    let (ended, result) = rehearsed("partly-injected", &[]).await;
    ended.assert_code(0, "any");
    let experiment = &result["experiments"][0];
    assert_eq!((&experiment["score"], &experiment["verdict"]), (&100.0.into(), &"passed".into()));
    assert_eq!(experiment["warnings"], serde_json::json!(["reboot did not act: it was skipped"]));
    let (ended, result) = rehearsed("partly-injected", &["--require-actions", "all"]).await;
    ended.assert_code(3, "all");
    let experiment = &result["experiments"][0];
    assert!(experiment["score"].is_null());
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("reboot was skipped") && reason.contains("require-actions is all"), "{reason}");
    let (ended, _) = rehearsed("completed", &["--require-actions", "all"]).await;
    ended.assert_code(0, "a wait is no part of it");
}

#[tokio::test]
async fn an_experiment_that_only_recovers_injects_nothing() {
    let (ended, result) = rehearsed("recovery-only", &[]).await;
    ended.assert_code(3, "recovery-only");
    let experiment = &result["experiments"][0];
    assert!(experiment["score"].is_null() && experiment["fault"].is_null(), "{experiment:#}");
    let reason = experiment["reason"].as_str().unwrap();
    for words in ["nothing was injected", "shift (aws:arc:start-zonal-autoshift)", "settle (aws:fis:wait)"] {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(experiment["targets"][0]["resolved"], 2, "it is no want of targets");
}

/// Asserts that exit code and verdict are those of the scenario wherever they are told. Returns the result.
fn verdict(scenario: &Scenario, ended: &Finished) -> Value {
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

/// Asserts the order of requests: the checks, the subscription, its proof, and only then the experiment.
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
        |r: &faultgate_rehearsal::Recorded| r.operation == "ReceiveMessage" && r.status == Some(200);
    assert!(seen.requests[..start].iter().any(handshake), "nothing was read before StartExperiment");
    assert!(first("RemoveTargets") < first("DeleteRule"));
    assert!(last("GetExperiment") < first("RemoveTargets"));
    assert_eq!(seen.count("SetQueueAttributes"), 0);
}

/// Asserts that the report counts the requests which arrived.
fn assert_calls_agree(seen: &Snapshot, result: &Value) {
    for (operation, count) in result["api_calls"].as_object().unwrap() {
        // A long poll that is dropped at the end may not have arrived.
        if operation != "ReceiveMessage" {
            assert_eq!(*count, seen.count(operation), "{operation}");
        }
    }
}

/// Asserts what makes each scenario what it is.
#[expect(clippy::too_many_lines, reason = "one table")]
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
        "waits" => {
            suffered(experiment, true, seen);
            let probe = &experiment["probes"][0];
            assert!(number(&probe["counted"]) + 4 < number(&probe["total"]), "{probe:#}");
            // Two may have passed: the one after the end, and one that met the other side of an edge.
            assert!(number(&probe["passed_counted"]) <= 2, "{probe:#}");
        }
        "probe-aborts" => {
            assert_eq!((&experiment["score"], &experiment["state"]), (&0.0.into(), &"stopped".into()));
            assert_eq!(experiment["score_source"], "abort");
            says("checkout failed 3 looks in a row while the fault was in");
            assert_eq!(experiment["stop"]["confirmed"], true);
            assert_eq!(seen.count("StopExperiment"), 1);
            let probe = &experiment["probes"][0];
            assert!(number(&probe["phases"]["during"]["total"]) >= 3, "{probe:#}");
        }
        "alarm-by-event" => {
            let time = &experiment["probes"][1]["by_time"];
            assert!(number(&time["ok_ms"]) < number(&time["fault_ms"]), "{time:#}");
            assert_eq!(time["not_ok"].as_array().unwrap().len(), 1, "{time:#}");
            says("no alarm was not in OK for ");
        }
        "partly-injected" => {
            assert_eq!(experiment["warnings"].as_array().unwrap().len(), 1);
            says("latency");
        }
        "recovery-only" => says("nothing was injected"),
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
            // The run may be over before the last of them comes, on a busy machine.
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
        other => guarded(other, experiment, seen),
    }
}

/// Asserts that the probe saw the system suffer, and saw it come back if it did. No service heard of that.
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
