//! State changes that have come out of the queue, kept until the experiment they speak of is watched.
//!
//! One reader fills it for all experiments of a subscription. An event may come before StartExperiment has
//! answered, more than once, late, or for somebody else's experiment of the same template.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::events::{Message, StateChange, parse};

/// Experiments of others that share our template are kept too, in case one turns out to be ours; no more of
/// them than this.
const MOST_EXPERIMENTS: usize = 512;
/// FIS announces fewer than ten changes of one experiment.
const MOST_CHANGES: usize = 64;
/// Changes of all experiments of others together.
const MOST_OF_OTHERS: usize = 2048;

#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) change: StateChange,
    pub(super) observed_at: Timestamp,
}

/// What is to be done with a message in a queue that others may read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// It was for this run: delete it.
    Ours,
    /// It may be somebody else's: let it be.
    NotOurs,
}

#[derive(Debug, Default)]
struct Contents {
    received: HashMap<String, Vec<Received>>,
    seen: HashSet<String>,
    duplicates: HashMap<String, u64>,
    ours: HashSet<String>,
    /// Changes that are kept of experiments that are not ours, so far.
    of_others: usize,
    /// Nonces, and whether each has come.
    handshakes: BTreeMap<String, bool>,
    malformed: u64,
    /// Changes that were let go, since too many were kept.
    let_go: u64,
    /// Why the queue cannot be read at present.
    trouble: Option<String>,
}

/// Cloning shares the contents.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    templates: Arc<HashSet<String>>,
    contents: Arc<Mutex<Contents>>,
    changed: watch::Sender<()>,
}

