//! Tests of launches: one launch is one experiment, whatever becomes of its requests.

use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};

use crate::stop::{STATE, state};

/// Returns the client tokens of all launches.
fn tokens(account: &EmbeddedAccount) -> Vec<String> {
    let launches = account.requests_of("StartExperiment");
    launches.iter().map(|request| request.input["clientToken"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_retried_job_step_repeats_its_token_and_a_re_run_does_not() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.run().in_github("1").finish().await.assert_code(0, "first");
    let first = tokens(&account);
    assert_eq!(first.len(), 1);

    // The experiment of the first run is over, so its token leads to nothing new.
    let again = account.run().in_github("1").finish().await;
    again.assert_code(0, "the same attempt again");
    let second = tokens(&account).split_off(1);
    assert_eq!(second[0], first[0], "the same attempt, the same token");
    assert_eq!(second.len(), 2, "and then one of its own");
    assert_ne!(second[1], first[0]);
    let there = account.world.inventory().experiments;
    assert_eq!(there.len(), 2, "a new one was started");
    let watched = again.result()["experiments"][0]["id"].clone();
    let old = there.iter().find(|e| e.client_token == first[0]).unwrap();
    assert_ne!(watched, old.id.as_str(), "the new one is watched");

    account.run().in_github("2").finish().await.assert_code(0, "a re-run");
    let third = tokens(&account).split_off(3);
    assert_eq!(third.len(), 1);
    assert!(!first.contains(&third[0]) && !second.contains(&third[0]));
    account.assert_nothing_left("three runs");
}

#[tokio::test]
async fn an_experiment_that_still_runs_gets_no_company_from_the_same_attempt() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().in_github("1").spawn();
    account.until_running().await;
    let id = account.world.inventory().experiments[0].id.clone();

    let second = account.run().in_github("1").finish().await;
    second.assert_code(3, "a second run of the same attempt");
    let result = second.result();
    assert_result(&result, 3);
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    assert!(reason.contains(&id) && reason.contains("has not ended"), "{reason}");
    assert!(reason.contains("aws fis stop-experiment"), "{reason}");
    let there = account.world.inventory();
    assert_eq!(there.experiments.len(), 1);
    assert_eq!(there.experiments[0].status, "running", "it is the other's");
    assert_eq!((there.rules.len(), there.queues.len()), (1, 1), "the other's stay");

    running.signal("TERM").await;
    running.ended().await.assert_code(143, "the first run");
    account.assert_nothing_left("both runs");
}

#[tokio::test]
async fn a_lost_answer_does_not_make_two_experiments() {
    for effect in [FaultEffect::LoseAnswer, FaultEffect::LoseRequest] {
        let account = EmbeddedAccount::living(QUICK).await;
        let fault = FaultRule::on("StartExperiment", effect.clone()).times(1);
        account.world.inject(fault);
        let ended = account.run().finish().await;
        ended.assert_code(0, &format!("{effect:?}"));
        let there = account.world.inventory().experiments;
        assert_eq!(there.len(), 1, "{effect:?}");
        assert_eq!(ended.result()["experiments"][0]["id"], there[0].id.as_str());
        let mut tokens = tokens(&account);
        assert_eq!(tokens.len(), 2, "{effect:?}");
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "{effect:?}");
        account.assert_nothing_left("a lost answer");
    }
}

#[tokio::test]
async fn an_experiment_whose_launch_was_never_answered_is_found_and_stopped() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer));
    let running = account.run().spawn();
    account.until_running().await;
    running.signal("INT").await;
    let ended = running.ended().await;
    ended.assert_code(130, "cancelled while the launch is repeated");
    let result = ended.result();
    assert_result(&result, 130);
    let there = account.world.inventory().experiments;
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].status, "stopped");
    assert_eq!(result["experiments"][0]["id"], there[0].id.as_str());
    assert_eq!(result["experiments"][0]["stop"]["confirmed"], true);
    account.assert_nothing_left("a launch without an answer");
}

