//! A queue that several processes read at the same time, each of which has to see every message. No message
//! is deleted, so all of them come back again and again; each process remembers those that it knows and
//! passes them on to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::Instant;

use super::clients::Clients;
use super::inbox::Inbox;

/// Time for which a message is hidden from other processes after one has received it, in seconds.
pub(super) const HIDDEN_SECONDS: u16 = 10;
/// Time after which a message that another process holds has come back.
pub(super) const COME_BACK: Duration = Duration::from_secs(HIDDEN_SECONDS as u64 + 2);
/// Pause between two counts of the messages in the queue.
const RECOUNT_PAUSE: Duration = Duration::from_secs(1);

/// Maximum number of messages that are remembered. FIS sends a handful for each experiment; more is a flood,
/// and is left to others.
const MAX_KNOWN_MESSAGES: usize = 20_000;

/// The instruction for a message that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The message is new: read it.
    Take,
    /// Another process may wait for the message: give it back at once.
    PassOn,
    /// The message was given back and came straight back, so no other process waits for it; or it is one too
    /// many to remember. It stays hidden until its time is up.
    Leave,
}

/// The ids of the messages that this process has received, each with `true` if it was given back when it last
/// came. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedQueue(Arc<Mutex<HashMap<String, bool>>>);

impl SharedQueue {
    /// Tells what to do with a message, and remembers that it came.
    pub(super) fn handle(&self, message: &str) -> Handling {
        let mut known = self.lock_known();
        let is_full = known.len() >= MAX_KNOWN_MESSAGES;
        match known.get_mut(message) {
            None if is_full => Handling::Leave,
            None => {
                known.insert(message.to_owned(), false);
                Handling::Take
            }
            Some(passed_on) => {
                *passed_on = !*passed_on;
                if *passed_on { Handling::PassOn } else { Handling::Leave }
            }
        }
    }

    /// Waits until this process has received as many messages as the queue holds, but no longer than it takes
    /// until another process's messages come back. The queue's own counts are approximate.
    pub(super) async fn hear_all(&self, clients: &Clients, queue_url: &str, inbox: &Inbox) {
        let deadline = Instant::now() + COME_BACK;
        let mut changed = inbox.subscribe();
        // A count that fails ends the wait: the messages are worth waiting for, but nothing depends on them.
        while let Ok(Some(all)) = tokio::time::timeout_at(deadline, count(clients, queue_url)).await {
            let next = deadline.min(Instant::now() + RECOUNT_PAUSE);
            if self.lock_known().len() >= all || Instant::now() >= deadline {
                return;
            }
            let _ = tokio::time::timeout_at(next, changed.changed()).await;
        }
    }

    fn lock_known(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        // A panic while the lock was held has left nothing half-done in the map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the messages in the queue, hidden or not.
async fn count(clients: &Clients, queue_url: &str) -> Option<usize> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let request = clients.sqs().get_queue_attributes().queue_url(queue_url);
    let answer = request.set_attribute_names(Some(names.to_vec())).send().await.ok()?;
    let attributes = answer.attributes?;
    names.iter().map(|name| attributes.get(name)?.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_passed_on_every_other_time() {
        let shared = SharedQueue::default();
        let turns: Vec<Handling> = (0..5).map(|_| shared.handle("a")).collect();
        assert_eq!(
            turns,
            [Handling::Take, Handling::PassOn, Handling::Leave, Handling::PassOn, Handling::Leave]
        );
        assert_eq!(shared.clone().handle("b"), Handling::Take);
        assert_eq!(shared.lock_known().len(), 2);
        for number in 0..2 * MAX_KNOWN_MESSAGES {
            shared.handle(&number.to_string());
        }
        assert_eq!(shared.handle("one more"), Handling::Leave, "a flood");
        assert_eq!(shared.lock_known().len(), MAX_KNOWN_MESSAGES);
    }
}
