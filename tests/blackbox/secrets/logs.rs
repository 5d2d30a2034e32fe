//! Tests of the log, whose level users choose.

use faultgate_rehearsal::{FaultEffect, FaultRule};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Finished, at_once};
use faultgate_testkit::lives::{FAILING, QUICK};

use super::Marked;

#[tokio::test]
async fn no_secret_is_shown_at_any_level() {
    let cases = [
        ("passes", QUICK, "text", 0),
        ("passes, JSON", QUICK, "json", 0),
        ("fails", FAILING, "json", 3),
        ("is troubled", QUICK, "text", 0),
        ("is denied", QUICK, "text", 3),
    ];
    at_once(cases, |(case, beats, format, code)| async move {
        let account = EmbeddedAccount::living(beats).await;
        match case {
            "is troubled" => {
                let fault = FaultRule::on("PutTargets", FaultEffect::LoseAnswer);
                account.world.inject(fault.times(2));
            }
            "is denied" => account.deny("StartExperiment", "fis:StartExperiment"),
            _ => {}
        }
        let faultgate = account
            .run()
            .in_github("1")
            .named_file("GITHUB_STEP_SUMMARY", "step-summary", "")
            .named_file("GITHUB_ENV", "step-env", "")
            .env("FAULTGATE_COMMIT_STATUS", "false")
            .env("FAULTGATE_LOG_FORMAT", format);
        let marked = Marked::new();
        let ended = marked.put(faultgate).finish().await;
        marked.assert_hidden(&ended, case);
        ended.assert_code(code, case);
        if format == "json" {
            assert_json_lines(&ended, case);
        }
        for request in account.world.requests() {
            marked.assert_not_in(&request.input.to_string(), &request.operation);
        }
    })
    .await;
}

/// Asserts that every line is JSON, and that libraries, which log whole requests, log nothing below a
/// warning.
fn assert_json_lines(ended: &Finished, case: &str) {
    for line in ended.stderr.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        let parsed = parsed.unwrap_or_else(|error| panic!("{case}: {error}: {line}"));
        assert!(parsed["level"].is_string() && parsed["fields"].is_object(), "{line}");
        let ours = parsed["target"].as_str().unwrap().starts_with("faultgate");
        assert!(ours || ["WARN", "ERROR"].iter().any(|level| parsed["level"] == *level), "{line}");
    }
}

#[tokio::test]
async fn the_json_log_says_something() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("ReceiveMessage", FaultEffect::Garbage).times(1));
    let ended = account.run().env("RUST_LOG", "trace").env("FAULTGATE_LOG_FORMAT", "json").finish().await;
    ended.assert_code(0, "one hiccup");
    assert!(!ended.stderr.is_empty(), "the hiccup is worth a line");
    assert_json_lines(&ended, "one hiccup");
}
