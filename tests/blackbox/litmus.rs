//! Tests of whole runs of LitmusChaos experiments.

use std::time::Duration;

use faultgate_testkit::binary::{Faultgate, at_once};
use faultgate_testkit::litmus::{
    CenterFault, CenterVersion, EXPERIMENT, LitmusStandIn, Mishap, PASSWORD, PROJECT, RunStage, TOKEN,
    TokenStanding, USER,
};

fn run(center: &LitmusStandIn) -> Faultgate {
    Faultgate::new(&["run"])
        .env("FAULTGATE_LITMUS_URL", center.url())
        .env("FAULTGATE_LITMUS_PROJECT_ID", PROJECT)
        .env("FAULTGATE_LITMUS_EXPERIMENT_ID", EXPERIMENT)
        .env("FAULTGATE_LITMUS_TOKEN", TOKEN)
}

fn faults(success: &str) -> Vec<CenterFault> {
    vec![CenterFault::new("pod-delete", 10, if success == "100" { "Pass" } else { "Fail" }, success)]
}

#[tokio::test]
async fn every_end_has_its_exit_code() {
    let cases = [
        (RunStage::life("Completed", faults("100")), "100", 0),
        (RunStage::life("Completed_With_Probe_Failure", faults("50")), "50", 0),
        (RunStage::life("Completed_With_Probe_Failure", faults("50")), "51", 1),
        // Argo's Failed is told as Completed: the score decides.
        (RunStage::life("Completed", faults("0")), "1", 1),
        (RunStage::life("Error", faults("0")), "0", 3),
        (RunStage::life("Stopped", Vec::new()), "0", 3),
    ];
    at_once(cases, |(life, expected, code)| async move {
        let context = format!("{life:?} expecting {expected}");
        let center = LitmusStandIn::start().await;
        center.look(|center| center.script(vec![life.clone()]));
        let ended = run(&center).env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", expected).finish().await;
        ended.assert_code(code, &context);
        assert_eq!(center.asked_for("RunChaosExperiment").len(), 1, "{context}");
        center.assert_no_faults();
    })
    .await;
}

