//! The facts by which a run is judged.

use std::time::Duration;

use faultgate_config::EngineKind;
use faultgate_core::model::TemplateFacts;
use jiff::Timestamp;

/// An answer, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    Known(T),
    /// Nobody was asked yet. A judgement by the suite alone leaves the rule to later; any other is broken.
    NotAsked,
    /// The answer comes before the launch, with another judgement, which this one leaves the rule to.
    Later,
    /// The answer cannot be had; the text says why.
    Unknown(String),
}

/// The facts about the run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFacts {
    /// Number of experiments of the whole suite, of which the run may be a part.
    pub experiments: Fact<usize>,
    /// Most experiments at once.
    pub parallel: usize,
    /// The moment of the launch.
    pub moment: Fact<Timestamp>,
}

/// The facts about one experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentFacts {
    pub name: String,
    pub engine: EngineKind,
    /// Account in which FIS runs it.
    pub account: Fact<String>,
    pub region: Fact<String>,
    /// Id of its FIS template.
    pub template_id: Fact<String>,
    /// Other accounts that it reaches, by the target account configurations of its FIS template.
    pub target_accounts: Fact<Vec<String>>,
    /// Longest time from launch to end.
    pub timeout: Duration,
    /// Number of its probes.
    pub probes: usize,
    pub template: Fact<TemplateFacts>,
    /// Number of resources that a target preview has resolved.
    pub targets: Fact<usize>,
}
