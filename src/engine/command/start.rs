//! How a command is started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::program;
use crate::model::CommandLine;
use crate::process_group::Group;

/// Where and with what variables a command is run.
#[derive(Clone)]
pub(super) struct Surroundings {
    /// Absolute.
    pub(super) dir: PathBuf,
    /// All of them; nothing else is inherited.
    pub(super) env: BTreeMap<OsString, OsString>,
}

impl Surroundings {
    /// The same with a variable by which all that is started can be found.
    pub(super) fn marked(&self, variable: &str, mark: &str) -> Self {
        let mut marked = self.clone();
        marked.env.insert(variable.into(), mark.into());
        marked
    }
}

/// Starts a command as the leader of a new group. It reads nothing; its output is there to be read.
pub(super) fn start(command: &CommandLine, surroundings: &Surroundings) -> io::Result<(Child, Group)> {
    let program = program::find(command.program(), surroundings)?;
    let child = Command::new(program)
        .arg0(command.program())
        .args(command.args.iter().skip(1))
        .current_dir(&surroundings.dir)
        .env_clear()
        .envs(&surroundings.env)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = Group::led_by(&child)?;
    Ok((child, group))
}
