//! The states of an experiment, which are the same for every engine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A normalised state. The engine's own word is kept beside it.
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
    /// The experiment did not end within its `timeout` or `queue-timeout`; a stop was requested.
    TimedOut,
    /// The engine used a word that this version does not know, or could not be asked.
    Unknown,
}

impl State {
    /// Returns `true` if the engine is done with the experiment. `TimedOut` is our word, which says nothing
    /// of the engine's.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::Failed | Self::Cancelled)
    }

    /// Returns how far an experiment in this state has come. Events may arrive in any order, and a late one
    /// never moves an experiment back.
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

/// The way in which a transition became known.
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

/// A change of an experiment's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub state: State,
    /// State in the engine's own word.
    pub raw_state: String,
    /// Time of the change, by the engine's clock if the engine tells it.
    pub at: Timestamp,
    /// Time at which faultgate learned of the change.
    pub observed_at: Timestamp,
    pub source: Source,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}
