//! The one clock of a run.
//!
//! Wall time is read once, at the start; everything after is that instant plus monotonic time. A clock
//! that jumps under a run moves no deadline and turns no report around, and a test that pauses tokio's
//! clock has paused this one.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts now. Needs a tokio runtime only where its clock is paused.
    pub fn start() -> Self {
        let wall = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        Self { wall: whole(wall), started: Instant::now() }
    }

    /// In whole milliseconds: nothing here is known more exactly.
    pub fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        whole(self.wall.saturating_add(since).unwrap_or(Timestamp::MAX))
    }

    pub fn started_at(&self) -> Timestamp {
        self.wall
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
