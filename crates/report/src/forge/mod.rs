//! Forges: the services that hold the repository, where a commit carries a status and a pull request a
//! comment.
//!
//! The trait [`Forge`] is the port (`port.rs`), `subject.rs` says what is reported to, and there is a file
//! for the client of each forge: `github.rs`, `gitlab.rs`, `gitea.rs` (with Forgejo), `bitbucket.rs` (with
//! Code Insights in `insights.rs`) and `codecommit.rs`. `failure.rs` has what a refused request means. Those
//! that speak HTTP themselves share `exchange.rs`, which sends a request (`request.rs`) once, `refusal.rs`,
//! which judges a request that was not granted, `paths.rs`, which turns names into paths, `head.rs`, which
//! finds the commit, and `comments.rs`, which finds our comment. `pull.rs` has the pull requests of GitHub's
//! API, which Gitea has too. `connection.rs` connects when a forge is first needed.
//!
//! A client knows its own API, and nothing of runs or reports. It never waits and never tries again by
//! itself: a [`ForgeFailure`] says whether that may help, and the sinks decide. A new forge is one file here,
//! one [`ForgeKind`] and one arm in [`connect`].

use aws_config::SdkConfig;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

mod bitbucket;
mod codecommit;
mod comments;
mod connection;
mod exchange;
mod failure;
mod gitea;
mod github;
mod gitlab;
mod head;
pub mod insights;
mod paths;
mod port;
mod pull;
mod refusal;
mod request;
mod subject;

pub use connection::{Connection, NoForge};
use failure::no_client;
pub use failure::{Again, Denied, ForgeFailure};
#[cfg(test)]
pub(crate) use github::CAPACITY as CAPACITY_OF_GITHUB;
pub use port::{Capacity, CommentLimits, CommitStatus, Forge, Rival, StatusState};
pub use subject::{ForkBranch, Pipeline, PullRequest, Site, Subject};

/// Makes the client for a subject, and sends nothing yet. `http` must follow no redirects, since a redirect
/// could lead the token elsewhere. `aws` is for CodeCommit, `token` for all others. The call needs a tokio
/// runtime.
///
/// # Errors
///
/// `why` says what is missing and what to set, as a fragment.
pub fn connect(
    subject: Subject,
    token: Option<&Secret>,
    http: reqwest::Client,
    aws: Option<&SdkConfig>,
) -> Result<Box<dyn Forge>, ForgeFailure> {
    paths::check(&subject)?;
    let kind = subject.site.kind;
    let missing = || no_client(without_token(kind));
    let token = || token.ok_or_else(missing);
    Ok(match kind {
        ForgeKind::GitHub => Box::new(github::GitHub::new(subject, token()?, http)?),
        ForgeKind::GitLab => Box::new(gitlab::GitLab::new(subject, token()?, http)?),
        ForgeKind::Gitea | ForgeKind::Forgejo => Box::new(gitea::Gitea::new(subject, token()?, http)?),
        ForgeKind::Bitbucket => Box::new(bitbucket::Bitbucket::new(subject, token()?, http)?),
        ForgeKind::CodeCommit => {
            Box::new(codecommit::CodeCommit::new(subject, aws.ok_or_else(missing)?, http)?)
        }
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
