//! Tests of a run over many accounts and templates, and of the limits that AWS has for each account.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use faultgate_rehearsal::{ACCOUNT, FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::{ENDLESS, QUICK};
use faultgate_testkit::paused::hub;

/// Returns the id of one of the accounts of a fleet.
fn account_id(number: usize) -> String {
    format!("{:012}", 100 + number)
}

fn role(number: usize) -> String {
    format!("arn:aws:iam::{}:role/chaos", account_id(number))
}

/// Returns a suite with this many experiments in each of these accounts.
fn suite(head: &str, accounts: usize, of_each: usize) -> String {
    let mut suite = format!("version: 1\n{head}\nexperiments:\n");
    for account in 0..accounts {
        for number in 0..of_each {
            let (name, role) = (format!("a{account}-e{number}"), role(account));
            let _ = writeln!(
                suite,
                "  - {{ name: {name}, fis: {{ template: {TEMPLATE_ID}, region: us-east-1, role-arn: '{role}' }} }}"
            );
        }
    }
    suite
}

/// Returns the verdicts of a result, each with the number of experiments that have it.
fn verdicts(result: &serde_json::Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for experiment in result["experiments"].as_array().unwrap() {
        *counts.entry(experiment["verdict"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn conflict() -> FaultEffect {
    FaultEffect::Error {
        status: 409,
        code: "ConflictException".into(),
        message: "another request is under way".into(),
        retry_after: None,
    }
}

#[tokio::test]
async fn templates_by_hundreds_are_read_at_the_rate_that_is_granted() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ids: Vec<String> = (0..300).map(|number| format!("EXT{number:04}")).collect();
    for id in &ids {
        account.world.script(id, QUICK);
    }
    account.world.throttle("GetExperimentTemplate", 40);
    let ended =
        account.faultgate(&["check"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", ids.join(",")).finish().await;
    ended.assert_code(0, "300 templates");
    let reads = account.requests_of("GetExperimentTemplate");
    let granted = reads.iter().filter(|read| read.status == Some(200)).count();
    assert_eq!(granted, 300, "each is read once");
    assert!(reads.len() > 300, "some were throttled");
}

#[tokio::test]
async fn an_account_that_cannot_be_reached_errs_alone_and_is_named() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.close_account(&account_id(7));
    let suite = suite("parallel: 80\ngate: { expected-resilience-score: 100 }", 40, 2);
    let ended = account.faultgate(&["run"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(3, "one of 40 accounts is closed");
    let result = ended.result();
    assert_eq!(
        verdicts(&result),
        BTreeMap::from([("errored".to_owned(), 2), ("passed".to_owned(), 78)]),
        "{result:#}"
    );
    let reasons = result["gate"]["reasons"].to_string();
    assert!(reasons.contains(&format!("a7-e0: not launched: role {}", role(7))), "{reasons}");
    let there = account.world.inventory();
    assert_eq!(there.experiments.len(), 78);
    assert!(there.experiments.iter().all(|experiment| experiment.account != account_id(7)));
    let state: serde_json::Value = serde_json::from_str(&ended.read("reports/state.json")).unwrap();
    assert_eq!(state["subscriptions"].as_array().unwrap().len(), 39, "those of the others");
    account.assert_nothing_left("one of 40 accounts is closed");
}

#[tokio::test]
async fn a_check_finds_all_accounts_that_cannot_be_reached() {
    let account = EmbeddedAccount::living(QUICK).await;
    for closed in [1, 3] {
        account.world.close_account(&account_id(closed));
    }
    let check = account.faultgate(&["check"]).file(".faultgate.yml", &suite("", 5, 1)).finish().await;
    check.assert_code(3, "two are closed");
    for closed in [1, 3] {
        assert!(check.stdout.contains(&format!("error   role {}", role(closed))), "{}", check.stdout);
    }
    assert!(check.stdout.contains("a run would launch only what is elsewhere"), "{}", check.stdout);
    assert!(account.requests_of("StartExperiment").is_empty());
}

#[tokio::test]
async fn where_no_account_can_be_reached_nothing_is_launched() {
    let account = EmbeddedAccount::living(QUICK).await;
    for closed in 0..3 {
        account.world.close_account(&account_id(closed));
    }
    let ended =
        account.faultgate(&["run"]).file(".faultgate.yml", &suite("parallel: 3", 3, 1)).finish().await;
    ended.assert_code(3, "all are closed");
    assert_eq!(verdicts(&ended.result()), BTreeMap::from([("errored".to_owned(), 3)]));
    account.assert_nothing_left("all are closed");
}

#[tokio::test]
async fn a_split_launch_leaves_no_account_out() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.close_account(&account_id(1));
    let ended =
        account.faultgate(&["launch"]).file(".faultgate.yml", &suite("parallel: 3", 3, 1)).finish().await;
    ended.assert_code(3, "one is closed");
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("one is closed");
}

#[tokio::test]
async fn a_bus_that_takes_no_more_rules_is_told_before_anything_is_launched() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_rules(Some(0));
    let ended = account.run().finish().await;
    ended.assert_code(3, "no room for a rule");
    let result = ended.result();
    let reason = result["gate"]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("LimitExceededException"), "{reason}");
    for remedy in ["faultgate sweep --aws-region us-east-1", "monitor: queue", "docs/hub.md", "300"] {
        assert!(reason.contains(remedy), "{remedy}: {reason}");
    }
    assert_eq!(account.requests_of("PutRule").len(), 1, "another attempt would be in vain");
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("no room for a rule");
}

#[tokio::test]
async fn a_hub_tells_of_all_accounts_and_is_read_by_its_own() {
    let account = EmbeddedAccount::living(QUICK).await;
    let members: Vec<String> = (0..3).map(account_id).collect();
    let names: Vec<&str> = members.iter().map(String::as_str).collect();
    hub::make(&account.world, &names).await;
    let run = account.faultgate(&["run"]).file(".faultgate.yml", &suite("parallel: 6", 3, 2));
    let queue = format!("{}/{ACCOUNT}/faultgate-hub", account.url());
    let ended = run.env("FAULTGATE_EVENT_QUEUE_URL", queue).finish().await;
    ended.assert_code(0, "a hub");
    for experiment in ended.result()["experiments"].as_array().unwrap() {
        assert_eq!(
            experiment["monitor"]["learned"], "by an event, confirmed by GetExperiment",
            "{experiment}"
        );
    }
    let callers = |operation| -> BTreeSet<String> {
        account.requests_of(operation).into_iter().map(|request| request.account).collect()
    };
    assert_eq!(callers("ReceiveMessage"), BTreeSet::from([ACCOUNT.to_owned()]));
    assert!(callers("PutEvents").is_subset(&members.into_iter().collect()), "handshakes are of the members");
    assert_eq!(account.world.inventory().rules.len(), 4, "no run makes or removes a rule");
    let asked = account.requests_of("GetQueueAttributes").len();
    assert_eq!(asked, 1, "the queue is checked once for all accounts");
}

#[tokio::test]
async fn a_hub_that_cannot_be_read_is_told_with_the_statement_before_anything_is_launched() {
    let account = EmbeddedAccount::living(QUICK).await;
    hub::make(&account.world, &[ACCOUNT]).await;
    account.deny("ReceiveMessage", "sqs:ReceiveMessage");
    let queue = format!("{}/{ACCOUNT}/faultgate-hub", account.url());
    let ended = account.run().env("FAULTGATE_EVENT_QUEUE_URL", queue).finish().await;
    ended.assert_code(3, "it may not be read");
    let result = ended.result();
    let findings = result["findings"].as_array().unwrap();
    let queue = findings.iter().find(|finding| finding["subject"] == "event queue").unwrap();
    let remedy = queue["remedy"].as_str().unwrap();
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:faultgate-hub");
    assert!(remedy.contains("sqs:ReceiveMessage") && remedy.contains(&arn), "{remedy}");
    assert!(account.requests_of("StartExperiment").is_empty());
}

/// Another team runs two experiments in the account, whose quota is five.
#[tokio::test]
async fn a_quota_that_others_use_too_is_a_queue() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.limit_active(Some(5));
    for _ in 0..2 {
        account.world.start_foreign(ENDLESS, BTreeMap::new());
    }
    let suite: String = (0..20)
        .fold("version: 1\nparallel: 20\nexperiments:\n".to_owned(), |suite, number| {
            format!("{suite}  - {{ name: e{number}, fis: {{ template: {TEMPLATE_ID} }} }}\n")
        });
    let ended = account.faultgate(&["run"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(0, "a quota of five");
    for told in [
        "waiting for a slot: FIS runs as many experiments in 123456789012 us-east-1 as its quota allows",
        "going on: FIS has a slot in 123456789012 us-east-1",
    ] {
        assert_eq!(ended.stdout.matches(told).count(), 1, "{told}: {}", ended.stdout);
    }
    let there = account.world.inventory();
    assert!(there.most_active <= 5, "{}", there.most_active);
    assert_eq!(there.experiments.len(), 22);
    assert_eq!(account.left().len(), 2, "those of the others: {:?}", account.left());
}

#[tokio::test]
async fn a_launch_that_is_throttled_waits_with_the_same_token() {
    let account = EmbeddedAccount::living(QUICK).await;
    // The SDK itself sends a request five times.
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::throttled(None)).times(6));
    let ended = account.run().finish().await;
    ended.assert_code(0, "throttled");
    for told in [
        "waiting: FIS takes no more requests in 123456789012 us-east-1 for now",
        "going on: FIS takes requests in 123456789012 us-east-1 again",
    ] {
        assert_eq!(ended.stdout.matches(told).count(), 1, "{told}: {}", ended.stdout);
    }
    let launches = account.requests_of("StartExperiment");
    assert!(launches.iter().all(|one| one.input["clientToken"] == launches[0].input["clientToken"]));
    assert_eq!(account.world.inventory().experiments.len(), 1);
}

#[tokio::test]
async fn a_conflict_is_waited_for() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("StartExperiment", conflict()).times(1));
    let ended = account.run().finish().await;
    ended.assert_code(0, "a conflict");
    assert_eq!(account.requests_of("ListExperiments").len(), 1, "it is looked for first");
    assert!(
        ended.stdout.contains("waiting: FIS is busy with another request in 123456789012 us-east-1"),
        "{}",
        ended.stdout
    );
    assert_eq!(account.world.inventory().experiments.len(), 1);
}

/// The answer to the first request was lost on its way: the second one conflicts with what it has begun.
#[tokio::test]
async fn an_experiment_that_a_conflict_hides_is_found() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1));
    account.world.inject(FaultRule::on("StartExperiment", conflict()).from(2));
    let running = account.run().spawn();
    account.until_running().await;
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "a conflict with its own launch");
    assert_eq!(account.world.inventory().experiments.len(), 1);
    account.assert_nothing_left("a conflict with its own launch");
}
