//! Tests of `limits.alone`: no experiment runs beside another one, whoever began it.

use std::collections::BTreeMap;
use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::lives::{ENDLESS, QUICK};

const BUILD: &str = "https://ci.example.com/builds/7";

fn alone(run: Faultgate) -> Faultgate {
    run.file("policy.yml", "version: 1\nlimits: { alone: true }\n").env("FAULTGATE_POLICY", "policy.yml")
}

/// Begins an experiment of another pipeline, and returns its id.
fn begin_another(account: &EmbeddedAccount) -> String {
    let tags = BTreeMap::from([("faultgate:url".to_owned(), BUILD.to_owned())]);
    account.world.start_foreign(ENDLESS, tags)
}

/// Ends an experiment, as its own pipeline does it.
async fn end_another(account: &EmbeddedAccount, id: &str) {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20261127/us-east-1/fis/aws4_request, \
                         SignedHeaders=host, Signature=00";
    let url = format!("{}/experiments/{id}", account.url());
    let answer =
        reqwest::Client::new().delete(url).header("authorization", authorization).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn own_states(account: &EmbeddedAccount, other: &str) -> Vec<String> {
    let all = account.world.inventory().experiments.into_iter();
    all.filter(|experiment| experiment.id != other).map(|experiment| experiment.status).collect()
}

#[tokio::test]
async fn it_waits_for_others_and_says_for_whom() {
    let account = EmbeddedAccount::living(QUICK).await;
    let other = begin_another(&account);
    let running = alone(account.run()).spawn();
    account.until("it looks again", |seen| seen.count("ListExperiments") >= 2).await;
    assert!(account.requests_of("StartExperiment").is_empty(), "nothing is launched beside another");
    end_another(&account, &other).await;
    let ended = running.ended().await;
    ended.assert_code(0, "alone at last");
    let told =
        format!("waits until it is alone in 123456789012 us-east-1: {other} (template EXTforeign, {BUILD})");
    assert_eq!(ended.stdout.matches(&told).count(), 1, "{}", ended.stdout);
    assert_eq!(own_states(&account, &other), ["completed"]);
    account.assert_nothing_left("alone at last");
}

#[tokio::test]
async fn one_that_does_not_end_is_waited_for_no_longer_than_queue_timeout() {
    let account = EmbeddedAccount::living(QUICK).await;
    let other = begin_another(&account);
    let ended = alone(account.run()).env("FAULTGATE_QUEUE_TIMEOUT", "1s").finish().await;
    ended.assert_code(4, "never alone");
    let reason = ended.result()["gate"]["reasons"][0].as_str().unwrap().to_owned();
    let want =
        format!("not launched: policy: limits.alone: {other} (template EXTforeign, {BUILD}) in 123456789012");
    assert!(reason.starts_with(&want) && reason.contains("queue-timeout, 1s"), "{reason}");
    assert!(own_states(&account, &other).is_empty(), "nothing is launched");
}

#[tokio::test]
async fn a_signal_ends_the_wait() {
    let account = EmbeddedAccount::living(QUICK).await;
    let other = begin_another(&account);
    let running = alone(account.run()).spawn();
    account.until_asked("ListExperiments").await;
    running.signal("INT").await;
    running.ended().await.assert_code(130, "a signal in the wait");
    assert!(own_states(&account, &other).is_empty(), "nothing is launched");
}

#[tokio::test]
async fn who_cannot_see_the_others_launches_nothing() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("ListExperiments", "fis:ListExperiments");
    let ended = alone(account.run()).finish().await;
    ended.assert_code(3, "denied");
    let reason = ended.result()["gate"]["reasons"][0].as_str().unwrap().to_owned();
    assert!(reason.starts_with("not launched: policy: limits.alone: who else runs is not known"), "{reason}");
    assert!(reason.contains("fis:ListExperiments"), "{reason}");
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("denied");
}

/// Another one begins after the look and before the launch takes effect, so this run is the later one.
#[tokio::test]
async fn of_two_at_once_the_later_one_is_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Delay(Duration::from_secs(1))));
    let running = alone(account.run()).spawn();
    account.until_asked("StartExperiment").await;
    let other = begin_another(&account);
    let ended = running.ended().await;
    ended.assert_code(3, "later than another");
    let reason = ended.result()["gate"]["reasons"][0].as_str().unwrap().to_owned();
    assert!(reason.starts_with(&format!("policy: limits.alone: {other} (template EXTforeign")), "{reason}");
    assert_eq!(own_states(&account, &other), ["stopped"]);
    let others = account.world.inventory().experiments;
    assert!(others.iter().any(|experiment| experiment.id == other && experiment.status == "running"));
}

#[tokio::test]
async fn of_two_at_once_the_earlier_one_goes_on() {
    let account = EmbeddedAccount::living(QUICK).await;
    let late = FaultRule::on("ListExperiments", FaultEffect::Delay(Duration::from_secs(1))).from(2);
    account.world.inject(late);
    let running = alone(account.run()).spawn();
    account.until("the second look", |seen| seen.count("ListExperiments") == 2).await;
    let other = begin_another(&account);
    running.ended().await.assert_code(0, "earlier than another");
    assert_eq!(own_states(&account, &other), ["completed"]);
}

#[tokio::test]
async fn an_experiment_whose_place_cannot_be_seen_again_is_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account
        .world
        .inject(FaultRule::on("ListExperiments", FaultEffect::denied("fis:ListExperiments")).from(2));
    let ended = alone(account.run()).finish().await;
    ended.assert_code(3, "seen once");
    assert_eq!(own_states(&account, ""), ["stopped"]);
    account.assert_nothing_left("seen once");
}

#[tokio::test]
async fn the_run_s_own_experiments_follow_one_another() {
    let account = EmbeddedAccount::living(QUICK).await;
    let names: Vec<String> =
        (0..4).map(|n| format!("  - {{ name: e{n}, fis: {{ template: {TEMPLATE_ID} }} }}\n")).collect();
    let suite = format!("version: 1\nparallel: 4\nexperiments:\n{}", names.concat());
    let ended = alone(account.faultgate(&["run"]).file(".faultgate.yml", &suite)).finish().await;
    ended.assert_code(0, "four");
    assert_eq!(account.world.inventory().most_active, 1);
    assert_eq!(account.requests_of("StartExperiment").len(), 4);
}

#[tokio::test]
async fn a_split_launch_looks_too_and_leaves_nothing_to_a_monitor_that_must_not_run() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Delay(Duration::from_secs(1))));
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let running = alone(launch).spawn();
    account.until_asked("StartExperiment").await;
    let other = begin_another(&account);
    running.ended().await.assert_code(3, "launch");
    assert_eq!(own_states(&account, &other), ["stopped"]);
}
