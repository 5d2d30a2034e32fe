//! The feed of a subscription's alarms: what events have told of them. The subscription's reader fills it,
//! and the probes, which are tasks of their own, wait for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use faultgate_core::model::AlarmChange;

/// Number of changes of one alarm that are kept: the latest ones. The record has all of them.
const MAX_CHANGES: usize = 256;

/// A change of an alarm as an event told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardChange {
    pub change: AlarmChange,
    pub observed_at: Timestamp,
    /// Place of the change among all that were heard of this alarm, counted from 1.
    pub number: u64,
}

/// The alarms of one subscription. Clones share it.
#[derive(Debug, Clone)]
pub struct AlarmFeed {
    contents: Arc<Mutex<FeedContents>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct FeedContents {
    /// Names of the alarms that probes want to hear of.
    wanted: BTreeSet<String>,
    /// The alarms whose events the subscription takes.
    taken: BTreeMap<String, HeardAlarm>,
    /// `true` while the subscription is proven and its queue can be read.
    open: bool,
    readable: bool,
}

/// The events about one alarm.
#[derive(Debug, Default)]
struct HeardAlarm {
    changes: VecDeque<HeardChange>,
    /// Ids of the events that are kept, in the same order.
    ids: VecDeque<String>,
    heard: u64,
}

impl Default for AlarmFeed {
    fn default() -> Self {
        let contents = FeedContents { readable: true, ..FeedContents::default() };
        Self { contents: Arc::new(Mutex::new(contents)), changed: watch::Sender::new(()) }
    }
}

impl AlarmFeed {
    /// Notes that a probe wants to hear of this alarm.
    pub fn want(&self, alarm: &str) {
        self.contents().wanted.insert(alarm.to_owned());
    }

    /// Returns the names of the alarms that probes want to hear of.
    pub(crate) fn wanted_alarms(&self) -> BTreeSet<String> {
        self.contents().wanted.clone()
    }

    /// Opens the feed: events of these alarms come from now on.
    pub(crate) fn open(&self, alarms: impl IntoIterator<Item = String>) {
        let mut contents = self.contents();
        contents.open = true;
        for alarm in alarms {
            contents.taken.entry(alarm).or_default();
        }
        drop(contents);
        self.changed.send_replace(());
    }

    /// Notes whether the subscription's queue can be read.
    pub(crate) fn set_readable(&self, readable: bool) {
        self.contents().readable = readable;
        self.changed.send_replace(());
    }

    /// Keeps a change that an event has told. One of an alarm that nobody asked for, one that was told
    /// before, and one without end of them are dropped.
    pub(crate) fn deliver(&self, event_id: &str, change: AlarmChange, observed_at: Timestamp) {
        let mut contents = self.contents();
        let Some(alarm) = contents.taken.get_mut(&change.alarm) else { return };
        if alarm.ids.iter().any(|known| known == event_id) {
            return;
        }
        if alarm.changes.len() >= MAX_CHANGES {
            alarm.changes.pop_front();
            alarm.ids.pop_front();
        }
        alarm.heard += 1;
        alarm.ids.push_back(event_id.to_owned());
        alarm.changes.push_back(HeardChange { change, observed_at, number: alarm.heard });
        drop(contents);
        self.changed.send_replace(());
    }

    /// Returns `true` while the changes of this alarm come by events.
    pub fn is_live(&self, alarm: &str) -> bool {
        let contents = self.contents();
        contents.open && contents.readable && contents.taken.contains_key(alarm)
    }

    /// Returns the changes that were heard of an alarm, in the order in which they were heard.
    pub fn heard_changes(&self, alarm: &str) -> Vec<HeardChange> {
        let contents = self.contents();
        contents.taken.get(alarm).map(|alarm| alarm.changes.iter().cloned().collect()).unwrap_or_default()
    }

    /// Returns a receiver that is woken at each change of the feed from now on.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn contents(&self) -> MutexGuard<'_, FeedContents> {
        // A panic while the lock was held has left nothing half-done in these collections.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn change(alarm: &str, state: &str, second: i64) -> AlarmChange {
        AlarmChange { alarm: alarm.to_owned(), state: state.to_owned(), at: at(second), reason: None }
    }

    fn feed() -> AlarmFeed {
        let feed = AlarmFeed::default();
        feed.open(["slow".to_owned()]);
        feed
    }

    #[test]
    fn an_event_that_comes_twice_is_heard_once() {
        let feed = feed();
        for _ in 0..3 {
            feed.deliver("a", change("slow", "ALARM", 5), at(6));
        }
        feed.deliver("b", change("slow", "OK", 7), at(8));
        let heard = feed.heard_changes("slow");
        let states: Vec<_> = heard.iter().map(|heard| (heard.change.state.as_str(), heard.number)).collect();
        assert_eq!(states, [("ALARM", 1), ("OK", 2)]);
    }

    #[test]
    fn an_alarm_is_live_while_its_events_come() {
        let feed = AlarmFeed::default();
        feed.want("slow");
        assert_eq!(feed.wanted_alarms(), BTreeSet::from(["slow".to_owned()]));
        assert!(!feed.is_live("slow"), "nothing is subscribed to yet");
        feed.open(["slow".to_owned()]);
        assert!(feed.is_live("slow") && !feed.is_live("other"));
        let mut changed = feed.subscribe();
        feed.set_readable(false);
        assert!(changed.has_changed().unwrap());
        assert!(!feed.is_live("slow"), "the queue cannot be read");
        changed.mark_unchanged();
        feed.set_readable(true);
        assert!(changed.has_changed().unwrap() && feed.is_live("slow"));
    }

    #[test]
    fn no_flood_is_kept_without_end() {
        let feed = feed();
        for n in 0..20 * i64::try_from(MAX_CHANGES).unwrap() {
            feed.deliver(&format!("a{n}"), change("slow", "ALARM", n), at(n));
            feed.deliver(&format!("b{n}"), change(&format!("other{n}"), "ALARM", n), at(n));
        }
        let heard = feed.heard_changes("slow");
        assert_eq!(heard.len(), MAX_CHANGES);
        assert_eq!(heard.last().unwrap().number, 20 * MAX_CHANGES as u64, "the latest are kept");
        let contents = feed.contents();
        assert_eq!((contents.taken.len(), contents.taken["slow"].ids.len()), (1, MAX_CHANGES));
    }
}
