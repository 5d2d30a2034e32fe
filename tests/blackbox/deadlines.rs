//! Tests of experiments that do not end, stops that are refused, and records that cannot be read.

use std::time::Duration;

use faultgate_rehearsal::EventFaults;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::Value;

fn experiment(ended: &Finished, code: u8) -> Value {
    ended.assert_code(code, "deadline");
    let result = ended.result();
    assert_result(&result, code);
    result["experiments"][0].clone()
}

#[tokio::test]
async fn an_experiment_that_stays_pending_is_stopped_after_queue_timeout() {
    let account = EmbeddedAccount::living(&[]).await;
    let ended = account.run().in_github("1").env("FAULTGATE_QUEUE_TIMEOUT", "1s").finish().await;
    let experiment = experiment(&ended, 4);
    assert_eq!(experiment["state"], "timed-out");
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("queue-timeout"), "{reason}");
    assert_eq!(experiment["stop"]["confirmed"], true);
    assert_eq!(ended.outputs()["verdict"], "timed-out");
    account.assert_nothing_left("queue-timeout");
}

#[tokio::test]
async fn queue_timeout_does_not_count_once_it_runs() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ended =
        account.run().env("FAULTGATE_QUEUE_TIMEOUT", "1s").env("FAULTGATE_TIMEOUT", "2s").finish().await;
    let experiment = experiment(&ended, 4);
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("timeout") && !reason.contains("queue-timeout"), "{reason}");
    assert_eq!(account.requests_of("StopExperiment").len(), 1);
    account.assert_nothing_left("timeout");
}

#[tokio::test]
async fn a_stop_is_confirmed_although_its_event_is_lost() {
    at_once([None, Some("INT")], |signal| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.world.set_event_faults(EventFaults {
            lose_states: std::borrow::Cow::Borrowed(&["stopping", "stopped"]),
            ..EventFaults::NONE
        });
        let timeout = if signal.is_some() { "5m" } else { "1s" };
        let running = account.run().env("FAULTGATE_TIMEOUT", timeout).spawn();
        if let Some(signal) = signal {
            account.until_running().await;
            running.signal(signal).await;
        }
        let experiment = experiment(&running.ended().await, signal.map_or(4, |_| 130));
        assert_eq!(experiment["raw_state"], "stopped");
        assert_eq!(experiment["stop"]["confirmed"], true, "{experiment:#}");
        let learned = experiment["monitor"]["learned"].as_str().unwrap();
        assert_eq!(learned, "by asking FIS after the request to stop");
        account.assert_nothing_left("a lost event");
    })
    .await;
}

/// The end never comes, so this takes the whole minute that a confirmation has.
#[tokio::test]
async fn a_stop_that_is_refused_is_told_with_the_command_that_stops() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.deny("StopExperiment", "fis:StopExperiment");
    let running = account.run().env("FAULTGATE_TIMEOUT", "1s").spawn();
    let ended = running.ended_within(Duration::from_mins(2)).await;
    let experiment = experiment(&ended, 4);
    assert_unconfirmed(&ended, &experiment);
    assert_eq!(experiment["stop"]["accepted"], false);
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("fis:StopExperiment"), "{reason}");
    assert_eq!(account.left().len(), 1, "the experiment, but no rule and no queue: {:?}", account.left());
}

#[tokio::test]
async fn a_cancelled_run_whose_stop_is_refused_says_so() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.deny("StopExperiment", "fis:StopExperiment");
    let running = account.run().spawn();
    account.until_running().await;
    running.signal("INT").await;
    let ended = running.ended().await;
    let experiment = experiment(&ended, 130);
    assert_unconfirmed(&ended, &experiment);
    assert_eq!(account.left().len(), 1, "{:?}", account.left());
}

fn assert_unconfirmed(ended: &Finished, experiment: &Value) {
    assert_eq!(experiment["stop"]["confirmed"], false);
    let id = experiment["id"].as_str().unwrap();
    let command = format!("aws fis stop-experiment --region us-east-1 --id {id}");
    for (place, text) in [("result.json", experiment["reason"].as_str().unwrap()), ("stdout", &ended.stdout)]
    {
        assert!(text.contains("NOT confirmed") && text.contains(&command), "{place}: {text}");
    }
    assert!(ended.summary().contains("**not confirmed**"), "{}", ended.summary());
}

#[tokio::test]
async fn an_experiment_whose_record_cannot_be_read_is_stopped_and_errored() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.deny("GetExperiment", "fis:GetExperiment");
    let ended = account.run().env("FAULTGATE_RECONCILE_INTERVAL", "1s").finish().await;
    let experiment = experiment(&ended, 3);
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("fis:GetExperiment"), "{reason}");
    assert_eq!(account.requests_of("StopExperiment").len(), 1);
    account.assert_nothing_left("GetExperiment denied");
}

#[tokio::test]
async fn an_event_alone_is_never_enough_to_pass() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("GetExperiment", "fis:GetExperiment");
    let ended = account.run().finish().await;
    let experiment = experiment(&ended, 3);
    let states = experiment["transitions"].as_array().unwrap();
    assert!(states.iter().any(|t| t["state"] == "completed"), "the event did come");
    account.assert_nothing_left("an event alone");
}

#[tokio::test]
async fn polling_needs_no_subscription() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.run().env("FAULTGATE_MONITOR", "poll").finish().await;
    let experiment = experiment(&ended, 0);
    assert_eq!(experiment["monitor"]["mode"], "poll");
    assert_eq!(experiment["transitions"][1]["source"], "poll");
    for operation in ["CreateQueue", "PutRule", "PutEvents", "ReceiveMessage"] {
        assert!(account.requests_of(operation).is_empty(), "{operation}");
    }
    account.assert_nothing_left("poll");
}

#[tokio::test]
async fn a_queue_of_the_users_that_is_not_there_is_found_before_the_launch() {
    let account = EmbeddedAccount::living(QUICK).await;
    let queue = format!("{}/123456789012/mine", account.url());
    let ended = account.run().env("FAULTGATE_EVENT_QUEUE_URL", queue).finish().await;
    let experiment = experiment(&ended, 3);
    assert_eq!(experiment["monitor"]["mode"], "queue");
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("event queue"), "{reason}");
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("queue");
}
