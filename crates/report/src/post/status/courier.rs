//! The courier of commit statuses: a task that takes words out of the queue and posts them, several at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::queue::{Delivery, Errand, Parcel, Queue};
use crate::forge::{Connection, Forge, Rival};
use crate::post::rivals::{hidden_by, is_worth_a_look};

/// The queue as the sink and its courier share it.
pub(super) struct Desk {
    queue: Mutex<Queue>,
    /// Rings when there is news for the courier.
    news: Notify,
    /// Rings when the courier has settled something.
    settled: Notify,
}

/// The outcome of an errand.
enum Done {
    Looked { place: usize, rival: Option<Option<Rival>> },
    Delivered { place: usize, delivery: Delivery, since: Instant },
}

impl Desk {
    pub(super) fn new(queue: Queue) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(queue), news: Notify::new(), settled: Notify::new() })
    }

    /// Returns the queue. It is never held while something is waited for.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, and lets the courier look at it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.queue());
        self.news.notify_one();
    }

    /// Waits until nothing waits and nothing is under way.
    pub(super) async fn wait_until_settled(&self) {
        while !self.queue().is_settled() {
            self.settled.notified().await;
        }
    }
}

/// Posts what the queue holds, for ever. It connects when the first word is there, so that no launch waits for
/// it, and returns only if there is no forge.
pub(super) async fn carry(desk: Arc<Desk>, connection: Connection) {
    while desk.queue().is_settled() {
        desk.news.notified().await;
    }
    let Ok(forge) = connection.forge().await else { return };
    desk.queue().set_capacity(forge.capacity());
    let mut under_way = FuturesUnordered::new();
    loop {
        let wake_at = loop {
            let now = Instant::now();
            let mut queue = desk.queue();
            let is_busy = under_way.len() >= queue.pace.at_once();
            match queue.take(now, is_busy) {
                Some(errand) => under_way.push(run(forge, errand)),
                None => {
                    if under_way.is_empty() {
                        queue.give_up_what_has_no_room(now);
                    }
                    break queue.wake_at(now);
                }
            }
        };
        // Words may have been given up.
        desk.settled.notify_one();
        let wake = async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(done) = under_way.next() => note(&mut desk.queue(), done),
            () = desk.news.notified() => {}
            () = wake => {}
        }
    }
}

fn note(queue: &mut Queue, done: Done) {
    let now = Instant::now();
    match done {
        Done::Looked { place, rival } => queue.note_look(place, rival, now),
        Done::Delivered { place, delivery, since } => {
            queue.pace.note_took(now.duration_since(since));
            queue.settle(place, delivery, now);
        }
    }
}

async fn run(forge: &dyn Forge, errand: Errand) -> Done {
    match errand {
        Errand::Look { place, context } => Done::Looked { place, rival: forge.rival(&context).await.ok() },
        Errand::Post(Parcel { place, status, is_first, seen }) => {
            let seen = match seen {
                Some(rival) => rival,
                None if is_worth_a_look(&status, is_first) => match forge.rival(&status.context).await {
                    Ok(rival) => rival,
                    // A forge that does not answer is no reason to post nothing.
                    Err(failure) => {
                        tracing::debug!(%failure, "who else posts this status is not known");
                        None
                    }
                },
                None => None,
            };
            let since = Instant::now();
            let delivery = match hidden_by(seen, &status) {
                Some(said) => Delivery::Hidden(said),
                None => match forge.set_status(&status).await {
                    Ok(()) => Delivery::Posted,
                    Err(failure) => Delivery::Refused(failure),
                },
            };
            Done::Delivered { place, delivery, since }
        }
    }
}
