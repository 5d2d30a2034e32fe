//! The files that are made: where each of them is, and what it holds.

use std::path::Path;

use faultgate_config::SUITE_NAMES;

/// The path of the suite, which is the first one that a run looks for.
pub(super) const SUITE: &str = SUITE_NAMES[0];
pub(super) const POLICY: &str = "faultgate-policy.yml";
pub(super) const GITLAB: &str = ".gitlab-ci.yml";

/// A file that is to be made below the folder of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewFile {
    pub(super) path: &'static str,
    pub(super) content: String,
    /// The paths of files that must not be there beside this one, since a run would not know which of them
    /// counts.
    pub(super) rivals: &'static [&'static str],
}

impl NewFile {
    pub(super) fn new(path: &'static str, content: String) -> Self {
        Self { path, content, rivals: &[] }
    }
}

/// Says whether a GitLab pipeline is there already, which then has to include the new one. A link counts as
/// well.
pub(super) fn has_pipeline(dir: &Path) -> bool {
    dir.join(GITLAB).symlink_metadata().is_ok()
}
