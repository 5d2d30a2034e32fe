//! The client of Gitea and Forgejo, which share one API. It has GitHub's paths, and habits of its own.

use std::collections::HashSet;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::comments::{Numbered, find_newest, holds, nothing_to_comment};
use super::exchange::Exchange;
use super::failure::ForgeFailure;
use super::github::status_request;
use super::head::Head;
use super::paths::owner_and_name;
use super::port::{CommentLimits, CommitStatus, Forge};
use super::pull::Pull;
use super::request::RequestPurpose;
use super::subject::Subject;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;

/// Maximum number of characters of a description. No limit of Gitea's is known, but nobody would read more.
const MAX_DESCRIPTION_CHARS: usize = 255;
const PER_PAGE: usize = 50;

/// A repository on Gitea or Forgejo, with the commit and the pull request of the run.
pub(super) struct Gitea {
    exchange: Exchange,
    /// The repository as `owner/name`, percent-encoded.
    repository: String,
    head: Head,
    pull: Option<Pull>,
}

#[derive(Deserialize)]
struct GiteaComment {
    id: u64,
    body: Option<String>,
}

impl Numbered for GiteaComment {
    fn id(&self) -> u64 {
        self.id
    }
}

impl Gitea {
    /// Makes a client for the subject. `why` of the failure says which setting no request can be made of.
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, ForgeFailure> {
        let repository = owner_and_name(&subject.repository)?;
        let pull = subject.pull_request.as_ref().map(|pull| Pull::new(pull, &repository)).transpose()?;
        Ok(Self {
            exchange: Exchange::new(subject.site, http, (AUTHORIZATION, "token "), token, remedy)?,
            repository,
            head: Head::new(subject.commit, "/head/sha"),
            pull,
        })
    }

    fn pull(&self) -> Result<&Pull, ForgeFailure> {
        self.pull.as_ref().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }
}

#[async_trait]
impl Forge for Gitea {
    fn kind(&self) -> ForgeKind {
        self.exchange.site().kind
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 60_000, html: true, mermaid: true }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        let look_up = self.pull.as_ref().map(Pull::look_up);
        let commit = self.head.commit(&self.exchange, look_up).await?;
        let request = status_request(&self.repository, &commit, status, MAX_DESCRIPTION_CHARS);
        self.exchange.send(&request).await?;
        Ok(())
    }

    fn no_comment(&self) -> Option<String> {
        self.pull.is_none().then(|| "the run belongs to no pull request".to_owned())
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure> {
        let pull = self.pull()?;
        let mut seen = HashSet::new();
        find_newest(
            &self.exchange,
            &pull.words,
            |page| format!("{}?limit={PER_PAGE}&page={page}", pull.comments()),
            |comment: &GiteaComment| comment.body.as_deref().is_some_and(|body| holds(body, marker)),
            |_, comments| {
                // Gitea ignores the page and gives all comments at once, so it would give them again and again.
                // A page of another length than was asked for is the last one, with pages or without.
                let news = comments.iter().filter(|comment| seen.insert(comment.id)).count();
                comments.len() != PER_PAGE || news == 0
            },
        )
        .await
    }

    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure> {
        self.pull()?.create_comment(&self.exchange, body).await
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        self.pull()?.update_comment(&self.exchange, id, body).await
    }
}

fn remedy(purpose: RequestPurpose, status: StatusCode, _message: &str) -> Option<String> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `github-token` a token of this forge that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN => {
            let scope = match purpose {
                RequestPurpose::Status | RequestPurpose::Standing | RequestPurpose::Report => {
                    "write:repository"
                }
                RequestPurpose::Head => "read:repository",
                RequestPurpose::Find | RequestPurpose::Create | RequestPurpose::Update => "write:issue",
            };
            Some(format!("the token needs the scope `{scope}`, and its user the right to write there"))
        }
        StatusCode::NOT_FOUND => Some(
            "check `repository`, `commit` and `pull-request`, and that the token may see the repository"
                .to_owned(),
        ),
        StatusCode::LOCKED => Some("the repository is archived".to_owned()),
        _ => None,
    }
}
