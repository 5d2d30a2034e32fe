//! Tests of the report files and log commands that CI systems read.

use std::time::Duration;

use faultgate_rehearsal::{Beat, Step};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::lives::{ALARMING, QUICK};
use tokio::process::Command;

const HOSTILE: &str =
    "it's \"done\"\n::error::x ##vso[task.complete]y $(touch owned) `touch owned`; touch owned <b>&|";

async fn hostile() -> EmbeddedAccount {
    let failed = Step::Experiment { status: "failed", reason: HOSTILE };
    EmbeddedAccount::living(&[QUICK[0], Beat { after: Duration::ZERO, step: failed }]).await
}

#[tokio::test]
async fn every_file_is_written_whatever_the_verdict() {
    at_once([(QUICK, "passed", 0), (ALARMING, "failed", 1)], |(beats, verdict, code)| async move {
        let account = EmbeddedAccount::living(beats).await;
        let ended = account.run().finish().await;
        ended.assert_code(code, verdict);
        assert!(ended.read("reports/faultgate.env").starts_with(&format!("FAULTGATE_VERDICT={verdict}\n")));
        let junit = ended.read("reports/junit.xml");
        assert_eq!(junit.contains("<failure"), verdict == "failed", "{junit}");
        let annotations: serde_json::Value =
            serde_json::from_str(&ended.read("reports/annotations.json")).unwrap();
        let link = &annotations["faultgate"][0]["external_link"];
        assert!(link["label"].as_str().unwrap().contains(verdict), "{link}");
        assert!(link["url"].as_str().unwrap().starts_with("https://"), "{link}");
    })
    .await;
}

#[tokio::test]
async fn a_shell_can_source_the_variables_whatever_they_say() {
    let ended = hostile().await.run().finish().await;
    ended.assert_code(3, "hostile");
    let script = "set -eua; . reports/faultgate.env; printf '%s' \"$FAULTGATE_VERDICT $FAULTGATE_REASON\"";
    let shell = Command::new("sh").args(["-c", script]).current_dir(ended.path("")).output().await.unwrap();
    assert!(shell.status.success() && shell.stderr.is_empty(), "{shell:?}");
    let told = String::from_utf8(shell.stdout).unwrap();
    assert!(told.starts_with("errored FIS_could_not_carry_it_out"), "{told}");
    assert!(!ended.path("owned").exists());
}

#[tokio::test]
async fn a_run_that_does_not_come_to_its_end_leaves_no_report_of_an_earlier_one() {
    let account = EmbeddedAccount::living(QUICK).await;
    let names =
        ["result.json", "summary.md", "junit.xml", "faultgate.env", "annotations.json", "report.html"];
    let mut faultgate = account.run().without("AWS_REGION").env("FAULTGATE_REPORT_DIR", ".");
    for name in names {
        faultgate = faultgate.file(name, "passed");
    }
    let ended = faultgate.finish().await;
    ended.assert_code(2, "no Region");
    for name in names {
        assert!(!ended.path(name).exists(), "{name}");
    }
}

fn commands<'a>(ended: &'a Finished, start: &str) -> Vec<&'a str> {
    ended.stdout.lines().filter(|line| line.starts_with(start)).collect()
}

#[tokio::test]
async fn github_shows_why_the_gate_did_not_pass() {
    let account = EmbeddedAccount::living(ALARMING).await;
    let ended = account.run().in_github("1").env("GITHUB_STEP_SUMMARY", "/nowhere/file").finish().await;
    ended.assert_code(1, "an alarm");
    let errors = commands(&ended, "::error title=");
    let [error] = errors[..] else { panic!("one error for one cause: {errors:?}") };
    let cause = "::error title=Chaos gate%3A failed::a stop condition fired: ";
    assert!(error.starts_with(cause), "{error}");
    assert_eq!(commands(&ended, "::warning title=job summary%3A failed::").len(), 1, "{}", ended.stdout);
    let passed = EmbeddedAccount::living(QUICK).await.run().in_github("1").finish().await;
    assert!(commands(&passed, "::error").is_empty(), "{}", passed.stdout);
}

#[tokio::test]
async fn github_shows_mistakes() {
    let ended = Faultgate::new(&["run"]).in_github("1").env("FAULTGATE_TIMEOUT", "soon").finish().await;
    ended.assert_code(2, "a mistake");
    let errors = commands(&ended, "::error title=faultgate settings::");
    assert!(errors.iter().any(|error| error.contains("timeout: \"soon\"")), "{}", ended.stdout);
}

#[tokio::test]
async fn azure_pipelines_is_told_of_summary_outputs_and_errors() {
    let ended = hostile().await.run().env("TF_BUILD", "True").finish().await;
    ended.assert_code(3, "hostile");
    let uploads = commands(&ended, "##vso[task.uploadsummary]");
    let path = std::fs::canonicalize(ended.path("reports/summary.md")).unwrap();
    let uploaded = uploads[0].strip_prefix("##vso[task.uploadsummary]").unwrap();
    assert!(uploaded.starts_with('/'), "{uploaded}");
    assert_eq!(std::fs::canonicalize(uploaded).unwrap(), path);
    assert_eq!(commands(&ended, "##vso[task.setvariable variable=FAULTGATE_").len(), 7, "{}", ended.stdout);
    assert_eq!(commands(&ended, "##vso[task.logissue type=error]").len(), 1, "{}", ended.stdout);
    assert!(!ended.stdout.contains("##vso[task.complete"), "{}", ended.stdout);
}

#[tokio::test]
async fn buildkite_is_handed_the_summary() {
    let account = EmbeddedAccount::living(QUICK).await;
    let programs = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\nwhile read -r line; do echo \"$line\"; done > annotation\n";
    // A shell writes the file: if this process had it open for writing, a child of another test might inherit
    // it, and it could not be executed until that child ends.
    let write = "printf '%s' \"$1\" > \"$0\" && chmod +x \"$0\"";
    let agent = programs.path().join("buildkite-agent");
    let made = Command::new("sh").args(["-c", write]).arg(&agent).arg(script).status().await;
    assert!(made.unwrap().success());
    let ended = account.run().env("BUILDKITE", "true").env("PATH", programs.path()).finish().await;
    ended.assert_code(0, "annotated");
    assert!(ended.read("annotation").starts_with("## ✅ Chaos gate: passed"), "{}", ended.read("annotation"));
    let nothing = tempfile::tempdir().unwrap();
    let without = account.run().env("BUILDKITE", "true").env("PATH", nothing.path()).finish().await;
    without.assert_code(0, "no agent");
    assert!(without.stdout.contains("note: buildkite annotation was skipped: "), "{}", without.stdout);
    assert!(without.summary().contains("**skipped** buildkite annotation"), "{}", without.summary());
}
