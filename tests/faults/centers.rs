//! Every request to Harness and LitmusChaos.

use faultgate_rehearsal::FaultRule;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::harness::{
    EXPERIMENT as HARNESS_EXPERIMENT, HarnessBeat, HarnessStandIn, KEY, PROJECT as HARNESS_PROJECT,
};
use faultgate_testkit::invariants::{self, OwnRecord, Standing, There};
use faultgate_testkit::litmus::{CenterFault, EXPERIMENT, LitmusStandIn, PROJECT, RunStage, TOKEN};

use crate::between::Between;
use crate::matrix::{LONGEST, Matrix, result, state};

/// Asserts all that must hold after a run.
fn hold(ended: &Finished, there: &There) {
    let result = result(ended);
    assert_eq!(ended.code, Some(i32::from(result.gate.exit_code)), "{}", ended.stdout);
    invariants::hold(&result, there);
    invariants::written_down_if_at_all(state(ended).as_ref(), there);
}

/// Returns the only experiment of the plan, as the engine's world has it.
fn own(ids: [&str; 2], phase: &str, over: bool, told_to_stop: bool) -> OwnRecord {
    OwnRecord {
        ids: ids.into_iter().filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        name: Some("experiment".to_owned()),
        status: phase.to_owned(),
        completed: phase.starts_with("Completed"),
        injected: true,
        standing: match (over, told_to_stop) {
            (true, _) => Standing::Over,
            (false, true) => Standing::Stops,
            (false, false) => Standing::Runs,
        },
    }
}

async fn harness(life: Vec<HarnessBeat>, fault: Option<FaultRule>) -> Vec<String> {
    let harness = HarnessStandIn::living(&life).await;
    let between = Between::before(&harness.url(), fault).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: experiment, timeout: 6s, harness: {{ experiment: {HARNESS_EXPERIMENT} }} }}\n"
    );
    let run =
        Faultgate::new(&["run"]).file(".faultgate.yml", &suite).env("FAULTGATE_HARNESS_URL", &between.url);
    let run = run.env("FAULTGATE_HARNESS_API_KEY", KEY).env("FAULTGATE_HARNESS_PROJECT_ID", HARNESS_PROJECT);
    let ended = run.spawn().ended_within(LONGEST).await;
    let asked = between.asked();
    let stops = |operation: &String| operation == "StopWorkflowRuns" || operation.ends_with("/stop");
    let asked_to_stop = asked.iter().any(stops);
    let there = harness.world(|world| There {
        asked_to_stop: world.runs.iter().filter(|_| asked_to_stop).map(|run| run.notify_id.clone()).collect(),
        experiments: world
            .runs
            .iter()
            .map(|run| {
                let now = run.now();
                own([&run.notify_id, &run.run_id], &now.phase, now.completed, run.stop_requests > 0)
            })
            .collect(),
        made: Vec::new(),
    });
    hold(&ended, &there);
    harness.assert_no_faults();
    asked
}

async fn litmus(life: Vec<RunStage>, fault: Option<FaultRule>) -> Vec<String> {
    let center = LitmusStandIn::start().await;
    let between = Between::before(&center.url(), fault).await;
    center.look(|center| {
        center.script(vec![life]);
        center.origins.push(between.url.clone());
    });
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: experiment, timeout: 6s, litmus: {{ url: '{}', project: {PROJECT}, experiment: {EXPERIMENT} }} }}\n",
        between.url
    );
    let run = Faultgate::new(&["run"]).file(".faultgate.yml", &suite).env("FAULTGATE_LITMUS_TOKEN", TOKEN);
    let ended = run.spawn().ended_within(LONGEST).await;
    let asked = between.asked();
    let asked_to_stop = asked.iter().any(|operation| operation == "StopExperimentRuns");
    let there = center.look(|center| There {
        // A run that waits in the queue has no id by which it could be stopped.
        asked_to_stop: center
            .runs
            .iter()
            .filter(|run| asked_to_stop || run.run_id.is_empty())
            .map(|run| run.notify_id.clone())
            .collect(),
        experiments: center
            .runs
            .iter()
            .map(|run| {
                let told = center.told_to_stop.contains(&run.run_id);
                own([&run.notify_id, &run.run_id], &run.phase, run.completed, told)
            })
            .collect(),
        made: Vec::new(),
    });
    hold(&ended, &there);
    center.assert_no_faults();
    asked
}

#[tokio::test]
async fn runs_that_complete_and_runs_that_must_be_stopped() {
    let completes = || vec![HarnessBeat::queued(), HarnessBeat::running(), HarnessBeat::completed(100.0)];
    let endless = || vec![HarnessBeat::running().held()];
    let completes_too =
        || RunStage::life("Completed", vec![CenterFault::new("pod-delete", 10, "Pass", "100")]);
    let endless_too = || vec![RunStage::queued(), RunStage::running()];
    let matrix = Matrix::usual();
    tokio::join!(
        matrix.run("Harness", |fault| harness(completes(), fault)),
        matrix.run("Harness, endless", |fault| harness(endless(), fault)),
        matrix.run("LitmusChaos", |fault| litmus(completes_too(), fault)),
        matrix.run("LitmusChaos, endless", |fault| litmus(endless_too(), fault)),
    );
}
