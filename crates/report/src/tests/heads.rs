//! Tests of what every report has to say at its head.

use faultgate_core::model::{Score, Verdict};
use faultgate_testkit::results;

use super::*;

#[tokio::test]
async fn a_fault_that_may_still_be_in_drowns_in_no_report() {
    let names: Vec<String> = (0..300).map(|number| format!("e{number}")).collect();
    let mut result = results::fleet(300, &names.iter().map(String::as_str).collect::<Vec<_>>());
    result.experiments[299].verdict = Verdict::Errored;
    result.experiments[299].fault_may_be_in = true;
    result.gate.reasons.insert(0, result.left_in().unwrap());
    let said = "the fault may still be in: e299";
    let log = closing(&result, DIR, Medium::default());
    assert!(log.lines().nth(2).unwrap().starts_with("e299 "), "{log}");
    assert!(log.lines().rev().take(5).any(|line| line.contains(said)), "{log}");
    let commands = commands(&result, LogStyle::GitHub).await;
    let errors: Vec<&str> = commands.lines().collect();
    assert!(errors[0].contains(said) && errors[1].contains("title=e299%3A"), "{commands}");
    let summary = file("summary.md", &result).await;
    assert!(summary.find(said) < summary.find("**e0**"), "{summary}");
    assert!(summary.find("| [e299]") < summary.find("| [e0]"), "{summary}");
    let page = file("report.html", &result).await;
    assert!(page.split("</header>").next().unwrap().contains(said));
    let junit = file("junit.xml", &result).await;
    assert!(junit.contains(&format!("failed: {said}; see the suite of e299, e0")), "{junit}");
    assert!(
        file("annotations.json", &result)
            .await
            .starts_with(r#"{"faultgate":[{"external_link":{"label":"e299"#)
    );
}

#[tokio::test]
async fn a_dry_run_and_a_rehearsal_say_in_each_report_what_they_are() {
    let mut result = results::passed();
    result.dry_run = true;
    result.experiments[0].raw_state = Some("not started".to_owned());
    let log = closing(&result, DIR, Medium::default());
    assert!(log.contains("PASSED: dry run: no fault was launched, so"), "{log}");
    let title = "<title>passed (dry run) – chaos gate";
    for (name, said) in [
        ("summary.md", "Chaos gate: passed (dry run)"),
        ("report.html", title),
        ("junit.xml", "name=\"dry-run\""),
    ] {
        let report = file(name, &result).await;
        assert!(
            report.contains(said) && report.contains("dry run: no fault was launched"),
            "{name}: {report}"
        );
        assert!(
            report.contains("not started") && !report.contains("targets were resolved"),
            "{name}: {report}"
        );
    }
    let scenario = "completed".to_owned();
    result.dry_run = false;
    result.rehearsal = Some(faultgate_core::model::RehearsalNote { scenario, note: String::new() });
    assert!(file("report.html", &result).await.contains("<title>passed (rehearsal) – chaos gate"));
}

#[test]
fn the_line_of_the_score_says_what_failed_where_the_score_was_reached() {
    let mut result = results::mixed();
    (result.gate.resilience_score, result.gate.expected_resilience_score) = (Score::new(50.0), Score::ZERO);
    let reached = "resilience score 50, expected at least 0";
    let floor = format!("{reached}; pod-delete is below its own floor: 0 < 90");
    assert_eq!(words::score_line(&result), floor);
    result.experiments[1].expected_resilience_score = None;
    assert_eq!(words::score_line(&result), format!("{reached}; pod-delete is failed"));
    result.gate.resilience_score = None;
    assert_eq!(words::score_line(&result), "resilience score unknown, expected at least 0");
}

#[tokio::test]
async fn times_of_several_days_have_their_dates() {
    let mut result = results::passed();
    let summary = file("summary.md", &result).await;
    assert!(summary.contains("axisFormat %H:%M:%S") && !summary.contains("to 2026-11-24"), "{summary}");
    result.ended_at += jiff::SignedDuration::from_hours(48);
    let summary = file("summary.md", &result).await;
    assert!(summary.contains("axisFormat %m-%d %H:%M") && summary.contains(" to 2026-11-24 "), "{summary}");
}
