//! The halt: a stop because a probe with `aborts-after` fails again and again while the fault is in, because too
//! many probes fail at the same time, or because another experiment of the run was halted.
//!
//! Probes alone cannot tell whether the fault is in, so they only ask for a halt; the engine's record
//! decides.

use std::time::Duration;

use super::progress::Progress;
use super::run::Lifecycle;
use super::scheduled::Scheduled;
use faultgate_engines::Launched;

/// Time within which the engine must say whether the fault is in. Without an answer the experiment is
/// stopped.
const FAULT_RECORD_LIMIT: Duration = Duration::from_secs(5);

impl Lifecycle<'_> {
    /// Waits until a probe makes it necessary to stop the experiment, and returns the reason. The engine's
    /// record is asked first, since only it knows whether the fault is in.
    pub(super) async fn wait_for_halt(&self, progress: &Progress<'_>, launched: &Launched) -> String {
        let why = self.find_reason_to_halt(progress, launched).await;
        self.course.probes.board.spread(&progress.scheduled.plan.name, &why);
        why
    }

    async fn find_reason_to_halt(&self, progress: &Progress<'_>, launched: &Launched) -> String {
        let Scheduled { number, engine, .. } = progress.scheduled;
        let board = &self.course.probes.board;
        let trip = progress.probing.borrow().trip();
        let find_reason = |since| {
            let own = progress.probing.borrow().reason_to_halt(since);
            own.or_else(|| board.reason_to_halt(*number))
        };
        loop {
            trip.wait_until_fired().await;
            // Whether a fault is in does not matter when the whole run is halted.
            if let Some(why) = board.halted() {
                return why;
            }
            let asked_at = self.clock.now();
            let Ok(Ok(record)) = tokio::time::timeout(FAULT_RECORD_LIMIT, engine.look(launched)).await else {
                // Nobody can learn whether the fault is in, and it may be: the system is protected rather
                // than the run.
                board.note_fault(*number, true);
                if let Some(why) = find_reason(trip.armed_since()) {
                    return format!("{why}; the engine did not say whether the fault was in");
                }
                continue;
            };
            let fault = record.fault().filter(|fault| fault.ended_at.is_none() && !record.has_ended());
            let Some(fault) = fault else {
                board.note_fault(*number, false);
                trip.arm(asked_at);
                continue;
            };
            // Failures before the fault's start say nothing about the fault.
            let since = fault.started_at.max(trip.armed_since());
            trip.arm(since);
            board.note_fault(*number, true);
            if let Some(why) = find_reason(since) {
                return why;
            }
        }
    }
}
