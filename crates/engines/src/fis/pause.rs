//! The pauses between attempts, which grow and vary.

use std::time::Duration;

/// Returns a pause that doubles with each attempt up to the longest. It is a quarter more or less by chance,
/// so that many runners do not ask in step.
pub(super) fn pause(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(attempt.min(16)));
    doubled.min(longest).mul_f64(0.75 + fastrand::f64() / 2.0)
}
