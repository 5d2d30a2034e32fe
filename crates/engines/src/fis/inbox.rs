//! The inbox keeps the state changes that have come out of the queue until the experiment they speak of is
//! watched.
//!
//! One reader fills the inbox for all experiments of a subscription. An event may come before StartExperiment
//! has answered, more than once, late, or for somebody else's experiment of the same template. Each
//! collection has a limit, so that a flood of messages takes no memory without end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::events::{AlarmEvent, QueueMessage, StateChange};
use crate::alarms::AlarmFeed;
use faultgate_net::aws::AwsPlace;

/// Maximum number of experiments whose changes are kept before they are claimed: other runs may share the
/// template, and an experiment of this run may be announced before it is claimed.
const MAX_EXPERIMENTS: usize = 512;
/// Maximum number of changes of one experiment that are kept. FIS announces fewer than ten.
const MAX_CHANGES: usize = 64;
/// Maximum number of changes that are kept of all unclaimed experiments together.
const MAX_FOREIGN_CHANGES: usize = 2048;

/// A state change, and the time at which it was received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) change: StateChange,
    pub(super) observed_at: Timestamp,
}

/// The instruction for a message in a queue that others may read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// The message was for this run: delete it.
    Ours,
    /// The message may be somebody else's: leave it.
    NotOurs,
}

/// The proof that events come through to the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Arrival {
    /// An event has come through, or the subscription was proved before the inbox was needed.
    #[default]
    Given,
    /// A handshake or an event of this run is waited for.
    Awaited,
    /// The proof has not come in time, for this reason. A late proof still counts.
    Missed(String),
}

#[derive(Debug, Default)]
struct Contents {
    /// The changes by the ids of the experiments, in the order of their arrival.
    received: HashMap<String, Vec<Received>>,
    /// Ids of the events that are kept.
    seen: HashSet<String>,
    /// Number of duplicates by the ids of the experiments.
    duplicates: HashMap<String, u64>,
    /// Ids of the claimed experiments.
    ours: HashSet<String>,
    /// Number of changes that are kept of experiments which are not claimed.
    of_others: usize,
    /// The awaited nonces; the value is `true` once the handshake has come.
    handshakes: BTreeMap<String, bool>,
    malformed: u64,
    /// Number of changes that were dropped, since too many were kept.
    let_go: u64,
    /// The reason for which the queue cannot be read at present, if it cannot.
    trouble: Option<String>,
    arrival: Arrival,
}

/// The inbox of one subscription. Cloning it shares the contents.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    templates: Arc<HashSet<String>>,
    /// The feed of alarms. None where nobody wants to hear of alarms.
    alarms: Option<AlarmFeed>,
    /// The account and Region whose events count.
    place: AwsPlace,
    contents: Arc<Mutex<Contents>>,
    changed: watch::Sender<()>,
}

