//! Tests of two runs in one folder: the second one refuses, so that nothing which either has begun is
//! forgotten.

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Running};
use faultgate_testkit::lives::{ENDLESS, QUICK};

use crate::stop::{STATE, killed, state};

const LOCK: &str = "reports/state.json.lock";

/// Returns another command with the state file of a run that goes on.
fn beside(account: &EmbeddedAccount, command: &str, running: &Running) -> Faultgate {
    account
        .faultgate(&[command])
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
        .env("FAULTGATE_STATE_FILE", running.path(STATE))
}

#[tokio::test]
async fn a_second_run_refuses_while_the_first_one_lives() {
    // There is no state file yet at the first of these requests.
    for hangs_at in ["GetExperimentTemplate", "StartExperiment"] {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.world.inject(FaultRule::on(hangs_at, FaultEffect::Hang));
        let first = account.run().spawn();
        account.until_asked(hangs_at).await;
        let asked = account.requests_of("GetExperimentTemplate").len();
        for command in ["run", "launch"] {
            let second = beside(&account, command, &first).finish().await;
            second.assert_code(2, command);
            let told = &second.stderr;
            for word in ["state.json is in use", "(process ", ", run ", "state-file or report-dir of its own"]
            {
                assert!(told.contains(word), "{word}: {told}");
            }
        }
        assert_eq!(account.requests_of("GetExperimentTemplate").len(), asked, "nobody is asked");
        first.signal("TERM").await;
        let ended = first.ended().await;
        ended.assert_code(143, hangs_at);
        assert!(!ended.path(LOCK).exists(), "no lock stays");
    }
}

#[tokio::test]
async fn whichever_is_killed_a_stop_finds_all() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let first = account.run().spawn();
    account.until_running().await;
    beside(&account, "run", &first).finish().await.assert_code(2, "the first one lives");
    let own = account.run().spawn();
    account
        .until("both run", |seen| {
            seen.inventory.experiments.iter().filter(|one| one.status == "running").count() == 2
        })
        .await;
    let (first, own) = (killed(first).await, killed(own).await);
    assert!(first.path(LOCK).exists(), "it could not clear up");
    let again = account.run().after(first).finish().await;
    again.assert_code(2, "a lock that nobody holds is none, and the state is not over");
    assert!(again.stderr.contains("faultgate stop"), "{}", again.stderr);
    for ended in [again, own] {
        let stop = account.faultgate(&["stop"]).after(ended).finish().await;
        stop.assert_code(0, "stop");
        assert!(!stop.path(LOCK).exists());
    }
    account.assert_nothing_left("two runs");
}

#[tokio::test]
async fn a_stop_ends_a_run_that_lives_and_leaves_the_file_to_it() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let path = running.path(STATE);
    while state(&path)["experiments"][0]["phase"] != "launched" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let stop = beside(&account, "stop", &running).finish().await;
    stop.assert_code(0, "it is stopped");
    let ended = running.ended().await;
    ended.assert_code(3, "somebody else stopped it");
    account.assert_nothing_left("stopped from beside");
    let file = state(&ended.path(STATE));
    assert_eq!(
        (&file["experiments"][0]["phase"], &file["subscriptions"][0]["removed"]),
        (&"over".into(), &true.into())
    );
    assert!(!ended.path(LOCK).exists());
}

#[tokio::test]
async fn a_second_monitor_in_the_same_folder_refuses() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let launched = launch.finish().await;
    launched.assert_code(0, "launch");
    assert!(!launched.path(LOCK).exists());
    let monitor = account.faultgate(&["monitor"]).after(launched).spawn();
    account.until_asked("ReceiveMessage").await;
    account.until("it is watched", |seen| seen.count("GetExperiment") > 0).await;
    let second = beside(&account, "monitor", &monitor).finish().await;
    second.assert_code(2, "the first one goes on");
    assert!(second.stderr.contains(", monitor)"), "{}", second.stderr);
    monitor.signal("TERM").await;
    monitor.ended().await.assert_code(143, "cancelled");
    account.assert_nothing_left("a cancelled monitor");
}

#[tokio::test]
async fn where_there_can_be_no_lock_that_is_a_warning() {
    let account = EmbeddedAccount::living(QUICK).await;
    // A folder is in the place of the lock.
    let ended = account.run().folder("mine.lock").env("FAULTGATE_STATE_FILE", "mine").finish().await;
    ended.assert_code(0, "the run goes on");
    let told = "the state file mine cannot be locked, so a second run with it would not be noticed";
    assert_eq!(ended.stdout.matches(told).count(), 1, "{}", ended.stdout);
}
