//! Forges: the services that hold the repository, where a commit carries a status and a pull request a
//! comment.
//!
//! The trait [`Forge`] is the port, and there is a file for the client of each forge: `github.rs`,
//! `gitlab.rs`, `gitea.rs` (with Forgejo), `bitbucket.rs` (with Code Insights in `insights.rs`) and
//! `codecommit.rs`. Those that speak HTTP themselves share `exchange.rs`, which sends a request (`request.rs`)
//! once, `refusal.rs`, which judges a request that was not granted, `paths.rs`, which turns names into paths,
//! `head.rs`, which finds the commit, and `comments.rs`, which finds our comment. `pull.rs` has the pull requests of
//! GitHub's API, which Gitea has too. `connection.rs` connects when a forge is first needed.
//!
//! A client knows its own API, and nothing of runs or reports. It never waits and never tries again by
//! itself: a [`ForgeFailure`] says whether that may help, and the sinks decide. A new forge is one file here, one
//! [`ForgeKind`] and one arm in [`connect`].

use async_trait::async_trait;
use aws_config::SdkConfig;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

pub mod bitbucket;
mod codecommit;
mod comments;
mod connection;
mod exchange;
mod failure;
mod gitea;
mod github;
mod gitlab;
mod head;
mod insights;
mod paths;
mod pull;
mod refusal;
mod request;

pub use connection::{Connection, NoForge};
pub use failure::{Again, Denied, ForgeFailure};

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
    /// A creation that may have happened although no answer came is [`Again::Never`], since another try might
    /// leave two comments.
    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure>;

    /// Replaces the text of a comment.
    ///
    /// # Errors
    ///
    /// A comment that is gone, or not ours to update, is [`Again::Anew`].
    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure>;
}

/// Makes the client for a subject, and sends nothing yet. `http` must follow no redirects, since a redirect
/// could lead the token elsewhere. `aws` is for CodeCommit, `token` for all others. The call needs a tokio
/// runtime.
///
/// # Errors
///
/// The error says what is missing and what to set, as a fragment.
pub fn connect(
    subject: Subject,
    token: Option<&Secret>,
    http: reqwest::Client,
    aws: Option<&SdkConfig>,
) -> Result<Box<dyn Forge>, String> {
    paths::check(&subject)?;
    let kind = subject.site.kind;
    let missing = || without_token(kind).to_owned();
    let token = || token.ok_or_else(missing);
    Ok(match kind {
        ForgeKind::GitHub => Box::new(github::GitHub::new(subject, token()?, http)?),
        ForgeKind::GitLab => Box::new(gitlab::GitLab::new(subject, token()?, http)?),
        ForgeKind::Gitea | ForgeKind::Forgejo => Box::new(gitea::Gitea::new(subject, token()?, http)?),
        ForgeKind::Bitbucket => Box::new(bitbucket::Bitbucket::new(subject, token()?, http)?),
        ForgeKind::CodeCommit => Box::new(codecommit::CodeCommit::new(subject, aws.ok_or_else(missing)?)),
    })
}

/// Returns the instruction for a forge without a token.
fn without_token(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitHub => {
            "there is no token for GitHub: set FAULTGATE_GITHUB_TOKEN or the input `github-token`, in a job of \
             GitHub Actions to `${{ github.token }}`"
        }
        ForgeKind::Gitea | ForgeKind::Forgejo => {
            "there is no token for the forge: set FAULTGATE_GITHUB_TOKEN or the input `github-token`, in a job \
             of its Actions to `${{ github.token }}`"
        }
        ForgeKind::GitLab => {
            "there is no token for GitLab: set FAULTGATE_GITLAB_TOKEN or the input `gitlab-token` to a project \
             access token with the role Developer and the scope `api`, since CI_JOB_TOKEN can post neither \
             statuses nor notes"
        }
        ForgeKind::Bitbucket => {
            "there is no token for Bitbucket: set FAULTGATE_BITBUCKET_TOKEN or the input `bitbucket-token` to a \
             repository access token with the scopes `repository:write` and `pullrequest:write`"
        }
        ForgeKind::CodeCommit => {
            "there are no AWS credentials for CodeCommit: give the job a role that may comment"
        }
    }
}
