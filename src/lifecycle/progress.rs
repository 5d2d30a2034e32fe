//! The state of one experiment while it goes on, and its way to the sinks.

use std::cell::{Cell, RefCell};

use tokio::sync::Notify;

use super::admission::Berth;
use super::cancel::Duty;
use super::probes::Probing;
use super::run::Lifecycle;
use super::scheduled::Scheduled;
use faultgate_core::model::{AlarmChange, RunEvent, Source, State, Transition};
use faultgate_engines::Watcher;

/// Number of state changes that are kept of one experiment, and of its alarms. No ordinary experiment has so
/// many; an engine that answers with another state at each request has.
const MAX_TRANSITIONS: usize = 200;

/// The state of an experiment right now, which everybody who follows it shares.
pub(super) struct Progress<'a> {
    pub(super) scheduled: &'a Scheduled<'a>,
    lifecycle: &'a Lifecycle<'a>,
    pub(super) transitions: RefCell<Vec<Transition>>,
    /// Changes of the alarms that are stop conditions of the experiment.
    pub(super) alarms: RefCell<Vec<AlarmChange>>,
    /// Number of state changes that were not kept.
    dropped: Cell<u64>,
    /// `true` once the engine's own record says that the experiment is pending no more.
    pub(super) begun: Cell<bool>,
    pub(super) probing: RefCell<Probing>,
    /// `true` once nothing more can be objected to the launch.
    pub(super) verified: Cell<bool>,
    /// Rings when the experiment is said to be pending no more, and with each change after that.
    pub(super) stirred: Notify,
    /// The duty to ask for a stop before the process may end.
    duty: Cell<Option<Duty>>,
    /// The experiment's part of what its place bears at once.
    berth: Cell<Option<Berth>>,
}

impl<'a> Progress<'a> {
    /// Creates the state of an experiment that is about to be launched, or may be running. A second signal
    /// waits for its stop as long as the duty is there.
    pub(super) fn new(
        lifecycle: &'a Lifecycle<'a>,
        scheduled: &'a Scheduled<'a>,
        probing: Probing,
        duty: Option<Duty>,
        berth: Berth,
    ) -> Self {
        Self {
            scheduled,
            lifecycle,
            transitions: RefCell::default(),
            alarms: RefCell::default(),
            dropped: Cell::default(),
            begun: Cell::new(false),
            probing: RefCell::new(probing),
            verified: Cell::new(false),
            stirred: Notify::new(),
            duty: Cell::new(duty),
            berth: Cell::new(Some(berth)),
        }
    }

    /// Gives the duty to stop back: the experiment has been asked to stop, or has ended.
    pub(super) fn drop_duty(&self) {
        drop(self.duty.take());
    }

    /// Makes room for another experiment in the place: this one has ended.
    pub(super) fn leave(&self) {
        if let Some(berth) = self.berth.take() {
            self.berth.set(Some(berth.vacate()));
        }
    }

    /// Returns the warning that state changes are missing in the report, if some are.
    pub(super) fn warn_of_dropped(&self) -> Option<String> {
        let dropped = self.dropped.get();
        (dropped > 0).then(|| format!("{dropped} more changes of its state are left out of the report"))
    }
}

impl Watcher for Progress<'_> {
    fn transition(&self, transition: Transition) {
        if transition.state.rank() > State::Pending.rank() {
            self.stirred.notify_one();
        }
        let event = RunEvent::Transition { experiment: self.scheduled.number, transition: &transition };
        (self.lifecycle.publish)(&event);
        // An event is a hint, which may be late, lost or forged: only the engine's own record ends the wait
        // for a start.
        if transition.source != Source::Event && transition.state.rank() > State::Pending.rank() {
            self.begun.set(true);
        }
        let mut kept = self.transitions.borrow_mut();
        // The last place is kept for the end, which the report needs most.
        if kept.len() < MAX_TRANSITIONS || (transition.state.is_terminal() && kept.len() == MAX_TRANSITIONS) {
            kept.push(transition);
        } else {
            self.dropped.set(self.dropped.get().saturating_add(1));
        }
    }

    fn alarm(&self, change: AlarmChange) {
        let event = RunEvent::AlarmChanged { experiment: self.scheduled.number, change: &change };
        (self.lifecycle.publish)(&event);
        let mut kept = self.alarms.borrow_mut();
        if kept.len() < MAX_TRANSITIONS {
            kept.push(change);
        }
    }

    fn warning(&self, message: &str) {
        (self.lifecycle.publish)(&RunEvent::Warning(message));
    }
}
