//! One round of probes of the steady state: whether it was met, and by which probes.

use serde::Deserialize;

use super::activity::Activity;
use super::declared::Declared;

/// One round, in which Chaos Toolkit plays the probes of the hypothesis until one fails.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Round {
    #[serde(rename = "steady_state_met")]
    pub(super) met: Option<bool>,
    pub(super) probes: Vec<Activity>,
}

impl Round {
    /// Returns `true` if the round says that the steady state was not met.
    pub(super) fn is_unmet(&self) -> bool {
        self.met == Some(false)
    }

    /// Returns the name of the first probe that was not in its tolerance.
    pub(super) fn failed(&self) -> Option<&str> {
        self.probes.iter().find(|probe| probe.tolerance_met != Some(true)).map(Activity::name)
    }

    /// Returns the end of a sentence that begins with the round, if its word and its probes disagree. Chaos
    /// Toolkit plays the probes in their order, and ends a round with the first that fails.
    pub(super) fn contradiction(&self, declared: &[Declared]) -> Option<String> {
        for (place, probe) in self.probes.iter().enumerate() {
            let name = probe.name();
            let is_declared = declared.get(place).is_some_and(|declared| declared.name() == name);
            if !is_declared || !probe.is_probe() {
                return Some(format!("tells of {name}, which is not the next probe of the hypothesis"));
            }
            let trouble = probe.trouble().filter(|_| probe.tolerance_met == Some(true));
            if let Some(trouble) = trouble {
                return Some(format!("tells that {name} was in its tolerance, though {name} {trouble}"));
            }
        }
        let not_measured = declared.get(self.probes.len()).map(Declared::name);
        match (self.met, self.failed(), not_measured) {
            (None, ..) => Some("does not say whether it was met".to_owned()),
            (Some(true), Some(name), _) => {
                Some(format!("is said to be met, though {name} is not said to be in its tolerance"))
            }
            (Some(true), None, Some(name)) => {
                Some(format!("is said to be met, though its probe {name} was not measured"))
            }
            (Some(false), None, _) => {
                Some("is said not to be met, though none of its probes was out of its tolerance".to_owned())
            }
            _ => None,
        }
    }
}
