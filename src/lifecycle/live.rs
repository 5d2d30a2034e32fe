//! The events that go out while a run goes on, whatever its experiments do: turns of probes, and ticks for
//! live displays.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::probes::Turned;
use super::run::Lifecycle;
use faultgate_core::model::{RunEvent, Turn};

/// Interval of the event that lets live displays show the time.
const TICK: Duration = Duration::from_secs(1);

impl Lifecycle<'_> {
    /// Does the work, and meanwhile publishes the start of the run, turns of probes and ticks.
    pub(super) async fn publish_during<T>(&self, work: impl Future<Output = T>) -> T {
        (self.publish)(&RunEvent::Started { run: self.run, plan: self.plan });
        tokio::select! {
            // The work comes first, so that a run that has ended publishes no more ticks.
            biased;
            done = work => done,
            never = self.publish_turns_as_they_come() => match never {},
            never = self.publish_ticks() => match never {},
        }
    }

    /// Publishes the turns of probes as they come.
    async fn publish_turns_as_they_come(&self) -> std::convert::Infallible {
        loop {
            self.course.turns.wait_for_turns().await;
            self.publish_turns();
        }
    }

    /// Publishes the turns of probes that have come up to now.
    pub(super) fn publish_turns(&self) {
        for Turned { experiment, probe, turn } in self.course.turns.take() {
            let name = self.scheduled.get(experiment).map(|scheduled| &*scheduled.plan.name);
            match &turn {
                Turn::Fails { reason } => {
                    tracing::info!(experiment = name, probe, reason = reason.as_deref(), "a probe fails");
                }
                Turn::Passes { failed_for } => {
                    let failed_for_ms = i64::try_from(failed_for.as_millis()).unwrap_or(i64::MAX);
                    tracing::info!(experiment = name, probe, failed_for_ms, "a probe passes again");
                }
                Turn::Flaps => {
                    tracing::info!(experiment = name, probe, "a probe turns again and again");
                }
                Turn::Flapped { failed, evaluations, reason, .. } => {
                    let reason = reason.as_deref();
                    tracing::info!(experiment = name, probe, failed, evaluations, reason, "a probe flaps");
                }
                Turn::Calms { passes } => {
                    tracing::info!(experiment = name, probe, passes, "a probe flaps no more");
                }
            }
            (self.publish)(&RunEvent::ProbeTurned { experiment, probe: &probe, turn: &turn });
        }
    }

    /// Publishes a tick every second.
    async fn publish_ticks(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
        // Ticks that were missed while the process was held up are not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            (self.publish)(&RunEvent::Tick(&self.course.probes.register));
        }
    }
}
