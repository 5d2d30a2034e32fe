//! One queue of SQS: its messages, and when they can be received.
//!
//! A message that was received is hidden for the visibility timeout. Afterwards it can be received again, and
//! the older receipt handle no longer holds it, as at SQS.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::forms::uuid;
use faultgate_core::digest;

/// A queue and its messages.
#[derive(Debug)]
pub(crate) struct SqsQueue {
    pub(crate) url: String,
    pub(crate) arn: String,
    /// Attributes that were set; others have their defaults in [`SqsQueue::setting`].
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    messages: Vec<QueuedMessage>,
}

/// A message in a queue.
#[derive(Debug)]
struct QueuedMessage {
    id: String,
    body: String,
    attributes: Map<String, Value>,
    sent: Timestamp,
    arrived: Instant,
    visible_at: Instant,
    first_received: Option<Timestamp>,
    receives: u32,
}

/// The outcome of a request with a receipt handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handled {
    Done,
    /// The message no longer exists, or nobody holds it by this handle.
    NotInFlight,
    /// The text cannot be a receipt handle of any queue.
    NotAHandle,
}

/// Numeric attributes of a queue, each with its default and its limits.
pub(crate) const SETTINGS: [(&str, u64, std::ops::RangeInclusive<u64>); 5] = [
    ("DelaySeconds", 0, 0..=900),
    ("MaximumMessageSize", 262_144, 1024..=1_048_576),
    ("MessageRetentionPeriod", 345_600, 60..=1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0..=20),
    ("VisibilityTimeout", 30, 0..=43_200),
];

impl SqsQueue {
    pub(crate) fn new(url: String, arn: String, now: Timestamp) -> Self {
        Self {
            url,
            arn,
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
            created: now,
            modified: now,
            messages: Vec::new(),
        }
    }

    /// Returns a numeric attribute that was set, or its default.
    pub(crate) fn setting(&self, name: &str) -> u64 {
        let set = self.attributes.get(name).and_then(|value| value.parse().ok());
        let default = SETTINGS.iter().find(|(known, ..)| *known == name);
        set.or(default.map(|(_, default, _)| *default)).unwrap_or_default()
    }

    /// Adds a message, and returns its id. `delay` is in seconds; None means the queue's own delay.
    pub(crate) fn push(
        &mut self,
        body: String,
        attributes: Map<String, Value>,
        delay: Option<u64>,
        now: Timestamp,
        instant: Instant,
    ) -> String {
        let id = uuid();
        let delay = Duration::from_secs(delay.unwrap_or_else(|| self.setting("DelaySeconds")));
        self.messages.push(QueuedMessage {
            id: id.clone(),
            body,
            attributes,
            sent: now,
            arrived: instant,
            visible_at: instant + delay,
            first_received: None,
            receives: 0,
        });
        id
    }

    /// Receives up to `most` messages that are visible now. They are hidden for `visibility` seconds, or else
    /// for the queue's own timeout.
    pub(crate) fn receive(
        &mut self,
        most: usize,
        visibility: Option<u64>,
        now: Timestamp,
        instant: Instant,
    ) -> Vec<Value> {
        let retention = Duration::from_secs(self.setting("MessageRetentionPeriod"));
        // Messages past their retention are removed only here, since nobody can tell before.
        self.messages.retain(|message| instant.duration_since(message.arrived) < retention);
        let hidden = Duration::from_secs(visibility.unwrap_or_else(|| self.setting("VisibilityTimeout")));
        self.messages
            .iter_mut()
            .filter(|message| message.visible_at <= instant)
            .take(most)
            .map(|message| message.give_out(instant + hidden, now))
            .collect()
    }