impl Inbox {
    pub(super) fn new(templates: impl IntoIterator<Item = String>, place: AwsPlace) -> Self {
        Self {
            templates: Arc::new(templates.into_iter().collect()),
            alarms: None,
            place,
            contents: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Passes the changes of alarms on to a feed.
    pub(super) fn feeding(self, alarms: AlarmFeed) -> Self {
        Self { alarms: Some(alarms), ..self }
    }

    /// Returns a receiver that is woken at each change of the inbox from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Claims an experiment for this run: messages about it are this run's from now on.
    pub(super) fn claim(&self, experiment: &str) {
        let mut contents = self.contents();
        if contents.ours.insert(experiment.to_owned()) {
            let kept = contents.received.get(experiment).map_or(0, Vec::len);
            contents.of_others = contents.of_others.saturating_sub(kept);
            if kept > 0 {
                contents.arrival = Arrival::Given;
            }
        }
    }

    /// Awaits a handshake with this nonce. Handshakes with other nonces, which anybody may put on the bus,
    /// are ignored.
    pub(super) fn await_handshake(&self, nonce: &str) {
        self.contents().handshakes.entry(nonce.to_owned()).or_default();
    }

    /// Demands a proof that events come through: the handshake with this nonce, or an event of this run.
    pub(super) fn await_proof(&self, nonce: &str) {
        self.contents().arrival = Arrival::Awaited;
        self.await_handshake(nonce);
    }

    /// Notes that no proof has come in time. Returns `false` if one has come after all.
    pub(super) fn miss_proof(&self, why: String) -> bool {
        let mut contents = self.contents();
        let is_missing = contents.arrival == Arrival::Awaited;
        if is_missing {
            contents.arrival = Arrival::Missed(why);
            drop(contents);
            self.changed.send_replace(());
        }
        is_missing
    }

    /// Returns `true` if events come through, as far as anybody knows.
    pub(super) fn is_proved(&self) -> bool {
        self.contents().arrival == Arrival::Given
    }

    /// Keeps a message where it concerns this run. `again` says that this process has received it before, so
    /// that it is no duplicate of its event.
    pub(super) fn deliver(&self, message: &QueueMessage, observed_at: Timestamp, again: bool) -> Disposition {
        let mut contents = self.contents();
        let counted = (contents.malformed, contents.let_go);
        let disposition = match message {
            QueueMessage::StateChange(change) => self.take(&mut contents, change, observed_at, again),
            QueueMessage::Alarm(told) => {
                self.pass_on(told, observed_at);
                Disposition::NotOurs
            }
            QueueMessage::Handshake { origin, nonce } => match contents.handshakes.get_mut(nonce) {
                Some(has_come) if !origin.is_elsewhere(&self.place) => {
                    *has_come = true;
                    contents.arrival = Arrival::Given;
                    Disposition::Ours
                }
                _ => Disposition::NotOurs,
            },
            QueueMessage::Foreign => Disposition::NotOurs,
            QueueMessage::Malformed(why) => {
                tracing::debug!(why, "a message could not be read");
                contents.malformed += 1;
                Disposition::NotOurs
            }
        };
        if again {
            (contents.malformed, contents.let_go) = counted;
        }
        drop(contents);
        // A message that comes round on its way to another run wakes nobody.
        if !again || disposition == Disposition::Ours {
            self.changed.send_replace(());
        }
        disposition
    }

    fn pass_on(&self, told: &AlarmEvent, observed_at: Timestamp) {
        // Events of other accounts and Regions, whose alarms may have the same name, can be sent to this bus.
        if let Some(feed) = self.alarms.as_ref().filter(|_| told.origin.is(&self.place)) {
            feed.deliver(&told.event_id, told.change.clone(), observed_at);
        }
    }

    fn take(
        &self,
        contents: &mut Contents,
        change: &StateChange,
        observed_at: Timestamp,
        again: bool,
    ) -> Disposition {
        let ours = contents.ours.contains(&change.experiment);
        let concerns_us = ours || self.templates.contains(&change.template);
        if !concerns_us || change.origin.is_elsewhere(&self.place) {
            return Disposition::NotOurs;
        }
        if ours {
            contents.arrival = Arrival::Given;
        }
        let disposition = if ours { Disposition::Ours } else { Disposition::NotOurs };
        let changes = contents.received.get(&change.experiment).map(Vec::len);
        // Duplicates are counted of known experiments only: counters by forged ids would grow without end.
        if changes.is_some() && contents.seen.contains(&change.event_id) {
            if !again {
                *contents.duplicates.entry(change.experiment.clone()).or_default() += 1;
            }
            return disposition;
        }
        let is_new = !contents.seen.contains(&change.event_id) && changes.unwrap_or_default() < MAX_CHANGES;
        // A claimed experiment always has a place, so that a flood of others' changes cannot displace its
        // own.
        let has_place = changes.is_some() || contents.received.len() < MAX_EXPERIMENTS;
        if !is_new || !(ours || (has_place && contents.of_others < MAX_FOREIGN_CHANGES)) {
            contents.let_go += 1;
            return disposition;
        }
        contents.seen.insert(change.event_id.clone());
        contents.of_others += usize::from(!ours);
        let kept = contents.received.entry(change.experiment.clone()).or_default();
        kept.push(Received { change: change.clone(), observed_at });
        disposition
    }

    /// Returns the changes of an experiment that came after the first `known` ones, in the order of their
    /// arrival.
    pub(super) fn after(&self, experiment: &str, known: usize) -> Vec<Received> {
        self.contents()
            .received
            .get(experiment)
            .and_then(|changes| changes.get(known..))
            .unwrap_or_default()
            .to_vec()
    }

    /// Returns `true` if so many changes of an experiment are kept that the next one is let go.
    pub(super) fn is_full_of(&self, experiment: &str) -> bool {
        self.contents().received.get(experiment).is_some_and(|changes| changes.len() >= MAX_CHANGES)
    }

    /// Returns the number of changes of an experiment that are kept.
    pub(super) fn count_received(&self, experiment: &str) -> u64 {
        self.contents().received.get(experiment).map_or(0, |changes| changes.len() as u64)
    }

    pub(super) fn count_duplicates(&self, experiment: &str) -> u64 {
        self.contents().duplicates.get(experiment).copied().unwrap_or_default()
    }

    /// Returns the number of messages that could not be read.
    pub(super) fn count_malformed(&self) -> u64 {
        self.contents().malformed
    }

    /// Returns the number of changes that were dropped, since too many were kept.
    pub(super) fn count_let_go(&self) -> u64 {
        self.contents().let_go
    }

    pub(super) fn has_handshake(&self, nonce: &str) -> bool {
        self.contents().handshakes.get(nonce).copied().unwrap_or_default()
    }

    /// Returns the reason for which no events come at present, if there is one: the queue cannot be read, or
    /// nothing has come through to it.
    pub(super) fn trouble(&self) -> Option<String> {
        let contents = self.contents();
        contents.trouble.clone().or_else(|| match &contents.arrival {
            Arrival::Missed(why) => Some(why.clone()),
            Arrival::Given | Arrival::Awaited => None,
        })
    }

    /// Notes why the queue cannot be read, or that it can. Waiters wake only where that has changed.
    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        let mut contents = self.contents();
        if contents.trouble != trouble {
            let readable = trouble.is_none();
            contents.trouble = trouble;
            drop(contents);
            if let Some(feed) = &self.alarms {
                feed.set_readable(readable);
            }
            self.changed.send_replace(());
        }
    }

    /// Returns `true` if the other is a clone of this one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.contents, &other.contents)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // A panic while the lock was held has left nothing half-done in these collections.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
