//! Tests of the state file and of `faultgate stop`: whenever a run is killed, one stop leaves nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, Running, at_once};
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::Value;

pub(crate) const STATE: &str = "reports/state.json";

/// Kills a run, which has no chance to do anything.
pub(crate) async fn killed(running: Running) -> Finished {
    running.signal("KILL").await;
    let ended = running.ended().await;
    assert_eq!(ended.code, None, "it was killed\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

pub(crate) fn state(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The stops of what was left in an account.
trait Stopping {
    fn stop(&self) -> Faultgate;
    /// Stops a run that was killed, and asserts that nothing is left and a second stop asks nobody.
    async fn stop_after(&self, ended: Finished, context: &str) -> String;
}

impl Stopping for EmbeddedAccount {
    fn stop(&self) -> Faultgate {
        self.faultgate(&["stop"])
    }

    async fn stop_after(&self, ended: Finished, context: &str) -> String {
        let first = self.stop().after(ended).finish().await;
        first.assert_code(0, context);
        self.assert_nothing_left(context);
        let asked = self.world.requests().len();
        let told = first.stdout.clone();
        let before = first.read(STATE);
        let second = self.stop().after(first).finish().await;
        second.assert_code(0, context);
        assert!(second.stdout.contains("nothing to stop"), "{context}: {}", second.stdout);
        assert_eq!(self.world.requests().len(), asked, "{context}: the second stop asks nobody");
        assert_eq!(second.read(STATE), before, "{context}: the second stop changes nothing");
        told
    }
}

#[tokio::test]
async fn the_intent_is_on_the_disk_before_the_launch_goes_out() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Hang));
    let running = account.run().spawn();
    account.until_asked("StartExperiment").await;
    let path = running.path(STATE);
    let intended = state(&path);
    assert_eq!(intended["schema_version"], 1);
    let experiment = &intended["experiments"][0];
    assert_eq!(experiment["phase"], "intended", "{intended:#}");
    assert_eq!((&experiment["engine"], &experiment["template"]), (&"fis".into(), &TEMPLATE_ID.into()));
    let token = &account.requests_of("StartExperiment")[0].input["clientToken"];
    assert_eq!(&experiment["client_tokens"][0], token);
    let subscription = &intended["subscriptions"][0];
    assert_eq!(subscription["removed"], false);
    assert_eq!(subscription["queue_url"], account.world.inventory().queues[0].url.as_str());
    assert_eq!(subscription["rules"][0], account.world.inventory().rules[0].name.as_str());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    let told = account.stop_after(killed(running).await, "nothing had begun").await;
    assert!(told.contains("has not begun"), "{told}");
    assert_eq!(account.requests_of("StopExperiment").len(), 0);
}

#[tokio::test]
async fn the_subscription_is_on_the_disk_before_it_is_made() {
    at_once(["CreateQueue", "PutRule"], |operation| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.world.inject(FaultRule::on(operation, FaultEffect::LoseAnswer));
        let running = account.run().spawn();
        account
            .until("both are there", |seen| {
                !seen.inventory.queues.is_empty() && !seen.inventory.rules.is_empty()
            })
            .await;
        let ended = killed(running).await;
        account.world.heal();
        let told = account.stop_after(ended, operation).await;
        assert!(told.contains("removed the subscription"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn what_ran_when_the_run_was_killed_is_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let id = account.world.inventory().experiments[0].id.clone();
    let path = running.path(STATE);
    account.until("it is watched", |seen| seen.count("ReceiveMessage") > 1).await;
    while state(&path)["experiments"][0]["phase"] != "launched" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(state(&path)["experiments"][0]["launch"]["id"], id.as_str());
    let told = account.stop_after(killed(running).await, "it was running").await;
    assert!(told.contains(&format!("stopped {id}")), "{told}");
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
    assert_eq!(account.requests_of("ListExperiments").len(), 0, "its id was known");
}

#[tokio::test]
async fn a_launch_whose_answer_nobody_heard_is_found_by_its_tags() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer));
    let running = account.run().spawn();
    account.until_running().await;
    let started = account.requests_of("StartExperiment").len();
    let ended = killed(running).await;
    account.world.heal();
    account.stop_after(ended, "no answer").await;
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
    assert!(account.requests_of("StartExperiment").len() <= started + 1, "stop starts nothing");
    assert_eq!(account.world.inventory().experiments.len(), 1);
}

