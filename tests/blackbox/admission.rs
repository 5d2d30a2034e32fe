//! Tests of the admission to a place: how many experiments are there at once, and the wait for a slot.

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::lives::{ENDLESS, QUICK};

/// Returns a suite of experiments of the account's template, each in one of these Regions.
fn suite(head: &str, regions: &[&str]) -> String {
    let experiment = |(number, region): (usize, &&str)| {
        format!("  - {{ name: e{number}, fis: {{ template: {TEMPLATE_ID}, region: {region} }} }}\n")
    };
    let experiments: String = regions.iter().enumerate().map(experiment).collect();
    format!("version: 1\n{head}\nexperiments:\n{experiments}")
}

fn with_suite(account: &EmbeddedAccount, command: &str, head: &str, regions: &[&str]) -> Faultgate {
    account.faultgate(&[command]).file(".faultgate.yml", &suite(head, regions))
}

/// Returns the statuses of all answers to launches.
fn launches(account: &EmbeddedAccount) -> Vec<Option<u16>> {
    account.requests_of("StartExperiment").iter().map(|request| request.status).collect()
}

async fn until_refused(account: &EmbeddedAccount) {
    account
        .until("a launch is refused for the quota", |seen| {
            seen.requests.iter().any(|request| request.status == Some(402))
        })
        .await;
}

#[tokio::test]
async fn never_more_than_max_active_are_in_one_place() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_active(Some(5));
    let ended = with_suite(&account, "run", "parallel: 50", &["us-east-1"; 300]).finish().await;
    ended.assert_code(0, "300 experiments");
    assert_eq!(account.world.inventory().most_active, 5);
    assert_eq!(launches(&account), vec![Some(200); 300], "each is launched once, and none in vain");
    account.assert_nothing_left("300 experiments");
}

#[tokio::test]
async fn a_place_that_is_full_keeps_no_other_waiting() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let regions = ["us-east-1", "us-east-1", "eu-west-1"];
    let running = with_suite(&account, "run", "parallel: 2\nmax-active: 1", &regions).spawn();
    account
        .until("one runs in each Region", |seen| {
            let mut regions: Vec<_> =
                seen.inventory.experiments.iter().map(|experiment| experiment.region.as_str()).collect();
            regions.sort_unstable();
            regions == ["eu-west-1", "us-east-1"]
        })
        .await;
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "two Regions");
    assert_eq!(account.world.inventory().most_active, 1);
    account.assert_nothing_left("two Regions");
}

#[tokio::test]
async fn a_launch_waits_for_a_slot_and_its_token_stays_the_same() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_active(Some(0));
    let running = account.run().spawn();
    until_refused(&account).await;
    account.world.limit_active(Some(1));
    let ended = running.ended().await;
    ended.assert_code(0, "a slot came free");
    let told =
        "waiting for a slot: FIS runs as many experiments in 123456789012 us-east-1 as its quota allows";
    assert_eq!(ended.stdout.matches(told).count(), 1, "{}", ended.stdout);
    let launches = account.requests_of("StartExperiment");
    let tokens: Vec<_> = launches.iter().map(|request| &request.input["clientToken"]).collect();
    assert!(launches.len() >= 2 && tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    let state: serde_json::Value = serde_json::from_str(&ended.read("reports/state.json")).unwrap();
    assert_eq!(state["experiments"][0]["client_tokens"].as_array().unwrap().len(), 1, "{state:#}");
    account.assert_nothing_left("a slot came free");
}

#[tokio::test]
async fn without_a_slot_within_queue_timeout_nothing_is_launched() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_active(Some(0));
    let ended = account.run().env("FAULTGATE_QUEUE_TIMEOUT", "2s").finish().await;
    ended.assert_code(4, "no slot");
    let result = ended.result();
    assert_eq!(result["gate"]["verdict"], "timed-out");
    let reason = result["gate"]["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("not launched: there was no slot for it within queue-timeout, 2s"),
        "{reason}"
    );
    assert!(reason.contains("ServiceQuotaExceededException"), "{reason}");
    assert!(launches(&account).len() >= 2, "it has waited and tried again");
    assert!(account.world.inventory().experiments.is_empty());
    account.assert_nothing_left("no slot");
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_a_slot() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_active(Some(0));
    let running = account.run().spawn();
    until_refused(&account).await;
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "a signal in the wait");
    assert!(account.world.inventory().experiments.is_empty());
    account.assert_nothing_left("a signal in the wait");
}

#[tokio::test]
async fn what_forbids_further_launches_ends_the_wait_for_a_slot() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.limit_active(Some(1));
    let head = "parallel: 2\nstop-on-failure: true\ntimeout: 1s";
    let ended = with_suite(&account, "run", head, &["us-east-1"; 2]).finish().await;
    let statuses = launches(&account);
    assert!(statuses.contains(&Some(402)), "one waits: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == Some(200)).count(), 1, "{statuses:?}");
    let result = ended.result();
    let reasons: Vec<_> =
        (0..2).map(|place| result["experiments"][place]["reason"].as_str().unwrap()).collect();
    let told = "did not pass, and stop-on-failure is set";
    assert_eq!(reasons.iter().filter(|reason| reason.contains(told)).count(), 1, "{reasons:?}");
    account.assert_nothing_left("stop-on-failure in the wait");
}

/// The answer to the first request is lost, and the second is refused for the quota: the first may have begun
/// an experiment, so it is looked for and stopped.
#[tokio::test]
async fn a_refusal_for_the_quota_after_a_lost_answer_is_no_proof() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1));
    let full = FaultEffect::Error {
        status: 402,
        code: "ServiceQuotaExceededException".into(),
        message: "no more".into(),
        retry_after: None,
    };
    account.world.inject(FaultRule::on("StartExperiment", full).from(2));
    let ended = account.run().finish().await;
    ended.assert_code(3, "in doubt");
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
    account.assert_nothing_left("in doubt");
}

#[tokio::test]
async fn a_split_launch_that_its_place_does_not_bear_launches_nothing() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launch = with_suite(&account, "launch", "parallel: 3\nmax-active: 2", &["us-east-1"; 3]);
    let ended = launch.finish().await;
    ended.assert_code(3, "too many at once");
    let reason = &ended.result()["gate"]["reasons"][0];
    let want = "faultgate launch starts all 3 experiments in 123456789012 us-east-1 at once, and max-active allows 2";
    assert!(reason.as_str().unwrap().contains(want), "{reason}");
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("too many at once");
}
