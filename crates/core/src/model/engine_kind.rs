//! The engines that are known.
//!
//! Code that does something of its own for each engine matches on [`EngineKind`] without a default, so that
//! an engine that is added does not compile before each such place knows it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Check, CommandSpec, EngineSpec, ExperimentPlace};
use crate::closed_set;

closed_set! {
    /// The engines that are known, by the words of suites, reports and state files.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum EngineKind {
        /// AWS Fault Injection Service.
        Fis = "fis",
        /// Harness Chaos Engineering.
        Harness = "harness",
        /// LitmusChaos 3.x.
        Litmus = "litmus",
        /// A local command.
        Command = "command",
    }
}

impl EngineKind {
    /// Returns the name by which people call the engine.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fis => "AWS FIS",
            Self::Harness => "Harness",
            Self::Litmus => "LitmusChaos",
            Self::Command => "a local command",
        }
    }

    /// Returns the headings under which a report tells the engine's name for an experiment, and the id of its
    /// run.
    pub const fn headings(self) -> (&'static str, &'static str) {
        match self {
            Self::Fis => ("Template", "Experiment"),
            Self::Harness | Self::Litmus => ("Experiment", "Run"),
            Self::Command => ("Command", "Process"),
        }
    }

    /// Returns `true` if experiments of this engine are reached by the AWS SDK.
    pub const fn is_in_aws(self) -> bool {
        match self {
            Self::Fis => true,
            Self::Harness | Self::Litmus | Self::Command => false,
        }
    }

    /// Returns `true` if engines of this kind make subscriptions, which outlive the process and have to be
    /// removed. If a second kind does, [`SubscriptionState`](super::SubscriptionState) has to tell whose each
    /// is.
    pub const fn makes_subscriptions(self) -> bool {
        match self {
            Self::Fis => true,
            Self::Harness | Self::Litmus | Self::Command => false,
        }
    }

    /// Returns `true` if there are several ways to learn how an experiment goes, of which the input `monitor`
    /// chooses one.
    pub const fn has_choice_of_monitor(self) -> bool {
        match self {
            Self::Fis => true,
            Self::Harness | Self::Litmus | Self::Command => false,
        }
    }

    /// Returns `true` if an experiment can have stop conditions, so that their absence is worth a word.
    pub const fn has_stop_conditions(self) -> bool {
        match self {
            Self::Fis => true,
            Self::Harness | Self::Litmus | Self::Command => false,
        }
    }

    /// Returns `true` if experiments have a score of the engine's own, beside which probes do not count.
    pub const fn has_own_score(self) -> bool {
        match self {
            Self::Harness | Self::Litmus => true,
            Self::Fis | Self::Command => false,
        }
    }

    /// Returns the reason why no other process can go on with an experiment of this engine, or `None` if one
    /// can.
    pub const fn refusal_to_split(self) -> Option<&'static str> {
        match self {
            Self::Fis | Self::Harness | Self::Litmus => None,
            Self::Command => Some("a command ends with the process that runs it"),
        }
    }
}

impl EngineSpec {
    pub const fn kind(&self) -> EngineKind {
        match self {
            Self::Fis { .. } => EngineKind::Fis,
            Self::Harness(_) => EngineKind::Harness,
            Self::Litmus(_) => EngineKind::Litmus,
            Self::Command(_) => EngineKind::Command,
        }
    }

    /// Returns the AWS Region that the settings name for the experiment.
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Fis { region, .. } => region.as_deref(),
            Self::Harness(_) | Self::Litmus(_) | Self::Command(_) => None,
        }
    }

    /// Returns `true` if the launch may find out a part of the place that the settings leave open, so that
    /// later steps take the place over from it.
    pub const fn is_placed_by_launch(&self) -> bool {
        match self {
            Self::Fis { .. } => true,
            Self::Harness(_) | Self::Litmus(_) | Self::Command(_) => false,
        }
    }

    /// Returns the local command that injects the fault, if the engine is one.
    pub const fn as_command(&self) -> Option<&CommandSpec> {
        match self {
            Self::Command(command) => Some(command),
            Self::Fis { .. } | Self::Harness(_) | Self::Litmus(_) => None,
        }
    }

    /// Returns the check that tells whether the fault is in, if faultgate has to make one itself.
    pub fn proof(&self) -> Option<&Check> {
        self.as_command()?.proof.as_ref()?.check.as_ref()
    }

    /// Returns the longest time that faultgate itself takes to undo the fault.
    pub const fn undo_limit(&self) -> Duration {
        match self.as_command() {
            Some(command) => command.stop_within,
            None => Duration::ZERO,
        }
    }
}

impl ExperimentPlace {
    pub const fn kind(&self) -> EngineKind {
        match self {
            Self::Fis { .. } => EngineKind::Fis,
            Self::Harness { .. } => EngineKind::Harness,
            Self::Litmus { .. } => EngineKind::Litmus,
            Self::Command { .. } => EngineKind::Command,
        }
    }

    /// Returns the AWS Region that the experiment is in, where one is known.
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Fis { region, .. } => region.as_deref(),
            Self::Harness { .. } | Self::Litmus { .. } | Self::Command { .. } => None,
        }
    }

    /// Returns `true` if an experiment of these settings is in this place. A Region that the settings leave to
    /// the SDK is that of the place.
    pub fn is_of(&self, spec: &EngineSpec) -> bool {
        let is_same_region = spec.region().is_none() || spec.region() == self.region();
        is_same_region && Self::of(spec, self.region().map(str::to_owned)) == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_as_state_files_call_its_place() {
        for kind in EngineKind::ALL {
            let place = match kind {
                EngineKind::Fis => {
                    ExperimentPlace::Fis { template: String::new(), region: None, role_arn: None }
                }
                EngineKind::Harness => ExperimentPlace::Harness {
                    url: String::new(),
                    account: String::new(),
                    org: String::new(),
                    project: String::new(),
                    experiment: String::new(),
                },
                EngineKind::Litmus => ExperimentPlace::Litmus {
                    url: String::new(),
                    project: String::new(),
                    origin: None,
                    experiment: String::new(),
                },
                EngineKind::Command => ExperimentPlace::Command { run: String::new(), stop: None },
            };
            assert_eq!((place.kind(), place.spec().kind()), (kind, kind));
            assert_eq!(serde_json::to_value(&place).unwrap()["engine"], kind.as_str());
        }
    }
}
