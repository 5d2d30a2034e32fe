//! The schedule of reads: often after the launch and near the expected end, seldom between, and all in all no
//! more than a control plane should bear. Pure: the time is handed in. [`compute_pause`] is the pause that
//! one run would like, and [`Budget`] stretches it when many requests were made.

use std::time::Duration;

use tokio::time::Instant;

use super::manager::Run;
use super::phase;
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::model::State;

/// Shortest pause between two reads of a run that waits for its agent.
pub(super) const MIN_PENDING_PAUSE: Duration = Duration::from_millis(1_500);
/// Shortest pause between two reads of a run that is running. It holds near the expected end.
const MIN_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause between two reads. An end that nobody expected is seen half of it late, on average.
const MAX_PAUSE: Duration = Duration::from_millis(7_500);
/// Divisor of a run's age: the quotient is the pause, if there is no history.
const AGE_PER_PAUSE: u32 = 20;
/// Divisor of the age of a run that waits for its agent.
const PENDING_AGE_PER_PAUSE: u32 = 10;
/// Shortest and longest pause after a request to stop.
const MIN_STOP_PAUSE: Duration = Duration::from_millis(300);
const MAX_STOP_PAUSE: Duration = Duration::from_secs(5);

/// Number of requests that may be made at once. With [`REFILL`] they are no more than 120 in any ten minutes.
const BURST: f64 = 19.5;
/// Time in which the budget gains one request.
const REFILL: Duration = Duration::from_millis(7_300);

/// The change of each pause by chance.
const JITTER: Jitter = Jitter::Part(0.15);

/// Most earlier runs that the expected duration is learned from.
const MAX_LEARNED: usize = 20;
/// Time by which the end of a run may differ from those before it, at the least.
const MIN_MARGIN: Duration = Duration::from_secs(3);
/// Divisor of the median duration: the quotient is the margin, if it is longer than [`MIN_MARGIN`].
const MARGIN_DIVISOR: u32 = 20;

/// The range of durations that a run is expected to take, from its launch on, by earlier runs of the
/// experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExpectedDuration {
    from: Duration,
    to: Duration,
}

impl ExpectedDuration {
    /// Learns from earlier runs. `None` if none of them has completed.
    pub(super) fn of(recent: &[Run]) -> Option<Self> {
        let completed = recent.iter().filter(|run| phase::state(run) == State::Completed);
        let mut took: Vec<Duration> =
            completed.filter_map(Run::took).filter(|took| !took.is_zero()).take(MAX_LEARNED).collect();
        took.sort_unstable();
        let last = took.len().checked_sub(1)?;
        let margin = MIN_MARGIN.max(took[last / 2] / MARGIN_DIVISOR);
        // A tenth at each end is left out, so that one odd run among many does not widen the range.
        let (low, high) = (took[last / 10], took[last - last / 10]);
        Some(Self { from: low.saturating_sub(margin), to: high.saturating_add(margin) })
    }

    /// Returns the middle of the range.
    pub(super) fn middle(self) -> Duration {
        self.from.saturating_add(self.to) / 2
    }
}

/// The state of one run, as far as the pause before its next read depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScheduleFacts {
    /// Time since the launch.
    pub(super) age: Duration,
    pub(super) running: bool,
    pub(super) expected: Option<ExpectedDuration>,
    /// Time since a stop was asked for, if one was.
    pub(super) stopping: Option<Duration>,
}

/// Returns the pause before a run is read again, if requests cost nothing.
pub(super) fn compute_pause(seen: &ScheduleFacts) -> Duration {
    let between = |shortest: Duration, pause: Duration, longest: Duration| pause.clamp(shortest, longest);
    if let Some(since) = seen.stopping {
        return between(MIN_STOP_PAUSE, since / 2, MAX_STOP_PAUSE);
    }
    if !seen.running {
        return between(MIN_PENDING_PAUSE, seen.age / PENDING_AGE_PER_PAUSE, MAX_PAUSE);
    }
    match seen.expected {
        Some(ExpectedDuration { from, .. }) if seen.age < from => {
            between(MIN_PAUSE, from.saturating_sub(seen.age), MAX_PAUSE)
        }
        Some(ExpectedDuration { to, .. }) if seen.age <= to => MIN_PAUSE,
        _ => between(MIN_PAUSE, seen.age / AGE_PER_PAUSE, MAX_PAUSE),
    }
}

/// The number of requests that may be made now. Requests that are not put off, such as a launch or a stop,
/// may lead it into debt, which the reads that can wait pay back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Returns the number of requests that are left, which is negative in debt.
    fn count_left(&self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() / REFILL.as_secs_f64();
        (self.left + gained).min(BURST)
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 experiments")]
    pub(super) fn spend(&mut self, now: Instant, requests: usize) {
        *self = Self { left: self.count_left(now) - requests as f64, at: now };
    }

    /// Returns a pause that the budget can bear, if one read of all runs takes this many requests. The less
    /// is left, the longer it is.
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 experiments")]
    pub(super) fn pause(&self, now: Instant, wanted: Duration, requests: usize) -> Duration {
        let left = self.count_left(now);
        let debt = (-left / BURST).max(0.0);
        let bearable = REFILL.mul_f64(requests.max(1) as f64 * (1.0 + debt)).max(wanted);
        // The pause is as wanted down to half a budget. Below, it grows evenly to what is bearable for good.
        let ease = (left * 2.0 / BURST).clamp(0.0, 1.0);
        bearable.saturating_sub(bearable.saturating_sub(wanted).mul_f64(ease))
    }
}

/// Changes a pause by chance, so that many runners do not ask in step.
pub(super) fn jitter(pause: Duration, rng: &mut fastrand::Rng) -> Duration {
    JITTER.apply(pause, rng.f64())
}

/// Returns a pause that doubles with each attempt, from `first` for attempt 0 up to `longest`.
pub(super) fn backoff(first: Duration, longest: Duration, attempt: u32, rng: &mut fastrand::Rng) -> Duration {
    Backoff::new(first, longest).with_jitter(JITTER).pause(attempt, rng.f64())
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
