//! The pauses between attempts, which grow and vary.

use std::time::Duration;

use faultgate_core::backoff::{Backoff, Jitter};

/// Returns a pause that doubles with each attempt up to the longest. It is a quarter more or less by chance,
/// so that many runners do not ask in step.
pub(super) fn pause(first: Duration, longest: Duration, attempt: u32) -> Duration {
    Backoff::new(first, longest).with_jitter(Jitter::Part(0.25)).pause(attempt, fastrand::f64())
}
