//! The reports that engines write themselves. They come some time after the end, and decide nothing.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::Lifecycle;
use faultgate_core::model::ExperimentResult;
use faultgate_engines::{Launched, OwnReport};

/// Time within which all reports must come, beside the removal of what the run has made.
const REPORT_WAIT: Duration = Duration::from_secs(10);
/// Pause between two requests for one report.
const ASK_PAUSE: Duration = Duration::from_secs(2);
/// Number of experiments whose reports are waited for at the same time.
const MAX_WAITS_AT_ONCE: usize = 16;

/// A report that is still to come. `due` is the time at which the engine wants it to be ready.
#[derive(Debug)]
pub(super) struct Expected {
    experiment: usize,
    launched: Launched,
    due: Timestamp,
}

impl Lifecycle<'_> {
    /// Notes that the engine will write a report.
    pub(super) fn expect_own_report(&self, experiment: usize, launched: &Launched, due: Timestamp) {
        let launched = launched.clone();
        self.course.own_reports.borrow_mut().push(Expected { experiment, launched, due });
    }

    /// Asks again for the reports that can be ready in time. A signal ends the wait.
    pub(super) async fn await_own_reports(&self, results: &mut [ExperimentResult]) {
        let deadline = Instant::now() + REPORT_WAIT;
        let last = self.clock.now().saturating_add(REPORT_WAIT).unwrap_or(Timestamp::MAX);
        let mut expected = self.course.own_reports.take();
        expected.retain(|report| report.due < last);
        let looks = stream::iter(expected)
            .map(|report| async move { (report.experiment, self.await_own_report(&report, deadline).await) });
        let taking = looks.buffer_unordered(MAX_WAITS_AT_ONCE).for_each(|(experiment, report)| {
            if let (Some(result), Some(report)) = (results.get_mut(experiment), report) {
                result.report_location = report.location;
                result.report_state = Some(report.state);
            }
            std::future::ready(())
        });
        tokio::select! {
            biased;
            () = taking => {}
            _ = self.cancel.cancelled() => {}
        }
    }

    /// Asks for one report until it is ready or the deadline is over, and returns what was told last.
    async fn await_own_report(&self, expected: &Expected, deadline: Instant) -> Option<OwnReport> {
        let engine = &self.engines[self.engine_of[expected.experiment]];
        let mut told = None;
        let asking = async {
            loop {
                sleep(ASK_PAUSE).await;
                if let Ok(record) = engine.look(&expected.launched).await {
                    told = record.report.or(told.take());
                }
                if told.as_ref().is_some_and(|report| report.due.is_none()) {
                    break;
                }
            }
        };
        let _ = timeout_at(deadline, asking).await;
        told
    }
}
