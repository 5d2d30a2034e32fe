//! Tests of the stop of one run and no other, whatever the version.

use std::time::Duration;

use faultgate_engines::control_plane::{Asked, Manager, TroubleKind};
use faultgate_testkit::litmus::{CenterVersion, EXPERIMENT, LitmusStandIn, Mishap, RunStage, TOKEN};

use super::support::*;

const STOP: &str = "StopExperimentRuns";
const VERSIONS: [CenterVersion; 3] = [CenterVersion::V3_20, CenterVersion::V3_30, CenterVersion::V3_31];

/// Starts a ChaosCenter with two runs of one experiment, both of which are running.
async fn two_running(version: CenterVersion) -> LitmusStandIn {
    let center = LitmusStandIn::of(version, "").await;
    let litmus = litmus(&center);
    for notify_id in ["notify-1", "notify-2"] {
        litmus.launch(&plan()).await.unwrap();
        center.look(|center| center.tell(notify_id, RunStage::running()));
    }
    center
}

#[tokio::test]
async fn only_this_run_is_stopped() {
    for version in VERSIONS {
        let center = two_running(version).await;
        litmus(&center).stop(&key("notify-2", Some("run-of-notify-2"))).await.unwrap();
        center.look(|center| {
            assert_eq!(center.told_to_stop, ["run-of-notify-2"], "{version:?}");
            assert_eq!(center.run("notify-1").phase, "Running");
        });
        let asked = center.asked_for(STOP).remove(0).variables;
        assert_eq!(asked["experimentID"], EXPERIMENT);
        assert_eq!(asked["experimentRunID"], "run-of-notify-2");
        center.assert_no_faults();
    }
}

#[tokio::test]
async fn a_run_id_that_is_not_known_is_looked_up() {
    for version in VERSIONS {
        let center = two_running(version).await;
        center.look(|center| center.run("notify-1").ahead.clear());
        litmus(&center).stop(&key("notify-1", None)).await.unwrap();
        assert_eq!(center.look(|center| center.told_to_stop.clone()), ["run-of-notify-1"], "{version:?}");
    }
}

#[tokio::test]
async fn in_the_queue_nothing_is_stopped_that_is_somebody_elses() {
    for version in VERSIONS {
        let center = two_running(version).await;
        center.look(|center| center.agent_listens = false);
        let litmus = litmus(&center);
        let queued = litmus.launch(&plan()).await.unwrap();
        for run in [queued.clone(), key(&queued.notify_id, Some(""))] {
            let trouble = litmus.stop(&run).await.unwrap_err();
            assert_eq!(trouble.kind, TroubleKind::Refused);
            let told = told(&litmus, &trouble, Asked::Stop);
            assert!(told.contains("has no run id yet") && told.contains("stops every run"), "{told}");
        }
        assert_eq!(center.asked_for(STOP).len(), 0, "{version:?}");
        center.look(|center| {
            assert_eq!((center.told_to_stop.len(), center.run("notify-1").phase.as_str()), (0, "Running"));
            assert_eq!(center.run("notify-3").phase, "Queued");
        });
    }
}

#[tokio::test]
async fn what_came_out_of_a_run_is_not_overwritten() {
    for phase in ["Completed", "Completed_With_Probe_Failure", "Completed_With_Error", "Error"] {
        let center = two_running(CenterVersion::V3_31).await;
        center.look(|center| center.tell("notify-1", RunStage::over(phase, Vec::new())));
        litmus(&center).stop(&key("notify-1", Some("run-of-notify-1"))).await.unwrap();
        assert_eq!(center.look(|center| center.run("notify-1").phase.clone()), phase);
        assert_eq!(center.asked_for(STOP).len(), 0);
    }
}

#[tokio::test]
async fn after_a_stop_the_row_is_frozen_and_a_stop_can_be_repeated() {
    let center = two_running(CenterVersion::V3_30).await;
    let (litmus, run) = (litmus(&center), key("notify-1", Some("run-of-notify-1")));
    litmus.stop(&run).await.unwrap();
    litmus.stop(&run).await.unwrap();
    center.look(|center| center.tell("notify-1", RunStage::over("Completed", Vec::new())));
    let stopped = seen(&litmus, &run).await;
    assert_eq!((stopped.phase.as_str(), stopped.score), ("Stopped", Some(0.0)));
    assert_eq!(
        center.look(|center| center.told_to_stop.len()),
        2,
        "the first may not have reached the agent"
    );
}

#[tokio::test]
async fn a_stop_waits_for_no_look_that_hangs() {
    let center = two_running(CenterVersion::V3_31).await;
    let litmus = litmus(&center);
    for _ in 0..2 {
        center.mishap(Mishap::hanging("GetExperimentRun"));
    }
    let (known, unknown) = (key("notify-1", Some("run-of-notify-1")), key("notify-2", None));
    let (stopped, not) = tokio::join!(litmus.stop(&known), litmus.stop(&unknown));
    stopped.unwrap();
    assert_eq!(not.unwrap_err().kind, TroubleKind::Unanswered, "there is nothing to go by");
    assert_eq!(center.look(|center| center.told_to_stop.clone()), ["run-of-notify-1"]);
    assert_eq!(center.asked_for(STOP).len(), 1);
}

