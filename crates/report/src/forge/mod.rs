//! Forges: where the repository is, and where a commit carries a status and a pull request a comment.
//!
//! A forge knows its own API and nothing of runs or reports. A new one is one file here, one [`ForgeKind`] and one
//! arm in [`connect`].

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

pub mod bitbucket;
mod codecommit;
mod connection;
mod exchange;
mod gitea;
mod github;
mod gitlab;
mod insights;
mod refusal;
mod subject;

pub use connection::{Connection, NoForge};

/// A forge and where its API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub kind: ForgeKind,
    /// Without a slash at its end: `https://api.github.com`. For CodeCommit the Region's endpoint.
    pub api_url: String,
}

/// What on a forge a run reports to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub site: Site,
    /// `owner/name`; on GitLab the path with its groups, or the project's number.
    pub repository: String,
    /// The commit that carries the status. None where only the pull request is known: its head is then looked up.
    pub commit: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// The branch that the pull request comes from, where its number is not known: it is then looked up.
    pub fork: Option<ForkBranch>,
    /// The pipeline of GitLab that statuses belong to.
    pub pipeline: Option<Pipeline>,
}

/// A pull or merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The repository it asks to merge into, where that is not the run's own.
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
    pub git_ref: Option<String>,
    /// The running job, whose name no status of its pipeline may take.
    pub job: Option<String>,
}

/// How far a run or an experiment is, as commit statuses tell it. Forges with fewer words take the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    Pending,
    Running,
    Success,
    /// A weakness was found.
    Failure,
    /// The gate could not judge.
    Error,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Its name: the same for every run of the same experiment.
    pub context: String,
    pub state: StatusState,
    /// Plain text of one line. The forge cuts it to its limit.
    pub description: String,
    pub target_url: Option<String>,
}

/// The newest status of a name on a commit, where somebody else has posted it: another job that uses the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// It does not let the commit pass.
    pub has_failed: bool,
    /// It came after one that this client has posted.
    pub is_newer: bool,
    pub description: String,
    pub target_url: Option<String>,
}

/// What a forge takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a comment, safely below the forge's own limit.
    pub comment: usize,
    /// Whether its Markdown takes HTML (`<details>`, `<sub>`, `<br>`, comments that hide a marker).
    pub html: bool,
    /// Whether it draws Mermaid diagrams.
    pub mermaid: bool,
}

/// A request that a forge did not grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {what}: {why}")]
pub struct Refusal {
    /// What was tried: completes "could not …".
    pub what: String,
    /// The cause, in the forge's words where it has some: plain text, without the token.
    pub why: String,
    /// What the user can do about it.
    pub remedy: Option<String>,
    pub again: Again,
    /// The token is known, and may not do this.
    pub lacks_permission: bool,
}

/// Whether trying the same again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Never,
    /// After a pause of the caller's choice.
    Soon,
    /// Not before this, says the forge.
    After(Duration),
    /// Never this comment: it is gone, or somebody else's. A new one may be created instead.
    Anew,
}

/// One repository on one forge.
#[async_trait]
pub trait Forge: Send + Sync {
    fn kind(&self) -> ForgeKind;

    fn limits(&self) -> Limits;

    /// False where commits have no statuses; a comment then takes their place.
    fn has_statuses(&self) -> bool {
        true
    }

    /// Posts a status, or updates the one of the same context. To post a state again is no failure.
    async fn set_status(&self, status: &CommitStatus) -> Result<(), Refusal>;

    /// Who else has posted the newest status of this name. None where nobody has, and where the forge is not asked.
    async fn rival(&self, _context: &str) -> Result<Option<Rival>, Refusal> {
        Ok(None)
    }

    /// Looks up what is commented on, where more than its number is needed. Comes before the next one.
    async fn find_pull_request(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Why there is nothing that could be commented on, if so.
    fn no_comment(&self) -> Option<String>;

    /// A line that holds `key` and that readers do not see.
    fn marker(&self, key: &str) -> String {
        format!("<!-- {key} -->")
    }

    /// The id of our own comment that holds this marker, looked for on all pages.
    async fn find_comment(&self, marker: &str) -> Result<Option<String>, Refusal>;

    /// What may have been done although no answer came is [`Again::Never`]: there would be two comments.
    async fn create_comment(&self, body: &str) -> Result<(), Refusal>;

    /// [`Again::Anew`] where the comment is not ours to update.
    async fn update_comment(&self, id: &str, body: &str) -> Result<(), Refusal>;
}

/// The forge of a subject. `http` must follow no redirects; `aws` is for CodeCommit, `token` for all others. Needs a
/// tokio runtime. The error says what is missing and what to set, as a fragment.
pub fn connect(
    subject: Subject,
    token: Option<&Secret>,
    http: reqwest::Client,
    aws: Option<&SdkConfig>,
) -> Result<Box<dyn Forge>, String> {
    subject::check(&subject)?;
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

/// What to set where there is no token.
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
