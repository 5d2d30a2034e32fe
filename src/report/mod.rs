//! Reports: one result, many places to look at it.
//!
//! A sink listens to run events, and writes its report when the run is over. One that cannot write says so,
//! and the verdict stands. A new sink is one file and one line in `cli::run`.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Outcome, Reported, RunEvent, RunResult, Verdict};

mod console;
mod files;
mod json;
mod live;
mod outputs;
mod summary;
mod timeline;

pub use console::{Log, closing};
pub use json::ResultFile;
pub use live::Live;
pub use outputs::{StepOutputs, write_mistakes};
pub use summary::{StepSummary, SummaryFile};

/// One place where a run is reported.
#[async_trait(?Send)]
pub trait Sink {
    /// Told of everything while the run goes on. Must not wait.
    fn on(&mut self, _event: &RunEvent<'_>) {}

    /// Writes the report of a run that is over. None from sinks that only listen.
    async fn finish(&mut self, _result: &RunResult) -> Option<Reported> {
        None
    }
}

/// Lets each sink write its report, within the given time for all together. A report that must not be missing
/// turns `passed` into `errored`.
pub async fn finish(
    sinks: &mut [Box<dyn Sink>],
    result: &mut RunResult,
    must_succeed: bool,
    within: Duration,
) {
    let deadline = tokio::time::Instant::now() + within;
    for sink in sinks {
        let reported = tokio::time::timeout_at(deadline, sink.finish(result)).await;
        result.reporting.extend(reported.ok().flatten());
        let failed = result.reporting.iter().find(|reported| reported.outcome == Outcome::Failed);
        if let (true, Verdict::Passed, Some(failed)) = (must_succeed, result.gate.verdict, failed) {
            let detail = failed.detail.as_deref().unwrap_or_default();
            result.gate.verdict = Verdict::Errored;
            result.gate.exit_code = Verdict::Errored.exit_code(None);
            result.gate.reasons.push(format!("the report {} could not be posted: {detail}", failed.sink));
        }
    }
}

fn written(sink: &str) -> Reported {
    Reported { sink: sink.to_owned(), outcome: Outcome::Written, detail: None }
}

fn failed(sink: &str, why: impl std::fmt::Display) -> Reported {
    Reported { sink: sink.to_owned(), outcome: Outcome::Failed, detail: Some(why.to_string()) }
}

/// The outcome of writing a file.
fn from_write(sink: &str, written_to: std::io::Result<()>) -> Reported {
    match written_to {
        Ok(()) => written(sink),
        Err(error) => failed(sink, error),
    }
}
