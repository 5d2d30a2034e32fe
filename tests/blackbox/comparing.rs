//! Tests of a run that is compared with an earlier one, and gated on the drop of its score.

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::contract::hide_moments;
use faultgate_testkit::lives::{ALARMING, QUICK};
use serde_json::{Value, json};

/// Plays a rehearsal whose experiment completes, in a folder that may have an earlier result.
async fn rehearse(earlier: Option<&Value>, env: &[(&str, &str)]) -> Finished {
    let command = Faultgate::new(&["rehearse"]).in_github("1").env("FAULTGATE_COMPARE_TO", "old.json");
    let command = match earlier {
        Some(earlier) => command.file("old.json", &earlier.to_string()),
        None => command,
    };
    env.iter().fold(command, |command, (name, value)| command.env(name, value)).finish().await
}

/// Plays two experiments, of which the second scores 0, so that the run scores 50.
async fn half(shard: Option<&str>, earlier: &Value, drop: Option<&str>) -> Finished {
    // Each run has an account of its own, since the alarm of a run that was stopped goes on.
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script(SECOND_TEMPLATE_ID, ALARMING);
    let mut command = account
        .run()
        .in_github("1")
        .file("old.json", &earlier.to_string())
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID}"))
        .env("FAULTGATE_COMPARE_TO", "old.json");
    for (name, value) in [("FAULTGATE_SHARD", shard), ("FAULTGATE_MAX_SCORE_DROP", drop)] {
        if let Some(value) = value {
            command = command.env(name, value);
        }
    }
    command.finish().await
}

/// Returns the result as if its run had this score.
fn with_score(mut result: Value, score: f64) -> Value {
    result["gate"]["resilience_score"] = score.into();
    result["gate"]["expected_resilience_score"] = 0.into();
    result["experiments"][0]["score"] = score.into();
    result["experiments"][0]["expected_resilience_score"] = 0.into();
    result
}

#[tokio::test]
async fn one_run_after_the_other_in_the_same_folder() {
    let first = rehearse(None, &[]).await;
    first.assert_code(0, "the first, with nothing to compare with");
    assert_eq!(first.result().get("comparison"), None);
    let told = "compare-to: \"old.json\" is not there; nothing is compared (from FAULTGATE_COMPARE_TO)";
    assert!(first.stderr.contains(told) || first.stdout.contains(told), "{}{}", first.stdout, first.stderr);

    // The earlier result is read before the run removes it and writes its own in its place.
    let second =
        Faultgate::new(&["rehearse", "--compare-to", "reports/result.json", "--max-score-drop", "0"])
            .folder("reports")
            .file("reports/result.json", &first.read("reports/result.json"))
            .finish()
            .await;
    second.assert_code(0, "the second");
    let comparison = &second.result()["comparison"];
    assert_eq!(comparison["earlier"]["id"], first.result()["run"]["id"]);
    assert_eq!(comparison["score"], json!({ "earlier": 100.0, "now": 100.0, "change": 0.0 }));
    assert!(second.stdout.contains("100 → 100, no change (max-score-drop 0)"), "{}", second.stdout);
    assert!(second.summary().contains("**100 → 100, no change (max-score-drop 0)**"), "{}", second.summary());

    // A comparison is kept when its result is rendered again.
    let again = Faultgate::new(&["report", "old.json"])
        .file("old.json", &second.read("reports/result.json"))
        .finish()
        .await;
    again.assert_code(0, "again");
    assert!(again.read("reports/report.html").contains("Compared with an earlier run"));
}

