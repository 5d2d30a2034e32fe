//! Tests of the whole run of Harness's GitLab tutorial, by the job that docs/migrate-harness.md puts in its
//! place: its variables, its expected score, and an exit code by which `rollback-job` runs when it must.

use std::time::Duration;

use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::harness::{
    ACCOUNT, EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, KEY, OnStop, PROJECT, execution,
};

const PAGE: &str = include_str!("../../docs/migrate-harness.md");

/// Returns the script of the job `chaos-job` on the page.
fn script() -> String {
    let lines = PAGE.lines().skip_while(|line| line.trim() != "script:").skip(1);
    let script: Vec<&str> = lines.map_while(|line| line.trim().strip_prefix("- ")).collect();
    assert!(script.len() > 3, "the job's script is not where it was: {script:?}");
    script.join("\n")
}

/// Returns the job in a project whose CI/CD variables are those of the tutorial.
fn job(harness: &HarnessStandIn, expected: &str) -> Faultgate {
    Faultgate::job(&script())
        .env("ACCOUNT_ID", ACCOUNT)
        .env("PROJECT_ID", PROJECT)
        .env("WORKFLOW_ID", EXPERIMENT)
        .env("API_KEY", KEY)
        .env("EXPECTED_RESILIENCE_SCORE", expected)
        .env("FAULTGATE_HARNESS_URL", harness.url())
}

fn life(end: HarnessBeat) -> [HarnessBeat; 4] {
    [HarnessBeat::absent(), HarnessBeat::queued(), HarnessBeat::running(), end]
}

/// Waits until the run is followed. The list before a launch asks for all runs of an experiment, and not for
/// this one.
async fn until_followed(harness: &HarnessStandIn) {
    harness
        .until("the run is read", |_, asked| {
            asked.iter().any(|a| {
                a.operation == "listWorkflowRun" && !a.body["variables"]["request"]["notifyIDs"].is_null()
            })
        })
        .await;
}

fn experiment(ended: &Finished) -> serde_json::Value {
    ended.result()["experiments"][0].clone()
}

#[tokio::test]
async fn every_end_of_the_tutorials_job_has_its_exit_code() {
    // The end, the expected score, the exit code, the score, a word of the reason.
    let cases = [
        (HarnessBeat::completed(100.0), "100", 0, Some(100.0), "completed"),
        (HarnessBeat::completed(75.5), "75.5", 0, Some(75.5), "score 75.5 >= 75.5: pod-delete"),
        (
            HarnessBeat::completed(75.0),
            "100",
            1,
            Some(75.0),
            "score 75 < 100: pod-delete: Fail, probe success 75 %, failing step PROBE_FAILED : checkout did not answer \
             (it ended as Completed_With_Probe_Failure; injected: pod-delete)",
        ),
        (
            HarnessBeat { phase: "Completed_With_Probe_Failure".to_owned(), ..HarnessBeat::completed(60.0) },
            "50",
            0,
            Some(60.0),
            "",
        ),
        (HarnessBeat::ended("Stopped", 0.0), "0", 3, None, "stopped"),
        (
            HarnessBeat::error("the target pods were not found"),
            "0",
            3,
            None,
            "the target pods were not found",
        ),
        (HarnessBeat::blocked("no faults on Fridays"), "0", 3, None, "no faults on Fridays"),
        (HarnessBeat::ended("Timeout", 0.0), "0", 3, None, "a time limit of its own"),
        // The word of Harness and its own details must agree.
        (
            HarnessBeat { phase: "Completed_With_Error".to_owned(), ..HarnessBeat::completed(100.0) },
            "100",
            3,
            None,
            "Harness contradicts itself: it is Completed_With_Error, and its score is 100",
        ),
        (
            HarnessBeat { phase: "Completed".to_owned(), score: Some(100.0), ..HarnessBeat::completed(0.0) },
            "100",
            3,
            None,
            "its score is 100, and pod-delete has the verdict Fail",
        ),
        (
            HarnessBeat {
                counts: [0, 0, 0, 1, 0],
                execution: execution(&[("pod-delete", "Stopped", 100.0)]),
                ..HarnessBeat::completed(100.0)
            },
            "100",
            3,
            None,
            "nothing was injected: pod-delete was stopped",
        ),
    ];
    at_once(cases, |(end, expected, code, score, word)| async move {
        let context = format!("{} expecting {expected}", end.phase);
        let harness = HarnessStandIn::living(&life(end)).await;
        let ended = job(&harness, expected).finish().await;
        ended.assert_code(code, &context);
        let experiment = experiment(&ended);
        assert_eq!(experiment["score"].as_f64(), score, "{context}: {experiment:#}");
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains(word), "{context}: {reason}");
        assert_eq!(harness.count("runChaosExperiment"), 1, "{context}: {:?}", harness.operations());
        let variables = ended.read("reports/faultgate.env");
        assert!(variables.contains("FAULTGATE_RESILIENCE_SCORE="), "{variables}");
        harness.assert_no_faults();
    })
    .await;
}

