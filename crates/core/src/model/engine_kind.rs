//! The engines that are known.
//!
//! Code that does something of its own for each engine matches on [`EngineKind`] without a default, so that
//! an engine that is added does not compile before each such place knows it.

use super::{EngineSpec, ExperimentPlace};

/// The engines that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineKind {
    /// AWS Fault Injection Service.
    Fis,
    /// Harness Chaos Engineering.
    Harness,
    /// LitmusChaos 3.x.
    Litmus,
    /// A local command.
    Command,
}

impl EngineKind {
    /// All engines, in the order in which suites, questions and messages list them.
    pub const ALL: [Self; 4] = [Self::Fis, Self::Harness, Self::Litmus, Self::Command];

    /// Returns the word by which suites, reports and state files call the engine.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fis => "fis",
            Self::Harness => "harness",
            Self::Litmus => "litmus",
            Self::Command => "command",
        }
    }

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
