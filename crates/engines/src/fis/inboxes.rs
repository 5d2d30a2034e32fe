//! The inboxes that one reader fills: that of a subscription of the run's own, or those of all accounts whose
//! events come through one queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::events::parse;
use super::inbox::{Disposition, Inbox};

/// The inboxes of one reader. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Inboxes(Arc<Mutex<Vec<Inbox>>>);

impl Inboxes {
    pub(super) fn of(inbox: Inbox) -> Self {
        Self(Arc::new(Mutex::new(vec![inbox])))
    }

    /// Adds an inbox, unless it is there. Returns `true` if it is the first.
    pub(super) fn add(&self, inbox: Inbox) -> bool {
        let mut all = self.all();
        if !all.iter().any(|known| known.is(&inbox)) {
            all.push(inbox);
        }
        all.len() == 1
    }

    /// Removes an inbox. Returns `true` if none is left.
    pub(super) fn remove(&self, inbox: &Inbox) -> bool {
        let mut all = self.all();
        all.retain(|known| !known.is(inbox));
        all.is_empty()
    }

    /// Reads a message and hands it to the inboxes. `again` says that this process has received it before.
    pub(super) fn deliver(&self, body: &str, observed_at: Timestamp, again: bool) -> Disposition {
        let message = parse(body);
        let mut disposition = Disposition::NotOurs;
        for inbox in &*self.all() {
            if inbox.deliver(&message, observed_at, again) == Disposition::Ours {
                disposition = Disposition::Ours;
            }
        }
        disposition
    }

    /// Notes why the queue cannot be read, or that it can.
    pub(super) fn set_trouble(&self, trouble: Option<&str>) {
        for inbox in &*self.all() {
            inbox.set_trouble(trouble.map(str::to_owned));
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Inbox>> {
        // A panic while the lock was held has left nothing half-done in the list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
