//! The state of one experiment while it goes on, and its way to the sinks.

use std::cell::{Cell, RefCell};

use super::Lifecycle;
use super::cancel::Duty;
use super::probing::Probing;
use faultgate_core::model::{Probe, RunEvent, Source, State, Transition};
use faultgate_engines::Watcher;

/// Number of state changes that are kept of one experiment. No ordinary experiment has so many; an engine
/// that answers with another state at each request has.
const MOST_TRANSITIONS: usize = 200;

/// The state of an experiment right now, which everybody who follows it shares.
pub(super) struct Progress<'a> {
    /// The experiment's place in the plan.
    pub(super) index: usize,
    lifecycle: &'a Lifecycle<'a>,
    pub(super) transitions: RefCell<Vec<Transition>>,
    /// Number of state changes that were not kept.
    let_go: Cell<u64>,
    /// `true` once the engine's own record says that the experiment is pending no more.
    pub(super) begun: Cell<bool>,
    pub(super) probing: RefCell<Probing>,
    /// The duty to ask for a stop before the process may end.
    duty: Cell<Option<Duty>>,
}

impl<'a> Progress<'a> {
    /// Creates the state of an experiment that is about to be launched. From here on a signal waits for its
    /// stop.
    pub(super) fn of(lifecycle: &'a Lifecycle<'a>, index: usize, probing: Probing) -> Self {
        Self {
            index,
            lifecycle,
            transitions: RefCell::default(),
            let_go: Cell::default(),
            begun: Cell::new(false),
            probing: RefCell::new(probing),
            duty: Cell::new(Some(lifecycle.cancel.take_duty())),
        }
    }

    /// Gives the duty to stop back: the experiment has been asked to stop, or has ended.
    pub(super) fn needs_no_stop(&self) {
        drop(self.duty.take());
    }

    /// Returns the warning that state changes are missing in the report, if some are.
    pub(super) fn left_out(&self) -> Option<String> {
        let let_go = self.let_go.get();
        (let_go > 0).then(|| format!("{let_go} more changes of its state are left out of the report"))
    }

    /// Returns the results of the probes before the launch, and takes them out of the probes.
    pub(super) fn seen(&self) -> Vec<Probe> {
        self.probing.borrow().results(None)
    }
}

impl Watcher for Progress<'_> {
    fn transition(&self, transition: Transition) {
        let event = RunEvent::Transition { experiment: self.index, transition: &transition };
        (self.lifecycle.publish)(&event);
        // An event is a hint, which may be late, lost or forged: only the engine's own record ends the wait
        // for a start.
        if transition.source != Source::Event && transition.state.rank() > State::Pending.rank() {
            self.begun.set(true);
        }
        let mut kept = self.transitions.borrow_mut();
        // The last place is kept for the end, which the report needs most.
        if kept.len() < MOST_TRANSITIONS || (transition.state.is_terminal() && kept.len() == MOST_TRANSITIONS)
        {
            kept.push(transition);
        } else {
            self.let_go.set(self.let_go.get().saturating_add(1));
        }
    }

    fn warning(&self, message: &str) {
        (self.lifecycle.publish)(&RunEvent::Warning(message));
    }
}
