//! Tests of a run from its launch to its details.

use faultgate_engines::control_plane::{FaultCounts, Manager, RunDetails};
use faultgate_testkit::litmus::{CenterFault, EXPERIMENT, LitmusStandIn, Mishap, PROJECT, RunStage};
use serde_json::{Value, json};

use super::support::*;

fn results() -> Vec<CenterFault> {
    vec![
        CenterFault::new("pod-delete", 8, "Pass", "90"),
        CenterFault::new("pod-cpu-hog", 6, "Fail", "75")
            .failing("CMD_PROBE_ERROR : the shop is closed")
            .probe(["shop-answers", "httpProbe", "Continuous", "Failed", "got 503"]),
        CenterFault::new("pod-network-loss", 4, "Error", "83"),
    ]
}

#[tokio::test]
async fn a_run_is_followed_by_its_notify_id_from_queue_to_score() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![RunStage::life("Completed_With_Probe_Failure", results())]));
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    assert_eq!(run, key("notify-1", None));

    let queued = seen(&litmus, &run).await;
    assert_eq!((queued.phase.as_str(), queued.run_id.as_deref()), ("Queued", None));
    assert_eq!(queued.score, Some(0.0), "as it is told: that it is not known yet is not decided here");
    assert_eq!(queued.counts, FaultCounts::default());

    let running = seen(&litmus, &run).await;
    assert_eq!((running.phase.as_str(), running.run_id.as_deref()), ("Running", Some("run-of-notify-1")));

    // The schema does not have this word.
    let over = seen(&litmus, &run).await;
    assert_eq!(over.phase, "Completed_With_Probe_Failure");
    assert_eq!((over.score, over.completed), (Some(83.44), None));
    let counts = FaultCounts {
        total: Some(3),
        passed: Some(1),
        failed: Some(1),
        awaited: Some(0),
        stopped: Some(0),
        not_available: Some(0),
    };
    assert_eq!(over.counts, counts, "an Error is counted nowhere");
    assert!(over.took().is_some());
    center.assert_no_faults();
}

/// The schedule keeps to its budget by this number.
#[tokio::test]
async fn a_read_of_several_runs_sends_as_many_requests_as_it_says() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let runs = [litmus.launch(&plan()).await.unwrap(), litmus.launch(&plan()).await.unwrap()];
    litmus.read(&runs).await;
    assert_eq!(center.asked_for("GetExperimentRun").len(), litmus.requests(runs.len()));
}

#[tokio::test]
async fn every_word_for_a_phase_comes_through() {
    for phase in ["Pending", "NA", "Timeout", "Terminated", "Skipped", "Blocked by aliens", "pAUSED"] {
        let center = LitmusStandIn::start().await;
        center.look(|center| center.script(vec![vec![RunStage::going(phase)]]));
        let litmus = litmus(&center);
        let run = litmus.launch(&plan()).await.unwrap();
        assert_eq!(seen(&litmus, &run).await.phase, phase);
    }
}

#[tokio::test]
async fn details_are_asked_for_apart() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.script(vec![vec![RunStage::over("Completed", results())]]));
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    seen(&litmus, &run).await;
    let details = litmus.details(&run).await.unwrap();
    let weights = [("pod-delete", 8), ("pod-cpu-hog", 6), ("pod-network-loss", 4)];
    assert_eq!(details.weights, weights.map(|(name, weight)| (name.to_owned(), weight)));
    let execution: Value = serde_json::from_str(details.execution.unwrap().as_str().unwrap()).unwrap();
    let node = &execution["nodes"]["run-of-notify-1-1"]["chaosData"];
    assert_eq!(node["failStep"], "CMD_PROBE_ERROR : the shop is closed");

    // A poll does not ask for fields that may be large.
    let polled = center.asked_for("GetExperimentRun").remove(0);
    let text = polled.body["query"].as_str().unwrap();
    for large in ["executionData", "experimentManifest", "weightages"] {
        assert!(!text.contains(large), "{text}");
    }
    center.assert_no_faults();
}