impl Inbox {
    pub(super) fn new(templates: impl IntoIterator<Item = String>) -> Self {
        Self {
            templates: Arc::new(templates.into_iter().collect()),
            contents: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Wakes at each change from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// From now on, messages about this experiment are this run's.
    pub(super) fn claim(&self, experiment: &str) {
        let mut contents = self.contents();
        if contents.ours.insert(experiment.to_owned()) {
            let kept = contents.received.get(experiment).map_or(0, Vec::len);
            contents.of_others = contents.of_others.saturating_sub(kept);
        }
    }

    /// From now on a handshake with this nonce is noticed, and no other that anybody may have put on the bus.
    pub(super) fn await_handshake(&self, nonce: &str) {
        self.contents().handshakes.entry(nonce.to_owned()).or_default();
    }

    pub(super) fn deliver(&self, body: &str, observed_at: Timestamp) -> Disposition {
        let mut contents = self.contents();
        let disposition = match parse(body) {
            Message::StateChange(change) => self.take(&mut contents, change, observed_at),
            Message::Handshake { nonce } => {
                if let Some(has_come) = contents.handshakes.get_mut(&nonce) {
                    *has_come = true;
                }
                Disposition::NotOurs
            }
            Message::Foreign => Disposition::NotOurs,
            Message::Malformed(why) => {
                tracing::debug!(why, "a message could not be read");
                contents.malformed += 1;
                Disposition::NotOurs
            }
        };
        drop(contents);
        self.changed.send_replace(());
        disposition
    }

    fn take(&self, contents: &mut Contents, change: StateChange, observed_at: Timestamp) -> Disposition {
        let ours = contents.ours.contains(&change.experiment);
        if !ours && !self.templates.contains(&change.template) {
            return Disposition::NotOurs;
        }
        let disposition = if ours { Disposition::Ours } else { Disposition::NotOurs };
        let changes = contents.received.get(&change.experiment).map(Vec::len);
        if changes.is_some() && contents.seen.contains(&change.event_id) {
            *contents.duplicates.entry(change.experiment).or_default() += 1;
            return disposition;
        }
        let is_new = !contents.seen.contains(&change.event_id) && changes.unwrap_or_default() < MOST_CHANGES;
        let has_place = changes.is_some() || contents.received.len() < MOST_EXPERIMENTS;
        if !is_new || !(ours || (has_place && contents.of_others < MOST_OF_OTHERS)) {
            contents.let_go += 1;
            return disposition;
        }
        contents.seen.insert(change.event_id.clone());
        contents.of_others += usize::from(!ours);
        contents
            .received
            .entry(change.experiment.clone())
            .or_default()
            .push(Received { change, observed_at });
        disposition
    }

    /// The changes of an experiment that came after the first `known` ones, in the order of their arrival.
    pub(super) fn after(&self, experiment: &str, known: usize) -> Vec<Received> {
        self.contents()
            .received
            .get(experiment)
            .and_then(|changes| changes.get(known..))
            .unwrap_or_default()
            .to_vec()
    }

    pub(super) fn received(&self, experiment: &str) -> u64 {
        self.contents().received.get(experiment).map_or(0, |changes| changes.len() as u64)
    }

    pub(super) fn duplicates(&self, experiment: &str) -> u64 {
        self.contents().duplicates.get(experiment).copied().unwrap_or_default()
    }

    pub(super) fn malformed(&self) -> u64 {
        self.contents().malformed
    }

    pub(super) fn let_go(&self) -> u64 {
        self.contents().let_go
    }

    pub(super) fn has_handshake(&self, nonce: &str) -> bool {
        self.contents().handshakes.get(nonce).copied().unwrap_or_default()
    }

    /// Why the queue cannot be read at present.
    pub(super) fn trouble(&self) -> Option<String> {
        self.contents().trouble.clone()
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        let mut contents = self.contents();
        if contents.trouble != trouble {
            contents.trouble = trouble;
            drop(contents);
            self.changed.send_replace(());
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // A panic while the lock was held has left nothing half-done in these collections.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::{FIS_DETAIL_TYPE, FIS_SOURCE};
    use super::*;
    use serde_json::json;

    fn event(id: &str, experiment: &str, template: &str, word: &str) -> String {
        json!({"id": id, "source": FIS_SOURCE, "detail-type": FIS_DETAIL_TYPE, "time": "2026-11-22T10:00:00Z",
               "detail": {"experiment-id": experiment, "experiment-template-id": template,
                          "new-state": {"status": word}}})
        .to_string()
    }

    fn inbox() -> Inbox {
        Inbox::new(["EXT1".to_owned()])
    }

    #[test]
    fn events_wait_for_an_experiment_that_is_not_known_yet() {
        let inbox = inbox();
        inbox.deliver(&event("a", "EXP1", "EXT1", "running"), Timestamp::UNIX_EPOCH);
        inbox.claim("EXP1");
        assert_eq!(inbox.after("EXP1", 0).len(), 1);
        assert!(inbox.after("EXP1", 1).is_empty() && inbox.after("EXP1", 7).is_empty());
    }

    #[test]
    fn duplicates_are_counted_and_kept_once() {
        let inbox = inbox();
        for _ in 0..3 {
            inbox.deliver(&event("a", "EXP1", "EXT1", "running"), Timestamp::UNIX_EPOCH);
        }
        assert_eq!((inbox.received("EXP1"), inbox.duplicates("EXP1")), (1, 2));
    }

    #[test]
    fn only_messages_of_claimed_experiments_are_ours_to_delete() {
        let inbox = inbox();
        inbox.claim("EXP1");
        let cases = [
            (event("a", "EXP1", "EXT1", "running"), Disposition::Ours),
            (event("b", "EXP2", "EXT1", "running"), Disposition::NotOurs),
            (event("c", "EXP3", "EXT9", "running"), Disposition::NotOurs),
            ("not json".to_owned(), Disposition::NotOurs),
        ];
        for (body, expected) in cases {
            assert_eq!(inbox.deliver(&body, Timestamp::UNIX_EPOCH), expected, "{body}");
        }
        assert_eq!(inbox.received("EXP3"), 0, "another template's events are not kept");
        assert_eq!(inbox.malformed(), 1);
    }

    #[test]
    fn a_flood_of_others_leaves_room_for_ours() {
        let inbox = inbox();
        for n in 0..2 * MOST_EXPERIMENTS {
            inbox.deliver(
                &event(&format!("x{n}"), &format!("OTHER{n}"), "EXT1", "running"),
                Timestamp::UNIX_EPOCH,
            );
        }
        inbox.claim("EXP1");
        inbox.deliver(&event("a", "EXP1", "EXT1", "completed"), Timestamp::UNIX_EPOCH);
        assert_eq!(inbox.received("EXP1"), 1);
        assert!(inbox.contents().received.len() <= MOST_EXPERIMENTS + 1);
        assert_eq!(inbox.let_go(), MOST_EXPERIMENTS as u64);
    }

    /// Each message is another one, and each may be kept in one of the collections.
    #[test]
    fn nothing_that_floods_the_queue_is_kept_without_end() {
        let inbox = inbox();
        inbox.claim("EXP1");
        inbox.await_handshake("ours");
        let kept = || {
            let contents = inbox.contents();
            let changes: usize = contents.received.values().map(Vec::len).sum();
            changes + contents.seen.len() + contents.duplicates.len() + contents.handshakes.len()
        };
        let flood = |from: usize| {
            for n in from..from + 10_000 {
                let handshake = json!({"source": "faultgate.handshake", "detail-type": "Faultgate Handshake",
                                       "detail": {"nonce": format!("n{n}")}});
                for body in [
                    event(&format!("a{n}"), "EXP1", "EXT1", "running"),
                    event(&format!("b{n}"), "EXP2", "EXT1", "running"),
                    event(&format!("c{n}"), &format!("OTHER{}", n % 100), "EXT1", "running"),
                    event("a0", &format!("OTHER{n}"), "EXT1", "running"),
                    handshake.to_string(),
                ] {
                    inbox.deliver(&body, Timestamp::UNIX_EPOCH);
                }
            }
        };
        flood(0);
        let (once, let_go) = (kept(), inbox.let_go());
        flood(10_000);
        assert_eq!(kept(), once, "it is full");
        assert!(once < 3 * MOST_OF_OTHERS, "{once}");
        assert!(inbox.let_go() > let_go + 30_000, "what was let go is counted");
        assert_eq!(inbox.received("EXP1"), MOST_CHANGES as u64);
        assert!(!inbox.has_handshake("ours"));
    }
}
