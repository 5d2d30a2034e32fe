//! The time for which messages of other readers of a user's queue stay hidden.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum time for which a message of another reader is hidden, in seconds: the time that the owner waits for
/// events, if nothing else is set, before it asks FIS.
const MAX_HIDDEN_SECONDS: i32 = 300;
/// Maximum number of messages that are remembered. A queue that holds more of others forgets them all.
const MAX_KNOWN_MESSAGES: usize = 20_000;

/// The messages of a user's queue that this process has received, by their ids, and how often. Cloning shares
/// them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sightings(Arc<Mutex<HashMap<String, u32>>>);

impl Sightings {
    /// Notes that a message has come, and returns how often it has, this time included.
    pub(super) fn note(&self, message: &str) -> u32 {
        // A panic while the lock was held has left nothing half-done in the map.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN_MESSAGES && !known.contains_key(message) {
            known.clear();
        }
        let times = known.entry(message.to_owned()).or_default();
        *times = times.saturating_add(1);
        *times
    }
}

/// Returns the time for which a message of another run stays hidden, in seconds, after this process has
/// received it so often. It is given back at once until each of many runs is likely to have seen it; a message
/// that nobody takes is hidden for longer each time.
pub(super) fn hidden_seconds(times: u32) -> i32 {
    match times.checked_sub(3) {
        None => 0,
        Some(doublings) => 2_i32.saturating_pow(doublings).min(MAX_HIDDEN_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::super::users_queue::SAFE_RECEIVES;
    use super::*;

    #[test]
    fn what_comes_round_and_round_comes_less_and_less_often() {
        let hidden = [0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 99, u32::MAX].map(hidden_seconds);
        assert_eq!(hidden, [0, 0, 0, 1, 2, 4, 8, 128, 256, 300, 300, 300]);
        let in_an_hour = (1..).map(|times| hidden_seconds(times).max(1)).scan(0, |sum, hidden| {
            *sum += hidden;
            (*sum <= 3600).then_some(())
        });
        let runs = 40;
        assert!((in_an_hour.count() as u64) * runs < SAFE_RECEIVES, "for that many runs at once");
    }

    #[test]
    fn messages_are_counted_and_not_without_end() {
        let sightings = Sightings::default();
        assert_eq!([sightings.note("a"), sightings.clone().note("a"), sightings.note("b")], [1, 2, 1]);
        for number in 0..2 * MAX_KNOWN_MESSAGES {
            sightings.note(&number.to_string());
        }
        assert!(sightings.0.lock().unwrap().len() <= MAX_KNOWN_MESSAGES);
        assert_eq!(sightings.note("a"), 1, "forgotten");
    }
}
