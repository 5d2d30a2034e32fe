//! The reader of a queue: it polls SQS and fills the inbox. Nothing else in the program waits on SQS.
//!
//! The reader treats the messages that it received by whose queue it is ([`Keeping`]): it
//! leaves them hidden, deletes them, or gives them back, so that no process takes an event from another one.

use std::time::Duration;

use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message};

use tokio_util::sync::CancellationToken;

use super::error::failure;
use super::hiding::{Sightings, hidden_seconds};
use super::inbox::Disposition;
use super::inboxes::Inboxes;
use super::pause::pause;
use super::shared_queue::{HIDDEN_SECONDS, Handling, SharedQueue};
use super::users_queue;
use crate::{EngineFailure, FailureKind};
use faultgate_core::clock::Clock;
use faultgate_net::aws::AwsPlace;

/// Length of a long poll, in seconds: the maximum that SQS takes.
const LONG_POLL_SECONDS: i32 = 20;
/// Length of a poll that only proves the subscription, in seconds, and the time for which its messages stay
/// hidden. It is short, because `launch` waits for the last poll of its reader, and the processes that
/// monitor wait for its messages.
const SHORT_POLL_SECONDS: i32 = 1;
/// Maximum number of messages that SQS gives at once.
const MAX_MESSAGES_PER_RECEIVE: i32 = 10;
/// Number of failed polls in a row after which the queue counts as unreadable. A single failure may be a
/// hiccup.
const TROUBLE_AFTER_FAILURES: u32 = 3;
/// Pauses after polls that failed: they grow from the first to the longest.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(10);
/// Pause after a batch in which no message was new or for this process. Without it, messages that were given
/// back would come round in a tight loop. Those of a user's queue are hidden when they come too often.
const FOREIGN_PAUSE: Duration = Duration::from_secs(1);
const FOREIGN_PAUSE_OF_USER: Duration = Duration::from_millis(100);

/// The rule by which the reader treats the messages that it received.
#[derive(Debug, Clone)]
pub(super) enum Keeping {
    /// Nobody else reads the queue: messages stay hidden until it is deleted.
    Own,
    /// The queue is the user's: messages of this run are deleted, those of others are given back.
    OfUser(Sightings),
    /// Several processes watch the same experiments, and each has to see every message.
    Shared(SharedQueue),
    /// The reader waits for handshakes, and leaves all other messages to the processes that monitor. No
    /// request is broken off, since its answer might have taken a message along.
    Proving,
}

/// The reader of one queue.
#[derive(Debug)]
pub(super) struct QueueReader {
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) queue_url: String,
    pub(super) inboxes: Inboxes,
    pub(super) clock: Clock,
    pub(super) place: AwsPlace,
    pub(super) keeping: Keeping,
    /// Tells the reader to receive nothing more, and to end when it has dealt with what it received.
    pub(super) leaving: CancellationToken,
}

impl QueueReader {
    /// Reads until it is dropped or told to leave.
    pub(super) async fn run(self) {
        let mut failures = 0;
        loop {
            // The order matters: a reader that is told to leave must not send another request.
            let received = tokio::select! {
                biased;
                () = self.wait_to_leave() => return,
                received = self.receive() => received,
            };
            match received {
                Ok(messages) => {
                    failures = 0;
                    self.inboxes.set_trouble(None);
                    match &self.keeping {
                        Keeping::Shared(shared) => self.deliver_shared(messages, shared).await,
                        Keeping::OfUser(sightings) => self.deliver_of_user(messages, sightings).await,
                        Keeping::Own | Keeping::Proving => self.deliver(messages),
                    }
                }
                Err(failure) => {
                    failures += 1;
                    tracing::debug!(%failure, failures, "the queue could not be read");
                    // A permission that is missing does not come by waiting, so it is told at once.
                    if failures >= TROUBLE_AFTER_FAILURES || failure.kind == FailureKind::Denied {
                        self.inboxes.set_trouble(Some(&failure.to_string()));
                    }
                    tokio::time::sleep(pause(FIRST_RETRY_PAUSE, LONGEST_RETRY_PAUSE, failures - 1)).await;
                }
            }
        }
    }

    /// Proves that the queue can be read, and leaves its messages as they are.
    pub(super) async fn probe(&self) -> Result<(), EngineFailure> {
        self.sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(1)
            .wait_time_seconds(0)
            .visibility_timeout(0)
            .send()
            .await
            .map(drop)
            .map_err(|error| self.failure(error, "ReceiveMessage"))
    }

    /// Waits until the reader has to end. A proving reader that is polling when it is told to leave finishes
    /// its poll first.
    async fn wait_to_leave(&self) {
        if matches!(self.keeping, Keeping::Proving) && !self.leaving.is_cancelled() {
            std::future::pending::<()>().await;
        }
        self.leaving.cancelled().await;
    }

