//! The specification of an experiment: its engine with the settings that only this engine has, and what is
//! expected of it.
//!
//! Types here that hold secrets (runtime inputs, variables of commands) implement `Debug` by hand, so that no
//! value of theirs is printed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Check, ProbePlan, Score};
use crate::closed_set;

closed_set! {
    /// The way in which a run learns that an experiment has ended, by the words of the input `monitor`.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Monitor {
        /// The run gets events through a rule and a queue that it makes itself.
        Events = "events",
        /// The run gets events from a queue that a rule of the user's feeds.
        Queue = "queue",
        /// The run asks the engine at intervals.
        Poll = "poll",
    }
}

/// The engine that runs an experiment, with the settings that only this engine has.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each experiment of a suite")]
pub enum EngineSpec {
    Fis {
        template: String,
        /// Region of the template. None if the SDK's default chain decides.
        region: Option<String>,
        /// ARN of the role that is assumed to reach the account.
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
    /// Id of the experiment, or the identity that is part of its URL.
    pub experiment: String,
    pub runtime_inputs: RuntimeInputs,
}

/// The Harness project that an experiment belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessProject {
    /// URL of Harness, without a slash at the end.
    pub url: String,
    pub account: String,
    pub org: String,
    pub project: String,
}

/// The inputs that an experiment asks for when it is launched, by name. Values may be secrets, so they are
/// never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RuntimeInputs {
    /// Inputs of the whole experiment.
    pub experiment: BTreeMap<String, String>,
    /// Inputs of each fault, probe or action, by its name.
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

/// The LitmusChaos project that an experiment belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LitmusProject {
    /// URL of the ChaosCenter, without a slash at the end.
    pub url: String,
    pub project: String,
    /// Origin that the server's list of allowed origins contains. None if it is the origin of `url`.
    pub origin: Option<String>,
}

/// A local command that injects a fault.
#[derive(Clone, PartialEq)]
pub struct CommandSpec {
    pub run: CommandLine,
    /// Command that undoes the fault. It runs at every end, also before the injector is stopped.
    pub stop: Option<CommandLine>,
    /// Longest time that `stop` may take.
    pub stop_within: Duration,
    pub proof: Option<Proof>,
    /// Working directory of both commands. None if it is faultgate's own.
    pub dir: Option<PathBuf>,
    /// Variables that are set for both commands. Values may be secrets, so they are never shown.
    pub env: BTreeMap<String, String>,
    /// Path of the journal that a Chaos Toolkit experiment leaves, relative to `dir`.
    pub journal: Option<PathBuf>,
    pub expected_exit_code: u8,
    /// Time for which the fault stays in the system after `run` has ended as expected.
    pub duration: Duration,
}

/// The proof that the fault of a command is in the system.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Text that the command prints once the fault is in.
    pub output: Option<String>,
    /// Text by which the command says that there was nothing to break.
    pub no_output: Option<String>,
    /// Check that passes only while the fault is in.
    pub check: Option<Check>,
    /// Longest time from the start of the command until the proof.
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

/// A program and its arguments. They are not read by a shell.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments; never empty.
    pub args: Vec<String>,
    /// Command line that a person can type into a shell. It is as the settings have it, since the values of
    /// variables are not ours to show.
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
    /// Returns the word of its kind.
    pub fn engine(&self) -> &'static str {
        self.kind().as_str()
    }

    /// Returns the engine's name for the experiment: a template, an experiment's id, or a command line.
    pub fn source(&self) -> &str {
        match self {
            Self::Fis { template, .. } => template,
            Self::Command(command) => &command.run.shown,
            Self::Harness(harness) => &harness.experiment,
            Self::Litmus(litmus) => &litmus.experiment,
        }
    }
}

/// One experiment of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentPlan {
    pub name: String,
    pub spec: EngineSpec,
    pub weight: u32,
    /// Longest time from launch to end; after it the experiment is stopped.
    pub timeout: Duration,
    /// Longest time for which the engine may leave the experiment pending.
    pub queue_timeout: Duration,
    /// Expected score of this experiment, if it has one of its own.
    pub expected: Option<Score>,
    pub probes: Vec<ProbePlan>,
}

/// The rule that says how much must have been injected for an experiment to say anything about the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectionRule {
    /// `true` if an experiment in which nothing was injected is accepted (`allow-empty-targets`).
    pub accepts_nothing: bool,
    /// `true` if each action that injects must have completed, not only one of them (`require-actions: all`).
    pub requires_all: bool,
}