/// A fault that was not injected says nothing of the system, and facts that are told twice must agree.
#[tokio::test]
async fn what_was_not_injected_is_an_error_whatever_the_score() {
    let probe_failure = "Completed_With_Probe_Failure";
    let stopped = || vec![CenterFault::new("pod-delete", 10, "Stopped", "100")];
    let no_pods = || vec![CenterFault::without_pods("pod-delete", 10)];
    let no_target = "pod-delete found no target (TARGET_SELECTION_ERROR : no pod found with matching labels";
    let cases = [
        (
            "Completed",
            vec![CenterFault::unsteady("pod-delete", 10, "0")],
            "100",
            "the system was not steady: pod-delete",
        ),
        (
            "Completed",
            vec![CenterFault::unsteady("pod-delete", 10, "50")],
            "50",
            "the system was not steady: pod-delete",
        ),
        ("Completed", no_pods(), "1", no_target),
        ("Completed_With_Error", no_pods(), "1", no_target),
        (probe_failure, no_pods(), "1", no_target),
        ("Completed", stopped(), "100", "nothing was injected: pod-delete was stopped"),
        (
            "Completed",
            vec![CenterFault::new("pod-delete", 0, "Pass", "100")],
            "1",
            "all of its faults have the weight 0",
        ),
        (probe_failure, faults("100"), "100", "LitmusChaos contradicts itself"),
        (
            "Completed",
            vec![
                CenterFault::new("pod-delete", 10, "Pass", "100"),
                CenterFault::new("cart-latency", 10, "Stopped", "100"),
            ],
            "100",
            "cart-latency was stopped; only pod-delete acted",
        ),
    ];
    at_once(cases, |(phase, faults, expected, says)| async move {
        let center = LitmusStandIn::start().await;
        center.look(|center| center.script(vec![RunStage::life(phase, faults.clone())]));
        let ended = run(&center).env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", expected).finish().await;
        ended.assert_code(3, says);
        let experiment = ended.result()["experiments"][0].clone();
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{says}: {reason}");
        assert!(experiment["score"].is_null(), "{experiment:#}");
        center.assert_no_faults();
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_stayed_awaited_is_a_warning_or_is_required() {
    for (require, code) in [("any", 0), ("all", 3)] {
        let center = LitmusStandIn::start().await;
        let faults = vec![
            CenterFault::new("pod-delete", 10, "Pass", "100"),
            CenterFault::new("cart-latency", 10, "Awaited", "100"),
        ];
        center.look(|center| center.script(vec![RunStage::life("Completed", faults)]));
        let ended = run(&center).env("FAULTGATE_REQUIRE_ACTIONS", require).finish().await;
        ended.assert_code(code, require);
        if code == 0 {
            let warnings = ended.result()["experiments"][0]["warnings"].clone();
            assert_eq!(warnings[0], "cart-latency did not act: it stayed Awaited");
        }
    }
}

#[tokio::test]
async fn the_address_of_an_experiments_page_is_enough() {
    let center = LitmusStandIn::start().await;
    let page = format!("{}/account/-/project/{PROJECT}/experiments/{EXPERIMENT}/runs", center.url());
    let ended = Faultgate::new(&["run"])
        .env("FAULTGATE_LITMUS_EXPERIMENT_ID", page)
        .env("FAULTGATE_LITMUS_TOKEN", TOKEN)
        .finish()
        .await;
    ended.assert_code(0, "it names all");
    center.assert_no_faults();
}

#[tokio::test]
async fn probes_of_the_suite_do_not_count_beside_the_engines_score_and_are_told() {
    let center = LitmusStandIn::start().await;
    let suite = format!(
        "version: 1\nexperiments:\n  - name: pod-kill\n    litmus: {{ url: \"{}\", project: {PROJECT}, experiment: {EXPERIMENT} }}\n    \
         probes:\n      - {{ name: smoke, command: {{ run: [\"false\"] }}, when: [after] }}\n",
        center.url()
    );
    let ended = Faultgate::new(&["run"])
        .file(".faultgate.yml", &suite)
        .env("FAULTGATE_LITMUS_TOKEN", TOKEN)
        .finish()
        .await;
    ended.assert_code(0, "the score is LitmusChaos's own");
    let experiment = ended.result()["experiments"][0].clone();
    assert_eq!((&experiment["score"], &experiment["score_source"]), (&100.0.into(), &"engine".into()));
    let warnings = experiment["warnings"].to_string();
    assert!(warnings.contains("smoke failed") && warnings.contains("do not count"), "{warnings}");
}

#[tokio::test]
async fn a_run_that_is_cancelled_in_the_queue_says_what_was_done() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.agent_listens = false);
    let running = run(&center).spawn();
    center.until(|center| !center.runs.is_empty()).await;
    // The run is followed by now.
    center.until_asked("GetExperimentRun", 1).await;
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    ended.assert_code(143, "cancelled");
    let reason = ended.result()["experiments"][0]["reason"].as_str().unwrap().to_owned();
    for says in
        ["the stop was not taken", "waits in the queue and has no run id yet", "Nothing else was asked for"]
    {
        assert!(reason.contains(says), "{says}: {reason}");
    }
    assert!(!reason.contains("did not answer"), "{reason}");
    assert!(center.asked_for("StopExperimentRuns").is_empty());
    center.assert_no_faults();
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_is_found_although_its_run_is_over() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![vec![RunStage::queued()]]));
    let garbage = wiremock::ResponseTemplate::new(200).set_body_string("<html>");
    center.mishap(Mishap::on("RunChaosExperiment", garbage).after_its_effect());
    let running = run(&center).spawn();
    center.until(|center| !center.runs.is_empty()).await;
    let notify_id = center.look(|center| center.runs[0].notify_id.clone());
    center.look(|center| center.tell(&notify_id, RunStage::over("Completed", faults("100"))));
    let ended = running.ended().await;
    ended.assert_code(0, "it was found");
    assert_eq!(ended.result()["experiments"][0]["id"], notify_id);
    assert_eq!(center.asked_for("RunChaosExperiment").len(), 1);
    center.assert_no_faults();
}