    async fn receive(&self) -> Result<Vec<Message>, EngineFailure> {
        let (wait_seconds, hidden_seconds) = match self.keeping {
            Keeping::Own => (LONG_POLL_SECONDS, None),
            Keeping::OfUser(_) | Keeping::Shared(_) => (LONG_POLL_SECONDS, Some(i32::from(HIDDEN_SECONDS))),
            Keeping::Proving => (SHORT_POLL_SECONDS, Some(SHORT_POLL_SECONDS)),
        };
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(MAX_MESSAGES_PER_RECEIVE)
            .wait_time_seconds(wait_seconds)
            .set_visibility_timeout(hidden_seconds)
            .send()
            .await
            .map_err(|error| self.failure(error, "ReceiveMessage"))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Hands messages to the inbox. A queue of the run's own hides them until it is deleted, so no request is
    /// needed.
    fn deliver(&self, messages: Vec<Message>) {
        let now = self.clock.now();
        for message in messages {
            self.inboxes.deliver(message.body.as_deref().unwrap_or_default(), now, false);
        }
    }

    /// Hands messages of a user's queue to the inboxes. The queue gets the messages of others back, and loses
    /// those of this run.
    async fn deliver_of_user(&self, messages: Vec<Message>, sightings: &Sightings) {
        let (mut ours, mut others, mut news) = (Vec::new(), Vec::new(), false);
        for message in messages {
            let now = self.clock.now();
            let times = sightings.note(message.message_id.as_deref().unwrap_or_default());
            news |= times == 1;
            let body = message.body.as_deref().unwrap_or_default();
            let disposition = self.inboxes.deliver(body, now, times > 1);
            if let Some(handle) = message.receipt_handle {
                match disposition {
                    Disposition::Ours => ours.push(handle),
                    Disposition::NotOurs => others.push((handle, hidden_seconds(times))),
                }
            }
        }
        let only_known_others = ours.is_empty() && !others.is_empty() && !news;
        tokio::join!(self.delete(ours), self.give_back(others));
        if only_known_others {
            self.let_others_read(FOREIGN_PAUSE_OF_USER).await;
        }
    }

    /// Hands new messages of a shared queue to the inbox, and gives known ones back so that other processes see
    /// them.
    async fn deliver_shared(&self, messages: Vec<Message>, shared: &SharedQueue) {
        let now = self.clock.now();
        let (mut passed_on, mut news) = (Vec::new(), false);
        for message in messages {
            match shared.handle(message.message_id.as_deref().unwrap_or_default()) {
                Handling::Take => {
                    news = true;
                    self.inboxes.deliver(message.body.as_deref().unwrap_or_default(), now, false);
                }
                // Hidden for 0 seconds, so that another reader can receive it at once.
                Handling::PassOn => passed_on.extend(message.receipt_handle.map(|handle| (handle, 0))),
                Handling::Leave => {}
            }
        }
        if !passed_on.is_empty() {
            self.give_back(passed_on).await;
            if !news {
                self.let_others_read(FOREIGN_PAUSE).await;
            }
        }
    }

    /// Leaves the queue to other readers for a moment.
    async fn let_others_read(&self, pause: Duration) {
        tokio::select! {
            () = self.leaving.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn delete(&self, handles: Vec<String>) {
        let entries: Option<Vec<_>> = number_handles(handles)
            .map(|(id, handle)| {
                DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().ok()
            })
            .collect();
        let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
            return;
        };
        let sent = self
            .sqs
            .delete_message_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries))
            .send()
            .await;
        if let Err(error) = sent {
            // The messages come again and are counted as duplicates.
            tracing::debug!(failure = %self.failure(error, "DeleteMessageBatch"), "messages were not deleted");
        }
    }

    /// Gives messages back to the queue. Each becomes visible after the number of seconds beside its handle.
    async fn give_back(&self, handles: Vec<(String, i32)>) {
        let entries: Option<Vec<_>> = number_handles(handles)
            .map(|(id, (handle, hidden_seconds))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(id)
                    .receipt_handle(handle)
                    .visibility_timeout(hidden_seconds)
                    .build()
                    .ok()
            })
            .collect();
        let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
            return;
        };
        let sent = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries))
            .send()
            .await;
        if let Err(error) = sent {
            // The messages become visible again by themselves, after the visibility timeout.
            tracing::debug!(
                failure = %self.failure(error, "ChangeMessageVisibilityBatch"),
                "messages of others were not given back"
            );
        }
    }

    /// Makes a failure of an SDK error of a request on this queue.
    pub(super) fn failure<E>(
        &self,
        error: aws_smithy_runtime_api::client::result::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
        operation: &str,
    ) -> EngineFailure
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata
            + std::error::Error
            + Send
            + Sync
            + 'static,
    {
        let failure = failure(error, operation, format!("use the queue {}", self.queue_url), &self.place);
        match (&self.keeping, failure.kind) {
            (Keeping::OfUser(_), FailureKind::Denied) => {
                failure.remedy(users_queue::statement(operation, &self.queue_url, &self.place))
            }
            _ => failure,
        }
    }
}

/// Gives each handle an id, which SQS wants to be unique within a batch.
fn number_handles<T>(handles: Vec<T>) -> impl Iterator<Item = (String, T)> {
    handles.into_iter().enumerate().map(|(number, handle)| (number.to_string(), handle))
}
