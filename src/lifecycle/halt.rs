//! The halt: a stop because a probe with `aborts-after` fails again and again while the fault is in.
//!
//! Probes alone cannot tell whether the fault is in, so they only ask for a halt; the engine's record
//! decides.

use std::time::Duration;

use super::progress::Progress;
use super::run::Lifecycle;
use faultgate_engines::{Engine, Launched};

/// Time within which the engine must say whether the fault is in. Without an answer the experiment is
/// stopped.
const FAULT_RECORD_LIMIT: Duration = Duration::from_secs(5);

impl Lifecycle<'_> {
    /// Waits until a probe makes it necessary to stop the experiment, and returns the reason. The engine's
    /// record is asked first, since only it knows whether the fault is in.
    pub(super) async fn wait_for_halt(
        &self,
        progress: &Progress<'_>,
        engine: &dyn Engine,
        launched: &Launched,
    ) -> String {
        let trip = progress.probing.borrow().trip();
        loop {
            trip.wait_until_fired().await;
            let asked_at = self.clock.now();
            let Ok(Ok(record)) = tokio::time::timeout(FAULT_RECORD_LIMIT, engine.look(launched)).await else {
                // Nobody can learn whether the fault is in, and it may be: the system is protected rather
                // than the run.
                if let Some(why) = progress.probing.borrow().reason_to_halt(trip.armed_since()) {
                    return format!("{why}; the engine did not say whether the fault was in");
                }
                continue;
            };
            let fault = record.fault().filter(|fault| fault.ended_at.is_none() && !record.has_ended());
            let Some(fault) = fault else {
                trip.arm(asked_at);
                continue;
            };
            // Failures before the fault's start say nothing about the fault.
            let since = fault.started_at.max(trip.armed_since());
            if let Some(why) = progress.probing.borrow().reason_to_halt(since) {
                return why;
            }
            trip.arm(since);
        }
    }
}
