//! The port to a forge, and what goes through it.

use async_trait::async_trait;

use super::failure::ForgeFailure;
use faultgate_core::model::ForgeKind;

/// The state of a commit status, which tells how far a run or an experiment is. A forge with fewer states
/// takes the nearest of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    Pending,
    Running,
    Success,
    /// The run has found a weakness.
    Failure,
    /// The gate could not judge the run.
    Error,
    Cancelled,
}

impl StatusState {
    /// Says whether no other state is expected to follow.
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Success | Self::Failure | Self::Error | Self::Cancelled => true,
        }
    }
}

/// A mark on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// The name of the status, which is the same for every run of the same experiment.
    pub context: String,
    pub state: StatusState,
    /// The description, as plain text of one line. The client cuts it to its forge's limit.
    pub description: String,
    pub target_url: Option<String>,
}

/// The newest status of a name on a commit, if somebody else has posted it, such as another job that uses the
/// same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// `true` if the status does not let the commit pass.
    pub has_failed: bool,
    /// `true` if the status came after one that this client has posted.
    pub is_newer: bool,
    pub description: String,
    pub target_url: Option<String>,
}

/// The number of statuses that a forge takes, at once and in a time. `None` is no limit that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub at_once: usize,
    pub per_minute: Option<usize>,
    pub per_hour: Option<usize>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { at_once: 4, per_minute: None, per_hour: None }
    }
}

/// The limits of a forge's comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentLimits {
    /// Maximum number of bytes of a comment, safely below the forge's own limit.
    pub comment: usize,
    /// `true` if the Markdown takes HTML (`<details>`, `<sub>`, `<br>`, and HTML comments, which hide a
    /// marker).
    pub html: bool,
    /// `true` if the forge draws Mermaid diagrams.
    pub mermaid: bool,
}

/// The port to one repository on one forge. Each call sends its requests once.
#[async_trait]
pub trait Forge: Send + Sync {
    fn kind(&self) -> ForgeKind;

    fn limits(&self) -> CommentLimits;

    /// Says whether commits have statuses on this forge. Where they have none, a comment takes their place.
    fn has_statuses(&self) -> bool {
        true
    }

    /// Returns the number of statuses that may be posted without a refusal for their number.
    fn capacity(&self) -> Capacity {
        Capacity::default()
    }

    /// Posts a status, or updates the one of the same context. A state that is posted again is no failure.
    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure>;

    /// Returns the newest status of this name if somebody else has posted it. There is none on a forge that
    /// is not asked.
    async fn rival(&self, _context: &str) -> Result<Option<Rival>, ForgeFailure> {
        Ok(None)
    }

    /// Looks up the pull request that is commented on, where its number is not known. It must be called
    /// before [`Self::no_comment`] and all that follows.
    async fn find_pull_request(&self) -> Result<(), ForgeFailure> {
        Ok(())
    }

    /// Returns the reason why there is nothing to comment on, if there is nothing.
    fn no_comment(&self) -> Option<String>;

    /// Returns a line that holds `key`, marks a comment as ours, and is invisible to readers.
    fn marker(&self, key: &str) -> String {
        format!("<!-- {key} -->")
    }

    /// Returns the id of our own comment that holds this marker. It is looked for on all pages.
    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure>;

    /// Creates a comment.
    ///
    /// # Errors
    ///
    /// A creation that may have happened although no answer came is [`Again::Never`](super::Again::Never),
    /// since another try might leave two comments.
    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure>;

    /// Replaces the text of a comment.
    ///
    /// # Errors
    ///
    /// A comment that is gone, or not ours to update, is [`Again::Anew`](super::Again::Anew).
    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure>;
}
