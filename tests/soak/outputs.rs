//! Outputs that nobody reads or nobody can read: the run goes on to its end all the same.

use faultgate_rehearsal::Beat;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};

use crate::site::job;

/// Scripts in which a shell takes its outputs away from the binary.
const TAKEN: [&str; 5] = [
    "faultgate run >&- 2>&-",
    "faultgate run >/dev/full 2>/dev/full",
    "faultgate run 2>&-",
    // The reader goes at once, or after the first line. The exit code of the pipe is not the binary's, so it
    // is kept.
    "{ code=0; faultgate run 2>&1 || code=$?; echo $code > code; } | :; exit $(cat code)",
    "{ code=0; faultgate run 2>&1 || code=$?; echo $code > code; } | head -n 1; exit $(cat code)",
];
/// Settings of the log, each of which prints by another way. A level that nobody knows is sure to be logged.
const LOGS: [&[(&str, &str)]; 3] =
    [&[], &[("RUST_LOG", "no=such=level")], &[("FAULTGATE_LOG_FORMAT", "json"), ("RUST_LOG", "trace")]];

async fn run(beats: &[Beat], script: &str, log: &[(&str, &str)]) -> (EmbeddedAccount, Finished) {
    let account = EmbeddedAccount::living(beats).await;
    let ended = logging(job(&account, script), log).env("FAULTGATE_TIMEOUT", "1s").finish().await;
    (account, ended)
}

fn logging(job: Faultgate, log: &[(&str, &str)]) -> Faultgate {
    log.iter().fold(job, |job, (name, value)| job.env(name, value))
}

#[tokio::test]
async fn outputs_that_take_nothing_change_no_verdict() {
    let cases = TAKEN.into_iter().flat_map(|script| {
        LOGS.into_iter().flat_map(move |log| [(QUICK, 0_u8), (ENDLESS, 4)].map(|story| (script, log, story)))
    });
    at_once(cases, |(script, log, (beats, code))| async move {
        let context = format!("{script} {log:?}");
        let (account, ended) = run(beats, script, log).await;
        ended.assert_code(code, &context);
        assert_result(&ended.result(), code);
        account.assert_nothing_left(&context);
    })
    .await;
}

/// A terminal that is closed takes the outputs away and sends a hangup.
#[tokio::test]
async fn a_run_whose_terminal_is_closed_stops_what_it_started() {
    at_once(LOGS, |log| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = logging(job(&account, "exec faultgate run >/dev/full 2>/dev/full"), log).spawn();
        account.until_running().await;
        running.signal("HUP").await;
        let ended = running.ended().await;
        ended.assert_code(129, "the terminal is closed");
        assert_result(&ended.result(), 129);
        account.assert_nothing_left("the terminal is closed");
    })
    .await;
}

#[tokio::test]
async fn a_stop_whose_outputs_take_nothing_stops_all_the_same() {
    at_once(["faultgate stop >&- 2>&-", "faultgate stop >/dev/full 2>/dev/full"], |script| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = account.run().spawn();
        account.until_running().await;
        running.signal("KILL").await;
        let ended = running.ended().await;
        let stopped = job(&account, script).env("RUST_LOG", "no=such=level").after(ended).finish().await;
        stopped.assert_code(0, script);
        account.assert_nothing_left(script);
    })
    .await;
}

#[tokio::test]
async fn files_of_the_ci_that_are_full_are_told_of_and_change_no_verdict() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account
        .run()
        .in_github("1")
        .env("GITHUB_OUTPUT", "/dev/full")
        .env("GITHUB_STEP_SUMMARY", "/dev/full")
        .finish()
        .await;
    ended.assert_code(0, "no room for outputs");
    let result = ended.result();
    assert_result(&result, 0);
    let failed = result["reporting"].as_array().unwrap().iter().filter(|sink| sink["outcome"] == "failed");
    let failed: Vec<&str> = failed.map(|sink| sink["sink"].as_str().unwrap()).collect();
    assert_eq!(failed, ["job summary", "step outputs"], "{result:#}");
}

/// `ulimit -f` counts blocks of 512 bytes. By default the signal for a file that is too large ends the process.
#[tokio::test]
async fn files_that_may_not_grow_leave_nothing_in() {
    at_once([1, 4, 40], |blocks| async move {
        let script = format!("ulimit -f {blocks}; exec faultgate run");
        let (account, ended) = run(ENDLESS, &script, &[]).await;
        let code = ended.code.unwrap_or_default();
        assert!([2, 3, 4].contains(&code), "{script}: {code}: {}", ended.stderr);
        account.assert_nothing_left(&script);
    })
    .await;
}

/// A used-up `ulimit -t` sends this signal.
#[tokio::test]
async fn a_run_without_time_on_the_processor_stops_what_it_started() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    running.signal("XCPU").await;
    running.ended().await.assert_code(143, "SIGXCPU");
    account.assert_nothing_left("SIGXCPU");
}

/// The kernel kills at a hard limit, and a plain `ulimit -t` sets the soft one alike. A command inherits what is left.
#[tokio::test]
async fn a_hard_limit_of_time_leaves_some_for_the_stop() {
    let suite =
        "version: 1\nexperiments: [{ name: a, command: { run: [sh, -c, 'ulimit -S -t > limit'] } }]\n";
    for (hard, soft) in [("60", "55"), ("4", "2")] {
        let ended = Faultgate::job(&format!("ulimit -t {hard}; exec faultgate run"));
        let ended = ended.file(".faultgate.yml", suite).finish().await;
        assert_eq!(ended.read("limit").trim(), soft, "{}", ended.stderr);
    }
}
