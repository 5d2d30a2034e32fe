//! Reports: one result, many places to look at it.
//!
//! A [`Sink`] hears the events of a run, and writes one report when the run is over. A sink that cannot write
//! says so, and the verdict stands unless the user has set `reporting` to `fail`. A sink never holds up the
//! run.
//!
//! - `log` prints while the run goes on and at its end; `files`, `summary`, `html` and `junit` write files,
//!   and `folder` knows all files of the report folder; `post` posts to forges and CI systems.
//! - [`finish`] lets the sinks write in their order, and `veiled` hides the secrets before anything is told.
//! - `words` holds what several reports have in common.
//! - [`ci`] says where a run takes place and what it is for, and [`forge`] reaches the service that holds the
//!   repository.

pub mod ci;
mod files;
mod finish;
mod folder;
pub mod forge;
mod html;
mod junit;
mod log;
mod post;
mod sink;
mod summary;
mod veiled;
mod words;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod fake_forge;
#[cfg(test)]
mod tests;

#[cfg(test)]
use sink::{report_failed, report_written};

pub use files::{
    CommandFile, RESULT_FILE, ResultFile, StepOutputs, write_mistakes, write_mistakes_as_variables,
};
pub use finish::finish;
pub use folder::{clear, report_file_sinks, report_files};
pub use log::{
    Live, Log, LogCommands, Medium, PaintedLine, Remark, ScreenSize, Tone, closing, measure,
    mistake_commands, remark_commands, wrap,
};
pub use post::{
    BuildkiteAnnotation, Comment, CommitStatuses, Insights, MAX_OBJECT_BYTES, MERGED_NAME, ResultObject,
    StatusScope, StatusStyle, comment_key, run_folder,
};
pub use sink::{Sink, Stage};
pub use summary::StepSummary;
pub use veiled::{tell_veiled, veil_preview, veil_result};
pub use words::Nature;
