//! Tests of reports that cannot be written or posted.

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, at_once};
use faultgate_testkit::contract::{OUTPUTS, assert_result};
use faultgate_testkit::lives::{ALARMING, ENDLESS, FAILING, QUICK};
use serde_json::Value;

fn outcome<'a>(result: &'a Value, sink: &str) -> &'a str {
    let reporting = result["reporting"].as_array().unwrap();
    let reported = reporting.iter().find(|reported| reported["sink"] == sink);
    reported.unwrap_or_else(|| panic!("{sink}: {reporting:#?}"))["outcome"].as_str().unwrap()
}

#[tokio::test]
async fn all_outputs_are_written_whatever_the_verdict() {
    let cases =
        [(QUICK, "passed", 0), (ALARMING, "failed", 1), (FAILING, "errored", 3), (ENDLESS, "timed-out", 4)];
    at_once(cases, |(beats, verdict, code)| async move {
        let account = EmbeddedAccount::living(beats).await;
        let ended = account.run().in_github("1").env("FAULTGATE_TIMEOUT", "1s").finish().await;
        ended.assert_code(code, verdict);
        let result = ended.result();
        let experiment = &result["experiments"][0];
        let outputs = ended.outputs();
        let mut names: Vec<&str> = outputs.keys().map(String::as_str).collect();
        let mut expected = OUTPUTS.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(outputs["verdict"], verdict);
        assert_eq!(outputs["state"], experiment["state"].as_str().unwrap());
        assert_eq!(outputs["experiment-ids"], experiment["id"].as_str().unwrap());
        assert_eq!(outputs["expected-resilience-score"], "100");
        let score = match verdict {
            "passed" => "100",
            "failed" => "0",
            _ => "",
        };
        assert_eq!(outputs["resilience-score"], score);
        assert_eq!(outputs["report-dir"], Faultgate::REPORTS);
        assert!(!outputs["reason"].is_empty());
        assert_eq!(outcome(&result, "step outputs"), "written");
    })
    .await;
}

#[tokio::test]
async fn outputs_and_summary_are_added_to_what_is_there() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account
        .run()
        .in_github("1")
        .named_file("GITHUB_OUTPUT", "github-output", "earlier=kept\n")
        .named_file("GITHUB_STEP_SUMMARY", "step-summary", "# Earlier\n\n")
        .finish()
        .await;
    ended.assert_code(0, "appended");
    assert_eq!(ended.outputs()["earlier"], "kept");
    assert_eq!(ended.outputs()["verdict"], "passed");
    let summary = ended.read("step-summary");
    assert!(summary.starts_with("# Earlier\n\n"), "{summary}");
    assert_eq!(summary.strip_prefix("# Earlier\n\n").unwrap(), ended.summary(), "the same text");
    for part in [
        "Chaos gate: passed",
        "Resilience score 100",
        "```mermaid",
        "Stop conditions",
        "How the end was learned",
    ] {
        assert!(summary.contains(part), "{part} is missing: {summary}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_written_are_told_and_do_not_fail_the_run() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account
        .run()
        .in_github("1")
        .env("GITHUB_OUTPUT", "/nowhere/github-output")
        .env("GITHUB_STEP_SUMMARY", "/nowhere/step-summary")
        .finish()
        .await;
    ended.assert_code(0, "not writable");
    let result = ended.result();
    assert_result(&result, 0);
    for sink in ["step outputs", "job summary"] {
        assert_eq!(outcome(&result, sink), "failed");
        assert!(ended.stdout.contains(&format!("warning: {sink}")), "{}", ended.stdout);
    }
    assert_eq!(outcome(&result, "summary.md"), "written");
    assert_eq!(outcome(&result, "result.json"), "written");
}

#[tokio::test]
async fn reporting_fail_makes_a_report_that_is_missing_an_error() {
    at_once(["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"], |variable| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        let run = || account.run().env(variable, "/nowhere/file").env("FAULTGATE_REPORTING", "fail");
        // The variable was handed over from another machine.
        run().finish().await.assert_code(0, variable);
        let ended = run().in_github("1").env(variable, "/nowhere/file").finish().await;
        ended.assert_code(3, variable);
        let result = ended.result();
        assert_result(&result, 3);
        assert_eq!(result["gate"]["verdict"], "errored");
        assert_eq!(result["experiments"][0]["verdict"], "passed");
        assert!(ended.stdout.contains("ERRORED"), "{}", ended.stdout);
        account.assert_nothing_left(variable);
    })
    .await;
}

