//! The start of a command.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::program;
use super::surroundings::CommandSurroundings;
use faultgate_core::model::CommandLine;
use faultgate_core::processes::group::ProcessGroup;

/// Starts a command as the leader of a new group. Its input is empty, and its outputs are pipes.
pub(super) fn start(
    command: &CommandLine,
    surroundings: &CommandSurroundings,
) -> io::Result<(Child, ProcessGroup)> {
    let (out, error) = (Stdio::piped(), Stdio::piped());
    spawn(command, surroundings, |command| command.stdout(out).stderr(error).kill_on_drop(true).spawn())
}

/// Starts a command that may outlive this process: nobody has to read what it prints, and only its group
/// kills it.
pub(super) fn start_apart(
    command: &CommandLine,
    surroundings: &CommandSurroundings,
) -> io::Result<(Child, ProcessGroup, Printed)> {
    // A pipe would end the command with SIGPIPE, or block it, once this process no longer reads.
    let printed = Printed::nothing();
    let (out, error) = (printed.writer(), printed.writer());
    let started = spawn(command, surroundings, |command| command.stdout(out).stderr(error).spawn());
    started.map(|(child, group)| (child, group, printed))
}

/// The output of a command in memory that is no pipe; `None` where the system has no such memory.
pub(super) struct Printed(Option<File>);

/// Number of bytes at the end of an output that are read.
const MAX_END_BYTES: u64 = 4 * 1024;

impl Printed {
    fn nothing() -> Self {
        #[cfg(target_os = "linux")]
        let file = rustix::fs::memfd_create("output", rustix::fs::MemfdFlags::CLOEXEC).map(File::from).ok();
        #[cfg(not(target_os = "linux"))]
        let file = None;
        Self(file)
    }

    fn writer(&self) -> Stdio {
        self.0.as_ref().and_then(|file| file.try_clone().ok()).map_or_else(Stdio::null, Stdio::from)
    }

    /// Returns the last lines, the oldest first.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let Some(file) = &self.0 else { return Vec::new() };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut end = vec![0; usize::try_from(length.min(MAX_END_BYTES)).unwrap_or(0)];
        let read = file.read_at(&mut end, length - length.min(MAX_END_BYTES)).unwrap_or(0);
        let text = String::from_utf8_lossy(&end[..read]).into_owned();
        text.lines().filter(|line| !line.trim().is_empty()).map(ToOwned::to_owned).collect()
    }
}

/// Prepares a command, starts it by `spawn`, and takes charge of its group.
fn spawn(
    command: &CommandLine,
    surroundings: &CommandSurroundings,
    spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
) -> io::Result<(Child, ProcessGroup)> {
    let program = program::find(command.program(), surroundings)?;
    let mut prepared = Command::new(program);
    prepared
        .arg0(command.program())
        .args(command.args.iter().skip(1))
        .current_dir(&surroundings.dir)
        .env_clear()
        .envs(&surroundings.env)
        .stdin(Stdio::null())
        .process_group(0);
    let child = spawn(&mut prepared)?;
    let group = ProcessGroup::led_by(&child)?;
    Ok((child, group))
}
