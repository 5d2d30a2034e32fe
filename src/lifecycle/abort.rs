//! Stopping an experiment since a probe with `aborts-after` fails again and again while the fault is in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::Lifecycle;
use super::progress::Progress;
use faultgate_engines::{Engine, Launched};

/// The engine is asked for so long whether the fault is in. Without an answer the experiment is stopped.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Told by the probes of one experiment when one of them has failed as often in a row as its `aborts-after` allows.
#[derive(Debug)]
pub(super) struct Trip {
    fired: Notify,
    /// Failures before this time do not count: the engine has said that the fault was not in.
    armed_since: Mutex<Timestamp>,
}

impl Default for Trip {
    fn default() -> Self {
        Self { fired: Notify::new(), armed_since: Mutex::new(Timestamp::MIN) }
    }
}

impl Trip {
    pub(super) fn fire(&self) {
        self.fired.notify_one();
    }

    pub(super) fn armed_since(&self) -> Timestamp {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arm(&self, since: Timestamp) {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Lifecycle<'_> {
    /// Ends when a probe says that the experiment has to be stopped, with the reason. The engine's record is asked first,
    /// since only it knows whether the fault is in.
    pub(super) async fn aborting(
        &self,
        progress: &Progress<'_>,
        engine: &dyn Engine,
        launched: &Launched,
    ) -> String {
        let trip = progress.probing.borrow().trip();
        loop {
            trip.fired.notified().await;
            let asked_at = self.clock.now();
            let Ok(Ok(record)) = tokio::time::timeout(LOOK_LIMIT, engine.look(launched)).await else {
                // Whether the fault is in cannot be learned: it may be.
                if let Some(why) = progress.probing.borrow().tripped(trip.armed_since()) {
                    return format!("{why}; the engine did not say whether the fault was in");
                }
                continue;
            };
            let fault = record.fault().filter(|fault| fault.ended_at.is_none() && !record.has_ended());
            let Some(fault) = fault else {
                trip.arm(asked_at);
                continue;
            };
            let since = fault.started_at.max(trip.armed_since());
            if let Some(why) = progress.probing.borrow().tripped(since) {
                return why;
            }
            trip.arm(since);
        }
    }
}
