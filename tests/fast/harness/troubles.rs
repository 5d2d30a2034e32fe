//! Tests of requests that are not granted, not answered or answered with nonsense. Each trouble is of its
//! kind, and none shows the key.

use std::time::Duration;

use faultgate_core::model::{HarnessProject, Level};
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::harness;
use faultgate_engines::control_plane::{Asked, Manager, Trouble, TroubleKind};
use faultgate_testkit::harness::{EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, KEY};
use serde_json::json;

use super::support::{client, connected, connected_to, launched, plan, project, read_one, seen};

fn words(harness: &harness::Harness, trouble: &Trouble, what: Asked) -> String {
    let told = format!("{trouble:?} | {:?}", harness.remedy(trouble, what));
    assert!(!told.contains("mark9harnesskey"), "{told}");
    told
}

#[tokio::test]
async fn each_answer_is_of_its_kind() {
    use TroubleKind::{Denied, Limited, Missing, Refused, Unanswered, Unauthenticated};
    let long = format!("{}{KEY}", "x".repeat(390));
    let cases = [
        (HarnessAnswer::Status(401, json!({ "message": format!("bad key {KEY}") })), Unauthenticated),
        (HarnessAnswer::Status(403, json!({ "message": KEY })), Denied),
        (HarnessAnswer::Status(400, json!({ "message": long })), Refused),
        (HarnessAnswer::Status(404, json!({ "error": "Not Found" })), Missing),
        (HarnessAnswer::Status(429, json!({ "message": "Too many requests" })), Limited),
        (HarnessAnswer::Status(500, json!({ "message": "oops", "description": KEY })), Unanswered),
        (HarnessAnswer::Status(502, json!("bad gateway")), Unanswered),
        (HarnessAnswer::Status(503, json!({})), Unanswered),
        (HarnessAnswer::Page, Unanswered),
        (HarnessAnswer::Garbage, Unanswered),
        (HarnessAnswer::Oversized, Unanswered),
        (HarnessAnswer::Body(json!({})), Unanswered),
        (HarnessAnswer::Body(json!({ "data": null, "errors": [] })), Unanswered),
        (HarnessAnswer::Body(json!({ "status": "ERROR", "message": "Invalid token" })), Unauthenticated),
        (HarnessAnswer::Errors("token is expired"), Unauthenticated),
        (HarnessAnswer::Errors("user does not have permission"), Denied),
        (HarnessAnswer::Errors("no documents in result"), Missing),
        (HarnessAnswer::Errors("sat.acc0UNT-of_Shop.5f2b8c1d.mark9harnesskey is odd"), Refused),
        (HarnessAnswer::Redirect("https://example.com/".to_owned()), Refused),
    ];
    for (answer, kind) in cases {
        let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
        let harness = connected(&stand);
        let run = launched(&harness).await;
        let shown = format!("{answer:?}").chars().take(80).collect::<String>();
        stand.interrupt(None, 1, answer);
        let trouble = read_one(&harness, &run).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{shown}");
        assert_eq!(trouble.wait, None, "{shown}");
        assert!(!trouble.why.contains("acc0UNT-of_Shop"), "{}", trouble.why);
        words(&harness, &trouble, Asked::Read);
        // The next request is answered.
        assert_eq!(seen(&harness, &run).await.phase, "Running", "{shown}");
    }
}

#[tokio::test]
async fn a_key_that_expires_on_the_way_says_so_and_what_to_do() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let harness = connected(&stand);
    stand.key_lasts(2);
    let run = launched(&harness).await;
    seen(&harness, &run).await;
    let trouble = read_one(&harness, &run).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unauthenticated);
    assert!(words(&harness, &trouble, Asked::Read).contains("has not expired"));
    assert_eq!(harness.stop(&run).await.unwrap_err().kind, TroubleKind::Unauthenticated);
    // GraphQL is not asked, since it would have denied the stop as well.
    assert_eq!(stand.count("stopWorkflowRuns"), 0);
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    stand.interrupt("runChaosExperiment", 1, HarnessAnswer::Status(403, json!({ "message": "not allowed" })));
    let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
    let told = words(&harness, &trouble, Asked::Launch);
    assert!(told.contains("`Chaos Experiment: Execute` in project shop of organisation default"), "{told}");
}

#[tokio::test]
async fn silence_ends_with_the_clients_limit_and_nothing_is_known() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let limited = client(Duration::from_millis(300));
    let harness = harness::Harness::new(project(&stand.url()), Secret::new(KEY), limited);
    stand.interrupt(None, 2, HarnessAnswer::Silence);
    let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unanswered);
    assert!(!trouble.why.contains("http://"), "{}", trouble.why);
    let [finding] = &harness.check(&[&plan(EXPERIMENT)]).await[..] else { panic!() };
    assert_eq!(finding.level, Level::Warning);
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let (stand, elsewhere) = (HarnessStandIn::living(&[]).await, HarnessStandIn::living(&[]).await);
    let place = format!("{}/gateway/chaos/manager/api/query", elsewhere.url());
    stand.interrupt(None, 1, HarnessAnswer::Redirect(place));
    let trouble = connected(&stand).launch(&plan(EXPERIMENT)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Refused);
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_host_that_is_not_there_was_sent_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let harness = connected_to(project(&format!("http://{free}")));
    let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unsent);
}

#[tokio::test]
async fn a_key_or_an_account_that_no_header_can_hold_is_trouble_and_no_panic() {
    let stand = HarnessStandIn::living(&[]).await;
    let odd = Secret::new("mark9harnesskey\n");
    let harness = harness::Harness::new(project(&stand.url()), odd, client(Duration::from_secs(20)));
    let trouble = harness.launch(&plan(EXPERIMENT)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unauthenticated);
    words(&harness, &trouble, Asked::Launch);
    let odd = HarnessProject { account: "a\nb".to_owned(), ..project(&stand.url()) };
    assert!(connected_to(odd).launch(&plan(EXPERIMENT)).await.is_err());
    assert!(stand.asked().is_empty());
}

#[tokio::test]
async fn what_a_run_tells_does_not_show_the_key() {
    let stand = HarnessStandIn::living(&[HarnessBeat::error(&format!("agent used {KEY}"))]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    assert_eq!(seen(&harness, &run).await.error.as_deref(), Some("agent used ***"));
}
