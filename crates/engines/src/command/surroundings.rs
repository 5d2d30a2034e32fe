//! The surroundings of a command: its directory, its environment, and the secrets in what it prints.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use faultgate_config::Veil;

/// The directory and the environment in which a command is run.
#[derive(Clone)]
pub(super) struct CommandSurroundings {
    /// The absolute path of the directory.
    pub(super) dir: PathBuf,
    /// All variables; the command inherits nothing else.
    pub(super) env: BTreeMap<OsString, OsString>,
    /// The veil over secrets in what the command prints.
    pub(super) veil: Veil,
}

impl CommandSurroundings {
    /// Returns a copy with one more variable, by which all processes that the command starts can be found.
    pub(super) fn with_mark(&self, variable: &str, mark: &str) -> Self {
        let mut marked = self.clone();
        marked.env.insert(variable.into(), mark.into());
        marked
    }
}
