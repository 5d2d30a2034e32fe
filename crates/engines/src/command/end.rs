//! The end of a command, as far as it is known: how its process ended, and what is left of it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use jiff::Timestamp;

use super::chaos_toolkit::ToolkitJournal;
use faultgate_core::model::Transition;
use faultgate_core::processes::kin::Member;

/// The way in which a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
    /// The system did not say how.
    Unknown(String),
}

impl Exit {
    pub(super) fn of(status: io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Self::Code(code),
                (None, Some(signal)) => Self::Signal(signal),
                (None, None) => Self::Unknown(status.to_string()),
            },
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::Unknown(why) => write!(f, "an end that is not known: {why}"),
        }
    }
}

/// The outcome of the `stop` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undone {
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    /// The reason why the fault may still be in.
    pub(super) failed: Option<String>,
}

/// The facts that are known of an experiment when it is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommandEnd {
    /// `None` if the process could not even be killed.
    pub(super) exit: Option<Exit>,
    /// `true` if the process ended as it should before anybody asked for a stop.
    pub(super) expected: bool,
    /// `true` if a stop was asked for before its time was over.
    pub(super) stopped: bool,
    pub(super) started_at: Timestamp,
    pub(super) exited_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) undone: Option<Undone>,
    /// The reason why nothing proves that a fault was in, where a proof is declared.
    pub(super) unproved: Option<String>,
    /// Processes that it left behind when it had ended by itself. They were told to end.
    pub(super) left: Vec<Member>,
    /// Processes that could not be ended.
    pub(super) survivors: Vec<Member>,
    pub(super) journal: Option<Result<ToolkitJournal, String>>,
    /// The last lines that it printed.
    pub(super) output: Vec<String>,
}

/// The facts that are known so far.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandProgress {
    pub(super) transitions: Vec<Transition>,
    pub(super) end: Option<CommandEnd>,
}

/// Lists the names of processes for a sentence.
pub(super) fn list(members: &[Member]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Lists the ids of processes for `kill`.
pub(super) fn pids(members: &[Member]) -> String {
    members.iter().map(|member| member.pid().to_string()).collect::<Vec<_>>().join(" ")
}
