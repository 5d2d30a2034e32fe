//! Tests of panics with other engines and other commands: a panic ends what was begun there too.
//! `tests/soak/panics.rs` has a whole run. Debug builds panic at the place that `PANIC_AT` names.

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::ENDLESS;

use crate::stop::{STATE, killed, state};

/// Returns `true` if a panic in the project's own code has ended the command.
fn is_broken(ended: &Finished) -> bool {
    let told = |folder: &&str| ended.stderr.contains(&format!(" itself broke (a panic at {folder}/"));
    ["src", "crates"].iter().any(told)
}

fn assert_broke(ended: &Finished, context: &str) {
    ended.assert_code(3, context);
    assert!(is_broken(ended), "{context}: {}", ended.stderr);
}

/// Returns the moments of panics: whenever the run waits, or tells a sink of something.
fn moments() -> impl Iterator<Item = (&'static str, usize)> {
    ["wait", "sink"].into_iter().flat_map(|place| (1..40).step_by(3).map(move |number| (place, number)))
}

#[tokio::test]
async fn a_command_is_ended_by_its_stop() {
    let suite = serde_json::json!({"version": 1, "experiments": [{"name": "freeze", "command": {
        "run": ["sh", "-c", "echo $$ > pid; echo > fault; exec sleep 1000"], "stop": ["rm", "fault"],
    }, "timeout": "1s"}]});
    let suite = suite.to_string();
    let suite = suite.as_str();
    at_once(moments(), |(place, number)| async move {
        let context = format!("{place}:{number}");
        let run = Faultgate::new(&["run"]).file(".faultgate.yml", suite).env("PANIC_AT", &context);
        let ended = run.finish().await;
        if !is_broken(&ended) {
            ended.assert_code(4, "it never comes to that place");
            return;
        }
        assert_broke(&ended, &context);
        assert_result(&ended.result(), 3);
        assert!(!ended.path("fault").exists(), "{context}: {}\n{}", ended.stdout, ended.stderr);
        // The stop may have come before the command, or in the middle of writing its number.
        let pid = std::fs::read_to_string(ended.path("pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse::<u32>() {
            let process = std::path::PathBuf::from(format!("/proc/{pid}"));
            assert!(!process.exists(), "{context}: {}", ended.stderr);
        }
    })
    .await;
}

#[tokio::test]
async fn the_steps_leave_nothing() {
    at_once(moments(), |(place, number)| async move {
        let context = format!("{place}:{number}");
        let account = EmbeddedAccount::living(ENDLESS).await;
        let launch = || account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
        let broken = launch().env("PANIC_AT", &context).finish().await;
        let launched = if is_broken(&broken) {
            assert_broke(&broken, &context);
            assert_result(&broken.result(), 3);
            account.assert_nothing_left(&context);
            launch().finish().await
        } else {
            broken
        };
        launched.assert_code(0, "launch");
        let monitor = account.faultgate(&["monitor"]).after(launched).env("FAULTGATE_TIMEOUT", "1s");
        let ended = monitor.env("PANIC_AT", &context).finish().await;
        if is_broken(&ended) {
            assert_broke(&ended, &context);
        }
        assert_result(&ended.result(), ended.code.and_then(|code| code.try_into().ok()).unwrap());
        account.assert_nothing_left(&context);
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_panics_is_tried_again() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let ended = killed(running).await;
    let stopped = account.faultgate(&["stop"]).after(ended).env("PANIC_AT", "request:1").finish().await;
    assert_broke(&stopped, "stop");
    // The text depends on which request was the first.
    let told = ["NOT known to have stopped", "not removed"].iter().any(|told| stopped.stdout.contains(told));
    assert!(told, "{}", stopped.stdout);
    let left = state(&stopped.path(STATE)).to_string();
    assert!(left.contains("\"phase\":\"launched\"") || left.contains("\"removed\":false"), "{left}");
    let again = account.faultgate(&["stop"]).after(stopped).finish().await;
    again.assert_code(0, "again");
    account.assert_nothing_left("again");
}
