//! Tests of reads: phases as they come, many runs by one request, and servers that are older.

use std::time::Duration;

use faultgate_engines::control_plane::{FaultCounts, Manager, RunKey};
use faultgate_testkit::harness::{EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessExperiment, HarnessStandIn};
use serde_json::json;

use super::support::{connected, launched, plan, read_one, seen};

#[tokio::test]
async fn a_run_is_absent_then_queued_then_running_then_over() {
    let life =
        [HarnessBeat::absent(), HarnessBeat::queued(), HarnessBeat::running(), HarnessBeat::completed(100.0)];
    let stand = HarnessStandIn::living(&life).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;

    assert_eq!(read_one(&harness, &run).await, Ok(None));
    let queued = seen(&harness, &run).await;
    assert_eq!((&*queued.phase, &queued.run_id, queued.score), ("Queued", &None, Some(0.0)));
    let running = seen(&harness, &run).await;
    assert_eq!((&*running.phase, running.run_id.as_deref()), ("Running", Some("run-1")));
    let over = seen(&harness, &run).await;
    assert_eq!((&*over.phase, over.score), ("Completed", Some(100.0)));
    let counts = FaultCounts { total: Some(1), passed: Some(1), ..running.counts };
    assert_eq!(over.counts, FaultCounts { awaited: Some(0), ..counts });
    assert!(over.created_at.is_some() && over.took().is_some());

    // The only requests were the launch and the polls.
    assert_eq!(stand.count("listWorkflowRun"), 4);
    assert_eq!(stand.operations().len(), 5);
    stand.assert_no_faults();
}

#[tokio::test]
async fn a_poll_does_not_ask_for_what_is_large() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    seen(&harness, &run).await;
    let query = stand.asked()[1].body["query"].as_str().unwrap().to_owned();
    for large in ["executionData", "workflowManifest", "weightages"] {
        assert!(!query.contains(large), "{query}");
    }
}

#[tokio::test]
async fn many_runs_are_read_by_one_request_in_their_order() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let other = "00000000-0000-4000-8000-000000000002";
    stand.world(|world| {
        world.experiments.push(HarnessExperiment::new(other, "other", &[HarnessBeat::completed(40.0)]));
    });
    let harness = connected(&stand);
    let first = launched(&harness).await;
    // The first two are runs of one experiment at the same time, and the third is one of another.
    let second = launched(&harness).await;
    let third = harness.launch(&plan(other)).await.unwrap();
    let unknown = RunKey { notify_id: "notify-99".to_owned(), ..first.clone() };
    let before = stand.operations().len();

    let read = harness.read(&[third.clone(), unknown, first.clone(), second.clone()]).await;
    let read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
    let ids: Vec<_> = read.iter().map(|run| run.as_ref().and_then(|run| run.notify_id.clone())).collect();
    assert_eq!(ids, [Some(third.notify_id), None, Some(first.notify_id), Some(second.notify_id)]);
    assert_eq!(read[0].as_ref().unwrap().score, Some(40.0));
    assert_eq!(stand.operations().len(), before + 1);
    stand.assert_no_faults();
}

#[tokio::test]
async fn more_runs_than_a_server_lists_at_once_are_all_found() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let mut runs = Vec::new();
    for _ in 0..60 {
        runs.push(launched(&harness).await);
    }
    let read = harness.read(&runs).await;
    assert_eq!(read.iter().filter(|run| matches!(run, Ok(Some(_)))).count(), 60);
    assert_eq!(stand.count("listWorkflowRun"), 2);
    assert_eq!([0, 1, 50, 60].map(|runs| harness.requests(runs)), [0, 1, 1, 2]);
}

#[tokio::test]
async fn a_run_that_vanishes_is_not_there() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    seen(&harness, &run).await;
    stand.world(|world| world.runs.clear());
    assert_eq!(read_one(&harness, &run).await, Ok(None));
}

