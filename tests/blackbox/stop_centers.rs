//! Tests of `faultgate stop` after runs of Harness and LitmusChaos that were killed.

use faultgate_testkit::binary::{Faultgate, Finished, Running, in_time};
use faultgate_testkit::harness::{
    EXPERIMENT as HARNESS_EXPERIMENT, HarnessAnswer, HarnessBeat, HarnessStandIn, KEY,
    PROJECT as HARNESS_PROJECT,
};
use faultgate_testkit::litmus::{EXPERIMENT, LitmusStandIn, Mishap, PROJECT, RunStage, TOKEN};

use crate::stop::{STATE, killed, state};

/// The time after which something hangs.
const HANG_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits until the state file tells this phase.
async fn until_phase(running: &Running, phase: &str) {
    let path = running.path(STATE);
    let reading = async {
        while !path.exists() || state(&path)["experiments"][0]["phase"] != phase {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    in_time(HANG_TIMEOUT, phase, reading).await;
}

async fn assert_nothing_to_stop(stopped: Finished) {
    let again = Faultgate::new(&["stop"]).after(stopped).finish().await;
    again.assert_code(0, "no key is needed where nothing is left");
    assert!(again.stdout.contains("nothing to stop"), "{}", again.stdout);
}

fn harness_run(harness: &HarnessStandIn) -> Faultgate {
    harness_step("run", harness)
}

fn harness_step(step: &str, harness: &HarnessStandIn) -> Faultgate {
    to_harness(step, harness)
        .env("FAULTGATE_HARNESS_PROJECT_ID", HARNESS_PROJECT)
        .env("FAULTGATE_HARNESS_EXPERIMENT_ID", HARNESS_EXPERIMENT)
}

fn harness_stop(harness: &HarnessStandIn) -> Faultgate {
    to_harness("stop", harness)
}

fn to_harness(command: &str, harness: &HarnessStandIn) -> Faultgate {
    Faultgate::new(&[command])
        .env("FAULTGATE_HARNESS_API_KEY", KEY)
        .env("FAULTGATE_HARNESS_URL", harness.url())
}

#[tokio::test]
async fn a_harness_run_is_stopped_and_no_other() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let theirs = harness.world(|world| world.launch(HARNESS_EXPERIMENT, None)).unwrap();
    let running = harness_run(&harness).spawn();
    until_phase(&running, "launched").await;
    let ended = killed(running).await;
    assert!(!ended.read(STATE).contains("mark9harnesskey"));

    let without_key = harness_stop(&harness).without("FAULTGATE_HARNESS_API_KEY").after(ended).finish().await;
    without_key.assert_code(2, "the key is missing");
    assert!(without_key.stderr.contains("harness-api-key"), "{}", without_key.stderr);

    // The settings say where the key may go; all else is in the file.
    let stop = harness_stop(&harness).after(without_key).finish().await;
    stop.assert_code(0, "it was running");
    let stopped = harness.world(|world| {
        world.runs.iter().map(|run| (run.notify_id == theirs, run.stop_requests)).collect::<Vec<_>>()
    });
    assert_eq!(stopped, [(true, 0), (false, 1)], "{}", stop.stdout);
    assert_nothing_to_stop(stop).await;
    harness.assert_no_faults();
}

#[tokio::test]
async fn a_harness_run_in_three_steps() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running(), HarnessBeat::completed(100.0)]).await;
    let launched = harness_step("launch", &harness).finish().await;
    launched.assert_code(0, "launch");
    // The settings say where the key may go; all else is in the file.
    let next = |step, earlier| to_harness(step, &harness).after(earlier);
    let monitored = next("monitor", launched).finish().await;
    monitored.assert_code(0, "monitor");
    let scored = next("score", monitored).finish().await;
    scored.assert_code(0, "score");
    let experiment = &scored.result()["experiments"][0];
    assert_eq!((&experiment["state"], &experiment["score_source"]), (&"completed".into(), &"engine".into()));
    assert_eq!(harness.world(|world| world.runs.len()), 1);
    harness.assert_no_faults();
}

#[tokio::test]
async fn a_harness_run_whose_launch_was_not_answered_is_found() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    let theirs = harness.world(|world| world.launch(HARNESS_EXPERIMENT, None)).unwrap();
    harness.garble("runChaosExperiment", HarnessAnswer::Silence);
    let running = harness_run(&harness).spawn();
    harness.until("it was launched", |world, _| world.runs.len() == 2).await;
    let ended = killed(running).await;
    assert_eq!(state(&ended.path(STATE))["experiments"][0]["phase"], "intended");
    let stop = harness_stop(&harness).after(ended).finish().await;
    stop.assert_code(0, "it was found");
    let stopped = harness.world(|world| {
        world.runs.iter().map(|run| (run.notify_id == theirs, run.stop_requests)).collect::<Vec<_>>()
    });
    assert_eq!(stopped, [(true, 0), (false, 1)], "{}", stop.stdout);
    assert_nothing_to_stop(stop).await;
}

#[tokio::test]
async fn where_two_harness_runs_are_new_none_is_stopped() {
    let harness = HarnessStandIn::living(&[HarnessBeat::running().held()]).await;
    harness.garble("runChaosExperiment", HarnessAnswer::Silence);
    let running = harness_run(&harness).spawn();
    harness.until("it was launched", |world, _| world.runs.len() == 1).await;
    let ended = killed(running).await;
    harness.world(|world| world.launch(HARNESS_EXPERIMENT, None)).unwrap();
    let stop = harness_stop(&harness).after(ended).finish().await;
    stop.assert_code(3, "which is ours?");
    assert!(stop.stdout.contains("2 runs are new"), "{}", stop.stdout);
    assert!(harness.world(|world| world.runs.iter().all(|run| run.stop_requests == 0)));
}

fn litmus_run(center: &LitmusStandIn) -> Faultgate {
    Faultgate::new(&["run"])
        .env("FAULTGATE_LITMUS_URL", center.url())
        .env("FAULTGATE_LITMUS_PROJECT_ID", PROJECT)
        .env("FAULTGATE_LITMUS_EXPERIMENT_ID", EXPERIMENT)
        .env("FAULTGATE_LITMUS_TOKEN", TOKEN)
}

#[tokio::test]
async fn a_litmus_run_is_stopped_also_where_its_launch_was_not_answered() {
    for answered in [true, false] {
        let center = LitmusStandIn::start().await;
        center.look(|center| center.script(vec![vec![RunStage::queued(), RunStage::running()]]));
        if !answered {
            center.mishap(Mishap::hanging("RunChaosExperiment").after_its_effect());
        }
        let running = litmus_run(&center).spawn();
        if answered {
            until_phase(&running, "launched").await;
        } else {
            center.until(|center| !center.runs.is_empty()).await;
            // A run that waits in the queue has no id to be found by.
            center.look(|center| {
                let notify_id = center.runs[0].notify_id.clone();
                center.tell(&notify_id, RunStage::running());
            });
        }
        let ended = killed(running).await;
        assert!(!ended.read(STATE).contains("mark9litmustoken"));
        let stop = Faultgate::new(&["stop", "--litmus-url", &center.url()])
            .env("FAULTGATE_LITMUS_TOKEN", TOKEN)
            .after(ended)
            .finish()
            .await;
        stop.assert_code(0, &format!("answered: {answered}"));
        let run_id = center.look(|center| center.runs[0].run_id.clone());
        assert_eq!(center.look(|center| center.told_to_stop.clone()), [run_id], "{}", stop.stdout);
        assert_nothing_to_stop(stop).await;
        center.assert_no_faults();
    }
}