#[tokio::test]
async fn a_score_that_has_dropped_too_far_fails_the_run() {
    let account = EmbeddedAccount::living(QUICK).await;
    let run = || account.run().in_github("1");
    let before = run().finish().await.result();
    // No score is better than 100, so the run of before is given another score to have one that is lower.
    let lower = half(None, &with_score(before.clone(), 60.0), Some("10")).await;
    lower.assert_code(1, "the second experiment fails by itself");
    let reasons = lower.result()["gate"]["reasons"].to_string();
    assert!(!reasons.contains("max-score-drop"), "a drop of exactly as much passes: {reasons}");
    let lower = half(None, &with_score(before.clone(), 60.01), Some("10")).await;
    let reason = "the resilience score 50 is 10.01 below the earlier 60.01, and max-score-drop allows 10";
    assert!(lower.result()["gate"]["reasons"].to_string().contains(reason), "{}", lower.stdout);
    assert!(lower.outputs()["reason"].contains(reason));
    for name in ["summary.md", "report.html", "junit.xml"] {
        assert!(lower.read(&format!("reports/{name}")).contains(reason), "{name}");
    }

    // The drop alone turns the verdict: a probe fails one evaluation of two, and the floor lets that pass.
    let suite = format!(
        "version: 1\ngate: {{ expected-resilience-score: 0, compare-to: old.json, max-score-drop: 20 }}\n\
         experiments:\n  - name: extrehearsal\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: never, when: [after], command: {{ run: [\"false\"] }} }}\n      \
         - {{ name: always, when: [after], command: {{ run: [\"true\"] }} }}\n"
    );
    for (earlier, code) in [(70.0, 0), (70.5, 1)] {
        let ended = account
            .faultgate(&["run"])
            .in_github("1")
            .file(".faultgate.yml", &suite)
            .file("old.json", &with_score(before.clone(), earlier).to_string())
            .finish()
            .await;
        ended.assert_code(code, "20 below may be");
        assert_eq!(ended.result()["comparison"]["score"]["now"], 50.0);
    }
}

#[tokio::test]
async fn a_gate_without_an_earlier_result_launches_nothing() {
    let ended = rehearse(None, &[("FAULTGATE_MAX_SCORE_DROP", "5")]).await;
    ended.assert_code(2, "nothing to drop from");
    assert!(ended.stderr.contains("is not there, and max-score-drop needs it"), "{}", ended.stderr);
    assert!(ended.stderr.contains("on the first run set neither"), "{}", ended.stderr);
    assert!(!ended.path("reports").exists());
}

#[tokio::test]
async fn shards_compared_when_merged_are_the_run_unsplit() {
    let before = half(None, &json!({}), None).await.result();
    let mut before = with_score(before, 95.0);
    before["experiments"][1]["name"] = "elsewhere".into();
    let whole = half(None, &before, Some("5")).await;
    let (first, second) =
        (half(Some("1/2"), &before, Some("5")).await, half(Some("2/2"), &before, None).await);
    let comparison = &first.result()["comparison"];
    assert_eq!((comparison.get("score"), comparison.get("max_score_drop")), (None, None));
    assert_eq!(comparison["experiments"].as_array().unwrap().len(), 1, "{comparison:#}");
    let merge = |args: &[&str]| {
        Faultgate::new(&[&["report", "--merge", "1.json", "2.json"], args].concat())
            .file("1.json", &first.read("reports/result.json"))
            .file("2.json", &second.read("reports/result.json"))
            .file("old.json", &before.to_string())
    };
    let merged = merge(&["--compare-to", "old.json", "--max-score-drop", "5"]).finish().await;
    merged.assert_code(1, "merged");
    let (merged, whole) = (merged.result(), whole.result());
    assert!(merged["comparison"]["score"]["change"].is_f64());
    let told = |result: &Value| hide_moments(&json!([result["comparison"], result["gate"]]).to_string());
    assert_eq!(told(&merged), told(&whole));
    let without = merge(&[]).finish().await;
    assert_eq!(without.result().get("comparison"), None);
    let by_variable = merge(&[]).env("FAULTGATE_COMPARE_TO", "old.json").finish().await;
    assert!(by_variable.result().get("comparison").is_some());

    let mistaken = merge(&["--max-score-drop", "5"]).finish().await;
    mistaken.assert_code(2, "nothing to drop from");
    assert!(mistaken.stderr.contains("max-score-drop: needs compare-to"), "{}", mistaken.stderr);
    let alone = Faultgate::new(&["report", "1.json", "--compare-to", "old.json"]).finish().await;
    alone.assert_code(2, "a result that is only rendered again is as it was");
}