/// Three faults of the same weight, of which the first ran.
#[tokio::test]
async fn faults_that_did_not_act_are_named_or_are_required() {
    let one_of_three = |score: f64| HarnessBeat {
        score: Some(score),
        counts: [1, 0, 1, 0, 0],
        execution: execution(&[("pod-delete", "Pass", 100.0), ("cart-latency", "Awaited", 0.0)]),
        ..HarnessBeat::completed(100.0)
    };
    for (score, require, code, says) in [
        (100.0, "any", 3, "its score is 100, and the weights and its faults' probes make 33.33"),
        (33.33, "any", 0, "score 33.33 >= 33: cart-latency did not act: it stayed Awaited"),
        (33.33, "all", 3, "only pod-delete acted, and require-actions is all"),
    ] {
        let harness = HarnessStandIn::living(&life(one_of_three(score))).await;
        harness.world(|world| {
            world.experiment(EXPERIMENT).unwrap().weights =
                ["pod-delete", "cart-latency", "node-drain"].map(|name| (name.to_owned(), 10)).to_vec();
        });
        let ended = job(&harness, "33").env("FAULTGATE_REQUIRE_ACTIONS", require).finish().await;
        ended.assert_code(code, says);
        let experiment = experiment(&ended);
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{says}: {reason}");
        if code == 0 {
            let warnings = serde_json::json!([
                "cart-latency did not act: it stayed Awaited",
                "node-drain did not act: it tells no data",
                "the score 33.33 rests on no probe that was evaluated",
            ]);
            assert_eq!(experiment["warnings"], warnings);
        }
        harness.assert_no_faults();
    }
}

#[tokio::test]
async fn a_fault_is_in_while_its_node_says_so() {
    let harness = HarnessStandIn::living(&life(HarnessBeat::completed(100.0))).await;
    let ended = job(&harness, "100").finish().await;
    let fault = &experiment(&ended)["fault"];
    assert_eq!(fault["started_at"], "2026-01-02T03:00:10Z", "{fault}");
    assert_eq!(fault["ended_at"], "2026-01-02T03:00:50Z", "{fault}");
}

#[tokio::test]
async fn a_run_past_its_timeout_is_stopped_and_no_other() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let theirs = harness.world(|world| world.launch(EXPERIMENT, None)).unwrap();
    let ended = job(&harness, "0").env("FAULTGATE_TIMEOUT", "3s").finish().await;
    ended.assert_code(4, "it never ends");
    assert_eq!(experiment(&ended)["stop"]["confirmed"], true, "{}", ended.stdout);
    let stopped = harness.world(|world| {
        world.runs.iter().map(|run| (run.notify_id == theirs, run.stop_requests)).collect::<Vec<_>>()
    });
    assert_eq!(stopped, [(true, 0), (false, 1)]);
    harness.assert_no_faults();
}

#[tokio::test]
async fn a_cancelled_job_stops_its_run() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let running = job(&harness, "0").spawn();
    until_followed(&harness).await;
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    ended.assert_code(143, "cancelled");
    assert_eq!(harness.world(|world| world.runs[0].stop_requests), 1);
    assert_eq!(experiment(&ended)["stop"]["confirmed"], true);
    harness.assert_no_faults();
}

