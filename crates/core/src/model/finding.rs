//! The findings of the checks before a launch.

use serde::{Deserialize, Serialize};

/// The severity of a finding, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The subject is as it should be.
    Ok,
    /// Something could not be looked at, or is merely worth knowing.
    Note,
    /// There is a risk that the user should know of; the run goes on.
    Warning,
    /// The run cannot succeed, so nothing is launched.
    Error,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was verified, or that was found to be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub level: Level,
    /// Subject of the check in a few words, such as `template EXT1` or `safety lever`.
    pub subject: String,
    pub message: String,
    /// Remedy for the reader, such as a command or an IAM statement.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
    /// `true` if the finding is about one place that cannot be reached: an error forbids what would run there,
    /// and nothing elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub of_place: bool,
}

impl Finding {
    /// Subject of findings about the policy of those who own the platform.
    pub const POLICY: &str = "policy";

    pub fn new(level: Level, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, subject: subject.into(), message: message.into(), remedy: None, of_place: false }
    }

    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Makes this a finding about one place that cannot be reached.
    #[must_use]
    pub fn about_place(self) -> Self {
        Self { of_place: true, ..self }
    }

    /// Returns `true` if the policy refuses the run by this finding.
    pub fn is_refusal(&self) -> bool {
        self.level == Level::Error && self.subject == Self::POLICY
    }
}
