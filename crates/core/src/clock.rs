//! The one clock of a run.
//!
//! The wall time is read once, at the start; every later time is that instant plus monotonic time. A system
//! clock that jumps during a run therefore moves no deadline and reverses no report, and a test that pauses
//! tokio's clock has paused this one. No other code reads the wall clock.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A wall time at the start of the process, and the monotonic instant that belongs to it. Copies share both.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts a clock at the present time. It needs a tokio runtime only in a test that pauses tokio's clock.
    pub fn start() -> Self {
        let wall = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        Self { wall: whole(wall), started: Instant::now() }
    }

    /// Returns the present time in whole milliseconds, since nothing here is known more exactly.
    pub fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        whole(self.wall.saturating_add(since).unwrap_or(Timestamp::MAX))
    }

    /// Returns the wall time at which the clock was started.
    pub fn started_at(&self) -> Timestamp {
        self.wall
    }

    /// Returns the monotonic time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Cuts a time to whole milliseconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
