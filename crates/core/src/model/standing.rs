//! The standing of experiments while they go on, for displays. It decides nothing: the score and the verdict
//! come from the engine's record.

use std::fmt::Debug;
use std::time::Duration;

use super::Score;

/// The way to ask how experiments stand right now. A display asks only for what it shows, so that a run with
/// thousands of probes does not count them all every second.
pub trait Standings: Debug {
    /// Returns how the experiment at this place of the plan stands.
    fn standing(&self, experiment: usize) -> ExperimentStanding;
}

/// The standing of one experiment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentStanding {
    pub probes: Vec<ProbeStanding>,
    /// Mean of the probes' shares of good evaluations so far, by weight. None as long as a probe that counts
    /// is measured by time, or if nothing was evaluated yet.
    pub score: Option<Score>,
}

/// The standing of one probe since the launch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeStanding {
    pub name: String,
    /// Number of evaluations that passed, and of all. None for an alarm that events tell of.
    pub evaluations: Option<(u64, u64)>,
    /// Reason of the failure that goes on.
    pub failure: Option<String>,
    /// 95th percentile of the latency, in milliseconds.
    pub p95_ms: Option<u64>,
}

/// The expected course of an experiment that has been launched, as far as it is known beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Time from the launch to the end.
    pub lasts: Option<Duration>,
    /// The actions in the order of their start.
    pub actions: Vec<TimedAction>,
}

/// An action with the time from the start of the experiment to its own start, and to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedAction {
    pub name: String,
    pub starts: Duration,
    pub ends: Duration,
}
