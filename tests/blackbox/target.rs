//! Tests of the system that a rehearsal's fault is in: probes see it suffer, and a suite can name it.

use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::contract::assert_result;
use serde_json::Value;

const SUITE: &str = "version: 1\nexperiments:\n\
    \x20 - name: az-latency\n    fis: { template: EXT1a2b3c }\n    probes:\n\
    \x20     - name: health\n        http: { url: 'http://target.rehearsal.invalid/health?deep=1', within: 3s }\n\
    \x20       when: [before, during, after]\n        every: 200ms\n";

fn experiment(ended: &Finished, code: u8, context: &str) -> Value {
    ended.assert_code(code, context);
    let result = ended.result();
    assert_result(&result, code);
    result["experiments"][0].clone()
}

fn samples<'a>(probe: &'a Value, phase: &str) -> Vec<&'a Value> {
    probe["samples"].as_array().unwrap().iter().filter(|sample| sample["phase"] == phase).collect()
}

#[tokio::test]
async fn a_plain_rehearsal_measures_a_system_that_bears_the_fault() {
    let ended = Faultgate::new(&["rehearse"]).finish().await;
    let experiment = experiment(&ended, 0, "plain");
    assert_eq!((&experiment["score"], &experiment["score_source"]), (&100.0.into(), &"probes".into()));
    let names: Vec<&str> = experiment["probes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|probe| probe["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["checkout answers", "cart comes back"]);
    let checkout = &experiment["probes"][0];
    assert!(
        !samples(checkout, "before").is_empty() && !samples(checkout, "after").is_empty(),
        "{checkout:#}"
    );
    let slower = |sample: &&&Value| sample["latency_ms"].as_u64().unwrap() >= 20;
    assert!(samples(checkout, "during").iter().any(|sample| slower(&sample)), "{checkout:#}");
    assert!(ended.summary().contains("checkout answers"), "{}", ended.summary());
}

#[tokio::test]
async fn a_system_that_degrades_passes_where_less_is_expected() {
    for (floor, code) in [("30", 0), ("100", 1)] {
        let degraded = ["rehearse", "--scenario", "degraded", "--expected-resilience-score", floor];
        let experiment = experiment(&Faultgate::new(&degraded).finish().await, code, floor);
        let score = experiment["score"].as_f64().unwrap();
        assert!(score > 30.0 && score < 100.0, "{experiment:#}");
        let cart = &experiment["probes"][1];
        assert_eq!(cart["score"], 100.0, "it comes back: {cart:#}");
    }
}

#[tokio::test]
async fn a_suite_names_the_target_and_no_proxy_is_asked() {
    let rehearsal = ["rehearse", "--scenario", "degraded", "--fault", "600ms"];
    let ended = Faultgate::new(&rehearsal)
        .file(".faultgate.yml", SUITE)
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .finish()
        .await;
    let experiment = experiment(&ended, 1, "suite");
    let probe = &experiment["probes"][0];
    assert_eq!(probe["name"], "health");
    let failed: Vec<&str> = probe["samples"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|sample| sample["passed"] == false)
        .map(|sample| sample["reason"].as_str().unwrap())
        .collect();
    assert!(!failed.is_empty() && failed.iter().all(|why| *why == "status 503, not 200"), "{probe:#}");
    assert_eq!(samples(probe, "before")[0]["passed"], true, "{probe:#}");
    assert_eq!(samples(probe, "after").last().unwrap()["passed"], true, "{probe:#}");
}

#[tokio::test]
async fn a_fault_lasts_as_long_as_was_asked_for() {
    let ended = Faultgate::new(&["rehearse", "--fault", "4s"]).finish().await;
    ended.assert_code(0, "4s");
    let result = ended.result();
    let time = |name: &str| result[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // A fault that is noticed late seems shorter; the run around it does not. A fault lasts 2 s by default.
    let lasted = time("ended_at").duration_since(time("started_at"));
    assert!(lasted.as_secs() >= 4, "{lasted:?}");

    let ended = Faultgate::new(&["rehearse", "--fault", "2"]).finish().await;
    ended.assert_code(2, "no unit");
    assert!(ended.stderr.contains("it is a duration without a unit; add one"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_wait_for_the_recovery_of_the_system_is_told_once() {
    let suite = SUITE.replace("every: 200ms", "every: 200ms\n        recovers-within: 3s");
    let second = suite.split_once("probes:\n").unwrap().1.replace("health", "cart");
    let rehearsal = ["rehearse", "--scenario", "not-recovered"];
    let ended = Faultgate::new(&rehearsal).file(".faultgate.yml", &(suite + &second)).finish().await;
    ended.assert_code(1, "it does not come back");
    let told = "az-latency: waiting up to 3s for health, cart to recover";
    assert_eq!(ended.stdout.matches(told).count(), 1, "{}", ended.stdout);
}

#[tokio::test]
async fn the_address_of_a_rehearsal_is_refused_in_a_real_run() {
    for command in ["run", "check"] {
        let ended = Faultgate::new(&[command]).file(".faultgate.yml", SUITE).finish().await;
        ended.assert_code(2, command);
        assert!(
            ended.stderr.contains("target.rehearsal.invalid exists only in a rehearsal"),
            "{}",
            ended.stderr
        );
    }
}