#[tokio::test]
async fn details_may_be_an_object_or_not_there() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    let answered = async |fields: Value| {
        let answer = json!({ "data": { "getExperimentRun": fields } });
        let answer = wiremock::ResponseTemplate::new(200).set_body_json(answer);
        center.mishap(Mishap::on("GetExperimentRunDetails", answer));
        litmus.details(&run).await.unwrap()
    };
    let details = answered(json!({ "executionData": { "nodes": {} } })).await;
    assert_eq!(details.execution, Some(json!({ "nodes": {} })));
    let details = answered(json!({ "executionData": "", "weightages": null })).await;
    assert_eq!(details, RunDetails::default());
    let weightages = json!([{ "faultName": "a", "weightage": -1 }, null]);
    let details = answered(json!({ "executionData": null, "weightages": weightages })).await;
    assert_eq!(details, RunDetails { weights: vec![("a".to_owned(), 0)], ..RunDetails::default() });
}

#[tokio::test]
async fn two_runs_at_once_of_one_experiment_are_told_apart() {
    let center = LitmusStandIn::start().await;
    let failed = vec![CenterFault::new("pod-delete", 1, "Fail", "0")];
    let passed = vec![CenterFault::new("pod-delete", 1, "Pass", "100")];
    center.look(|center| {
        center.script(vec![
            vec![RunStage::running(), RunStage::over("Completed", failed)],
            vec![RunStage::running(), RunStage::over("Completed", passed)],
        ]);
    });
    let litmus = litmus(&center);
    let runs = [litmus.launch(&plan()).await.unwrap(), litmus.launch(&plan()).await.unwrap()];
    litmus.read(&runs).await;
    let read = litmus.read(&runs).await.into_iter().map(|run| run.unwrap().unwrap());
    let read: Vec<_> = read.map(|run| (run.notify_id.unwrap(), run.score.unwrap())).collect();
    assert_eq!(read, [("notify-1".to_owned(), 0.0), ("notify-2".to_owned(), 100.0)]);
    assert_eq!(litmus.calls()["GetExperimentRun"], 4);
}

#[tokio::test]
async fn one_run_that_is_not_there_does_not_hide_the_other() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    let read = litmus.read(&[key("somebody-elses", None), run]).await;
    assert_eq!(read[0], Ok(None));
    assert_eq!(read[1].as_ref().unwrap().as_ref().unwrap().phase, "Queued");
}

#[tokio::test]
async fn a_run_may_be_seen_late_and_vanish() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.unseen = 2);
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    assert_eq!(read(&litmus, &run).await, Ok(None));
    assert_eq!(litmus.recent(&plan()).await, Ok(Vec::new()));
    assert_eq!(seen(&litmus, &run).await.phase, "Queued");
    center.look(|center| center.runs.clear());
    assert_eq!(read(&litmus, &run).await, Ok(None));
}

#[tokio::test]
async fn a_run_without_an_agent_that_listens_stays_in_the_queue() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.agent_listens = false);
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    for _ in 0..5 {
        assert_eq!(seen(&litmus, &run).await.phase, "Queued");
    }
}

#[tokio::test]
async fn without_an_id_nothing_is_asked_for() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    litmus.launch(&plan()).await.unwrap();
    // The server would answer with the first run that there is, so it is not asked.
    for run in [key("", None), key("", Some(""))] {
        assert!(read(&litmus, &run).await.unwrap_err().why.contains("no id"));
        assert!(litmus.details(&run).await.unwrap_err().why.contains("no id"));
    }
    assert_eq!(center.asked_for("GetExperimentRun").len(), 0);
    // The run id alone finds the run.
    center.look(|center| center.tell("notify-1", RunStage::running()));
    let run = seen(&litmus, &key("", Some("run-of-notify-1"))).await;
    assert_eq!(run.notify_id.as_deref(), Some("notify-1"));
}