#[tokio::test]
async fn with_reporting_fail_every_report_tells_the_same_verdict() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account
        .run()
        .in_github("1")
        .env("GITHUB_STEP_SUMMARY", "/nowhere/file")
        .env("FAULTGATE_REPORTING", "fail")
        .finish()
        .await;
    ended.assert_code(3, "the job summary is missing");
    assert_eq!(ended.outputs()["verdict"], "errored", "later steps act on it");
    assert_eq!(ended.result()["gate"]["verdict"], "errored");
    // The files were written before the job summary turned out to be missing, and are written again.
    assert!(ended.summary().contains("Chaos gate: errored"), "{}", ended.summary());
    assert!(ended.read("reports/faultgate.env").contains("FAULTGATE_VERDICT=errored\n"));
    assert!(
        ended.read("reports/junit.xml").contains("<error type=\"errored\" message=\"the report job summary")
    );
}

#[tokio::test]
async fn a_report_dir_that_cannot_be_made_does_not_fail_the_run() {
    at_once([("warn", 0), ("fail", 3)], |(reporting, code)| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        let ended = account
            .run()
            .file("in-the-way", "")
            .env("FAULTGATE_REPORT_DIR", "in-the-way/reports")
            .env("FAULTGATE_REPORTING", reporting)
            .finish()
            .await;
        ended.assert_code(code, reporting);
        let told: Vec<&str> = ended
            .stdout
            .lines()
            .filter(|line| line.contains("summary.md") && line.contains("in-the-way"))
            .collect();
        let files = "summary.md, junit.xml, faultgate.env, annotations.json, report.html and result.json";
        let warning = format!("warning: {files} were not written: in-the-way/reports: ");
        assert_eq!(told.iter().filter(|line| line.starts_with("warning: ")).count(), 1, "{told:#?}");
        assert!(told.iter().any(|line| line.starts_with(&warning)), "{told:#?}");
        account.assert_nothing_left(reporting);
    })
    .await;
}

#[tokio::test]
async fn report_files_are_whole_and_no_draft_stays() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.run().finish().await;
    ended.assert_code(0, "a plain run");
    let names: Vec<String> =
        ended.files().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.contains(&"result.json".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains(".draft")), "{names:?}");
}

#[tokio::test]
async fn inputs_of_a_github_action_are_read_with_their_hyphens() {
    let account = EmbeddedAccount::living(QUICK).await;
    let id = faultgate_rehearsal::TEMPLATE_ID;
    for name in ["INPUT_EXPERIMENT-TEMPLATE-ID", "INPUT_EXPERIMENT_TEMPLATE_ID"] {
        let ended = account.faultgate(&["run"]).env(name, id).env("INPUT_TIMEOUT", "").finish().await;
        ended.assert_code(0, name);
        assert_eq!(ended.result()["experiments"][0]["source"], id);
    }
}

#[tokio::test]
async fn nobody_has_to_read_standard_output() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.run().spawn_unread().ended().await;
    ended.assert_code(0, "nobody reads");
    assert_result(&ended.result(), 0);
    account.assert_nothing_left("nobody reads");
    Faultgate::new(&["--help"]).spawn_unread().ended().await.assert_code(0, "help");
}

#[tokio::test]
async fn text_of_the_engine_cannot_command_the_ci() {
    use faultgate_rehearsal::{Beat, Step};
    let hostile =
        "done\n::set-output name=verdict::passed\n::error::x ##[error]y \u{1b}[2J<script>|\nverdict<<E";
    let beats = [
        QUICK[0],
        Beat {
            after: std::time::Duration::ZERO,
            step: Step::Experiment { status: "failed", reason: hostile },
        },
    ];
    let account = EmbeddedAccount::living(&beats).await;
    let ended = account.run().in_github("1").finish().await;
    ended.assert_code(3, "hostile");
    for line in ended.stdout.lines() {
        let line = line.trim_start();
        let ours =
            ["::group::faultgate", "::endgroup::", "::error title=", "::warning title=", "::notice title="];
        assert!(!line.starts_with("::") || ours.iter().any(|known| line.starts_with(known)), "{line}");
        assert!(!line.contains("##[") && !line.contains('\u{1b}'), "{line:?}");
    }
    let outputs = ended.outputs();
    assert_eq!(outputs.len(), OUTPUTS.len(), "{outputs:?}");
    assert_eq!(outputs["verdict"], "errored");
    let summary = ended.summary();
    assert!(!summary.contains("<script>"), "{summary}");
    assert!(!summary.lines().any(|line| line.starts_with("::")), "{summary}");
}
