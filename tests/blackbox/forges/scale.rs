//! Tests of which statuses are posted, when, and what is said of those that could not be.

use std::collections::BTreeSet;
use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule};
use faultgate_testkit::lives::{ENDLESS, IN, OVER};

use super::*;

/// Returns a run in this account of so many experiments, of a pull request of this forge.
fn run_of(account: &EmbeddedAccount, forge: &ForgeStandIn, experiments: usize) -> Faultgate {
    let list = vec![TEMPLATE_ID; experiments].join(",");
    let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list).env("FAULTGATE_PARALLEL", "5");
    in_pull_request(run, forge, "")
}

#[tokio::test]
async fn many_experiments_have_one_status_unless_all_are_asked_for() {
    let cases = [
        (None, 3, 4),
        (Some("true"), 20, 21),
        (None, 21, 1),
        (Some("all"), 21, 22),
        (Some("run"), 3, 1),
        (Some("run"), 1, 1),
        (Some("all"), 1, 1),
        (Some("off"), 3, 0),
        (Some("false"), 21, 0),
    ];
    at_once(cases, |(mode, experiments, contexts)| async move {
        let (account, forge) = (EmbeddedAccount::living(QUICK).await, ForgeStandIn::start(GITHUB).await);
        let run = run_of(&account, &forge, experiments);
        let run = mode.into_iter().fold(run, |run, mode| run.env("FAULTGATE_COMMIT_STATUS", mode));
        let ended = run.finish().await;
        let case = format!("{mode:?} of {experiments}");
        ended.assert_code(0, &case);
        forge.assert_no_faults();
        let told = forge.told();
        let all: BTreeSet<&str> = told.iter().map(|(context, _)| context.as_str()).collect();
        assert_eq!(all.len(), contexts, "{case}: {all:?}");
        assert_eq!(
            all.contains("faultgate"),
            contexts > 0 && (experiments > 1 || mode == Some("run")),
            "{case}"
        );
        for context in all {
            let last = told.iter().rev().find(|(of, _)| of == context).unwrap();
            assert_eq!(last.1, "success", "{case}: {context}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_verdict_is_on_the_commit_before_the_queue_is_gone() {
    let (account, forge) = (EmbeddedAccount::living(QUICK).await, ForgeStandIn::start(GITHUB).await);
    account.world.inject(FaultRule::on("DeleteQueue", FaultEffect::Delay(Duration::from_secs(2))));
    let running = run_of(&account, &forge, 1).spawn();
    forge.until_told("success").await;
    assert!(account.left().iter().any(|left| left.starts_with("queue")), "{:?}", account.left());
    let ended = running.ended().await;
    ended.assert_code(0, "it passes");
    assert_eq!(forge.told().iter().filter(|(_, state)| state == "success").count(), 1, "told once");
    account.assert_nothing_left("it passes");
}

/// The summary is missing, which nobody knows when the verdict is posted.
#[tokio::test]
async fn a_verdict_that_turns_is_corrected() {
    let (account, forge) = (EmbeddedAccount::living(QUICK).await, ForgeStandIn::start(GITHUB).await);
    account.world.inject(FaultRule::on("DeleteQueue", FaultEffect::Delay(Duration::from_secs(1))));
    let run = run_of(&account, &forge, 1)
        .env("FAULTGATE_REPORTING", "fail")
        .env("GITHUB_STEP_SUMMARY", "/nowhere/at/all/summary.md");
    run.finish().await.assert_code(3, "a report is missing");
    let told = forge.told();
    let last: Vec<&str> = told.iter().rev().take(2).map(|(_, state)| state.as_str()).collect();
    assert_eq!(last, ["error", "success"], "{told:?}");
}

#[tokio::test]
async fn a_status_that_the_limits_leave_pending_is_named() {
    let (account, forge) = (EmbeddedAccount::living(IN).await, ForgeStandIn::start(GITHUB).await);
    let running = run_of(&account, &forge, 1).spawn();
    forge.until_told("pending").await;
    account.until_running().await;
    forge.refuse(403, json!({ "message": "You have exceeded a secondary rate limit. Please wait." }));
    let id = account.world.inventory().experiments[0].id.clone();
    for step in OVER {
        assert!(account.world.advance("us-east-1", &id, &step));
    }
    let ended = running.ended().await;
    ended.assert_code(0, "the verdict stands");
    let result = ended.result();
    let status = reported(&result, "commit status");
    assert_eq!(status["outcome"], "failed", "{status}");
    let named = format!("left pending: {}", forge.told()[0].0);
    for said in [named.as_str(), "give the job a token of its own", "faultgate report --merge"] {
        assert!(status["detail"].as_str().unwrap().contains(said), "{status}");
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_forge_that_hangs_holds_up_no_stop() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (account, forge) = (EmbeddedAccount::living(ENDLESS).await, ForgeStandIn::start(GITHUB).await);
    let running = run_of(&account, &forge, 1).env("GITHUB_API_URL", &url).spawn();
    account.until_running().await;
    running.signal("TERM").await;
    account.until_asked("StopExperiment").await;
    let ended = running.ended().await;
    ended.assert_code(143, "SIGTERM");
    account.assert_nothing_left("SIGTERM");
}
