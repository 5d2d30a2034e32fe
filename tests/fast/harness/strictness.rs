//! Tests of the stand-in itself: a request that no real server would take is a fault, and one that only newer
//! servers know is none.

use std::time::Duration;

use faultgate_testkit::harness::{ACCOUNT, EXPERIMENT, HarnessBeat, HarnessStandIn, KEY, ORG, PROJECT};
use serde_json::{Value, json};

use super::support::client;

async fn post(stand: &HarnessStandIn, place: &str, body: &Value) -> u16 {
    let url = format!("{}/gateway/chaos/manager/api/{place}", stand.url());
    let request = client(Duration::from_secs(20)).post(url).header("x-api-key", KEY);
    let request = request.header("Harness-Account", ACCOUNT);
    let request = if body.is_null() { request } else { request.json(body) };
    request.send().await.unwrap().status().as_u16()
}

async fn graphql(stand: &HarnessStandIn, query: &str, variables: Value) -> u16 {
    let body = json!({ "operationName": "Q", "query": query, "variables": variables });
    post(stand, &format!("query?accountIdentifier={ACCOUNT}"), &body).await
}

const RUNS: &str = "query Q($i: IdentifiersRequest!, $r: ListWorkflowRunRequest!) { \
    listWorkflowRun(identifiers: $i, request: $r) { workflowRuns { FIELDS } } }";

fn scope() -> Value {
    json!({ "accountIdentifier": ACCOUNT, "orgIdentifier": ORG, "projectIdentifier": PROJECT })
}

#[tokio::test]
async fn graphql_that_is_not_in_the_schema_is_a_fault() {
    let phase = RUNS.replace("FIELDS", "phase");
    let cases = [
        (RUNS.replace("FIELDS", "state"), json!({ "i": scope(), "r": {} })),
        (phase.clone(), json!({ "i": scope(), "r": { "notifyIds": [] } })),
        (phase.clone(), json!({ "i": scope(), "r": { "notifyIDs": [7] } })),
        (phase.clone(), json!({ "i": { "accountIdentifier": ACCOUNT }, "r": {} })),
        (phase.clone(), json!({ "i": scope() })),
        (phase.clone(), json!({ "i": scope(), "r": {}, "more": 1 })),
        (phase.replace("query Q", "query P"), json!({ "i": scope(), "r": {} })),
        (phase.replace('}', ""), json!({ "i": scope(), "r": {} })),
    ];
    for (query, variables) in cases {
        let stand = HarnessStandIn::living(&[]).await;
        assert_eq!(graphql(&stand, &query, variables.clone()).await, 422, "{query} {variables}");
        assert_eq!(stand.faults().len(), 1, "{query} {variables}");
    }
    let stand = HarnessStandIn::living(&[]).await;
    assert_eq!(graphql(&stand, &phase, json!({ "i": scope(), "r": { "notifyIDs": ["n"] } })).await, 200);
    // An older server refuses a field that it does not know, and that is no fault of the client.
    stand.is_older();
    let newer = RUNS.replace("FIELDS", "errorResponse");
    assert_eq!(graphql(&stand, &newer, json!({ "i": scope(), "r": {} })).await, 422);
    stand.assert_no_faults();
}

#[tokio::test]
async fn rest_that_is_not_described_is_a_fault() {
    let scope =
        format!("accountIdentifier={ACCOUNT}&organizationIdentifier={ORG}&projectIdentifier={PROJECT}");
    let run = format!("rest/v2/experiments/{EXPERIMENT}/run?{scope}");
    let stop = format!("rest/v2/experiment/{EXPERIMENT}/stop?{scope}");
    let cases = [
        (run.clone(), json!({})),
        (format!("{run}&isIdentity=false&isOnboardingRun=false"), json!({ "inputs": {} })),
        (
            format!("{run}&isIdentity=false&isOnboardingRun=false"),
            json!({ "runtimeInputs": { "experiment": [{ "name": "a" }] } }),
        ),
        (format!("{stop}&notifyID=notify-1"), Value::Null),
        (format!("{stop}&notifyId=notify-1"), json!({})),
        (stop.replace("organizationIdentifier", "orgIdentifier"), Value::Null),
        (format!("rest/v2/probes/experiment-run?{scope}"), json!({})),
        (format!("rest/v2/experiments/{EXPERIMENT}/stop?{scope}"), Value::Null),
    ];
    for (place, body) in cases {
        let stand = HarnessStandIn::living(&[]).await;
        assert_eq!(post(&stand, &place, &body).await, 422, "{place} {body}");
        assert_eq!(stand.faults().len(), 1, "{place} {body}");
    }
}

#[tokio::test]
async fn a_stop_that_names_no_run_stops_everybodys() {
    let scope =
        format!("accountIdentifier={ACCOUNT}&organizationIdentifier={ORG}&projectIdentifier={PROJECT}");
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    stand.world(|world| [world.launch(EXPERIMENT, None).unwrap(), world.launch(EXPERIMENT, None).unwrap()]);
    let place = format!("rest/v2/experiment/{EXPERIMENT}/stop?{scope}&force=false");
    assert_eq!(post(&stand, &place, &Value::Null).await, 200);
    let stop = format!(
        "mutation Q($i: IdentifiersRequest!) {{ stopWorkflowRuns(identifiers: $i, workflowID: \"{EXPERIMENT}\") }}"
    );
    assert_eq!(graphql(&stand, &stop, json!({ "i": self::scope() })).await, 200);
    assert_eq!(stand.world(|world| world.stops_of_all), 2);
    assert!(stand.world(|world| world.runs.iter().all(|run| run.stop_requests == 2)));
}

#[tokio::test]
async fn a_run_that_is_held_goes_on_when_it_is_told_and_a_test_can_wait_for_it() {
    let stand = HarnessStandIn::living(&[HarnessBeat::queued().held(), HarnessBeat::running().held()]).await;
    let notify_id = stand.world(|world| world.launch(EXPERIMENT, None).unwrap());
    let waiting =
        stand.until("it runs", |world, _| world.runs.iter().any(|run| run.now().phase == "Running"));
    let going_on = async { stand.go_on(&notify_id) };
    tokio::join!(waiting, going_on);
}