    /// Returns the time from which the first message is visible; it lies ahead if all messages are hidden.
    pub(crate) fn next_visible(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    /// Deletes a message by its receipt handle.
    pub(crate) fn delete(&mut self, handle: &str) -> Handled {
        let Some((id, _)) = read_handle(handle) else {
            return Handled::NotAHandle;
        };
        // A message that is gone was deleted by this handle or an earlier one, which is no error.
        self.messages.retain(|message| message.id != id);
        Handled::Done
    }

    /// Hides a message for this number of seconds from now, if the handle still holds it.
    pub(crate) fn change_visibility(&mut self, handle: &str, seconds: u64, instant: Instant) -> Handled {
        let Some((id, receive)) = read_handle(handle) else {
            return Handled::NotAHandle;
        };
        let held = self
            .messages
            .iter_mut()
            // Only the handle of the latest receive holds a message.
            .find(|message| message.id == id && message.receives == receive && message.visible_at > instant);
        match held {
            Some(message) => {
                message.visible_at = instant + Duration::from_secs(seconds);
                Handled::Done
            }
            None => Handled::NotInFlight,
        }
    }

    pub(crate) fn purge(&mut self) {
        self.messages.clear();
    }

    pub(crate) fn bodies(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().map(|message| message.body.as_str())
    }

    /// Returns the numbers of messages that are visible, that somebody holds, and that are delayed.
    pub(crate) fn counts(&self, instant: Instant) -> (usize, usize, usize) {
        let (visible, hidden): (Vec<_>, Vec<_>) =
            self.messages.iter().partition(|message| message.visible_at <= instant);
        let delayed = hidden.iter().filter(|message| message.receives == 0).count();
        (visible.len(), hidden.len() - delayed, delayed)
    }
}

impl QueuedMessage {
    /// Returns the message as a client receives it, with a new receipt handle.
    fn give_out(&mut self, visible_at: Instant, now: Timestamp) -> Value {
        self.visible_at = visible_at;
        self.receives += 1;
        let first = *self.first_received.get_or_insert(now);
        json!({
            "MessageId": self.id,
            "ReceiptHandle": format!("{}.{}", self.id, self.receives),
            "MD5OfBody": md5(&self.body),
            "Body": self.body,
            "Attributes": {
                "ApproximateFirstReceiveTimestamp": first.as_millisecond().to_string(),
                "ApproximateReceiveCount": self.receives.to_string(),
                "SenderId": crate::fixtures::ACCOUNT,
                "SentTimestamp": self.sent.as_millisecond().to_string(),
            },
            "MessageAttributes": self.attributes,
        })
    }
}

/// Returns the id of a message, and the number of the receive that gave the handle out.
fn read_handle(handle: &str) -> Option<(&str, u32)> {
    let (id, receive) = handle.split_once('.')?;
    let receive = receive.parse().ok()?;
    // Ids of messages are UUIDs of 36 characters, so no queue gave out anything else.
    (id.len() == 36).then_some((id, receive))
}

/// Returns the MD5 digest of a body in hexadecimal. Some SDKs refuse a message whose digest is wrong.
pub(crate) fn md5(body: &str) -> String {
    digest::hex(Md5::digest(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> SqsQueue {
        SqsQueue::new("u".to_owned(), "a".to_owned(), Timestamp::UNIX_EPOCH)
    }

    fn handle(message: &Value) -> String {
        message["ReceiptHandle"].as_str().unwrap().to_owned()
    }

    #[test]
    fn digests_are_md5() {
        assert_eq!(md5("hello"), "5d41402abc4b2a76b9719d911017c592");
    }

    #[tokio::test(start_paused = true)]
    async fn a_received_message_is_hidden_and_comes_back() {
        let (mut queue, start) = (queue(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let now = Timestamp::UNIX_EPOCH;
        queue.push("m".to_owned(), Map::new(), None, now, start);
        let first = queue.receive(10, None, now, start);
        assert_eq!(first.len(), 1);
        assert_eq!(queue.counts(start), (0, 1, 0));
        assert!(queue.receive(10, None, now, at(29)).is_empty());
        assert_eq!(queue.next_visible(), Some(at(30)));
        let again = queue.receive(10, Some(5), now, at(30));
        assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
        assert_eq!(
            queue.change_visibility(&handle(&first[0]), 0, at(31)),
            Handled::NotInFlight,
            "the older handle holds nothing any more"
        );
        assert_eq!(queue.change_visibility(&handle(&again[0]), 0, at(31)), Handled::Done);
        assert_eq!(queue.counts(at(31)), (1, 0, 0));
        assert_eq!(queue.delete(&handle(&again[0])), Handled::Done);
        assert_eq!(queue.delete(&handle(&again[0])), Handled::Done, "deleting is safe to repeat");
        assert_eq!(queue.delete("nonsense"), Handled::NotAHandle);
        assert_eq!(queue.next_visible(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_delayed_and_kept_for_a_while() {
        let (mut queue, start) = (queue(), Instant::now());
        let now = Timestamp::UNIX_EPOCH;
        queue.push("m".to_owned(), Map::new(), Some(2), now, start);
        assert_eq!(queue.counts(start), (0, 0, 1));
        queue.attributes.insert("MessageRetentionPeriod".to_owned(), "60".to_owned());
        let later = start + Duration::from_mins(1);
        assert!(queue.receive(1, None, now, later).is_empty());
    }
}
