//! A file through which a step of GitHub Actions tells its runner something.

use std::io;
use std::path::{Path, PathBuf};

use super::{from_write, skipped};
use faultgate_core::model::Reported;

/// The file that a variable of GitHub's names.
#[derive(Debug, Clone)]
pub struct CommandFile {
    path: PathBuf,
    is_of_this_job: bool,
}

impl CommandFile {
    /// Another CI can have the variable too, without the file: whoever started its job handed over all variables.
    pub fn new(path: PathBuf, is_of_this_job: bool) -> Self {
        Self { path, is_of_this_job }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The outcome of writing to it.
    pub(super) fn outcome(&self, sink: &str, written: io::Result<()>) -> Reported {
        match written {
            Err(error) if self.is_elsewhere(&error) => skipped(sink, error),
            written => from_write(sink, written),
        }
    }

    /// Whether it was not written since it is on another machine.
    pub fn is_elsewhere(&self, error: &io::Error) -> bool {
        !self.is_of_this_job && error.kind() == io::ErrorKind::NotFound
    }
}