#[tokio::test]
async fn a_stop_that_does_nothing_is_said_with_what_to_do() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    harness.world(|world| world.experiment(EXPERIMENT).unwrap().on_stop = OnStop::Ignored);
    let running = job(&harness, "0").spawn();
    until_followed(&harness).await;
    running.signal("INT").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    ended.assert_code(130, "cancelled");
    let reason = experiment(&ended)["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("NOT confirmed") && reason.contains(&harness.url()), "{reason}");
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_is_found_and_not_repeated() {
    let harness = HarnessStandIn::living(&[
        HarnessBeat::queued(),
        HarnessBeat::running(),
        HarnessBeat::completed(100.0),
    ])
    .await;
    harness.garble("runChaosExperiment", HarnessAnswer::Garbage);
    let ended = job(&harness, "100").finish().await;
    assert_eq!(harness.count("runChaosExperiment"), 1);
    assert_eq!(harness.world(|world| world.runs.len()), 1);
    ended.assert_code(0, "it was found");
    harness.assert_no_faults();
}

#[tokio::test]
async fn what_forbids_a_launch_is_told_before_it() {
    let harness = HarnessStandIn::living(&life(HarnessBeat::completed(100.0))).await;
    harness.world(|world| world.experiment(EXPERIMENT).unwrap().active = false);
    let ended = job(&harness, "100").finish().await;
    ended.assert_code(3, "no agent");
    harness.key_lasts(0);
    let refused = job(&harness, "100").finish().await;
    refused.assert_code(3, "the key has expired");
    assert!(
        refused.stdout.contains("harness-api-key") || refused.stdout.contains("API key"),
        "{}",
        refused.stdout
    );
    assert_eq!(harness.count("runChaosExperiment"), 0);
    let checked = Faultgate::new(&["check"])
        .env("FAULTGATE_HARNESS_API_KEY", KEY)
        .env("FAULTGATE_HARNESS_PROJECT_ID", PROJECT)
        .env("FAULTGATE_HARNESS_EXPERIMENT_ID", EXPERIMENT)
        .env("FAULTGATE_HARNESS_URL", harness.url())
        .finish()
        .await;
    checked.assert_code(3, "check says so too");
}

#[tokio::test]
async fn several_experiments_are_one_gate_and_read_by_one_request() {
    let harness = HarnessStandIn::living(&[
        HarnessBeat::queued(),
        HarnessBeat::running().lasting(2),
        HarnessBeat::completed(90.0),
    ])
    .await;
    let suite = format!(
        "version: 1\nparallel: 2\ngate: {{ expected-resilience-score: 90 }}\nharness-project-id: {PROJECT}\nexperiments:\n  \
         - {{ name: a, harness: {{ experiment: {EXPERIMENT} }} }}\n  \
         - {{ name: b, harness: {{ experiment: {EXPERIMENT} }} }}\n"
    );
    let ended = Faultgate::new(&["run"])
        .file(".faultgate.yml", &suite)
        .env("FAULTGATE_HARNESS_API_KEY", KEY)
        .env("FAULTGATE_HARNESS_URL", harness.url())
        .finish()
        .await;
    ended.assert_code(0, "both reach 90");
    let both = harness.asked().into_iter().any(|asked| {
        asked.body["variables"]["request"]["notifyIDs"].as_array().is_some_and(|ids| ids.len() == 2)
    });
    assert!(both, "{:#?}", harness.asked());
    let result = ended.result();
    let ids: Vec<_> = result["experiments"].as_array().unwrap().iter().map(|e| e["id"].clone()).collect();
    assert_ne!(ids[0], ids[1]);
    harness.assert_no_faults();
}

#[tokio::test]
async fn faults_and_links_are_in_the_reports_and_the_key_is_not() {
    let harness = HarnessStandIn::living(&life(HarnessBeat::completed(75.0))).await;
    let ended = job(&harness, "100").finish().await;
    let experiment = experiment(&ended);
    assert_eq!(experiment["engine"], "harness");
    assert_eq!(experiment["score_source"], "engine");
    assert_eq!(experiment["faults"][0]["name"], "pod-delete", "{experiment:#}");
    let url = experiment["url"].as_str().unwrap();
    assert!(url.contains(&format!("/experiments/{EXPERIMENT}")), "{url}");
    assert!(ended.summary().contains(url), "{}", ended.summary());
    for path in ended.files() {
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!content.contains("mark9harnesskey"), "{}", path.display());
    }
    assert!(!ended.stdout.contains("mark9harnesskey") && !ended.stderr.contains("mark9harnesskey"));
}

#[tokio::test]
async fn a_dry_run_looks_and_launches_nothing() {
    let harness = HarnessStandIn::living(&life(HarnessBeat::completed(100.0))).await;
    let ended = job(&harness, "100").env("FAULTGATE_DRY_RUN", "true").finish().await;
    ended.assert_code(0, "it could be launched");
    assert_eq!(harness.count("runChaosExperiment"), 0);
}
