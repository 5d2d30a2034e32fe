//! The port that Harness and LitmusChaos implement: a control plane that takes a launch, names the run by a
//! notify id, and tells how the run is when it is asked. An implementation sends each request once; it never
//! tries again and never decides what an answer means.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::control_plane::trouble::Trouble;
use faultgate_core::model::{ExperimentPlan, Finding};

/// The ids by which a run is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKey {
    /// Id of the run's experiment.
    pub experiment: String,
    /// Id that the answer to the launch tells.
    pub notify_id: String,
    /// Id that is known once the agent has reported. A stop needs it.
    pub run_id: Option<String>,
}

/// A run as the control plane tells it. A value that it does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub notify_id: Option<String>,
    pub run_id: Option<String>,
    /// The control plane's word for how the run is. It is open: control planes use more words than they
    /// declare.
    pub phase: String,
    /// `true` if the run is over.
    pub completed: Option<bool>,
    /// Resilience score from 0 to 100. It is 0 as long as the run is not over, whatever it will be.
    pub score: Option<f64>,
    pub counts: FaultCounts,
    /// The control plane's reason why the run could not be carried out.
    pub error: Option<String>,
    /// The reason why a policy (ChaosGuard) did not let it run.
    pub blocked: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// Numbers of faults, by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    pub total: Option<u64>,
    pub passed: Option<u64>,
    pub failed: Option<u64>,
    /// Number of faults that have come to no verdict.
    pub awaited: Option<u64>,
    pub stopped: Option<u64>,
    /// Number of faults that were skipped, or of which nothing is known.
    pub not_available: Option<u64>,
}

/// The details of a run, which are asked for only when it is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunDetails {
    /// Names of faults, each with its weight in the score.
    pub weights: Vec<(String, u32)>,
    /// The `executionData` of the run: an object, or the text of one.
    pub execution: Option<serde_json::Value>,
    /// Probes that the control plane tells apart from `execution`, each with its fault's name; an empty name
    /// is that of the whole experiment.
    pub probes: Vec<(String, faultgate_core::model::FaultProbe)>,
}

/// One project of one control plane. Each request is sent once: the caller decides when to try again.
#[async_trait(?Send)]
pub trait Manager {
    /// The name of the control plane for people, such as `Harness`.
    fn title(&self) -> &'static str;

    /// Checks all that can be verified before a launch: reachability, token, experiment, agent, policies.
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Launches a run, once. The key has the notify id of the answer, even if that is empty.
    async fn launch(&self, experiment: &ExperimentPlan) -> Result<RunKey, Trouble>;

    /// Reads these runs, in one request where the control plane can. The answers are in the order of the
    /// keys; `None` stands for a run that the control plane does not know.
    async fn read(&self, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>>;

    /// Returns the number of requests that a [`read`](Self::read) of so many runs takes. The schedule depends
    /// on it.
    fn requests(&self, runs: usize) -> usize;

    /// Reads the details of a run that is over.
    async fn details(&self, run: &RunKey) -> Result<RunDetails, Trouble>;

    /// Lists the last runs of an experiment, newest first. The list may leave notify ids out:
    /// [`read`](Self::read) then finds a run by its run id.
    async fn recent(&self, experiment: &ExperimentPlan) -> Result<Vec<Run>, Trouble>;

    /// Asks for the stop of this run, and never of another.
    async fn stop(&self, run: &RunKey) -> Result<(), Trouble>;

    /// Returns the address of a run's page for people.
    fn link(&self, run: &RunKey) -> Option<String>;

    /// Returns the command, or the advice, by which a person stops a run.
    fn stop_by_hand(&self, run: &RunKey) -> String;

    /// Returns what the reader can do about trouble with the request `what`, such as the permission to grant.
    fn remedy(&self, trouble: &Trouble, what: Asked) -> Option<String>;

    /// Returns the number of requests so far, by operation.
    fn calls(&self) -> std::collections::BTreeMap<String, u64>;
}

/// The purpose of a request, by which its remedy differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Check,
    Launch,
    Read,
    Stop,
}

impl Run {
    /// Returns the time from the run's creation to its last update, where the control plane tells both.
    pub fn took(&self) -> Option<Duration> {
        let (from, to) = (self.created_at?, self.updated_at?);
        Duration::try_from(to.duration_since(from)).ok()
    }
}
