//! The admission of experiments to their places: at most so many of a run at once, and a wait where the
//! engine has no slot for another one, or takes no request at present.
//!
//! A place is an account and Region of AWS. An engine that bears any number of experiments has none.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::cancel::Share;
use super::launching::{LAUNCH_LIMIT, LaunchPermit};
use super::run::{Course, Lifecycle};
use super::scheduled::Scheduled;
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::duration::exact;
use faultgate_core::model::{Plan, RunEvent, Signal, Verdict};
use faultgate_engines::{Admission, EngineFailure, FailureKind, Launched};

/// Pauses before a launch is requested again that the place did not take.
const SLOT_PAUSES: Backoff =
    Backoff::new(Duration::from_secs(1), Duration::from_secs(15)).with_jitter(Jitter::Part(0.5));

/// The places of a run, and how much of each is taken.
#[derive(Debug)]
pub(super) struct Places {
    slots: RefCell<BTreeMap<String, Arc<Semaphore>>>,
    /// Permits for all experiments at once, whatever their places.
    all: Arc<Semaphore>,
    /// The sentences about waits that the user has read.
    told: RefCell<BTreeSet<String>>,
}

impl Places {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            slots: RefCell::default(),
            all: Arc::new(Semaphore::new(plan.parallel.max(1))),
            told: RefCell::default(),
        }
    }

    /// Returns the slots of a place.
    fn get_slots(&self, place: &str, most: usize) -> Arc<Semaphore> {
        let mut slots = self.slots.borrow_mut();
        slots.entry(place.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most))).clone()
    }
}

/// The part that an experiment has of what its place and the run bear at once. It is given back when it is
/// dropped.
#[derive(Debug, Default)]
pub(super) struct Berth {
    slot: Option<OwnedSemaphorePermit>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Berth {
    /// Gives the slot of the place back. The run is busy with the experiment still.
    pub(super) fn vacate(self) -> Self {
        drop(self.slot);
        Self { slot: None, turn: self.turn }
    }
}

/// The outcome of the request to begin an experiment.
pub(super) enum Begun {
    Answered(Result<Launched, EngineFailure>),
    Unanswered,
    /// The place did not take it in time, as the text says.
    Late(String),
    /// A signal ended the wait, and nothing was begun.
    Cancelled(Signal),
    /// Something in the course of the run has come to forbid launches during the wait.
    Forbidden(Verdict, String),
}

impl Lifecycle<'_> {
    /// Returns the number of experiments of the run that may be in one place at once.
    fn limit_per_place(&self) -> usize {
        if self.guard.wants_alone() { 1 } else { self.plan.max_active.max(1) }
    }

    /// Returns the number of experiments that are taken up at once. Where `parallel` is more than one place
    /// bears, all are: those that wait for their places must not keep the others waiting.
    pub(super) fn count_taken_up_at_once(&self) -> usize {
        let parallel = self.plan.parallel.max(1);
        if parallel > self.limit_per_place() { self.scheduled.len().max(1) } else { parallel }
    }

    /// Waits until the experiment's place has a slot, and then for its turn in the run.
    pub(super) async fn take_berth(&self, scheduled: &Scheduled<'_>) -> Berth {
        let Course { places, .. } = &self.course;
        // The semaphores are never closed, so the permits are always there.
        let slot = match scheduled.engine.admission() {
            Some(admission) => {
                places.get_slots(&admission.place(), self.limit_per_place()).acquire_owned().await.ok()
            }
            None => None,
        };
        Berth { slot, turn: places.all.clone().acquire_owned().await.ok() }
    }

    /// Waits until the experiment's place has a slot for its preview.
    pub(super) async fn take_preview_berth(&self, scheduled: &Scheduled<'_>) -> Berth {
        let Some(admission) = scheduled.engine.admission() else { return Berth::default() };
        let place = format!("previews in {}", admission.place());
        let slots = self.course.places.get_slots(&place, self.plan.max_active.max(1));
        Berth { slot: slots.acquire_owned().await.ok(), turn: None }
    }

