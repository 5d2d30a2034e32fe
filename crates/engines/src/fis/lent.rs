//! A queue that several processes read, each of which is to see every message: none is deleted, and all come back
//! again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::Instant;

use super::clients::Clients;
use super::inbox::Inbox;

/// How long messages are hidden from others after one has received them.
pub(super) const HIDDEN_SECONDS: u16 = 10;
/// What others hold comes back by then.
pub(super) const COME_BACK: Duration = Duration::from_secs(HIDDEN_SECONDS as u64 + 2);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Messages that are known again. FIS announces a handful for each experiment: more is a flood, and is left to others.
const MOST_KNOWN: usize = 20_000;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is new.
    Take,
    /// Somebody else may wait for it: it is given back at once.
    PassOn,
    /// It was passed on and came straight back, so nobody waits, or it is one too many: it stays hidden for a while.
    Leave,
}

/// The messages this process has received, and whether they were passed on when they last came. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Lent(Arc<Mutex<HashMap<String, bool>>>);

impl Lent {
    pub(super) fn turn(&self, message: &str) -> Turn {
        let mut known = self.known();
        let is_full = known.len() >= MOST_KNOWN;
        match known.get_mut(message) {
            None if is_full => Turn::Leave,
            None => {
                known.insert(message.to_owned(), false);
                Turn::Take
            }
            Some(passed_on) => {
                *passed_on = !*passed_on;
                if *passed_on { Turn::PassOn } else { Turn::Leave }
            }
        }
    }

    /// Waits until all that is in the queue was received here too, as far as the queue can tell, and as long as it may
    /// take until another reader's messages come back.
    pub(super) async fn hear_all(&self, clients: &Clients, queue_url: &str, inbox: &Inbox) {
        let deadline = Instant::now() + COME_BACK;
        let mut changed = inbox.subscribe();
        while let Ok(Some(all)) = tokio::time::timeout_at(deadline, count(clients, queue_url)).await {
            let next = deadline.min(Instant::now() + LOOK_AGAIN);
            if self.known().len() >= all || Instant::now() >= deadline {
                return;
            }
            let _ = tokio::time::timeout_at(next, changed.changed()).await;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        // A panic while the lock was held has left nothing half-done in it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages in the queue, hidden or not.
async fn count(clients: &Clients, queue_url: &str) -> Option<usize> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let request = clients.sqs.get_queue_attributes().queue_url(queue_url);
    let answer = request.set_attribute_names(Some(names.to_vec())).send().await.ok()?;
    let attributes = answer.attributes?;
    names.iter().map(|name| attributes.get(name)?.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_passed_on_every_other_time() {
        let lent = Lent::default();
        let turns: Vec<Turn> = (0..5).map(|_| lent.turn("a")).collect();
        assert_eq!(turns, [Turn::Take, Turn::PassOn, Turn::Leave, Turn::PassOn, Turn::Leave]);
        assert_eq!(lent.clone().turn("b"), Turn::Take);
        assert_eq!(lent.known().len(), 2);
        for number in 0..2 * MOST_KNOWN {
            lent.turn(&number.to_string());
        }
        assert_eq!(lent.turn("one more"), Turn::Leave, "a flood");
        assert_eq!(lent.known().len(), MOST_KNOWN);
    }
}
