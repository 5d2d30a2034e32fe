//! What Harness and LitmusChaos have in common, seen from here: a control plane that takes a launch, names the run by
//! a notify id, and tells how it is when it is asked.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::control_plane::wire::Trouble;
use faultgate_core::model::{ExperimentPlan, Finding};

/// A run of an experiment, by the ids it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKey {
    /// The experiment it is of.
    pub experiment: String,
    /// Known from the launch on.
    pub notify_id: String,
    /// Known when the agent has reported; a stop needs it.
    pub run_id: Option<String>,
}

/// A run as the control plane tells it. What it does not tell is None.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub notify_id: Option<String>,
    pub run_id: Option<String>,
    /// An open word: control planes tell more than they declare.
    pub phase: String,
    /// It is over.
    pub completed: Option<bool>,
    /// 0 as long as the run is not over, whatever it will be.
    pub score: Option<f64>,
    pub counts: Counts,
    /// Why it could not run.
    pub error: Option<String>,
    /// Why a policy (ChaosGuard) did not let it run.
    pub blocked: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// Faults by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: Option<u64>,
    pub passed: Option<u64>,
    pub failed: Option<u64>,
    pub awaited: Option<u64>,
    pub stopped: Option<u64>,
    pub not_available: Option<u64>,
}

/// What is only asked for when a run is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// By the fault's name.
    pub weights: Vec<(String, u32)>,
    /// `executionData`: an object, or its text.
    pub execution: Option<serde_json::Value>,
    /// Probes that the control plane tells apart from `execution`, by the fault's name.
    pub probes: Vec<(String, faultgate_core::model::FaultProbe)>,
}

/// One control plane and project. Each request is sent once: when to try again is not decided here.
#[async_trait(?Send)]
pub trait Manager {
    /// For people: `Harness`, `LitmusChaos`.
    fn title(&self) -> &'static str;

    /// All that can be verified before a launch: reachability, token, experiment, agent, policies.
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Launches, once. The key's notify id is as it came, also where it is empty.
    async fn launch(&self, experiment: &ExperimentPlan) -> Result<RunKey, Trouble>;

    /// Asks for these runs, in one request where the control plane can; in their order. None: not known there.
    async fn read(&self, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>>;

    /// How many requests a [`read`](Self::read) of so many runs takes: what it costs decides how often it is made.
    fn requests(&self, runs: usize) -> usize {
        runs.min(1)
    }

    /// Asks for what the report wants of a run that is over.
    async fn details(&self, run: &RunKey) -> Result<Details, Trouble>;

    /// The last runs of an experiment, newest first. A list may leave notify ids out: [`read`](Self::read) then finds a run
    /// by its run id.
    async fn recent(&self, experiment: &ExperimentPlan) -> Result<Vec<Run>, Trouble>;

    /// Asks for the stop of this run and of no other.
    async fn stop(&self, run: &RunKey) -> Result<(), Trouble>;

    /// The page of a run for people.
    fn link(&self, run: &RunKey) -> Option<String>;

    /// What a person does to stop a run.
    fn stop_by_hand(&self, run: &RunKey) -> String;

    /// What to do about trouble with the request `what`, such as the permission to grant.
    fn remedy(&self, trouble: &Trouble, what: Asked) -> Option<String>;

    /// Every request so far, by operation.
    fn calls(&self) -> std::collections::BTreeMap<String, u64>;
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Check,
    Launch,
    Read,
    Stop,
}

/// How long a run took, where the control plane tells.
impl Run {
    pub fn took(&self) -> Option<Duration> {
        let (from, to) = (self.created_at?, self.updated_at?);
        Duration::try_from(to.duration_since(from)).ok()
    }
}
