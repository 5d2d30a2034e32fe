//! Reports: one result, many places to look at it.
//!
//! A sink listens to run events, and writes its report when the run is over. One that cannot write says so,
//! and the verdict stands. A new sink is one file and one line in `cli::reporting`.

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
mod samples;
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

/// When a sink writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// First, so that nothing of it is lost if a forge hangs.
    Files,
    /// Waits for others.
    Network,
    /// Last: it tells how the others fared.
    Record,
}

/// One place where a run is reported.
#[async_trait(?Send)]
pub trait Sink {
    /// Names its report where it cannot do so itself, since it did not answer in time.
    fn name(&self) -> &str;

    fn stage(&self) -> Stage {
        Stage::Files
    }

    /// Told of everything while the run goes on. Must not wait.
    fn on(&mut self, _event: &RunEvent<'_>) {}

    /// What a result has to hold before this sink writes it; called right before [`finish`](Self::finish).
    fn prepare(&self, _result: &mut RunResult) {}

    /// Writes the report of a run that is over. None from sinks that only listen. When a report that is missing
    /// changes what there is to tell, it is called again, and takes the place of what it has written before.
    async fn finish(&mut self, _result: &RunResult) -> Option<Reported> {
        None
    }
}

/// What a reader of the verdict has to know besides, with the experiment's name where there are several.
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

/// What a forge would not do, and what to do about it.
fn refused(sink: &str, refusal: &Refusal) -> Reported {
    let reported = failed(sink, refusal);
    match &refusal.remedy {
        Some(remedy) => reported.with_remedy(remedy),
        None => reported,
    }
}

/// The same by this connection: nobody expects of a token that may only read that it writes.
fn refused_by(connection: &Connection, sink: &str, refusal: &Refusal) -> Reported {
    match connection.may_only_read() {
        Some(why) if refusal.lacks_permission => skipped(sink, refusal).with_remedy(why),
        _ => refused(sink, refusal),
    }
}

/// The outcome where there is no forge to ask.
fn no_forge(sink: &str, why: &NoForge) -> Reported {
    match why {
        NoForge::Absent(why) => Reported { to_do: true, ..skipped(sink, why) },
        NoForge::Broken(why) => failed(sink, why),
    }
}

/// The outcome of writing a file.
fn from_write(sink: &str, written_to: std::io::Result<()>) -> Reported {
    match written_to {
        Ok(()) => written(sink),
        Err(error) => failed(sink, error),
    }
}
