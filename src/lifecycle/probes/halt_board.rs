//! The board on which the experiments of a run post their failing probes, so that several of them can ask for a
//! halt together, and one halt can end the whole run.
//!
//! A failure counts from the time at which the engine said that the fault of its experiment was in. The board
//! stops nothing: it fires the triggers of experiments, and each of them asks its engine and decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::trip::Trip;
use faultgate_core::model::{HaltRule, HaltScope};

/// Number of failing probes that a reason names.
const MAX_NAMED: usize = 5;

/// The failing probes of all experiments that go on.
#[derive(Debug, Default)]
pub(crate) struct HaltBoard {
    rule: HaltRule,
    /// The names of the experiments, in the plan's order.
    names: Vec<String>,
    posted: Mutex<Posted>,
}

#[derive(Debug, Default)]
struct Posted {
    /// The experiments that have not ended, by their places in the plan.
    experiments: BTreeMap<usize, PostedExperiment>,
    /// The reason why the whole run is halted.
    halted: Option<String>,
}

/// The failing probes of one experiment.
#[derive(Debug)]
struct PostedExperiment {
    trip: Arc<Trip>,
    /// `true` once the engine has said that the fault is in.
    has_fault: bool,
    failing: BTreeMap<String, PostedFailure>,
}

/// The last failure of a probe.
#[derive(Debug)]
struct PostedFailure {
    at: Timestamp,
    reason: String,
}

impl PostedExperiment {
    /// Returns the probes whose last failure counts, with its reason.
    fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        let since = self.trip.armed_since();
        let counting = self.failing.iter().filter(move |(_, failure)| failure.at >= since);
        counting.map(|(probe, failure)| (probe.as_str(), failure.reason.as_str()))
    }
}

impl HaltBoard {
    /// Creates the board of a run with this rule, and with experiments of these names.
    pub(crate) fn new(rule: HaltRule, names: Vec<String>) -> Self {
        Self { rule, names, posted: Mutex::default() }
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an experiment, by its place in the plan. Its trigger fires at once if the whole run is halted.
    pub(crate) fn join(&self, experiment: usize, trip: Arc<Trip>) {
        let mut posted = self.posted();
        if posted.halted.is_some() {
            trip.fire();
        }
        let joined = PostedExperiment { trip, has_fault: false, failing: BTreeMap::new() };
        posted.experiments.insert(experiment, joined);
    }

    /// Removes an experiment that has ended. Its probes count no more.
    pub(crate) fn leave(&self, experiment: usize) {
        self.posted().experiments.remove(&experiment);
    }

    /// Returns `true` if probes that fail at the same time can halt experiments.
    pub(crate) fn counts_failing_probes(&self) -> bool {
        self.rule.failing_probes.is_some()
    }

    /// Posts an evaluation that began at this time while the experiment went on; `failure` is its reason if it
    /// failed. Fires triggers if too many probes fail.
    pub(crate) fn post(&self, experiment: usize, probe: &str, at: Timestamp, failure: Option<&str>) {
        let Some(limit) = self.rule.failing_probes else { return };
        let mut posted = self.posted();
        let Some(own) = posted.experiments.get_mut(&experiment) else { return };
        let Some(reason) = failure else {
            own.failing.remove(probe);
            return;
        };
        own.failing.insert(probe.to_owned(), PostedFailure { at, reason: reason.to_owned() });
        // An experiment whose fault is known to be in need not ask its engine again for the failures of others.
        for has_fault in [true, false] {
            if posted.count_failing(has_fault) >= limit as usize {
                return posted.fire_failing(has_fault);
            }
        }
    }

    /// Notes that the engine has said whether the fault of an experiment is in. Its failures may be the ones
    /// that another experiment's halt waits for.
    pub(crate) fn note_fault(&self, experiment: usize, has_fault: bool) {
        let mut posted = self.posted();
        let Some(own) = posted.experiments.get_mut(&experiment) else { return };
        let is_new = has_fault && !own.has_fault;
        own.has_fault = has_fault;
        if is_new && self.find_reason(&posted).is_some() {
            posted.fire_failing(true);
        }
    }

    /// Returns the reason to halt an experiment whose fault is in: the whole run is halted, or too many probes
    /// fail at the same time, at least one of its own among them.
    pub(crate) fn reason_to_halt(&self, experiment: usize) -> Option<String> {
        let posted = self.posted();
        let own = posted.experiments.get(&experiment)?;
        own.failures().next()?;
        self.find_reason(&posted)
    }

    /// Returns the sentence about the probes that fail at the same time, if there are too many. Only
    /// experiments count whose fault is in.
    fn find_reason(&self, posted: &Posted) -> Option<String> {
        let limit = self.rule.failing_probes? as usize;
        let with_fault = posted.experiments.iter().filter(|(_, known)| known.has_fault);
        let failing: Vec<(usize, &str, &str)> = with_fault
            .flat_map(|(number, known)| known.failures().map(|(probe, reason)| (*number, probe, reason)))
            .collect();
        if failing.len() < limit {
            return None;
        }
        let name = |(number, probe, reason): &(usize, &str, &str)| {
            let owner = self.names.get(*number).map(|name| format!(" of {name}")).unwrap_or_default();
            format!("{probe}{owner} ({reason})")
        };
        let mut named: Vec<String> = failing.iter().take(MAX_NAMED).map(name).collect();
        let more = failing.len() - named.len();
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        let probes = if failing.len() == 1 { "probe" } else { "probes" };
        Some(format!(
            "{} {probes} failed at the same time while the fault was in: {}",
            failing.len(),
            named.join(", ")
        ))
    }

    /// Halts all experiments of the run because of the halt of one, if the rule says so. Only the first reason
    /// is kept.
    pub(crate) fn spread(&self, name: &str, why: &str) {
        if self.rule.scope != HaltScope::All {
            return;
        }
        let mut posted = self.posted();
        if posted.halted.is_none() {
            posted.halted = Some(format!("the run was halted with {name}: {why}"));
            posted.experiments.values().for_each(|known| known.trip.fire());
        }
    }

    /// Returns the reason why the whole run is halted, if it is.
    pub(crate) fn halted(&self) -> Option<String> {
        self.posted().halted.clone()
    }
}

impl Posted {
    /// Counts failing probes: those of experiments whose fault is known to be in, or those of all.
    fn count_failing(&self, with_fault: bool) -> usize {
        let counting = self.experiments.values().filter(|known| known.has_fault || !with_fault);
        counting.map(|known| known.failures().count()).sum()
    }

    /// Fires the triggers of experiments with failing probes: of those whose fault is known to be in, or of
    /// the others.
    fn fire_failing(&self, with_fault: bool) {
        let failing = self.experiments.values().filter(|known| known.has_fault == with_fault);
        failing.filter(|known| known.failures().next().is_some()).for_each(|known| known.trip.fire());
    }
}

#[cfg(test)]
#[path = "halt_board_tests.rs"]
mod tests;
