//! Tests of the stop of one run and no other, and of the details of a run that is over.

use faultgate_engines::control_plane::{Manager, RunKey, TroubleKind};
use faultgate_testkit::harness::{
    EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, IDENTITY, KEY, OnStop, execution,
};
use serde_json::json;

use super::support::{connected, launched, read_one, seen};

fn requests_to_stop(stand: &HarnessStandIn, run: &RunKey) -> u32 {
    stand.world(|world| world.run(&run.notify_id).unwrap().stop_requests)
}

#[tokio::test]
async fn a_stop_names_its_run_and_stops_no_other() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let harness = connected(&stand);
    let (ours, theirs) = (launched(&harness).await, launched(&harness).await);
    harness.stop(&ours).await.unwrap();

    let asked = stand.asked().pop().unwrap();
    assert_eq!(asked.path, format!("/gateway/chaos/manager/api/rest/v2/experiment/{EXPERIMENT}/stop"));
    assert_eq!((&*asked.query["notifyId"], &*asked.query["force"]), ("notify-1", "false"));
    assert_eq!((requests_to_stop(&stand, &ours), requests_to_stop(&stand, &theirs)), (1, 0));
    assert_eq!(seen(&harness, &ours).await.phase, "Running");
    assert_eq!(seen(&harness, &ours).await.phase, "Stopped");
    assert_eq!(seen(&harness, &theirs).await.phase, "Running");
    stand.assert_no_faults();
}

#[tokio::test]
async fn a_row_that_is_frozen_by_the_stop_is_read_as_it_is() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    stand.world(|world| world.experiment(EXPERIMENT).unwrap().on_stop = OnStop::Frozen);
    let harness = connected(&stand);
    let run = launched(&harness).await;
    harness.stop(&run).await.unwrap();
    harness.stop(&run).await.unwrap();
    let told = seen(&harness, &run).await;
    assert_eq!((&*told.phase, told.score), ("Stopped", Some(0.0)));
}

#[tokio::test]
async fn a_run_that_ignores_the_stop_goes_on() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    stand.world(|world| world.experiment(EXPERIMENT).unwrap().on_stop = OnStop::Ignored);
    let harness = connected(&stand);
    let run = launched(&harness).await;
    harness.stop(&run).await.unwrap();
    assert_eq!(seen(&harness, &run).await.phase, "Running");
}

#[tokio::test]
async fn without_rest_a_stop_needs_the_run_id_and_says_so() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued(), HarnessBeat::running().held()]).await;
    stand.is_older();
    let harness = connected(&stand);
    let (run, other) = (launched(&harness).await, launched(&harness).await);
    let trouble = harness.stop(&run).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Missing);
    assert!(trouble.why.contains("HTTP 404") && trouble.why.contains("agent"), "{}", trouble.why);
    assert_eq!(stand.count("stopWorkflowRuns"), 0);

    seen(&harness, &run).await;
    let run_id = seen(&harness, &run).await.run_id;
    assert_eq!(run_id.as_deref(), Some("run-1"));
    harness.stop(&RunKey { run_id, ..run.clone() }).await.unwrap();
    assert_eq!((requests_to_stop(&stand, &run), requests_to_stop(&stand, &other)), (1, 0));
    stand.assert_no_faults();
}

#[tokio::test]
async fn graphql_stops_what_rest_would_not() {
    for answer in [HarnessAnswer::Status(500, json!({ "message": "boom" })), HarnessAnswer::Garbage] {
        let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
        let harness = connected(&stand);
        let run = launched(&harness).await;
        let run_id = seen(&harness, &run).await.run_id;
        stand.interrupt("stopChaosV2Experiment", 1, answer);
        harness.stop(&RunKey { run_id, ..run.clone() }).await.unwrap();
        assert_eq!(stand.asked().pop().unwrap().body["variables"]["workflowRunID"], "run-1");
        assert_eq!(requests_to_stop(&stand, &run), 1);
        stand.assert_no_faults();
    }
}

#[tokio::test]
async fn a_server_that_says_no_has_not_stopped_it() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    stand.has_no_rest();
    let harness = connected(&stand);
    let run = RunKey { run_id: Some("run-1".to_owned()), ..launched(&harness).await };
    stand.interrupt(
        "stopWorkflowRuns",
        1,
        HarnessAnswer::Body(json!({ "data": { "stopWorkflowRuns": false } })),
    );
    assert_eq!(harness.stop(&run).await.unwrap_err().kind, TroubleKind::Refused);
    stand.interrupt("stopChaosV2Experiment", 1, HarnessAnswer::Status(429, json!({})));
    assert_eq!(harness.stop(&run).await.unwrap_err().kind, TroubleKind::Limited);
}

#[tokio::test]
async fn a_run_that_is_named_by_identity_is_stopped_by_its_id() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    harness.stop(&RunKey { experiment: IDENTITY.to_owned(), ..run.clone() }).await.unwrap();
    assert_eq!(requests_to_stop(&stand, &run), 1);
}

#[tokio::test]
async fn by_hand_it_is_the_same_request_for_a_shell() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let run = RunKey { notify_id: "it's \"$(here)\"".to_owned(), ..launched(&harness).await };
    let command = harness.stop_by_hand(&run);
    let command = command.trim_matches('`');
    assert!(command.starts_with("curl -X POST -H \"x-api-key: $HARNESS_API_KEY\" 'http://"), "{command}");
    assert!(command.ends_with("&notifyId=it%27s+%22%24%28here%29%22&force=false'"), "{command}");
    assert!(!command.contains(KEY));
}

