//! Tests of `faultgate stop --all`: whatever runs with faultgate's tags ends, whoever began it, and nothing
//! else.

mod environment;
mod latecomers;
mod lever;
mod troubles;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_fis::types::ExperimentStatus;
use faultgate_rehearsal::{FaultEffect, FaultRule, Snapshot};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};

use crate::sweep::{FUTURE, IRELAND, PAST, Swept, VIRGINIA, assert_told, tags};

const MUMBAI: &str = "ap-south-1";
const REGIONS: [&str; 3] = [MUMBAI, IRELAND, VIRGINIA];

/// The emergency stop of an account.
trait Stopped {
    fn stop_all(&self, args: &[&str]) -> Faultgate;
    /// Starts experiments of several runs in a Region, some of them out of time, and returns their ids.
    async fn fill(&self, region: &str, number: usize) -> BTreeSet<String>;
    /// Returns the experiments that have not ended, in a Region.
    fn live_in(&self, region: &str) -> BTreeSet<String>;
}

impl Stopped for EmbeddedAccount {
    fn stop_all(&self, args: &[&str]) -> Faultgate {
        self.faultgate(&["stop", "--all"]).args(args)
    }

    async fn fill(&self, region: &str, number: usize) -> BTreeSet<String> {
        let place = self.region(region);
        let mut ids = BTreeSet::new();
        for number in 0..number {
            let run = tags(&format!("run-{}", number % 4), if number % 2 == 0 { PAST } else { FUTURE });
            ids.insert(place.experiment(&format!("{region}-{number}"), &run).await);
        }
        ids
    }

    fn live_in(&self, region: &str) -> BTreeSet<String> {
        self.live().into_iter().filter(|own| own.region == region).map(|own| own.id).collect()
    }
}

/// Returns the tags that another team has put on an experiment.
fn foreign() -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), "shop".to_owned()), ("faultgate".to_owned(), "run-1".to_owned())])
}

#[tokio::test]
async fn all_that_runs_ends_and_nothing_of_others() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let mut ours = BTreeMap::new();
    let mut theirs = BTreeMap::new();
    for name in REGIONS {
        account.region(name).subscription("faultgate-old", "run-0", PAST).await;
        ours.insert(name, account.fill(name, 10).await);
        let mut ids = BTreeSet::new();
        for number in 0..3 {
            ids.insert(
                account.region(name).experiment(&format!("foreign {name} {number}"), &foreign()).await,
            );
        }
        theirs.insert(name, ids);
    }
    let (there, asked) = (account.there(), account.world.requests().len());
    let all = REGIONS.join(",");
    let ended = account.stop_all(&["--aws-region", &all]).without("AWS_REGION").finish().await;
    ended.assert_code(0, "all has ended");
    for name in REGIONS {
        assert_eq!(account.live_in(name), theirs[name], "{name}: {}", ended.stdout);
        for id in &ours[name] {
            assert_told(
                &ended,
                &[&format!("the experiment {id} of the run run-"), name, &format!("stopped {id}")],
            );
            assert_eq!(account.region(name).status(id).await, ExperimentStatus::Stopped);
        }
        assert!(theirs[name].iter().all(|id| !ended.stdout.contains(id)), "{}", ended.stdout);
    }
    assert_told(&ended, &["experiments found: 30, ended: 30", "faultgate sweep"]);
    // A slow machine may have made somebody wait.
    let lines = ended.stdout.lines().filter(|line| !line.starts_with("still waiting"));
    assert_eq!(lines.count(), 31, "{}", ended.stdout);
    assert_eq!(account.there(), there, "rules and queues are a sweep's");
    let operations: BTreeSet<String> =
        account.world.requests().into_iter().skip(asked).map(|request| request.operation).collect();
    let few = ["GetExperiment", "ListExperiments", "StopExperiment"];
    assert_eq!(operations, few.map(str::to_owned).into());

    let stops = account.requests_of("StopExperiment").len();
    let again = account.stop_all(&["--aws-region", &all]).finish().await;
    again.assert_code(0, "again");
    assert_eq!(account.requests_of("StopExperiment").len(), stops);
    for name in REGIONS {
        assert_told(&again, &[&format!("nothing to stop in {name}")]);
    }
}

#[tokio::test]
async fn all_experiments_of_a_place_are_asked_at_once() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 30).await;
    account.world.inject(FaultRule::on("StopExperiment", FaultEffect::Hang));
    let running = account.stop_all(&[]).spawn();
    // None of them is answered, so none waits for another.
    account.until("all are asked", |seen| seen.count("StopExperiment") >= 30).await;
    let asked: BTreeSet<String> = account
        .requests_of("StopExperiment")
        .iter()
        .map(|request| request.input["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(asked, account.live_in(VIRGINIA));
    account.world.heal();
    let ended = running.ended().await;
    ended.assert_code(0, "healed");
    account.assert_nothing_left("healed");
    // One line tells of all that wait, a second after the first of them was asked.
    let waiting = ended.stdout.lines().filter(|line| line.starts_with("still waiting for the answer"));
    assert_eq!(waiting.count(), 1, "{}", ended.stdout);
    assert_told(&ended, &["25 more; it is repeated for up to 2m; by hand: `aws fis stop-experiment "]);
}

#[tokio::test]
async fn a_run_that_lives_learns_that_it_was_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let stopped = account.stop_all(&[]).finish().await;
    stopped.assert_code(0, "stop");
    let ended = running.ended().await;
    ended.assert_code(3, "somebody else has stopped it");
    assert_result(&ended.result(), 3);
    account.assert_nothing_left("the run has removed its own");
}