#[tokio::test]
async fn an_answer_about_another_run_is_none() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    let other = json!({ "data": { "getExperimentRun": { "notifyID": "notify-2", "phase": "Completed" } } });
    center.mishap(Mishap::on("GetExperimentRun", wiremock::ResponseTemplate::new(200).set_body_json(other)));
    assert_eq!(read(&litmus, &run).await.unwrap_err().why, "the server told of another run");
}

#[tokio::test]
async fn the_last_runs_come_newest_first_and_by_one_request() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    assert_eq!(litmus.recent(&plan()).await, Ok(Vec::new()));
    for _ in 0..12 {
        litmus.launch(&plan()).await.unwrap();
    }
    center.look(|center| {
        center.tell("notify-11", RunStage::running());
        center.tell("notify-10", RunStage::over("Completed", Vec::new()));
    });
    let recent = litmus.recent(&plan()).await.unwrap();
    let told = recent.iter().map(|run| (run.notify_id.as_deref(), run.run_id.as_deref(), run.phase.as_str()));
    let told: Vec<_> = told.take(3).collect();
    let expected = [
        // A list tells no id of a run in the queue.
        (None, None, "Queued"),
        (None, Some("run-of-notify-11"), "Running"),
        (None, Some("run-of-notify-10"), "Completed"),
    ];
    assert_eq!((recent.len(), told), (10, expected.to_vec()));
    assert_eq!(center.asked_for("GetExperimentRun").len(), 0);
    // The run id finds a run that is over, too.
    let ended = seen(&litmus, &key("", Some("run-of-notify-10"))).await;
    assert_eq!(ended.notify_id.as_deref(), Some("notify-10"));
    let request = &center.asked_for("ListExperimentRun")[0].variables;
    assert_eq!(
        (&request["projectID"], &request["request"]["experimentIDs"]),
        (&json!(PROJECT), &json!([EXPERIMENT]))
    );
    center.assert_no_faults();
}

#[tokio::test]
async fn times_are_read_in_seconds_and_in_milliseconds() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    let times = [
        (json!("1700000000000"), Some(1_700_000_000)),
        (json!("1700000000"), Some(1_700_000_000)),
        (json!(1_700_000_000_000_i64), Some(1_700_000_000)),
        (json!("0"), None),
        (json!(""), None),
        (json!("soon"), None),
        (json!("99999999999999999999"), None),
        (Value::Null, None),
    ];
    for (time, expected) in times {
        let answer = json!({ "data": { "getExperimentRun": {
            "notifyID": "notify-1", "experimentRunID": "", "phase": "Running", "createdAt": time } } });
        center.mishap(Mishap::on(
            "GetExperimentRun",
            wiremock::ResponseTemplate::new(200).set_body_json(answer),
        ));
        let run = seen(&litmus, &run).await;
        assert_eq!(run.created_at.map(jiff::Timestamp::as_second), expected, "{time}");
        assert_eq!((run.updated_at, run.run_id), (None, None));
    }
}

#[tokio::test]
async fn an_experiment_on_a_schedule_launches_without_an_id() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.experiments.get_mut(EXPERIMENT).unwrap().cron = "0 * * * *".to_owned());
    assert_eq!(litmus(&center).launch(&plan()).await.unwrap().notify_id, "");
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_is_not_sent_again() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    center.mishap(Mishap::on("RunChaosExperiment", wiremock::ResponseTemplate::new(504)).after_its_effect());
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, faultgate_engines::control_plane::TroubleKind::Unanswered);
    assert_eq!(
        (center.asked_for("RunChaosExperiment").len(), center.look(|center| center.runs.len())),
        (1, 1)
    );
    // The run can be found as soon as the agent has told of it.
    center.look(|center| center.tell("notify-1", RunStage::running()));
    let run_id = litmus.recent(&plan()).await.unwrap()[0].run_id.clone();
    assert_eq!(run_id.as_deref(), Some("run-of-notify-1"));
}
