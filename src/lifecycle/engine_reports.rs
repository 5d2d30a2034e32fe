//! The reports that engines write themselves. They come some time after the end, and decide nothing.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::run::{ExpectedReport, Lifecycle};
use super::scheduled::Scheduled;
use faultgate_engines::{Launched, OwnReport};

/// Time within which all reports must come, beside the removal of what the run has made.
const REPORT_WAIT: Duration = Duration::from_secs(10);
/// Pause between two requests for one report.
const ASK_PAUSE: Duration = Duration::from_secs(2);
/// Number of experiments whose reports are waited for at the same time.
const MAX_WAITS_AT_ONCE: usize = 16;

impl Lifecycle<'_> {
    /// Notes that the engine will write a report.
    pub(super) fn expect_report(&self, scheduled: &Scheduled<'_>, launched: &Launched, due: Timestamp) {
        let (number, engine) = (scheduled.number, scheduled.engine.clone());
        let expected = ExpectedReport { number, engine, launched: launched.clone(), due };
        self.course.expected_reports.borrow_mut().push(expected);
    }

    /// Asks again for the reports that can be ready in time, and puts them into the results that have ended, which
    /// are in the plan's order. A signal ends the wait.
    pub(super) async fn await_reports(&self) {
        let deadline = Instant::now() + REPORT_WAIT;
        let last = self.clock.now().saturating_add(REPORT_WAIT).unwrap_or(Timestamp::MAX);
        let mut expected = self.course.expected_reports.take();
        expected.retain(|report| report.due < last);
        let waits = stream::iter(expected)
            .map(|report| async move { (report.number, await_report(&report, deadline).await) });
        let taking = waits.buffer_unordered(MAX_WAITS_AT_ONCE).for_each(|(experiment, report)| {
            let mut ended = self.course.ended.borrow_mut();
            if let (Some((_, result)), Some(report)) = (ended.get_mut(experiment), report) {
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
}

/// Asks for one report until it is ready or the deadline is over, and returns what was told last.
async fn await_report(expected: &ExpectedReport, deadline: Instant) -> Option<OwnReport> {
    let mut told = None;
    let asking = async {
        loop {
            sleep(ASK_PAUSE).await;
            if let Ok(record) = expected.engine.look(&expected.launched).await {
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