#[tokio::test]
async fn a_launch_that_hangs_and_made_nothing_is_looked_for_and_given_up() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Hang));
    let running = account.run().spawn();
    account.until_asked("StartExperiment").await;
    running.signal("TERM").await;
    let ended = running.ended().await;
    ended.assert_code(143, "cancelled while the launch hangs");
    let result = ended.result();
    assert_result(&result, 143);
    assert!(!account.requests_of("ListExperiments").is_empty(), "it was looked for");
    assert!(result["experiments"][0]["id"].is_null());
    account.assert_nothing_left("a launch that hangs");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_asked_for_again_with_the_same_token() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::Garbage).times(1));
    let ended = account.run().finish().await;
    ended.assert_code(0, "garbage");
    assert_result(&ended.result(), 0);
    let mut tokens = tokens(&account);
    tokens.dedup();
    assert_eq!((tokens.len(), account.requests_of("StartExperiment").len()), (1, 2));
    account.assert_nothing_left("garbage");
}

/// Returns an account in which the launch takes effect, its answer is lost, and then no launch is permitted any
/// more. Only the list of experiments tells of it.
async fn with_a_lost_launch() -> EmbeddedAccount {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1));
    account
        .world
        .inject(FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")).from(2));
    account
}

/// FIS lists the experiment later than anybody waits. It stays in the state, and every stop looks for it
/// again.
#[tokio::test]
async fn a_launch_that_is_neither_answered_nor_listed_is_told_and_left_to_a_stop() {
    let account = with_a_lost_launch().await;
    account.world.inject(FaultRule::on("ListExperiments", FaultEffect::Nothing));
    let ended = account.run().finish().await;
    ended.assert_code(3, "it may have begun");
    let result = ended.result();
    assert_result(&result, 3);
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    let token = tokens(&account).remove(0);
    let look = format!("aws fis list-experiments --region us-east-1 --experiment-template-id {TEMPLATE_ID}");
    for says in ["may have begun", "is NOT listed so far", &token, &look, "faultgate stop"] {
        assert!(reason.contains(says) && ended.stdout.contains(says), "{says}: {reason}\n{}", ended.stdout);
    }
    assert!(account.requests_of("ListExperiments").len() > 4, "it was looked for again");
    let kept = state(&ended.path(STATE));
    let known = &kept["experiments"][0];
    assert_eq!((&known["phase"], &known["client_tokens"][0]), (&"intended".into(), &token.as_str().into()));
    let day = &known["intended_at"].as_str().unwrap()[..10];
    assert!(reason.contains(day), "{day}: {reason}");

    let stop = account.faultgate(&["stop"]).after(ended).finish().await;
    stop.assert_code(3, "it is still not listed");
    for says in ["NOT listed so far", &token, &look] {
        assert!(stop.stdout.contains(says), "{says}: {}", stop.stdout);
    }
    account.world.heal();
    let stop = account.faultgate(&["stop"]).after(stop).finish().await;
    stop.assert_code(0, "it is listed");
    assert_eq!(account.world.inventory().experiments[0].status, "stopped");
    account.assert_nothing_left("a launch that was listed late");
}

#[tokio::test]
async fn a_signal_while_a_lost_launch_is_looked_for_stops_it() {
    let account = with_a_lost_launch().await;
    account.world.inject(FaultRule::on("ListExperiments", FaultEffect::Nothing));
    let running = account.run().spawn();
    account.until("it is looked for again", |seen| seen.count("ListExperiments") > 3).await;
    account.world.heal();
    running.signal("TERM").await;
    let ended = running.ended().await;
    ended.assert_code(143, "cancelled while it is looked for");
    let result = ended.result();
    assert_result(&result, 143);
    let there = account.world.inventory().experiments;
    assert_eq!((there.len(), there[0].status.as_str()), (1, "stopped"));
    assert_eq!(result["experiments"][0]["id"], there[0].id.as_str());
    assert_eq!(result["experiments"][0]["stop"]["confirmed"], true);
    account.assert_nothing_left("a launch that was looked for");
}

#[tokio::test]
async fn an_event_may_come_before_the_launch_is_answered() {
    let account = EmbeddedAccount::living(QUICK).await;
    // The first request takes effect and its answer is lost, the second is answered when all is over.
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).times(1));
    account.world.inject(
        FaultRule::on("StartExperiment", FaultEffect::Delay(Duration::from_secs(1))).from(2).times(1),
    );
    let ended = account.run().finish().await;
    ended.assert_code(0, "early events");
    let result = ended.result();
    assert_result(&result, 0);
    let monitor = &result["experiments"][0]["monitor"];
    assert_eq!(monitor["events"], 2, "{monitor:#}");
    assert_eq!(monitor["reconciliations"], 0);
    account.assert_nothing_left("early events");
}