#[tokio::test]
async fn what_others_end_meanwhile_is_no_failure() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ids = account.fill(VIRGINIA, 3).await;
    account.world.inject(FaultRule::on("StopExperiment", FaultEffect::Hang).times(3));
    let running = account.stop_all(&[]).spawn();
    account.until("all are asked", |seen| seen.count("StopExperiment") == 3).await;
    // The requests that hang are sent again, and FIS refuses to stop what has ended.
    for id in &ids {
        account.region(VIRGINIA).fis.stop_experiment().id(id).send().await.unwrap();
    }
    let over = |seen: &Snapshot| seen.inventory.experiments.iter().all(|own| own.status == "stopped");
    account.until("all have ended", over).await;
    let ended = running.ended().await;
    ended.assert_code(0, "over");
    let refused =
        account.requests_of("StopExperiment").iter().filter(|each| each.status == Some(400)).count();
    assert_eq!(refused, 3, "{}", ended.stdout);
    assert_told(&ended, &["experiments found: 3, ended: 3"]);
}

#[tokio::test]
async fn lists_of_many_pages_are_read_to_their_end() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 205).await;
    let ended = account.stop_all(&[]).finish().await;
    ended.assert_code(0, "many");
    account.assert_nothing_left("many");
    assert_eq!(account.requests_of("ListExperiments").len(), 6, "three pages, and again when all have ended");
    assert_told(&ended, &["experiments found: 205, ended: 205"]);
}

#[tokio::test]
async fn a_dry_run_only_lists() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ids = account.fill(VIRGINIA, 5).await;
    let asked = account.world.requests().len();
    let ended = account.stop_all(&["--dry-run", "--engage-safety-lever"]).finish().await;
    ended.assert_code(0, "dry");
    assert_eq!(account.live_in(VIRGINIA), ids);
    let operations: BTreeSet<String> =
        account.world.requests().into_iter().skip(asked).map(|request| request.operation).collect();
    let looks = ["GetCallerIdentity", "GetSafetyLever", "ListExperiments"];
    assert_eq!(operations, looks.map(str::to_owned).into());
    assert_eq!(account.requests_of("ListExperiments").len(), 1);
    for id in &ids {
        assert_told(&ended, &[&format!("would stop the experiment {id}"), VIRGINIA]);
    }
    assert_told(&ended, &["would engage the safety lever of the account 123456789012", "disengaged now"]);
    assert_told(&ended, &["experiments that would be stopped: 5"]);
}

#[tokio::test]
async fn mistakes_are_told_together_and_nothing_is_asked() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.fill(VIRGINIA, 1).await;
    let asked = account.world.requests().len();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--aws-region", "eu-west-1,Ireland", "--aws-role-arn", "stop"], &["\"Ireland\"", "\"stop\""]),
        (&["--engage-safety-lever"], &["no terminal", "--confirm-account", "nothing was stopped"]),
        (&["--environment", " "], &["environment: it is empty"]),
        (
            &["--engage-safety-lever", "--confirm-account", "prod,12", "--aws-region", "x"],
            &["\"prod\"", "\"12\"", "\"x\""],
        ),
        (&["--ca-bundle", "missing.pem"], &["missing.pem"]),
    ];
    for (args, words) in cases {
        let ended = account.stop_all(args).finish().await;
        ended.assert_code(2, words[0]);
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
    }
    let refused: [&[&str]; 7] = [
        &["stop", "--environment", "staging"],
        &["stop", "--dry-run"],
        &["stop", "--engage-safety-lever"],
        &["stop", "--all", "--confirm-account", "123456789012"],
        &["stop", "--all", "--experiment-id", "EXP1"],
        &["stop", "--all", "--state-file", "state.json"],
        &["stop", "--all", "--harness-url", "https://harness.example"],
    ];
    for args in refused {
        account.faultgate(args).finish().await.assert_code(2, &args.join(" "));
    }
    let nowhere = account.stop_all(&[]).without("AWS_REGION").finish().await;
    nowhere.assert_code(2, "no Region");
    assert!(nowhere.stderr.contains("--aws-region"), "{}", nowhere.stderr);
    assert_eq!(account.world.requests().len(), asked);
}

/// Asserts that a line names an experiment which is not known to have ended, with the command by hand.
#[track_caller]
fn assert_by_hand(ended: &Finished, id: &str, region: &str) {
    let command = format!("aws fis stop-experiment --region {region} --id {id}");
    assert_told(ended, &[&format!("the experiment {id} "), "NOT known to have stopped", &command]);
}
