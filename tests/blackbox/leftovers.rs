//! Tests of the reports that an earlier run has left, which passed: no end of a later run leaves them where
//! they could be taken for its own.

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};

const OURS: [&str; 6] =
    ["result.json", "summary.md", "report.html", "junit.xml", "faultgate.env", "annotations.json"];
const STATE: &str = "state.json";
const THEIRS: &str = "notes.txt";

/// The arguments and the variables of an invocation.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

/// Returns an invocation in a folder with all that a green run leaves, and with a file that is none of its
/// reports.
fn after_a_green_run(args: &[&str]) -> Faultgate {
    let there = OURS.iter().chain(&[STATE, THEIRS]);
    let faultgate = Faultgate::new(args).folder("reports");
    there.fold(faultgate, |command, name| {
        command.file(&format!("reports/{name}"), "FAULTGATE_VERDICT=passed\n")
    })
}

fn left(ended: &Finished) -> Vec<&'static str> {
    let all = OURS.iter().chain(&[STATE, THEIRS]);
    all.copied().filter(|name| ended.path(&format!("reports/{name}")).exists()).collect()
}

#[tokio::test]
async fn a_run_that_ends_with_mistakes_leaves_nothing_of_a_green_run_before_it() {
    let cases: [Case<'_>; 12] = [
        (&["run"], &[("FAULTGATE_TIMEOUT", "soon")]),
        (&[], &[]),
        (&["run", "--config", "broken.yml"], &[]),
        (&["run", "--compare-to", "reports/result.json", "--timeout", "soon"], &[]),
        (&["launch"], &[]),
        (&["monitor"], &[]),
        (&["score"], &[]),
        (&["rehearse", "--scenario", "unheard-of"], &[]),
        (&["report", "--merge", "missing.json"], &[]),
        // A command line that is not understood still tells the folder.
        (&["--bogus"], &[]),
        (&["launch", "--bogus", "--report-dir", "reports"], &[("FAULTGATE_REPORT_DIR", "elsewhere")]),
        (&["score", "--report-dir=reports", "--bogus=1"], &[("FAULTGATE_REPORT_DIR", "elsewhere")]),
    ];
    at_once(cases, |(args, env)| async move {
        let command = after_a_green_run(args).file("broken.yml", "{ broken");
        let command = env.iter().fold(command, |command, (name, value)| command.env(name, value));
        let ended = command.finish().await;
        ended.assert_code(2, &format!("{args:?}"));
        assert_eq!(left(&ended), [STATE, THEIRS], "{args:?}");
    })
    .await;
}

#[tokio::test]
async fn what_runs_nothing_takes_nothing_away() {
    let cases: [(&[&str], u8); 6] = [
        (&["check"], 2),
        (&["stop"], 2),
        (&["inputs"], 0),
        (&["run", "--help"], 0),
        // Nobody knows which command was meant, so nothing is removed.
        (&["repotr"], 2),
        (&["stop", "--bogus"], 2),
    ];
    at_once(cases, |(args, code)| async move {
        let ended = after_a_green_run(args).finish().await;
        ended.assert_code(code, &format!("{args:?}"));
        assert_eq!(left(&ended).len(), OURS.len() + 2, "{args:?}");
    })
    .await;
}

#[tokio::test]
async fn a_result_that_is_to_be_rendered_stays() {
    for args in [&["report"][..], &["report", "--bogus"], &["report", "reports/result.json"]] {
        let ended = after_a_green_run(args).finish().await;
        ended.assert_code(2, "it is no result");
        assert_eq!(left(&ended), ["result.json", STATE, THEIRS], "{args:?}");
    }
}

#[tokio::test]
async fn it_is_gone_before_anything_is_asked() {
    let account = EmbeddedAccount::living(faultgate_testkit::lives::ENDLESS).await;
    let run = account.run().folder("reports");
    let there = OURS.iter().fold(run, |command, name| command.file(&format!("reports/{name}"), "passed"));
    let running = there.spawn();
    account.until_asked("GetExperimentTemplate").await;
    let names = OURS.iter().filter(|name| running.path(&format!("reports/{name}")).exists());
    assert_eq!(names.collect::<Vec<_>>(), [&""; 0]);
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "cancelled");
}
