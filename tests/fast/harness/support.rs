//! The manager under test, connected to a stand-in.

use std::time::Duration;

use faultgate_core::model::{EngineSpec, ExperimentPlan, HarnessProject, HarnessSpec, RuntimeInputs};
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::harness::Harness;
use faultgate_engines::control_plane::{Manager, Run, RunKey, Trouble};
use faultgate_testkit::harness::{ACCOUNT, EXPERIMENT, HarnessStandIn, KEY, ORG, PROJECT};
use faultgate_testkit::plans;

pub(crate) fn project(url: &str) -> HarnessProject {
    let [account, org, project] = [ACCOUNT, ORG, PROJECT].map(str::to_owned);
    HarnessProject { url: url.to_owned(), account, org, project }
}

pub(crate) fn client(limit: Duration) -> reqwest::Client {
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder().no_proxy().redirect(redirects).timeout(limit).build().unwrap()
}

pub(crate) fn connected(stand: &HarnessStandIn) -> Harness {
    connected_to(project(&stand.url()))
}

pub(crate) fn connected_to(project: HarnessProject) -> Harness {
    Harness::new(project, Secret::new(KEY), client(Duration::from_secs(20)))
}

pub(crate) fn plan(experiment: &str) -> ExperimentPlan {
    plan_with(experiment, RuntimeInputs::default())
}

pub(crate) fn plan_with(experiment: &str, runtime_inputs: RuntimeInputs) -> ExperimentPlan {
    let project = project("http://unused.example");
    let spec =
        EngineSpec::Harness(HarnessSpec { project, experiment: experiment.to_owned(), runtime_inputs });
    ExperimentPlan {
        timeout: Duration::from_mins(30),
        queue_timeout: Duration::from_mins(5),
        ..plans::experiment("chaos", spec)
    }
}

/// Launches a run of the experiment that is always there.
pub(crate) async fn launched(harness: &Harness) -> RunKey {
    harness.launch(&plan(EXPERIMENT)).await.unwrap()
}

pub(crate) async fn read_one(harness: &Harness, run: &RunKey) -> Result<Option<Run>, Trouble> {
    let mut read = harness.read(std::slice::from_ref(run)).await;
    assert_eq!(read.len(), 1);
    read.pop().unwrap()
}

/// Reads a run that must be there.
pub(crate) async fn seen(harness: &Harness, run: &RunKey) -> Run {
    read_one(harness, run).await.unwrap().unwrap()
}
