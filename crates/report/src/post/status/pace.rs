//! The pace of commit statuses: how many requests have gone out in the last minute and hour, and how much room
//! the forge's limits leave.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::forge::{Capacity, ForgeFailure};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Time in which the last words of all statuses that were begun have to go out, at the speed of the forge.
const TIME_FOR_LAST_WORDS: Duration = Duration::from_secs(8);
/// Number of requests that a last word takes: the look for a rival, and the status.
const REQUESTS_OF_LAST_WORD: u32 = 2;

/// Part of the requests in the minute before a refusal that counts as the forge's limit. Forges count from one full
/// minute to the next.
const SAFE_PART: (usize, usize) = (3, 4);
/// The smallest limit that a refusal tells of: others may have used up the rest.
const MIN_LEARNED_LIMIT: usize = 10;

/// The requests of the last hour, and the pause that the forge has asked for.
#[derive(Debug, Default)]
pub(super) struct Pace {
    capacity: Capacity,
    /// The times at which statuses were sent.
    sent: VecDeque<Instant>,
    /// The times of all requests of the last minute, looks for rivals among them.
    requests: VecDeque<Instant>,
    /// Number of requests in a minute that the forge takes, as far as a refusal has told.
    learned: Option<usize>,
    /// The end of the pause, and the refusal that has asked for it.
    pause: Option<(Instant, ForgeFailure)>,
    /// The mean time of a request lately.
    takes: Option<Duration>,
}

/// The room that has to be left after a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserve {
    pub(super) of_minute: usize,
    pub(super) of_hour: usize,
}

impl Pace {
    pub(super) fn set_capacity(&mut self, capacity: Capacity) {
        self.capacity = capacity;
    }

    /// Number of requests that may be under way at once.
    pub(super) fn at_once(&self) -> usize {
        self.capacity.at_once
    }

    /// Notes requests of any kind.
    pub(super) fn note_requests(&mut self, now: Instant, count: usize) {
        while self.requests.front().is_some_and(|sent| now.duration_since(*sent) >= MINUTE) {
            self.requests.pop_front();
        }
        self.requests.extend(std::iter::repeat_n(now, count));
    }

    /// Notes that a status is sent.
    pub(super) fn note_sent(&mut self, now: Instant) {
        while self.sent.front().is_some_and(|sent| now.duration_since(*sent) >= HOUR) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    pub(super) fn note_took(&mut self, took: Duration) {
        self.takes = Some(self.takes.map_or(took, |mean| (mean * 3 + took) / 4));
    }

    /// Notes that the forge has refused a request for the number of them, and wants none until this moment.
    pub(super) fn pause_until(&mut self, until: Instant, now: Instant, failure: &ForgeFailure) {
        let (part, whole) = SAFE_PART;
        let limit = (self.count_requests(now) * part / whole).max(MIN_LEARNED_LIMIT);
        self.learned = Some(self.learned.map_or(limit, |learned| learned.min(limit)));
        if self.pause.as_ref().is_none_or(|(earlier, _)| *earlier < until) {
            self.pause = Some((until, failure.clone()));
        }
    }

    /// Returns the end of the pause, and the refusal that has asked for it, while it lasts.
    pub(super) fn pause(&self, now: Instant) -> Option<&(Instant, ForgeFailure)> {
        self.pause.as_ref().filter(|(until, _)| *until > now)
    }

    /// Says whether the limits take one more request now and leave this reserve.
    pub(super) fn has_room(&self, now: Instant, reserve: Reserve) -> bool {
        let fits = |limit: Option<usize>, window, reserve| {
            limit.is_none_or(|limit| count_since(&self.sent, now, window) + 1 + reserve <= limit)
        };
        fits(self.capacity.per_minute, MINUTE, reserve.of_minute)
            && fits(self.capacity.per_hour, HOUR, reserve.of_hour)
    }

    /// Says whether the limit that a refusal has told of takes one more request now, and leaves room for so many
    /// last words.
    pub(super) fn has_learned_room(&self, now: Instant, last_words: usize) -> bool {
        let reserve = last_words * REQUESTS_OF_LAST_WORD as usize;
        self.learned.is_none_or(|limit| self.count_requests(now) + 1 + reserve <= limit)
    }

    /// Says whether a forge of this speed takes so many last words within the time for them.
    pub(super) fn is_swift_enough(&self, last_words: usize) -> bool {
        let Some(takes) = self.takes.filter(|takes| !takes.is_zero()) else { return true };
        let each = takes * REQUESTS_OF_LAST_WORD;
        let turns = TIME_FOR_LAST_WORDS.as_nanos() / each.as_nanos();
        last_words as u128 <= (turns * self.capacity.at_once as u128).max(1)
    }

    /// Returns the next moment at which a limit leaves more room, if a request counts towards one.
    pub(super) fn next_room(&self, now: Instant) -> Option<Instant> {
        let counted = |limit: Option<usize>, sent: &VecDeque<Instant>, window: Duration| {
            let oldest = sent.iter().find(|sent| now.duration_since(**sent) < window);
            limit.and(oldest).map(|sent| *sent + window)
        };
        let minute = counted(self.capacity.per_minute, &self.sent, MINUTE);
        let hour = counted(self.capacity.per_hour, &self.sent, HOUR);
        let learned = counted(self.learned, &self.requests, MINUTE);
        minute.into_iter().chain(hour).chain(learned).min()
    }

    fn count_requests(&self, now: Instant) -> usize {
        count_since(&self.requests, now, MINUTE)
    }
}

/// Counts those of the times, in their order, that are within the window.
fn count_since(times: &VecDeque<Instant>, now: Instant, window: Duration) -> usize {
    let older = times.partition_point(|sent| now.duration_since(*sent) >= window);
    times.len() - older
}
