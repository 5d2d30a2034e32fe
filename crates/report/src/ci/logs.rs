//! The ways in which CIs fold their logs.

use super::kind::Ci;

/// The way in which a CI makes a group of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStyle {
    /// No groups.
    Plain,
    /// Groups by `::group::` commands, which Gitea and Forgejo know too.
    GitHub,
    /// Groups by section markers with the time in seconds.
    GitLab,
    /// Groups by `##[group]`.
    Azure,
    /// Groups by lines that begin with `---`, each of which ends the group before it.
    Buildkite,
}

impl Ci {
    /// Returns the way in which this CI folds its logs.
    pub fn log_style(self) -> LogStyle {
        match self {
            Self::GitHubActions | Self::GiteaActions | Self::ForgejoActions => LogStyle::GitHub,
            Self::GitLabCi => LogStyle::GitLab,
            Self::AzurePipelines => LogStyle::Azure,
            Self::Buildkite => LogStyle::Buildkite,
            Self::None
            | Self::CodeBuild
            | Self::BitbucketPipelines
            | Self::CircleCi
            | Self::Woodpecker
            | Self::Drone
            | Self::TeamCity
            | Self::Jenkins => LogStyle::Plain,
        }
    }
}

impl LogStyle {
    /// Returns the lines before and after a group. `title` must be plain text, `name` must be `[a-z_]+`, and
    /// `seconds` is the Unix time.
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
