//! Disks on which reports and state have no room or may not be written: the verdict stands, and the files
//! that are there are true.

use std::time::Duration;

use faultgate_rehearsal::{Beat, FaultEffect, FaultRule};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::Value;
use tokio::process::Command;

use crate::site::job;

/// Commands that make a namespace of mounts: one for everybody, if users may have namespaces, and one for
/// root.
const NAMESPACES: [&str; 2] = ["unshare --map-root-user --mount", "unshare --mount"];

/// Returns the command that works here, or `None`, with a word on why, if nothing can be mounted.
async fn namespace() -> Option<&'static str> {
    for namespace in NAMESPACES {
        let try_it = format!("{namespace} mount -t tmpfs -o size=4k none \"$1\"");
        let nowhere = tempfile::tempdir().unwrap();
        let tried =
            Command::new("sh").args(["-c", &try_it, "sh"]).arg(nowhere.path()).output().await.unwrap();
        if tried.status.success() {
            return Some(namespace);
        }
    }
    println!("skipped: no file system can be mounted here, neither in a namespace of a user nor as root");
    None
}

/// Returns an invocation of a script whose report folder is a small file system. The files are copied to
/// `kept` in the end, since the file system is gone with the script.
fn on_a_small_disk(account: &EmbeddedAccount, namespace: &str, options: &str, script: &str) -> Faultgate {
    let inside = format!(
        "mount -t tmpfs -o {options} none reports || exit 99; code=0; {script}; cp -r reports/. kept; exit $code"
    );
    job(account, &format!("mkdir reports kept; exec {namespace} sh -c '{inside}'"))
        .env("FAULTGATE_TIMEOUT", "1s")
}

/// Asserts that the files which are there are whole, and say what the exit code says.
fn assert_true(ended: &Finished, code: u8, context: &str) {
    ended.assert_code(code, context);
    for name in ["result.json", "state.json"] {
        let Ok(bytes) = std::fs::read(ended.path(&format!("kept/{name}"))) else { continue };
        let whole = serde_json::from_slice::<Value>(&bytes);
        let value = whole.unwrap_or_else(|error| panic!("{context}: {name} is not whole: {error}"));
        if name == "result.json" {
            assert_result(&value, code);
        }
    }
    for name in ["summary.md", "faultgate.env", "junit.xml"] {
        let Ok(text) = std::fs::read_to_string(ended.path(&format!("kept/{name}"))) else { continue };
        assert!(!text.is_empty(), "{context}: {name} is empty");
        let passed = text.contains("VERDICT=passed") || text.contains("Chaos gate: passed");
        assert!(!passed || code == 0, "{context}: {name} says passed\n{text}");
    }
}

const STORIES: [(&[Beat], &str, u8); 3] = [(QUICK, "warn", 0), (ENDLESS, "warn", 4), (QUICK, "fail", 3)];

#[tokio::test]
async fn a_disk_that_is_full_changes_no_verdict() {
    let Some(namespace) = namespace().await else { return };
    // The room goes from nothing at all to nearly enough, in pages and in files.
    let sizes = [1, 2, 3, 5, 8].map(|pages| format!("size={}k", pages * 4));
    let counts = [1, 2, 4].map(|files| format!("nr_inodes={files}"));
    let cases =
        sizes.into_iter().chain(counts).flat_map(|options| STORIES.map(|story| (options.clone(), story)));
    at_once(cases, |(options, (beats, reporting, code))| async move {
        let account = EmbeddedAccount::living(beats).await;
        let run = on_a_small_disk(&account, namespace, &options, "faultgate run || code=$?");
        let ended = run.env("FAULTGATE_REPORTING", reporting).finish().await;
        let context = format!("{options} {reporting}");
        assert_true(&ended, code, &context);
        assert!(ended.stdout.contains("No space left on device"), "{context}: {}", ended.stdout);
        account.assert_nothing_left(&context);
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_changes_no_verdict() {
    let Some(namespace) = namespace().await else { return };
    let script = "faultgate run & \
                  while [ ! -e reports/state.json ]; do sleep 0.02; done; \
                  cat /dev/zero > reports/rest 2>/dev/null; \
                  wait $! || code=$?; rm reports/rest";
    let account = EmbeddedAccount::living(ENDLESS).await;
    let ended = on_a_small_disk(&account, namespace, "size=512k", script).finish().await;
    assert_true(&ended, 4, "filled");
    assert!(!ended.path("kept/result.json").exists(), "there was no room for it");
    account.assert_nothing_left("filled");
}

/// The state file tells less than there is, and is whole. An intent is enough for a stop.
#[tokio::test]
async fn a_run_that_is_killed_on_a_full_disk_is_stopped_as_far_as_its_file_tells() {
    let Some(namespace) = namespace().await else { return };
    let script = "faultgate run & \
                  while ! grep -q -e phase.*intended -e phase.*launched reports/state.json 2>/dev/null; do sleep 0.02; done; \
                  cat /dev/zero > reports/rest 2>/dev/null; \
                  while [ ! -e killed ]; do sleep 0.02; done; \
                  kill -9 $!; wait $! || true; faultgate stop || code=$?";
    let account = EmbeddedAccount::living(ENDLESS).await;
    // The delay lets the disk fill up before the launch is answered.
    let delay = FaultEffect::Delay(Duration::from_millis(500));
    account.world.inject(FaultRule::on("StartExperiment", delay));
    let run = on_a_small_disk(&account, namespace, "size=512k", script).env("FAULTGATE_TIMEOUT", "5m");
    let running = run.spawn();
    account.until_running().await;
    std::fs::write(running.path("killed"), "").unwrap();
    let ended = running.ended().await;
    ended.assert_code(0, "stopped by an old file");
    account.assert_nothing_left("stopped by an old file");
}

#[tokio::test]
async fn a_report_dir_that_cannot_be_written_changes_no_verdict() {
    let namespace = namespace().await;
    at_once(STORIES, |(beats, reporting, code)| async move {
        let context = format!("a file in its place, {reporting}");
        let account = EmbeddedAccount::living(beats).await;
        let run = account.run().file("reports", "a file").env("FAULTGATE_TIMEOUT", "1s");
        let ended = run.env("FAULTGATE_REPORTING", reporting).finish().await;
        ended.assert_code(code, &context);
        assert_eq!(ended.read("reports"), "a file");
        account.assert_nothing_left(&context);
        let Some(namespace) = namespace else { return };
        let context = format!("read-only, {reporting}");
        let account = EmbeddedAccount::living(beats).await;
        let run = on_a_small_disk(&account, namespace, "ro", "faultgate run || code=$?");
        let ended = run.env("FAULTGATE_REPORTING", reporting).finish().await;
        assert_true(&ended, code, &context);
        assert!(ended.stdout.contains("Read-only file system"), "{context}: {}", ended.stdout);
        account.assert_nothing_left(&context);
    })
    .await;
}