#[tokio::test]
async fn a_look_that_fails_keeps_no_stop_back() {
    let center = two_running(CenterVersion::V3_31).await;
    let litmus = litmus(&center);
    center.mishap(Mishap::on("GetExperimentRun", wiremock::ResponseTemplate::new(500)));
    litmus.stop(&key("notify-1", Some("run-of-notify-1"))).await.unwrap();
    center.mishap(Mishap::on("GetExperimentRun", wiremock::ResponseTemplate::new(500)));
    let trouble = litmus.stop(&key("notify-2", None)).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.why.as_str()), (TroubleKind::Unanswered, "HTTP 500"));
    center.look(|center| center.runs.clear());
    let trouble = litmus.stop(&key("notify-2", None)).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Missing);
    assert_eq!(center.asked_for(STOP).len(), 1);
}

#[tokio::test]
async fn a_stop_that_is_not_granted_says_so() {
    let center = two_running(CenterVersion::V3_31).await;
    let (litmus, run) = (litmus(&center), key("notify-1", Some("run-of-notify-1")));
    let answer = serde_json::json!({ "data": { "stopExperimentRuns": false } });
    center.mishap(Mishap::on(STOP, wiremock::ResponseTemplate::new(200).set_body_json(answer)));
    assert_eq!(litmus.stop(&run).await.unwrap_err().kind, TroubleKind::Refused);
    center.look(|center| center.role = "Viewer".to_owned());
    let trouble = litmus.stop(&run).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Denied);
    let told = told(&litmus, &trouble, Asked::Stop);
    assert!(told.contains("Owner or Executor"), "{told}");
}

#[tokio::test]
async fn the_first_versions_have_no_stop() {
    let center = LitmusStandIn::of(CenterVersion::V3_0, "").await;
    let litmus = litmus(&center);
    litmus.launch(&plan()).await.unwrap();
    center.look(|center| center.tell("notify-1", RunStage::running()));
    let trouble = litmus.stop(&key("notify-1", Some("run-of-notify-1"))).await.unwrap_err();
    let told = told(&litmus, &trouble, Asked::Stop);
    assert!(told.contains("cannot stop a run"), "{told}");
}

#[tokio::test]
async fn people_are_given_the_page_and_the_command() {
    let center = LitmusStandIn::of(CenterVersion::V3_31, "/chaos").await;
    let litmus = litmus(&center);
    let url = center.url();
    let run = key("n 1/2", Some("run-1"));
    let page = format!("{url}/account/-/project/project-1/experiments/experiment-1/notifyID/n%201%2F2");
    assert_eq!(litmus.link(&run).as_deref(), Some(page.as_str()));
    let page = format!("{url}/account/-/project/project-1/experiments/experiment-1/runs/run-1");
    assert_eq!(litmus.link(&key("", Some("run-1"))).as_deref(), Some(page.as_str()));
    assert_eq!(litmus.link(&key("", None)), None);

    let queued = litmus.stop_by_hand(&key("n1", None));
    assert!(queued.contains("left the queue") && queued.ends_with("/notifyID/n1"), "{queued}");
    assert!(!queued.contains("curl"), "{queued}");
    assert_hidden(&litmus.stop_by_hand(&run));
}

/// The command is taken apart by a shell and sent as curl would: it stops this run and no other.
#[tokio::test]
async fn the_command_does_what_it_says() {
    let center = two_running(CenterVersion::V3_30).await;
    let litmus = litmus(&center);
    let mut run = key("notify-2", Some("run-of-notify-2"));
    // The id has characters that must not leave the quotes.
    run.experiment = "it's $(id) \"one\"".to_owned();
    let experiment = center.look(|center| center.experiments[EXPERIMENT].clone());
    center.look(|center| center.experiments.insert(run.experiment.clone(), experiment));
    center.look(|center| center.run("notify-2").experiment.clone_from(&run.experiment));

    let command = litmus.stop_by_hand(&run);
    let command = command.trim_matches('`');
    let script = format!("curl() {{ for each; do printf '%s\\0' \"$each\"; done; }}; {command}");
    let mut shell = tokio::process::Command::new("sh");
    let output = shell.args(["-c", &script]).env("FAULTGATE_LITMUS_TOKEN", TOKEN).output().await.unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
    let [headers @ .., "-d", body, url] = words.as_slice() else { panic!("{words:?}") };
    let mut request = client_within(Duration::from_secs(20)).post(*url).body((*body).to_owned());
    for header in headers.chunks(2) {
        let (name, value) = header[1].split_once(": ").unwrap();
        assert_eq!(header[0], "-H");
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(center.look(|center| center.told_to_stop.clone()), ["run-of-notify-2"]);
    center.assert_no_faults();
}
