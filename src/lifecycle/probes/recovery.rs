//! The probes that are waited for after the end of an experiment, because the system may still recover.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::{Probing, RunningProbe};

/// The probes of an experiment with `recovers-within`.
pub(crate) struct RecoveringProbes(Vec<Arc<RunningProbe>>);

impl RecoveringProbes {
    pub(crate) fn of(probing: &Probing) -> Self {
        Self(probing.all.iter().filter(|probe| probe.plan.recovers_within.is_some()).cloned().collect())
    }

    /// Returns the names of those that have not passed since the end, and the longest time that one of them has. None
    /// if all have passed.
    pub(crate) fn left(&self) -> Option<(Vec<String>, Duration)> {
        let left = || self.0.iter().filter(|probe| !probe.samples().has_recovered());
        let within = left().filter_map(|probe| probe.plan.recovers_within).max()?;
        Some((left().map(|probe| probe.plan.name.clone()).collect(), within))
    }
}
