//! A file through which a step of GitHub Actions tells its runner something.

use std::io;
use std::path::{Path, PathBuf};

use crate::sink::{from_write, report_skipped};
use faultgate_core::model::Reported;

/// A file that a variable of GitHub's names.
#[derive(Debug, Clone)]
pub struct CommandFile {
    path: PathBuf,
    /// `true` if the variable comes from the runner of this very job.
    is_of_this_job: bool,
}

impl CommandFile {
    /// Makes a command file. `is_of_this_job` is false on another CI, which can have the variable without the
    /// file: a step of GitHub Actions that started its job handed over all variables.
    pub fn new(path: PathBuf, is_of_this_job: bool) -> Self {
        Self { path, is_of_this_job }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The outcome of an attempt to write to the file.
    pub(crate) fn outcome(&self, sink: &str, written: io::Result<()>) -> Reported {
        match written {
            Err(error) if self.is_elsewhere(&error) => report_skipped(sink, error),
            written => from_write(sink, written),
        }
    }

    /// Returns `true` if the error means no more than that the file is on another machine.
    pub fn is_elsewhere(&self, error: &io::Error) -> bool {
        !self.is_of_this_job && error.kind() == io::ErrorKind::NotFound
    }
}
