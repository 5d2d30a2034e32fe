//! How an experiment is while it goes on.

use std::cell::{Cell, RefCell};

use super::Lifecycle;
use super::cancel::Duty;
use super::probing::Probing;
use faultgate_core::model::{Probe, RunEvent, Source, State, Transition};
use faultgate_engines::Watcher;

/// Changes of state that are kept of one experiment. No life has so many: an engine that says another word at each look
/// has.
const MOST_TRANSITIONS: usize = 200;

/// How an experiment is right now, for everybody who watches it.
pub(super) struct Progress<'a> {
    pub(super) index: usize,
    lifecycle: &'a Lifecycle<'a>,
    pub(super) transitions: RefCell<Vec<Transition>>,
    /// Changes that were let go.
    let_go: Cell<u64>,
    /// The engine's own record says that it is pending no more.
    pub(super) begun: Cell<bool>,
    pub(super) probing: RefCell<Probing>,
    duty: Cell<Option<Duty>>,
}

impl<'a> Progress<'a> {
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

    /// The experiment has been asked to stop, or has ended.
    pub(super) fn needs_no_stop(&self) {
        drop(self.duty.take());
    }

    /// What a reader of the transitions has to know.
    pub(super) fn left_out(&self) -> Option<String> {
        let let_go = self.let_go.get();
        (let_go > 0).then(|| format!("{let_go} more changes of its state are left out of the report"))
    }

    /// What the probes have seen before the launch. It is taken from them.
    pub(super) fn seen(&self) -> Vec<Probe> {
        self.probing.borrow().results(None)
    }
}

impl Watcher for Progress<'_> {
    fn transition(&self, transition: Transition) {
        let event = RunEvent::Transition { experiment: self.index, transition: &transition };
        (self.lifecycle.publish)(&event);
        // An event is a hint, which may be late, lost or forged: only the engine's own record ends the wait for a start.
        if transition.source != Source::Event && transition.state.rank() > State::Pending.rank() {
            self.begun.set(true);
        }
        let mut kept = self.transitions.borrow_mut();
        // The last place is for the end.
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
