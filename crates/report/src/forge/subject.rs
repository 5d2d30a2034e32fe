//! The subject that a run reports to: the repository, the commit and the pull request on a forge.

use faultgate_core::model::ForgeKind;

/// A forge and where its API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub kind: ForgeKind,
    /// The URL of the API, without a slash at its end: `https://api.github.com`. CodeCommit has its Region's
    /// endpoint here.
    pub api_url: String,
}

/// The repository, the commit and the pull request on a forge to which a run reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub site: Site,
    /// The repository as `owner/name`. On GitLab it is the path with its groups, or the project's number.
    pub repository: String,
    /// The commit that carries the status. It is `None` where only the pull request is known, whose head is
    /// then looked up.
    pub commit: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// The branch that the pull request comes from, where its number is not known and has to be looked up.
    pub fork: Option<ForkBranch>,
    /// The pipeline of GitLab to which the statuses belong.
    pub pipeline: Option<Pipeline>,
}

/// A pull or merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The repository into which the pull request asks to be merged, where that is not the run's own.
    pub repository: Option<String>,
}

/// A branch of a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkBranch {
    pub owner: String,
    pub branch: String,
}

/// A pipeline of GitLab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    pub id: u64,
    /// The branch or the tag that the pipeline runs for.
    pub git_ref: Option<String>,
    /// The name of the running job, which no status of its pipeline may take.
    pub job: Option<String>,
}
