//! The clock of the machine jumps by hours in the middle of a run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::gate::Gate;

/// Returns the path of libfaketime that `faketime.sh` has told, or `None`, with a word on why, if there is
/// none.
fn library() -> Option<PathBuf> {
    let library = std::env::var_os("LIBFAKETIME").and_then(|path| std::fs::canonicalize(path).ok());
    if library.is_none() {
        println!("skipped: LIBFAKETIME names no libfaketimeMT.so.1 (tests/soak/faketime.sh)");
    }
    library
}

const JUMPS: [&str; 4] = ["+5h", "-5h", "+400d", "-400d"];

/// Asserts that the result tells no time that is hours away from the real one.
fn assert_times(ended: &Finished, began: Timestamp, context: &str) {
    let result = ended.result();
    let experiment = &result["experiments"][0];
    for name in ["started_at", "ended_at"] {
        for value in [&result[name], &experiment[name]] {
            let at: Timestamp =
                value.as_str().unwrap_or_else(|| panic!("{name} {result:#}")).parse().unwrap();
            let off = at.duration_since(began).unsigned_abs();
            assert!(off < Duration::from_mins(10), "{context}: {name} is {at}, {off:?} from {began}");
        }
    }
}

/// Neither deadlines nor reports go by a clock that jumps. The experiment is stopped when its time is over,
/// and no sooner.
#[tokio::test]
async fn a_clock_that_jumps_in_the_middle_of_a_run_moves_no_deadline() {
    let Some(library) = library() else { return };
    at_once(JUMPS, |jump| {
        let library = &library;
        async move {
            let account = EmbeddedAccount::living(ENDLESS).await;
            let gate = Gate::before(account.world.clone(), "", None);
            let began = Timestamp::now();
            let running = account
                .run()
                .env("AWS_ENDPOINT_URL", gate.aws())
                .named_file("FAKETIME_TIMESTAMP_FILE", "clock", "+0")
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("LD_PRELOAD", library)
                .env("FAULTGATE_TIMEOUT", "3s")
                .env("FAULTGATE_RECONCILE_INTERVAL", "1s")
                .spawn();
            account.until_running().await;
            let since = Instant::now();
            std::fs::write(running.path("clock"), jump).unwrap();
            account.until_asked("GetExperiment").await;
            let ended = running.ended().await;
            ended.assert_code(4, jump);
            assert!(since.elapsed() > Duration::from_secs(2), "{jump}: {:?}", since.elapsed());
            assert_result(&ended.result(), 4);
            assert_times(&ended, began, jump);
            let days: BTreeSet<String> = gate.passed().into_iter().map(|passed| passed.signed).collect();
            assert!(days.len() > 1 || jump.ends_with('h'), "{jump}: the clock did not jump: {days:?}");
            account.assert_nothing_left(jump);
        }
    })
    .await;
}

/// The SDK learns from AWS if the clock of the machine is wrong from the start. The run is as good as any.
#[tokio::test]
async fn a_clock_that_is_wrong_changes_no_verdict() {
    let Some(library) = library() else { return };
    at_once(JUMPS, |jump| {
        let library = &library;
        async move {
            let account = EmbeddedAccount::living(QUICK).await;
            let run = account.run().env("LD_PRELOAD", library).env("FAKETIME", jump);
            let ended = run.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").finish().await;
            ended.assert_code(0, jump);
            let started: Timestamp = ended.result()["started_at"].as_str().unwrap().parse().unwrap();
            let off = started.duration_since(Timestamp::now()).unsigned_abs();
            assert!(off > Duration::from_hours(4), "{jump}: the clock was not wrong: {started}");
            account.assert_nothing_left(jump);
        }
    })
    .await;
}