#[tokio::test]
async fn phases_are_open_words() {
    let stand = HarnessStandIn::living(&[HarnessBeat::phase("Simmering")]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    let told = seen(&harness, &run).await;
    assert_eq!((&*told.phase, told.completed), ("Simmering", Some(false)));

    // REST says that the run is over, although its word is not known.
    stand.world(|world| {
        world.experiment(EXPERIMENT).unwrap().lives = [vec![HarnessBeat::ended("Boiled", 3.0)]].into();
    });
    let run = launched(&harness).await;
    assert_eq!(seen(&harness, &run).await.completed, Some(true));
    stand.assert_no_faults();
}

#[tokio::test]
async fn why_a_run_failed_comes_by_rest_or_else_by_graphql() {
    for without_rest in [false, true] {
        let stand =
            HarnessStandIn::living(&[HarnessBeat::error("no node matches the\u{1b}[31m selector")]).await;
        if without_rest {
            stand.has_no_rest();
        }
        let harness = connected(&stand);
        for _ in 0..2 {
            let run = launched(&harness).await;
            let told = seen(&harness, &run).await;
            assert_eq!(told.error.as_deref(), Some("no node matches the selector"), "{without_rest}");
            assert_eq!(told.blocked, None);
        }
        // An operation that was found missing is not asked for again.
        assert_eq!(stand.count("getChaosV2ExperimentRun"), if without_rest { 1 } else { 2 });
        stand.assert_no_faults();
    }
}

#[tokio::test]
async fn a_run_that_chaosguard_blocks_says_why() {
    for without_rest in [false, true] {
        let stand = HarnessStandIn::living(&[HarnessBeat::blocked("only at night")]).await;
        if without_rest {
            stand.has_no_rest();
        }
        let harness = connected(&stand);
        let run = launched(&harness).await;
        assert_eq!(seen(&harness, &run).await.blocked.as_deref(), Some("only at night"), "{without_rest}");
    }
}

#[tokio::test]
async fn an_older_server_is_read_without_what_it_does_not_know() {
    let stand =
        HarnessStandIn::living(&[HarnessBeat::running().lasting(2), HarnessBeat::error("lost")]).await;
    stand.is_older();
    let harness = connected(&stand);
    let (first, second) = (launched(&harness).await, launched(&harness).await);
    for phase in ["Running", "Running", "Error"] {
        for read in harness.read(&[first.clone(), second.clone()]).await {
            assert_eq!(read.unwrap().unwrap().phase, phase);
        }
    }
    // The first request asks for both. Each is then asked for alone, three times, and the server lacks the
    // reasons of the first.
    assert_eq!(stand.count("listWorkflowRun"), 1 + 2 * 3 + 1);
    assert_eq!(stand.count("getChaosV2ExperimentRun"), 1);
    assert_eq!(harness.requests(2), 2);
    stand.assert_no_faults();
}

#[tokio::test]
async fn reasons_that_cannot_be_had_do_not_hide_the_end() {
    let stand = HarnessStandIn::living(&[HarnessBeat::error("lost")]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    stand.interrupt("getChaosV2ExperimentRun", 1, HarnessAnswer::Status(429, json!({})));
    let told = seen(&harness, &run).await;
    assert_eq!((&*told.phase, told.error.as_deref()), ("Error", Some("lost")));
}

#[tokio::test]
async fn scores_and_times_come_in_any_form() {
    let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
    let harness = connected(&stand);
    let run = launched(&harness).await;
    let row = json!({ "notifyID": run.notify_id, "phase": "Completed", "resiliencyScore": "83.4",
        "createdAt": 1_767_322_800, "updatedAt": "1767322860000", "experimentsNa": "2", "totalExperiments": null });
    let body = json!({ "data": { "listWorkflowRun": { "workflowRuns": [null, 7, row] } } });
    stand.interrupt("listWorkflowRun", 1, HarnessAnswer::Body(body));
    let told = seen(&harness, &run).await;
    assert_eq!(told.score, Some(83.4));
    assert_eq!(told.took(), Some(Duration::from_secs(60)));
    assert_eq!(told.counts, FaultCounts { not_available: Some(2), ..FaultCounts::default() });

    let empty =
        json!({ "data": { "listWorkflowRun": { "totalNoOfWorkflowRuns": 0, "workflowRuns": null } } });
    stand.interrupt("listWorkflowRun", 1, HarnessAnswer::Body(empty));
    assert_eq!(read_one(&harness, &run).await, Ok(None));
}

#[tokio::test]
async fn recent_runs_come_newest_first_from_any_server() {
    for older in [false, true] {
        let stand = HarnessStandIn::living(&[HarnessBeat::running()]).await;
        stand.world(|world| {
            for seconds in [60, 120, 180] {
                world.past_run(EXPERIMENT, HarnessBeat::completed(100.0), seconds);
            }
        });
        if older {
            stand.is_older();
        }
        let odd = HarnessAnswer::Errors("LAST_EXECUTED is not a valid WorkflowSortingField");
        stand.interrupt("listWorkflowRun", 1, odd);
        let harness = connected(&stand);
        for _ in 0..2 {
            let recent = harness.recent(&plan(EXPERIMENT)).await.unwrap();
            let took: Vec<_> = recent.iter().filter_map(|run| Some(run.took()?.as_secs())).collect();
            assert_eq!(took, [180, 120, 60], "{older}");
        }
        // Each thing that the server does not know is found out once.
        assert_eq!(stand.operations().len(), if older { 4 } else { 3 });
        stand.assert_no_faults();
    }
}
