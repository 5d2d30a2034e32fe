//! The port of reporting: a sink hears the events of a run, and writes one report when the run is over.
//!
//! A sink says how its report fared and never ends the run: the functions below make that answer, which is the
//! same for the same cause whichever sink gives it.

use std::fmt::Display;

use async_trait::async_trait;
use faultgate_core::model::{Outcome, Reported, RunEvent, RunResult};

use crate::forge::{Connection, ForgeFailure, NoForge};

/// The stage of reporting in which a sink writes. The stages follow one another in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Files on the disk. They come first, so that none is lost if a forge hangs.
    Files,
    /// Reports that wait for a service or another program.
    Network,
    /// Records of how all other reports fared, which is why they come last.
    Record,
}

/// A listener to a run that writes one report of it.
#[async_trait(?Send)]
pub trait Sink {
    /// The name of the report, for a result that has to tell of it because the sink itself did not answer.
    fn name(&self) -> &str;

    /// The stage in which the report is written.
    fn stage(&self) -> Stage {
        Stage::Files
    }

    /// Hears an event while the run goes on. The run stands still meanwhile, so a sink must not wait here.
    fn on(&mut self, _event: &RunEvent<'_>) {}

    /// Adds to the result what it has to hold before this sink writes it. It is called right before
    /// [`finish`](Self::finish), for sinks of every stage but [`Stage::Network`].
    fn prepare(&self, _result: &mut RunResult) {}

    /// Writes the report of a run that is over, and returns how that went, or `None` from a sink that only
    /// listens. It is called again when a missing report changes what there is to tell; the new report then
    /// takes the place of the one before.
    async fn finish(&mut self, _result: &RunResult) -> Option<Reported> {
        None
    }

    /// Tells how a report over the network stands that was not finished in time, or not even begun. `why` says
    /// what has cut it off.
    fn cut_off(&mut self, _result: &RunResult, why: &str) -> Reported {
        report_failed(self.name(), why)
    }
}

fn report_outcome(sink: &str, outcome: Outcome, detail: Option<String>) -> Reported {
    Reported { sink: sink.to_owned(), outcome, detail, to_do: false, required: false }
}

pub(crate) fn report_written(sink: &str) -> Reported {
    report_outcome(sink, Outcome::Written, None)
}

pub(crate) fn report_skipped(sink: &str, why: impl Display) -> Reported {
    report_outcome(sink, Outcome::Skipped, Some(why.to_string()))
}

pub(crate) fn report_failed(sink: &str, why: impl Display) -> Reported {
    report_outcome(sink, Outcome::Failed, Some(why.to_string()))
}

/// The outcome of a request that a forge refused, with the remedy if there is one.
pub(crate) fn report_refused(sink: &str, failure: &ForgeFailure) -> Reported {
    let reported = report_failed(sink, failure);
    match &failure.remedy {
        Some(remedy) => reported.with_remedy(remedy),
        None => reported,
    }
}

/// The outcome of a request that was refused over this connection. A token that may only read is expected to
/// lack the permission to write, so that is no failure.
pub(crate) fn report_refused_by(connection: &Connection, sink: &str, failure: &ForgeFailure) -> Reported {
    match connection.may_only_read() {
        Some(why) if failure.kind.lacks_permission => report_skipped(sink, failure).with_remedy(why),
        _ => report_refused(sink, failure),
    }
}

/// The outcome of a report for which there is no forge: skipped if none was asked for, failed if its client
/// is broken.
pub(crate) fn no_forge(sink: &str, why: &NoForge) -> Reported {
    match why {
        NoForge::Absent(why) => Reported { to_do: true, ..report_skipped(sink, why) },
        NoForge::Broken(why) => report_failed(sink, why),
    }
}

/// The outcome of an attempt to write a file.
pub(crate) fn from_write(sink: &str, written_to: std::io::Result<()>) -> Reported {
    match written_to {
        Ok(()) => report_written(sink),
        Err(error) => report_failed(sink, error),
    }
}
