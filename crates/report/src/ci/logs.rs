//! How a CI folds its logs.

use super::Ci;

/// The way to make a group of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStyle {
    Plain,
    /// `::group::` commands; Gitea and Forgejo know them too.
    GitHub,
    /// Section markers with the time in seconds.
    GitLab,
    /// `##[group]`.
    Azure,
    /// Lines that begin with `---`.
    Buildkite,
}

impl Ci {
    pub fn log_style(self) -> LogStyle {
        match self {
            ci if ci.is_github_like() => LogStyle::GitHub,
            Self::GitLabCi => LogStyle::GitLab,
            Self::AzurePipelines => LogStyle::Azure,
            Self::Buildkite => LogStyle::Buildkite,
            _ => LogStyle::Plain,
        }
    }
}

impl LogStyle {
    /// The lines before and after a group. `title` must be plain text; `name` is `[a-z_]+`.
    pub fn group(self, name: &str, title: &str, seconds: i64) -> (Option<String>, Option<String>) {
        match self {
            Self::Plain => (None, None),
            Self::GitHub => (Some(format!("::group::{title}")), Some("::endgroup::".to_owned())),
            Self::GitLab => (
                Some(format!("\x1b[0Ksection_start:{seconds}:{name}\r\x1b[0K{title}")),
                Some(format!("\x1b[0Ksection_end:{seconds}:{name}\r\x1b[0K")),
            ),
            Self::Azure => (Some(format!("##[group]{title}")), Some("##[endgroup]".to_owned())),
            Self::Buildkite => (Some(format!("--- {title}")), None),
        }
    }
}
