//! The engines that are known.
//!
//! Code that does something of its own for each engine matches on [`EngineKind`] without a default, so that
//! an engine that is added does not compile before each such place knows it.

use super::{EngineSpec, ExperimentPlace};
use crate::closed_set;

closed_set! {
    /// The engines that are known, by the words of suites, reports and state files.
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
