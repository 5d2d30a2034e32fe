//! When to ask how runs are: often after the launch and near the expected end, seldom between, and all in all no more
//! than a control plane should bear. Pure: the time is handed in.

use std::time::Duration;

use tokio::time::Instant;

use super::manager::Run;
use super::phase;
use faultgate_core::model::State;

/// The shortest pause between two looks at a run that is waiting for its agent, and near the expected end.
pub(super) const FIRST: Duration = Duration::from_millis(1_500);
const NEAR: Duration = Duration::from_secs(2);
/// The longest: half of it is how late an end is seen that nobody expected.
const LONGEST: Duration = Duration::from_millis(7_500);
/// Without a history, a run of this age is looked at this many times as often as its age is long.
const CURVE: u32 = 20;
const PENDING_CURVE: u32 = 10;
/// After a request to stop.
const FIRST_AFTER_STOP: Duration = Duration::from_millis(300);
const LONGEST_AFTER_STOP: Duration = Duration::from_secs(5);

/// Requests that may be made at once, and the pause that one more costs: no more than 120 in any ten minutes.
const BURST: f64 = 19.5;
const REFILL: Duration = Duration::from_millis(7_300);

/// Runs that are learned from.
const LEARNED: usize = 20;
/// What the end of a run is allowed to differ from those before it.
const LEAST_MARGIN: Duration = Duration::from_secs(3);
const MARGIN_SHARE: u32 = 20;

/// What earlier runs of the same experiment took, from their launch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    from: Duration,
    to: Duration,
}

impl Expected {
    /// None where no earlier run has completed.
    pub(super) fn of(recent: &[Run]) -> Option<Self> {
        let completed = recent.iter().filter(|run| phase::state(run) == State::Completed);
        let mut took: Vec<Duration> =
            completed.filter_map(Run::took).filter(|took| !took.is_zero()).take(LEARNED).collect();
        took.sort_unstable();
        let last = took.len().checked_sub(1)?;
        let margin = LEAST_MARGIN.max(took[last / 2] / MARGIN_SHARE);
        let (low, high) = (took[last / 10], took[last - last / 10]);
        Some(Self { from: low.saturating_sub(margin), to: high.saturating_add(margin) })
    }
}

/// One run, as far as it matters for when to look at it again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Since the launch.
    pub(super) age: Duration,
    pub(super) running: bool,
    pub(super) expected: Option<Expected>,
    /// Since a stop was asked for.
    pub(super) stopping: Option<Duration>,
}

/// How long to wait before a run is looked at again, if requests cost nothing.
pub(super) fn wanted(seen: &Seen) -> Duration {
    let between = |shortest: Duration, pause: Duration, longest: Duration| pause.clamp(shortest, longest);
    if let Some(since) = seen.stopping {
        return between(FIRST_AFTER_STOP, since / 2, LONGEST_AFTER_STOP);
    }
    if !seen.running {
        return between(FIRST, seen.age / PENDING_CURVE, LONGEST);
    }
    match seen.expected {
        Some(Expected { from, .. }) if seen.age < from => {
            between(NEAR, from.saturating_sub(seen.age), LONGEST)
        }
        Some(Expected { to, .. }) if seen.age <= to => NEAR,
        _ => between(NEAR, seen.age / CURVE, LONGEST),
    }
}

/// Requests that may be made. What is not put off, such as a launch or a stop, may lead it into debt, which what can
/// wait pays back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    fn left(&self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() / REFILL.as_secs_f64();
        (self.left + gained).min(BURST)
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 experiments")]
    pub(super) fn spend(&mut self, now: Instant, requests: usize) {
        *self = Self { left: self.left(now) - requests as f64, at: now };
    }

    /// A pause that the budget can bear, where one look at all runs takes this many requests: the less is left, the
    /// longer.
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 experiments")]
    pub(super) fn pause(&self, now: Instant, wanted: Duration, requests: usize) -> Duration {
        let left = self.left(now);
        let debt = (-left / BURST).max(0.0);
        let bearable = REFILL.mul_f64(requests.max(1) as f64 * (1.0 + debt)).max(wanted);
        let ease = (left * 2.0 / BURST).clamp(0.0, 1.0);
        bearable.saturating_sub(bearable.saturating_sub(wanted).mul_f64(ease))
    }
}

/// Somewhat more or less by chance, so that many runners do not ask in step.
pub(super) fn jittered(pause: Duration, rng: &mut fastrand::Rng) -> Duration {
    pause.mul_f64(0.85 + rng.f64() * 0.3)
}

/// A pause that doubles with each attempt up to the longest.
pub(super) fn backoff(first: Duration, longest: Duration, attempt: u32, rng: &mut fastrand::Rng) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(attempt.min(16)));
    jittered(doubled.min(longest), rng)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
