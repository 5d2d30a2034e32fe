//! The states of an experiment, the same for every engine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Normalised state; the engine's own word is kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Pending,
    Running,
    Stopping,
    Completed,
    Stopped,
    Failed,
    Cancelled,
    /// It did not end within its `timeout` or `queue-timeout`; a stop was requested.
    TimedOut,
    /// The engine used a word that this version does not know, or could not be asked.
    Unknown,
}

impl State {
    /// True where the engine is done with the experiment.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::Failed | Self::Cancelled)
    }

    /// How far along it is. Events may arrive in any order, and a late one never moves an experiment back.
    pub fn rank(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Pending => 1,
            Self::Running => 2,
            Self::Stopping => 3,
            Self::Completed | Self::Stopped | Self::Failed | Self::Cancelled | Self::TimedOut => 4,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a transition came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The answer to the launch request.
    Launch,
    /// An event from the bus.
    Event,
    /// The engine was asked although events were expected.
    Reconcile,
    /// The engine was asked because no events were expected.
    Poll,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Event => "event",
            Self::Reconcile => "reconcile",
            Self::Poll => "poll",
        }
    }
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub state: State,
    /// The engine's own word.
    pub raw_state: String,
    /// When it happened, by the engine's clock where the engine says so.
    pub at: Timestamp,
    /// When faultgate learned of it.
    pub observed_at: Timestamp,
    pub source: Source,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}
