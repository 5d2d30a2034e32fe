//! What a run is to do: the inputs, understood and complete.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Check, CompareTo, PlanRecord, ProbePlan, Score, Shard};

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
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each experiment of a suite")]
pub enum EngineSpec {
    Fis {
        template: String,
        /// None: the SDK's default chain.
        region: Option<String>,
        /// A role to assume before anything is asked in this account.
        role_arn: Option<String>,
    },
    Command(CommandSpec),
    Harness(HarnessSpec),
    Litmus(LitmusSpec),
}

/// A Harness chaos experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessSpec {
    pub project: HarnessProject,
    /// Its id, or the identity that stands in its URL.
    pub experiment: String,
    pub runtime_inputs: RuntimeInputs,
}

/// Where a Harness experiment lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessProject {
    /// Without a slash at the end.
    pub url: String,
    pub account: String,
    pub org: String,
    pub project: String,
}

/// What an experiment asks for when it is launched, by name. Values may be secrets: they are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RuntimeInputs {
    /// Of the whole experiment.
    pub experiment: BTreeMap<String, String>,
    /// Of each fault, probe or action by its name.
    pub tasks: BTreeMap<String, BTreeMap<String, String>>,
}

impl RuntimeInputs {
    pub fn is_empty(&self) -> bool {
        self.experiment.is_empty() && self.tasks.is_empty()
    }
}

impl std::fmt::Debug for RuntimeInputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks = self.tasks.iter().map(|(task, inputs)| (task, inputs.keys().collect::<Vec<_>>()));
        f.debug_struct("RuntimeInputs")
            .field("experiment", &self.experiment.keys())
            .field("tasks", &tasks.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

/// A LitmusChaos 3.x experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LitmusSpec {
    pub project: LitmusProject,
    pub experiment: String,
}

/// Where a LitmusChaos experiment lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LitmusProject {
    /// Of the ChaosCenter, without a slash at the end.
    pub url: String,
    pub project: String,
    /// What the server's list of allowed origins knows; None: that of `url`.
    pub origin: Option<String>,
}

/// A local fault injector.
#[derive(Clone, PartialEq)]
pub struct CommandSpec {
    pub run: CommandLine,
    /// Undoes the fault: run at every end, also before the injector is stopped.
    pub stop: Option<CommandLine>,
    /// How long `stop` may take.
    pub stop_within: Duration,
    pub proof: Option<Proof>,
    /// Where both are run; None: in faultgate's own working directory.
    pub dir: Option<PathBuf>,
    /// Set for both. Values may be secrets: they are never shown.
    pub env: BTreeMap<String, String>,
    /// The journal that a Chaos Toolkit experiment leaves, seen from `dir`.
    pub journal: Option<PathBuf>,
    pub expected_exit_code: u8,
    /// How long the fault stays in after `run` has ended as expected.
    pub duration: Duration,
}

/// What proves that the fault of a command is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Text that the command prints then.
    pub output: Option<String>,
    /// Text by which it says that there was nothing to break.
    pub no_output: Option<String>,
    /// A look that passes only with the fault in.
    pub check: Option<Check>,
    /// How long after the start of the command the proof may take.
    pub within: Duration,
}

impl std::fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandSpec")
            .field("run", &self.run)
            .field("stop", &self.stop)
            .field("stop_within", &self.stop_within)
            .field("proof", &self.proof)
            .field("dir", &self.dir)
            .field("env", &self.env.keys())
            .field("journal", &self.journal)
            .field("expected_exit_code", &self.expected_exit_code)
            .field("duration", &self.duration)
            .finish()
    }
}

/// A program and its arguments. No shell reads them.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Not empty.
    pub args: Vec<String>,
    /// For a shell, by hand; as the settings have it, since what variables hold is not ours to show.
    pub shown: String,
}

impl CommandLine {
    pub fn program(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }
}

impl std::fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl EngineSpec {
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Fis { .. } => "fis",
            Self::Command(_) => "command",
            Self::Harness(_) => "harness",
            Self::Litmus(_) => "litmus",
        }
    }

    /// The engine's name of what is run.
    pub fn source(&self) -> &str {
        match self {
            Self::Fis { template, .. } => template,
            Self::Command(command) => &command.run.shown,
            Self::Harness(harness) => &harness.experiment,
            Self::Litmus(litmus) => &litmus.experiment,
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

/// How much must have been injected for an experiment to say anything of the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectionRule {
    /// `allow-empty-targets`: an experiment in which nothing was injected is accepted.
    pub accepts_nothing: bool,
    /// `require-actions: all`: each action that injects must have completed, not only one of them.
    pub requires_all: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub experiments: Vec<ExperimentPlan>,
    /// Which part of a suite the experiments are, where it is split over jobs.
    pub shard: Option<Shard>,
    /// The whole suite, of which the experiments may be a part. None where nobody merges the result.
    pub suite: Option<PlanRecord>,
    pub expected: Score,
    /// The floor of each experiment that names none; None: `expected`.
    pub each: Option<Score>,
    /// An earlier run.
    pub compare_to: Option<CompareTo>,
    /// Experiments at once, 1 or more.
    pub parallel: usize,
    pub monitor: Monitor,
    pub event_queue_url: Option<String>,
    pub reconcile_interval: Duration,
    /// Resolve targets, inject nothing.
    pub dry_run: bool,
    pub injection: InjectionRule,
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
    /// The CI's own id of what groups the jobs of one pipeline: the same in each job and for each attempt of it.
    /// None where the CI does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pipeline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// Which part of a suite this run is, where the suite is split over jobs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<Shard>,
    /// The same for every retry within one attempt of one CI job, new for each re-run: what client tokens
    /// are derived from. Without a CI it is the invocation itself.
    #[serde(skip)]
    pub attempt_key: String,
}
