//! How a CI folds its logs.

use crate::config::Environment;

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

impl LogStyle {
    pub fn detect(env: &Environment) -> Self {
        let is = |name: &str| env.get(name).is_some();
        if is("GITHUB_ACTIONS") {
            Self::GitHub
        } else if is("GITLAB_CI") {
            Self::GitLab
        } else if is("TF_BUILD") {
            Self::Azure
        } else if is("BUILDKITE") {
            Self::Buildkite
        } else {
            Self::Plain
        }
    }

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