    /// Returns the reason for which all experiments cannot begin at once: a place that does not bear so many.
    pub(super) fn find_crowding(&self) -> Option<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for place in self.scheduled.iter().filter_map(|scheduled| scheduled.engine.admission()) {
            *counts.entry(place.place()).or_default() += 1;
        }
        let most = self.limit_per_place();
        let (place, count) = counts.into_iter().find(|(_, count)| *count > most)?;
        let (rule, remedy) = if self.guard.wants_alone() {
            ("limits.alone of the policy allows", String::new())
        } else {
            ("max-active allows", format!(", or set max-active to {count}"))
        };
        Some(format!(
            "not launched: faultgate launch starts all {count} experiments in {place} at once, and {rule} {most}; use \
             faultgate run or split the suite by shard{remedy}"
        ))
    }

    /// Requests the begin of an experiment, and again after a pause as long as its place does not take it but
    /// may do so later. The same launch token goes out each time. `permit` is not held during the pauses.
    pub(super) async fn begin<'s>(
        &'s self,
        scheduled: &Scheduled<'_>,
        permit: &mut LaunchPermit<'s>,
        ask: impl AsyncFn() -> Result<Launched, EngineFailure>,
    ) -> Begun {
        let queue_timeout = scheduled.plan.queue_timeout;
        let mut until = None;
        let mut waited_for = None;
        for attempt in 0.. {
            let failure = match self.cancel.within(LAUNCH_LIMIT, Share::Launch, ask()).await {
                Some(Err(failure)) if failure.kind.passes() => failure,
                Some(answer) => {
                    if let Some(kind) = waited_for.filter(|_| answer.is_ok()) {
                        self.tell_once(&describe_wait(scheduled, kind).1);
                    }
                    return Begun::Answered(answer);
                }
                None => return Begun::Unanswered,
            };
            let until = *until.get_or_insert_with(|| Instant::now() + queue_timeout);
            if Instant::now() >= until {
                let lacked = match failure.kind {
                    FailureKind::Full => "there was no slot for it",
                    _ => "the launch was not taken",
                };
                let (within, failure) = (exact(queue_timeout), failure.with_remedy());
                return Begun::Late(format!("{lacked} within queue-timeout, {within}: {failure}"));
            }
            *permit = None;
            waited_for = Some(failure.kind);
            self.tell_once(&describe_wait(scheduled, failure.kind).0);
            let next = Instant::now() + SLOT_PAUSES.pause(attempt, fastrand::f64());
            tokio::select! {
                biased;
                signal = self.cancel.cancelled() => return Begun::Cancelled(signal),
                () = tokio::time::sleep_until(next.min(until)) => {}
            }
            tokio::select! {
                biased;
                signal = self.cancel.cancelled() => return Begun::Cancelled(signal),
                again = self.course.launches.acquire() => *permit = again.ok(),
            }
            // Another experiment may have ended without `passed`, or halted the run, meanwhile.
            if let Err((verdict, why)) = self.check_launches_allowed() {
                return Begun::Forbidden(verdict, why);
            }
        }
        Begun::Unanswered
    }

    /// Publishes a sentence about waits that was not published before. Hundreds of experiments may wait for
    /// the same.
    fn tell_once(&self, sentence: &str) {
        if self.course.places.told.borrow_mut().insert(sentence.to_owned()) {
            (self.publish)(&RunEvent::Warning(sentence));
        }
    }
}

/// Returns the sentences about a wait of an experiment, by its place: that it has begun, and that it is over.
fn describe_wait(scheduled: &Scheduled<'_>, kind: FailureKind) -> (String, String) {
    let place = scheduled.engine.admission().map(Admission::place);
    let (engine, of_place) = match place {
        Some(place) => ("FIS", format!(" in {place}")),
        None => (scheduled.plan.spec.kind().title(), String::new()),
    };
    match kind {
        FailureKind::Full => (
            format!("waiting for a slot: {engine} runs as many experiments{of_place} as its quota allows"),
            format!("going on: {engine} has a slot{of_place}"),
        ),
        FailureKind::Throttled => (
            format!("waiting: {engine} takes no more requests{of_place} for now, since there were too many"),
            format!("going on: {engine} takes requests{of_place} again"),
        ),
        _ => (
            format!("waiting: {engine} is busy with another request{of_place}"),
            format!("going on: {engine} is free{of_place}"),
        ),
    }
}
