//! Tests of previews that fail, hang, are lost or are cut off: nothing is launched without one.

use std::time::Duration;

use faultgate_rehearsal::{FaultEffect, FaultRule};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::{ENDLESS, FAILING, QUICK};

use crate::preview::{assert_not_launched, begun, limited, previewing, reason, state, states};

#[tokio::test]
async fn what_cannot_be_counted_is_not_launched_and_does_not_go_on() {
    let denied = || FaultEffect::denied("fis:ListExperimentResolvedTargets");
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("ListExperimentResolvedTargets", denied()));
    let ended = limited(account.run(), 5).finish().await;
    ended.assert_code(3, "not counted in the preview");
    let told = ended.result()["gate"]["reasons"].to_string();
    assert!(told.contains("policy: limits.targets: not known (there is no preview), at most 5"), "{told}");
    assert!(told.contains("fis:ListExperimentResolvedTargets"), "{told}");
    assert_not_launched(&account, "not counted in the preview");
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("ListExperimentResolvedTargets", denied()).from(2));
    let ended = limited(account.run(), 5).finish().await;
    ended.assert_code(3, "not counted at the launch");
    assert!(reason(&ended).starts_with("what its targets resolved to is not known"), "{}", reason(&ended));
    assert_eq!(states(&account), [state(false, "completed"), state(true, "stopped")]);
    account.assert_nothing_left("not counted at the launch");
}

#[tokio::test]
async fn a_preview_that_does_not_complete_refuses_the_launch() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script_previews(ENDLESS);
    let ended = previewing(&account).env("FAULTGATE_QUEUE_TIMEOUT", "1s").finish().await;
    ended.assert_code(3, "a preview that hangs");
    assert!(reason(&ended).contains("it did not end within queue-timeout, 1s"), "{}", reason(&ended));
    assert_eq!(states(&account), [state(false, "stopped")]);
    assert_not_launched(&account, "a preview that hangs");

    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script_previews(FAILING);
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "a preview that fails");
    assert!(
        reason(&ended).contains("it is failed (AuthorizationFailure: Experiment failed.)"),
        "{}",
        reason(&ended)
    );
    assert_not_launched(&account, "a preview that fails");

    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::denied("fis:StartExperiment")));
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "a preview that may not be made");
    assert!(reason(&ended).contains("fis:StartExperiment"), "{}", reason(&ended));
    assert_not_launched(&account, "a preview that may not be made");
}

#[tokio::test]
async fn a_preview_whose_answers_are_lost_is_looked_for_and_ended() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script_previews(ENDLESS);
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer));
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "lost answers");
    assert!(reason(&ended).contains("it had begun all the same, as EXP"), "{}", reason(&ended));
    assert_eq!(states(&account), [state(false, "stopped")]);
    assert_not_launched(&account, "lost answers");
}

/// The answer to the launch is lost, and the search for it must not take the preview for it.
#[tokio::test]
async fn a_preview_is_not_taken_for_the_experiment() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.inject(FaultRule::on("StartExperiment", FaultEffect::LoseAnswer).from(2));
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "a lost launch");
    assert_eq!(states(&account), [state(false, "completed"), state(true, "stopped")]);
    account.assert_nothing_left("a lost launch");
}

#[tokio::test]
async fn a_signal_ends_the_previews() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let account = EmbeddedAccount::living(QUICK).await;
        account.world.script_previews(ENDLESS);
        let running = previewing(&account).spawn();
        account.until_running().await;
        running.signal(signal).await;
        running.ended().await.assert_code(code, signal);
        assert_eq!(states(&account), [state(false, "stopped")]);
        assert_not_launched(&account, signal);
    }
}

#[tokio::test]
async fn a_run_that_is_killed_in_its_preview_leaves_what_a_stop_and_a_sweep_find() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script_previews(ENDLESS);
    let mut running = previewing(&account).spawn();
    account.until_running().await;
    running.signal("KILL").await;
    running.over().await;
    let killed = running.ended().await;
    let stop = account.faultgate(&["stop"]).after(killed).finish().await;
    stop.assert_code(0, "stop");
    assert!(begun(&account).1.is_empty(), "nothing was launched");
    let there = account.world.inventory();
    assert!(there.rules.is_empty() && there.queues.is_empty(), "the subscription is removed");
    let [preview] = there.experiments.as_slice() else { panic!("{:?}", there.experiments) };
    for tag in ["faultgate:run-id", "faultgate:expires-at", "faultgate:preview"] {
        assert!(preview.tags.contains_key(tag), "{tag}: {:?}", preview.tags);
    }
    account.world.tag_anew("faultgate:expires-at", "2026-01-01T00:00:00Z");
    account.faultgate(&["sweep", "--stop-experiments"]).finish().await.assert_code(0, "sweep");
    account.until("it is stopped", |seen| seen.inventory.experiments[0].status == "stopped").await;
}

#[tokio::test]
async fn a_preview_waits_for_a_slot_too() {
    for is_limited in [false, true] {
        let account = EmbeddedAccount::living(QUICK).await;
        account.world.limit_active(Some(0));
        let run = if is_limited { limited(account.run(), 5) } else { previewing(&account) };
        let ended = run.env("FAULTGATE_QUEUE_TIMEOUT", "1s").finish().await;
        ended.assert_code(4, "no slot for the preview");
        assert!(reason(&ended).contains("there was no slot"), "{}", reason(&ended));
        assert_not_launched(&account, "no slot for the preview");
    }
}

/// A preview that takes its time is no reason to launch without it.
#[tokio::test]
async fn slow_answers_change_nothing() {
    let account = EmbeddedAccount::living(QUICK).await;
    let slow = FaultEffect::Delay(Duration::from_millis(300));
    account.world.inject(FaultRule::on("fis:*", slow));
    let ended = previewing(&account).finish().await;
    ended.assert_code(0, "slow answers");
    let took = ended.result()["experiments"][0]["preview"]["took_ms"].as_u64();
    assert!(took.is_some_and(|took| took >= 600), "{took:?}");
}