#[tokio::test]
async fn what_had_ended_when_the_run_was_killed_is_only_cleaned_up() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("RemoveTargets", FaultEffect::Hang));
    account.world.inject(FaultRule::on("DeleteQueue", FaultEffect::Hang));
    let running = account.run().spawn();
    account.until_asked("DeleteQueue").await;
    let ended = killed(running).await;
    account.world.heal();
    account.stop_after(ended, "it was over").await;
    assert_eq!(account.requests_of("StopExperiment").len(), 0, "its end is in the file");
}

#[tokio::test]
async fn a_run_that_ended_leaves_nothing_to_stop() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.run().finish().await;
    ended.assert_code(0, "it passes");
    let file = state(&ended.path(STATE));
    assert_eq!(file["experiments"][0]["phase"], "over");
    assert_eq!(file["subscriptions"][0]["removed"], true);
    let asked = account.world.requests().len();
    let stop = account.stop().after(ended).finish().await;
    stop.assert_code(0, "nothing is left");
    assert!(stop.stdout.contains("nothing to stop"), "{}", stop.stdout);
    assert_eq!(account.world.requests().len(), asked);
}

#[tokio::test]
async fn several_experiments_are_stopped_at_once() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let names: Vec<String> = (0..12)
        .map(|number| format!("  - {{ name: e{number}, fis: {{ template: {TEMPLATE_ID} }} }}\n"))
        .collect();
    let suite = format!("version: 1\nparallel: 12\nmax-active: 12\nexperiments:\n{}", names.concat());
    let running = account.faultgate(&["run"]).file(".faultgate.yml", &suite).spawn();
    account
        .until("all run", |seen| {
            seen.inventory.experiments.iter().filter(|e| e.status == "running").count() == 12
        })
        .await;
    let told = account.stop_after(killed(running).await, "twelve").await;
    assert_eq!(told.lines().filter(|line| line.contains(": stopped EXP")).count(), 12, "{told}");
}

#[tokio::test]
async fn what_cannot_be_stopped_or_removed_is_told_with_the_command_that_does_it() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let ended = killed(running).await;
    account.deny("StopExperiment", "fis:StopExperiment");
    account.deny("DeleteQueue", "sqs:DeleteQueue");
    let stop = account.stop().after(ended).finish().await;
    stop.assert_code(3, "denied");
    let id = account.world.inventory().experiments[0].id.clone();
    for word in [
        "NOT known to have stopped",
        &format!("aws fis stop-experiment --region us-east-1 --id {id}"),
        "aws sqs delete-queue --region us-east-1",
    ] {
        assert!(stop.stdout.contains(word), "{word}: {}", stop.stdout);
    }
    account.world.heal();
    account.stop_after(stop, "permitted").await;
}

#[tokio::test]
async fn an_experiment_is_stopped_by_its_id_alone() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let id = account.world.inventory().experiments[0].id.clone();
    for round in ["it runs", "it is over"] {
        let stop = account
            .stop()
            .without("AWS_REGION")
            .args(&["--experiment-id", &id, "--aws-region", "us-east-1"])
            .finish()
            .await;
        stop.assert_code(0, round);
        assert!(stop.stdout.contains(&format!("{id}: stopped {id}")), "{}", stop.stdout);
    }
    running.ended().await.assert_code(3, "somebody else stopped it");
    account.stop().args(&["--experiment-id", "EXPnosuch"]).finish().await.assert_code(3, "it is not there");
    let odd = account.stop().args(&["--experiment-id", "EXP1; rm"]).finish().await;
    odd.assert_code(2, "no id");
    assert!(odd.stderr.contains("is not the id"), "{}", odd.stderr);
}

#[tokio::test]
async fn without_a_state_file_there_is_nothing_to_stop_whatever_else_is_set() {
    let stop = Faultgate::new(&["stop"]).env("FAULTGATE_TIMEOUT", "30 parsecs").finish().await;
    stop.assert_code(0, "no file");
    assert!(stop.stdout.contains("there is no state file reports/state.json"), "{}", stop.stdout);
    assert!(!stop.path("reports").exists());
}