#[tokio::test]
async fn details_are_weights_execution_data_and_probes() {
    let stand = HarnessStandIn::living(&[HarnessBeat::completed(75.0)]).await;
    stand.world(|world| {
        world.experiment(EXPERIMENT).unwrap().probes = vec![
            json!({ "faultName": "pod-delete", "name": "checkout", "type": "httpProbe", "mode": "Continuous",
                "status": { "verdict": "Failed", "description": "HTTP 503" } }),
            json!({ "nodeName": "pod-delete", "name": "cart", "type": "cmdProbe", "mode": "EOT", "status": null }),
            json!({ "nodeName": "latency-p1", "name": "latency", "isExperimentLevelProbe": true,
                "status": { "verdict": "Passed" } }),
            json!({ "faultName": "pod-delete" }),
        ];
    });
    let harness = connected(&stand);
    let run = launched(&harness).await;
    let details = harness.details(&run).await.unwrap();
    assert_eq!(details.weights, [("pod-delete".to_owned(), 10)]);
    assert_eq!(details.execution, Some(json!(execution(&[("pod-delete", "Fail", 75.0)]))));
    let told: Vec<_> = details
        .probes
        .iter()
        .map(|(fault, probe)| (&**fault, &*probe.name, &*probe.verdict, probe.description.as_deref()))
        .collect();
    let expected = [
        ("pod-delete", "checkout", "Failed", Some("HTTP 503")),
        ("pod-delete", "cart", "NA", None),
        ("", "latency", "Passed", None),
    ];
    assert_eq!(told, expected);
    assert_eq!(stand.operations()[1..], ["listWorkflowRun", "getProbesInExperiment"]);
    stand.assert_no_faults();
}

#[tokio::test]
async fn an_older_server_tells_weights_and_execution_data() {
    let stand = HarnessStandIn::living(&[HarnessBeat::completed(75.0)]).await;
    stand.is_older();
    let harness = connected(&stand);
    for _ in 0..2 {
        let run = launched(&harness).await;
        let details = harness.details(&run).await.unwrap();
        assert!(details.execution.is_some() && details.probes.is_empty());
        assert_eq!(details.weights, [("pod-delete".to_owned(), 10)]);
    }
    assert_eq!(stand.count("getProbesInExperiment"), 1);
    stand.assert_no_faults();
}

#[tokio::test]
async fn execution_data_may_be_an_object() {
    let stand = HarnessStandIn::living(&[HarnessBeat::completed(100.0)]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    let data: serde_json::Value = serde_json::from_str(&execution(&[("pod-delete", "Pass", 100.0)])).unwrap();
    let rows = json!([{ "executionData": data, "weightages": null }]);
    stand.interrupt(
        "listWorkflowRun",
        1,
        HarnessAnswer::Body(json!({ "data": { "listWorkflowRun": { "workflowRuns": rows } } })),
    );
    let details = harness.details(&run).await.unwrap();
    assert_eq!(details.execution, Some(data));
    assert_eq!(stand.count("getChaosV2ExperimentRun"), 0);
}

#[tokio::test]
async fn steps_stand_in_for_execution_data_that_is_not_there() {
    let stand = HarnessStandIn::living(&[HarnessBeat::ended("Completed_With_Probe_Failure", 50.0)]).await;
    stand.world(|world| {
        world.experiment(EXPERIMENT).unwrap().steps = vec![
            json!({ "accountID": "a", "stepName": "pod-delete-x1", "stepType": "FAULT", "status": "Error",
                "errorData": { "code": "E2008", "message": "CMD_PROBE_ERROR" },
                "chaosData": { "faultData": { "name": "pod-delete" } } }),
            json!({ "accountID": "a", "stepName": "checkout-p1", "stepType": "PROBE", "status": "Failed",
                "chaosData": { "probeData": { "name": "checkout", "probeType": "httpProbe",
                    "faultName": "pod-delete", "description": "the shop answers" } } }),
            json!({ "accountID": "a", "stepName": "wait", "stepType": "ACTION", "status": "Completed" }),
        ];
    });
    let harness = connected(&stand);
    let run = launched(&harness).await;
    let details = harness.details(&run).await.unwrap();
    let nodes = &details.execution.unwrap()["nodes"];
    let kinds: Vec<_> =
        nodes.as_array().unwrap().iter().map(|node| (&node["type"], &node["stepType"])).collect();
    let null = serde_json::Value::Null;
    assert_eq!(kinds, [(&json!("FAULT"), &null), (&null, &json!("PROBE")), (&null, &json!("ACTION"))]);
    let data = &nodes[0]["chaosData"];
    let told = ["experimentName", "experimentVerdict", "failStep"].map(|name| &data[name]);
    assert_eq!(told, [&json!("pod-delete"), &json!("Error"), &json!("E2008 : CMD_PROBE_ERROR")]);
    assert_eq!(details.probes.len(), 1);
    assert_eq!((&*details.probes[0].0, &*details.probes[0].1.verdict), ("pod-delete", "Failed"));
    stand.assert_no_faults();
}

#[tokio::test]
async fn details_without_any_answer_are_trouble() {
    let stand = HarnessStandIn::living(&[HarnessBeat::completed(100.0)]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    stand.interrupt(None, 20, HarnessAnswer::Status(503, json!({})));
    assert_eq!(harness.details(&run).await.unwrap_err().kind, TroubleKind::Unanswered);
    assert!(read_one(&harness, &run).await.is_err());
}
