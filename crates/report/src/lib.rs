//! Reports: one result, many places to look at it.
//!
//! A sink hears the events of a run, and writes one report when the run is over. A sink that cannot write
//! says so, and the verdict stands unless the user has set `reporting` to `fail`. A sink never holds up the
//! run. A new sink is one file and one line in `cli::reporting`.
//!
//! - `console`, `live` and `commands` print while the run goes on and at its end; `json`, `summary`, `html`,
//!   `junit`, `dotenv` and `annotations` write files of the report folder; `outputs` and `summary` write to
//!   files that the CI has made; `status`, `comment`, `insights` and `buildkite` post.
//! - `finish` lets the sinks write in their order, and `veiled` hides the secrets before anything is told.
//! - `arithmetic`, `change`, `context` and `timeline` hold words that several reports have in common.

use std::fmt::Display;

use async_trait::async_trait;

use crate::forge::{Connection, NoForge, Refusal};
use faultgate_core::model::{Outcome, Reported, RunEvent, RunResult};

mod annotations;
mod arithmetic;
mod buildkite;
mod change;
pub mod ci;
mod command_file;
mod commands;
mod comment;
mod console;
mod context;
mod dotenv;
mod files;
mod finish;
pub mod forge;
mod html;
mod insights;
mod json;
mod junit;
mod live;
mod outputs;
mod own_report;
mod patience;
mod rivals;
mod status;
mod summary;
mod timeline;
mod veiled;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod fake_forge;
#[cfg(test)]
mod tests;

pub use annotations::AnnotationsFile;
pub use buildkite::BuildkiteAnnotation;
pub use command_file::CommandFile;
pub use commands::{LogCommands, Remark, mistake_commands, remark_commands};
pub use comment::{Comment, comment_key};
pub use console::{Log, closing};
pub use context::Nature;
pub use dotenv::{DotenvFile, write_mistakes_as_variables};
pub use files::clear;
pub use finish::finish;
pub use html::HtmlFile;
pub use insights::Insights;
pub use json::{NAME as RESULT_FILE, ResultFile};
pub use junit::JunitFile;
pub use live::Live;
pub use outputs::{StepOutputs, write_mistakes};
pub use status::{StatusStyle, Statuses};
pub use summary::{StepSummary, SummaryFile};
pub use veiled::{tell_veiled, veiled};

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
}

/// The warnings of all experiments, which the reader of a verdict has to know too. Each begins with the name
/// of its experiment if there are several.
fn warnings(result: &RunResult) -> impl Iterator<Item = String> {
    let is_alone = result.experiments.len() == 1;
    result.experiments.iter().flat_map(move |experiment| {
        let name = if is_alone { String::new() } else { format!("{}: ", experiment.name) };
        experiment.warnings.iter().map(move |warning| format!("{name}{warning}"))
    })
}

fn reported(sink: &str, outcome: Outcome, detail: Option<String>) -> Reported {
    Reported { sink: sink.to_owned(), outcome, detail, to_do: false }
}

fn written(sink: &str) -> Reported {
    reported(sink, Outcome::Written, None)
}

fn skipped(sink: &str, why: impl Display) -> Reported {
    reported(sink, Outcome::Skipped, Some(why.to_string()))
}

fn failed(sink: &str, why: impl Display) -> Reported {
    reported(sink, Outcome::Failed, Some(why.to_string()))
}

/// The outcome of a request that a forge refused, with the remedy if there is one.
fn refused(sink: &str, refusal: &Refusal) -> Reported {
    let reported = failed(sink, refusal);
    match &refusal.remedy {
        Some(remedy) => reported.with_remedy(remedy),
        None => reported,
    }
}

/// The outcome of a request that was refused over this connection. A token that may only read is expected to
/// lack the permission to write, so that is no failure.
fn refused_by(connection: &Connection, sink: &str, refusal: &Refusal) -> Reported {
    match connection.may_only_read() {
        Some(why) if refusal.lacks_permission => skipped(sink, refusal).with_remedy(why),
        _ => refused(sink, refusal),
    }
}

/// The outcome of a report for which there is no forge: skipped if none was asked for, failed if its client
/// is broken.
fn no_forge(sink: &str, why: &NoForge) -> Reported {
    match why {
        NoForge::Absent(why) => Reported { to_do: true, ..skipped(sink, why) },
        NoForge::Broken(why) => failed(sink, why),
    }
}

/// The outcome of an attempt to write a file.
fn from_write(sink: &str, written_to: std::io::Result<()>) -> Reported {
    match written_to {
        Ok(()) => written(sink),
        Err(error) => failed(sink, error),
    }
}