#[tokio::test]
async fn a_login_is_renewed_on_the_way_and_never_shown() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![RunStage::life("Completed", faults("100"))]));
    let running = run(&center)
        .without("FAULTGATE_LITMUS_TOKEN")
        .env("FAULTGATE_LITMUS_USERNAME", USER)
        .env("FAULTGATE_LITMUS_PASSWORD", PASSWORD)
        .spawn();
    center.until(|center| !center.runs.is_empty()).await;
    center.look(|center| center.end_tokens(TokenStanding::Revoked));
    let ended = running.ended().await;
    ended.assert_code(0, "it logs in again");
    assert_eq!(center.look(|center| center.logins), 2);
    for path in ended.files() {
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!content.contains(PASSWORD), "{}", path.display());
    }
    center.assert_no_faults();
}

#[tokio::test]
async fn a_cancelled_job_stops_its_run_by_the_runs_id() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![vec![RunStage::queued(), RunStage::running()]]));
    let running = run(&center).spawn();
    center.until(|center| center.runs.first().is_some_and(|run| run.phase == "Running")).await;
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(20)).await;
    ended.assert_code(143, "cancelled");
    let run_id = center.look(|center| center.runs[0].run_id.clone());
    assert_eq!(center.look(|center| center.told_to_stop.clone()), [run_id]);
    let reason = ended.result()["experiments"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("cancelled"), "{reason}");
    center.assert_no_faults();
}

#[tokio::test]
async fn a_run_that_stays_queued_ends_with_advice_about_the_agent() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.agent_listens = false);
    let ended = run(&center).env("FAULTGATE_QUEUE_TIMEOUT", "3s").finish().await;
    ended.assert_code(4, "nobody takes it");
    assert!(ended.stdout.contains("agent"), "{}", ended.stdout);
    center.assert_no_faults();
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_is_found_when_its_agent_has_reported() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![vec![RunStage::queued()]]));
    let garbage = wiremock::ResponseTemplate::new(200).set_body_string("<html>");
    center.mishap(Mishap::on("RunChaosExperiment", garbage).after_its_effect());
    let running = run(&center).spawn();
    center.until(|center| !center.runs.is_empty()).await;
    let listed = center.asked_for("ListExperimentRun").len();
    // The run is looked for, and still waits in the queue.
    center.until_asked("ListExperimentRun", listed + 1).await;
    let notify_id = center.look(|center| center.runs[0].notify_id.clone());
    center.look(|center| center.tell(&notify_id, RunStage::running()));
    // The first request gets its name, the second follows it.
    center.until_asked("GetExperimentRun", 2).await;
    center.look(|center| center.tell(&notify_id, RunStage::over("Completed", faults("100"))));
    let ended = running.ended().await;
    ended.assert_code(0, "it was found");
    assert_eq!(center.asked_for("RunChaosExperiment").len(), 1);
    center.assert_no_faults();
}

#[tokio::test]
async fn a_2_x_server_is_refused_with_a_reason() {
    let center = LitmusStandIn::of(CenterVersion::V2_14, "").await;
    let ended = run(&center).finish().await;
    ended.assert_code(3, "2.x");
    assert!(ended.stdout.contains("2.x"), "{}", ended.stdout);
    assert!(center.asked_for("RunChaosExperiment").is_empty());
}

#[tokio::test]
async fn a_foreign_origin_is_explained() {
    let center = LitmusStandIn::start().await;
    let ended = run(&center).env("FAULTGATE_LITMUS_ORIGIN", "https://elsewhere.example").finish().await;
    ended.assert_code(3, "invalid origin");
    assert!(ended.stdout.contains("litmus-origin"), "{}", ended.stdout);
}
