//! How an experiment is while it goes on.

use std::cell::{Cell, RefCell};

use super::Lifecycle;
use super::cancel::Duty;
use super::probing::Probing;
use crate::engine::Watcher;
use crate::model::{Probe, RunEvent, Source, State, Transition};

/// How an experiment is right now, for everybody who watches it.
pub(super) struct Progress<'a> {
    pub(super) index: usize,
    lifecycle: &'a Lifecycle<'a>,
    pub(super) transitions: RefCell<Vec<Transition>>,
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
            begun: Cell::new(false),
            probing: RefCell::new(probing),
            duty: Cell::new(Some(lifecycle.cancel.take_duty())),
        }
    }

    /// The experiment has been asked to stop, or has ended.
    pub(super) fn needs_no_stop(&self) {
        drop(self.duty.take());
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
        self.transitions.borrow_mut().push(transition);
    }

    fn warning(&self, message: &str) {
        (self.lifecycle.publish)(&RunEvent::Warning(message));
    }
}
