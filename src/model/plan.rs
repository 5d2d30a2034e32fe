//! What a run is to do: the inputs, understood and complete.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ProbePlan, Score};

/// How the end of an experiment is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Monitor {
    /// By events, over a rule and a queue of the run's own.
    Events,
    /// By events, from a queue that a rule of the user's feeds.
    Queue,
    /// By asking the engine at intervals.
    Poll,
}

impl Monitor {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Queue => "queue",
            Self::Poll => "poll",
        }
    }
}

/// Which engine runs an experiment, and what it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineSpec {
    Fis {
        template: String,
        /// None: the SDK's default chain.
        region: Option<String>,
        /// A role to assume before anything is asked in this account.
        role_arn: Option<String>,
    },
}

impl EngineSpec {
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Fis { .. } => "fis",
        }
    }

    /// The engine's name of what is run.
    pub fn source(&self) -> &str {
        match self {
            Self::Fis { template, .. } => template,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentPlan {
    pub name: String,
    pub spec: EngineSpec,
    pub weight: u32,
    /// From launch to end; past it the experiment is stopped.
    pub timeout: Duration,
    /// How long the engine may leave it pending.
    pub queue_timeout: Duration,
    /// A floor of its own.
    pub expected: Option<Score>,
    pub probes: Vec<ProbePlan>,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Plan {
    pub experiments: Vec<ExperimentPlan>,
    pub expected: Score,
    /// Experiments at once, 1 or more.
    pub parallel: usize,
    pub monitor: Monitor,
    pub event_queue_url: Option<String>,
    pub reconcile_interval: Duration,
    /// Resolve targets, inject nothing.
    pub dry_run: bool,
    pub allow_empty_targets: bool,
    /// After an experiment that did not pass, no other is launched.
    pub stop_on_failure: bool,
    pub report_dir: PathBuf,
    /// A report that could not be posted fails the run.
    pub reporting_must_succeed: bool,
}

/// Who runs this, and where: it names the run's resources and leads back from them to the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// Unique to this invocation, safe in the names of rules and queues, at most 40 characters.
    pub id: String,
    /// `github-actions`, `gitlab-ci`, … or `none`.
    pub ci: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// The same for every retry within one attempt of one CI job, new for each re-run: what client tokens
    /// are derived from. Without a CI it is the invocation itself.
    #[serde(skip)]
    pub attempt_key: String,
}