#[tokio::test]
async fn a_file_that_is_no_state_is_a_mistake_for_a_stop_and_for_a_run() {
    let account = EmbeddedAccount::living(QUICK).await;
    let newer = r#"{"schema_version": 2, "experiments": []}"#;
    let cases = [
        ("", "is no state file"),
        ("[1]", "is no state file"),
        ("{\"a\"", "is no state file"),
        (newer, "schema_version 2"),
    ];
    for (content, word) in cases {
        for command in ["stop", "run"] {
            let ended = account
                .faultgate(&[command, "--state-file", "mine.json"])
                .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
                .file("mine.json", content)
                .finish()
                .await;
            ended.assert_code(2, &format!("{command} {content}"));
            assert!(ended.stderr.contains(word) && ended.stderr.contains("mine.json"), "{}", ended.stderr);
            assert_eq!(ended.read("mine.json"), content, "it is left alone");
        }
    }
    let folder = Faultgate::new(&["stop", "--state-file", "folder"]).folder("folder").finish().await;
    folder.assert_code(2, "a folder");
    assert!(account.world.requests().is_empty());
}

#[tokio::test]
async fn a_new_run_does_not_forget_what_may_be_running() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let ended = killed(running).await;
    let again = account.run().after(ended).finish().await;
    again.assert_code(2, "the first is not over");
    assert!(again.stderr.contains("faultgate stop"), "{}", again.stderr);
    assert_eq!(account.world.inventory().experiments.len(), 1);
    account.stop_after(again, "the first").await;
}

#[tokio::test]
async fn a_new_run_keeps_what_an_earlier_one_could_not_remove() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("DeleteQueue", "sqs:DeleteQueue");
    let first = account.run().in_github("1").finish().await;
    first.assert_code(0, "it passes");
    assert_eq!(account.left().len(), 1);
    account.world.heal();
    let second = account.run().after(first).finish().await;
    second.assert_code(0, "it passes as well");
    assert_eq!(account.left().len(), 1, "the first one's queue");
    account.stop_after(second, "two runs").await;
}

#[tokio::test]
async fn a_state_that_cannot_be_written_is_a_warning() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account
        .run()
        .file("blocked", "a file")
        .env("FAULTGATE_STATE_FILE", "blocked/state.json")
        .finish()
        .await;
    ended.assert_code(0, "the run goes on");
    assert_eq!(ended.stdout.matches("blocked/state.json cannot be written").count(), 1, "{}", ended.stdout);
    account.assert_nothing_left("it ends by itself");
}

#[tokio::test]
async fn a_rehearsal_leaves_no_state() {
    let ended = Faultgate::new(&["rehearse"]).finish().await;
    ended.assert_code(0, "rehearsed");
    assert!(!ended.path(STATE).exists());
}

/// The file is whole whenever the run is killed, and a stop leaves nothing behind.
#[tokio::test]
async fn at_no_moment_is_there_half_a_file() {
    let names: Vec<String> = (0..6)
        .map(|number| format!("  - {{ name: e{number}, fis: {{ template: {TEMPLATE_ID} }} }}\n"))
        .collect();
    let suite = format!("version: 1\nparallel: 3\nexperiments:\n{}", names.concat());
    at_once(0..24_u64, |number| {
        let suite = &suite;
        async move {
            let account = EmbeddedAccount::living(if number % 2 == 0 { QUICK } else { ENDLESS }).await;
            let running = account.faultgate(&["run"]).file(".faultgate.yml", suite).spawn();
            account.until_asked("GetExperimentTemplate").await;
            tokio::time::sleep(Duration::from_millis(number * 12)).await;
            running.signal("KILL").await;
            let ended = running.ended().await;
            if ended.path(STATE).exists() {
                state(&ended.path(STATE));
            }
            let stop = account.stop().after(ended).finish().await;
            stop.assert_code(0, &format!("killed at {number}"));
            account.assert_nothing_left(&format!("killed at {number}\n{}", stop.stdout));
        }
    })
    .await;
}
