//! The courier of commit statuses: a task that takes words out of the queue and posts them, several at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::queue::{Errand, Parcel, PostOutcome, Queue};
use crate::forge::{Connection, Forge};
use crate::post::rivals::{RivalLook, hidden_by, is_worth_a_look};

/// The queue as the sink and its courier share it.
pub(super) struct PostOffice {
    queue: Mutex<Queue>,
    /// Rings when there is news for the courier.
    news: Notify,
    /// Rings when the courier has settled something.
    settled: Notify,
}

/// The outcome of an errand.
enum Done {
    Looked { place: usize, look: Option<RivalLook> },
    Delivered { place: usize, delivery: PostOutcome, since: Instant },
}

impl PostOffice {
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
pub(super) async fn carry(office: Arc<PostOffice>, connection: Connection) {
    while office.queue().is_settled() {
        office.news.notified().await;
    }
    let Ok(forge) = connection.forge().await else { return };
    office.queue().set_capacity(forge.capacity());
    let mut under_way = FuturesUnordered::new();
    loop {
        let wake_at = loop {
            let now = Instant::now();
            let mut queue = office.queue();
            let is_busy = under_way.len() >= queue.pace.at_once();
            if let Some(errand) = queue.take(now, is_busy) {
                under_way.push(run(forge, errand));
                continue;
            }
            if under_way.is_empty() {
                queue.give_up_what_has_no_room(now);
            }
            break queue.wake_at(now);
        };
        // Words may have been given up.
        office.settled.notify_one();
        let wake = async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(done) = under_way.next() => note(&mut office.queue(), done),
            () = office.news.notified() => {}
            () = wake => {}
        }
    }
}

fn note(queue: &mut Queue, done: Done) {
    let now = Instant::now();
    match done {
        Done::Looked { place, look } => queue.note_look(place, look, now),
        Done::Delivered { place, delivery, since } => {
            queue.pace.note_took(now.duration_since(since));
            queue.settle(place, delivery, now);
        }
    }
}

async fn run(forge: &dyn Forge, errand: Errand) -> Done {
    match errand {
        Errand::Look { place, context } => {
            Done::Looked { place, look: forge.rival(&context).await.ok().map(RivalLook) }
        }
        Errand::Post(Parcel { place, status, is_first, look }) => {
            let look = match look {
                Some(look) => look,
                None if is_worth_a_look(&status, is_first) => {
                    RivalLook(forge.rival(&status.context).await.unwrap_or_else(|failure| {
                        // A forge that does not answer is no reason to post nothing.
                        tracing::debug!(%failure, "who else posts this status is not known");
                        None
                    }))
                }
                None => RivalLook(None),
            };
            let since = Instant::now();
            let delivery = match hidden_by(look, &status) {
                Some(said) => PostOutcome::Hidden(said),
                None => match forge.set_status(&status).await {
                    Ok(()) => PostOutcome::Posted,
                    Err(failure) => PostOutcome::Refused(failure),
                },
            };
            Done::Delivered { place, delivery, since }
        }
    }
}
