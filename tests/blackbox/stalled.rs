//! Tests of outputs that nobody reads and nobody closes: whoever writes to them waits for ever, and nothing
//! else may wait.

use std::io::Read;

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::at_once;
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};

/// Settings of the log, each of which prints by another way.
const LOGS: [&[(&str, &str)]; 2] = [&[], &[("FAULTGATE_LOG_FORMAT", "json"), ("RUST_LOG", "trace")]];

#[tokio::test]
async fn a_signal_stops_what_was_launched() {
    at_once(LOGS, |log| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let run = log.iter().fold(account.run(), |run, (name, value)| run.env(name, value));
        let (running, _reader) = run.spawn_stalled();
        account.until_running().await;
        running.signal("TERM").await;
        let ended = running.ended().await;
        ended.assert_code(143, "SIGTERM");
        assert_result(&ended.result(), 143);
        account.assert_nothing_left("SIGTERM");
    })
    .await;
}

#[tokio::test]
async fn a_timeout_fires_and_a_pass_stays_one() {
    at_once([(ENDLESS, 4), (QUICK, 0)], |(beats, code)| async move {
        let account = EmbeddedAccount::living(beats).await;
        let (running, _reader) = account.run().env("FAULTGATE_TIMEOUT", "1s").spawn_stalled();
        let ended = running.ended().await;
        ended.assert_code(code, "it ends");
        assert_result(&ended.result(), code);
        account.assert_nothing_left("it ends");
    })
    .await;
}

#[tokio::test]
async fn stop_stops() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = account.run().spawn();
    account.until_running().await;
    let ended = crate::stop::killed(running).await;
    let (running, _reader) = account.faultgate(&["stop"]).after(ended).spawn_stalled();
    running.ended().await.assert_code(0, "stop");
    account.assert_nothing_left("stop");
}

#[tokio::test]
async fn who_reads_again_is_told_what_was_printed() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let (running, mut reader) = account.run().spawn_stalled();
    account.until_running().await;
    running.signal("TERM").await;
    account.until_asked("StopExperiment").await;
    let reading = tokio::task::spawn_blocking(move || {
        let mut printed = String::new();
        reader.read_to_string(&mut printed).unwrap();
        printed
    });
    running.ended().await.assert_code(143, "SIGTERM");
    let printed = reading.await.unwrap();
    assert!(printed.contains("CANCELLED") && printed.contains("launched as"), "{printed}");
}
