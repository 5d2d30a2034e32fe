//! The client of GitHub. github.com and GitHub Enterprise differ only in the URL of their API.
//!
//! The pull request of a fork may be unknown at first, and is then looked up by the fork's branch. Newer ids
//! are greater on GitHub, by which a status of somebody else is told from our own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::comments::{Numbered, find_newest, holds, nothing_to_comment};
use super::exchange::Exchange;
use super::failure::ForgeFailure;
use super::head::Head;
use super::paths::{link, owner_and_name, segment};
use super::port::{Capacity, CommentLimits, CommitStatus, Forge, Rival, StatusState};
use super::pull::Pull;
use super::request::{Request, RequestPurpose};
use super::subject::{ForkBranch, PullRequest, Subject};
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Maximum number of characters of a description. GitHub refuses a longer one.
const MAX_DESCRIPTION_CHARS: usize = 140;
const PER_PAGE: usize = 100;
/// Maximum number of pages of statuses that one look for a rival reads.
const MAX_STATUS_PAGES: usize = 10;
/// The prefix of the tokens of Apps, to which the token of a job belongs.
const APP_TOKEN_PREFIX: &str = "ghs_";

/// Number of statuses, a little below GitHub's secondary limits: 80 requests in a minute and 500 in an hour that
/// create something, whoever sends them with the same token.
pub(crate) const CAPACITY: Capacity = Capacity { at_once: 8, per_minute: Some(75), per_hour: Some(480) };

/// A repository on GitHub, with the commit and the pull request of the run.
pub(super) struct GitHub {
    exchange: Exchange,
    /// The repository as `owner/name`, percent-encoded.
    repository: String,
    head: Head,
    /// The pull request that is commented on. The cell is empty until a look-up that is needed has been made;
    /// `None` within it means that there is no pull request.
    pull: OnceCell<Option<Pull>>,
    /// The branch that the pull request comes from and the commit at its head, if it has to be looked up.
    fork: Option<(ForkBranch, String)>,
    /// `true` if the token is an App's. An App writes its comments as a bot.
    is_app: bool,
    memory: Mutex<Memory>,
}

/// The statuses of the commit that this client knows of.
#[derive(Default)]
struct Memory {
    /// The ids of the newest statuses that this client has posted, by their contexts.
    posted: HashMap<String, u64>,
    /// The newest status of each context, in lower case, whoever has posted it.
    newest: HashMap<String, GitHubStatus>,
    /// The id up to which all statuses were read.
    read_up_to: u64,
}

#[derive(Deserialize)]
struct GitHubComment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
    author_association: Option<String>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A status that a commit carries, whoever has posted it.
#[derive(Clone, Deserialize)]
struct GitHubStatus {
    id: u64,
    state: String,
    context: String,
    description: Option<String>,
    target_url: Option<String>,
}

/// A pull request that may be the one that is looked up.
#[derive(Deserialize)]
struct Candidate {
    number: u64,
    state: String,
    head: CandidateHead,
}

#[derive(Deserialize)]
struct CandidateHead {
    sha: String,
}

impl Numbered for GitHubComment {
    fn id(&self) -> u64 {
        self.id
    }
}

impl GitHubComment {
    /// Says whether the owner of this token can have written the comment. GitHub tells the owner only for one
    /// more request. The check is needed because anyone can write a comment that holds the marker, and would
    /// then have a report of ours under their name.
    fn may_be_own(&self, is_app: bool) -> bool {
        let bot = self.user.as_ref().and_then(|user| user.kind.as_deref()) == Some("Bot");
        let insider = matches!(self.author_association.as_deref(), Some("OWNER" | "MEMBER" | "COLLABORATOR"));
        bot || (!is_app && insider)
    }
}

impl GitHub {
    /// Makes a client for the subject. `why` of the failure says which setting no request can be made of.
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, ForgeFailure> {
        let repository = owner_and_name(&subject.repository)?;
        let pull = subject.pull_request.as_ref().map(|pull| Pull::new(pull, &repository)).transpose()?;
        // A look-up needs the commit, which alone tells the right pull request from others of the same
        // branch.
        let fork = subject.fork.zip(subject.commit.clone()).filter(|_| pull.is_none());
        Ok(Self {
            exchange: Exchange::by_octocrab(subject.site, http, token, remedy)?,
            repository,
            head: Head::new(subject.commit, "/head/sha"),
            pull: if fork.is_some() { OnceCell::new() } else { OnceCell::new_with(Some(pull)) },
            fork,
            is_app: token.expose().starts_with(APP_TOKEN_PREFIX),
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the statuses of the commit that are new since the last time. All contexts share the pages, so one
    /// page is enough for each look of a run with very many of them.
    async fn read_statuses(&self, context: &str, commit: &str) -> Result<(), ForgeFailure> {
        let read_up_to = self.memory().read_up_to;
        let mut newest_id = read_up_to;
        for page in 1..=MAX_STATUS_PAGES {
            let page_of = if page > 1 { format!("&page={page}") } else { String::new() };
            let path =
                format!("/repos/{}/commits/{commit}/statuses?per_page={PER_PAGE}{page_of}", self.repository);
            let request = Request::standing(context, path);
            let (statuses, headers) = self.exchange.fetch::<Vec<GitHubStatus>>(&request).await?;
            let is_last =
                !has_next(&headers, statuses.len()) || statuses.iter().any(|status| status.id <= read_up_to);
            let mut memory = self.memory();
            for status in statuses {
                newest_id = newest_id.max(status.id);
                let of_context = memory.newest.entry(status.context.to_lowercase());
                let known = of_context.or_insert_with(|| status.clone());
                if known.id <= status.id {
                    *known = status;
                }
            }
            if is_last {
                break;
            }
        }
        self.memory().read_up_to = newest_id;
        Ok(())
    }

    fn known_pull(&self) -> Option<&Pull> {
        self.pull.get().and_then(Option::as_ref)
    }

    /// Looks up the pull request of the fork's branch whose head is the commit. An open one is preferred,
    /// then the newest.
    async fn look_up(&self) -> Result<Option<Pull>, ForgeFailure> {
        let Some((fork, commit)) = &self.fork else { return Ok(None) };
        let head = segment(&format!("{}:{}", fork.owner, fork.branch));
        let path = format!("/repos/{}/pulls?state=all&head={head}&per_page={PER_PAGE}", self.repository);
        let request = Request::head("the fork's pull request", path);
        let (found, _) = self.exchange.fetch::<Vec<Candidate>>(&request).await?;
        let ours = || found.iter().filter(|pull| pull.head.sha.eq_ignore_ascii_case(commit));
        let pull = ours().find(|pull| pull.state == "open").or_else(|| ours().next());
        let pull = pull
            .map(|pull| Pull::new(&PullRequest { number: pull.number, repository: None }, &self.repository));
        // The error is dropped, since the repository is our own and has been checked before.
        Ok(pull.and_then(Result::ok))
    }

    fn pull(&self) -> Result<&Pull, ForgeFailure> {
        self.known_pull().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }
}

#[async_trait]
impl Forge for GitHub {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 60_000, html: true, mermaid: true }
    }

    fn capacity(&self) -> Capacity {
        CAPACITY
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        let look_up = self.known_pull().map(Pull::look_up);
        let commit = self.head.commit(&self.exchange, look_up).await?;
        let request = status_request(&self.repository, &commit, status, MAX_DESCRIPTION_CHARS);
        let answer = self.exchange.send(&request).await?;
        self.memory().posted.extend(answer.id().map(|id| (status.context.clone(), id)));
        Ok(())
    }

    /// Compares the newest status of the context with our own by their ids. Newer ids are greater, so an
    /// answer that lags behind tells nothing wrong.
    async fn rival(&self, context: &str) -> Result<Option<Rival>, ForgeFailure> {
        let look_up = self.known_pull().map(Pull::look_up);
        let commit = self.head.commit(&self.exchange, look_up).await?;
        self.read_statuses(context, &commit).await?;
        let memory = self.memory();
        let own = memory.posted.get(context).copied();
        let newest = memory.newest.get(&context.to_lowercase());
        let newest = newest.filter(|newest| own.is_none_or(|own| newest.id > own)).cloned();
        Ok(newest.map(|newest| Rival {
            has_failed: matches!(newest.state.as_str(), "failure" | "error"),
            is_newer: own.is_some(),
            description: newest.description.unwrap_or_default(),
            target_url: newest.target_url,
        }))
    }

    async fn find_pull_request(&self) -> Result<(), ForgeFailure> {
        self.pull.get_or_try_init(|| self.look_up()).await.map(|_| ())
    }

    fn no_comment(&self) -> Option<String> {
        self.known_pull().is_none().then(|| "the run belongs to no pull request".to_owned())
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure> {
        let pull = self.pull()?;
        find_newest(
            &self.exchange,
            &pull.words,
            |page| format!("{}?per_page={PER_PAGE}&page={page}", pull.comments()),
            |comment: &GitHubComment| {
                comment.may_be_own(self.is_app) && comment.body.as_deref().is_some_and(|b| holds(b, marker))
            },
            |headers, comments| !has_next(headers, comments.len()),
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

/// Makes the request for a status, in the form that GitHub, Gitea and Forgejo take. `description` is the
/// maximum number of characters of a description.
pub(super) fn status_request(
    repository: &str,
    commit: &str,
    status: &CommitStatus,
    description: usize,
) -> Request {
    let mut body = json!({
        "state": state(status.state),
        "context": status.context,
        "description": text::plain(&status.description, description),
    });
    if let Some(url) = link(status.target_url.as_deref()) {
        body["target_url"] = url.into();
    }
    Request::status(&status.context, format!("/repos/{repository}/statuses/{commit}"), body)
}

fn state(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending | StatusState::Running => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error | StatusState::Cancelled => "error",
    }
}

/// Says whether a page is followed by another. A proxy may drop the header that tells; a full page then
/// counts as followed.
fn has_next(headers: &HeaderMap, comments: usize) -> bool {
    match headers.get(LINK).and_then(|value| value.to_str().ok()) {
        Some(links) => links.contains("rel=\"next\""),
        None => comments >= PER_PAGE,
    }
}

fn remedy(purpose: RequestPurpose, status: StatusCode, message: &str) -> Option<String> {
    let said = message.to_lowercase();
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `github-token` a token that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN => Some(permission(purpose)),
        StatusCode::NOT_FOUND => Some(
            "check `repository`, `commit` and `pull-request`, and that the token may see the repository and write to it"
                .to_owned(),
        ),
        StatusCode::UNPROCESSABLE_ENTITY if said.contains("maximum number of statuses") => Some(
            "GitHub keeps 1000 statuses of a commit and context: set `status-context` to another name"
                .to_owned(),
        ),
        StatusCode::UNPROCESSABLE_ENTITY if said.contains("no commit found") => {
            Some("set `commit` to a full commit id of the repository".to_owned())
        }
        _ => None,
    }
}

/// Returns the remedy for a missing permission, for each kind of token.
fn permission(purpose: RequestPurpose) -> String {
    let (block, classic, fine) = match purpose {
        RequestPurpose::Status | RequestPurpose::Standing | RequestPurpose::Report => {
            ("statuses: write", "repo:status", "Commit statuses: write")
        }
        RequestPurpose::Head => ("pull-requests: read", "repo", "Pull requests: read"),
        RequestPurpose::Find | RequestPurpose::Create | RequestPurpose::Update => {
            ("pull-requests: write", "repo", "Pull requests: write")
        }
    };
    format!(
        "give the job `permissions: {{ {block} }}` beside the scopes it has, for those that are not named become \
         none; a token of your own needs `{classic}` or, fine-grained, {fine}; the token of a pull request from a \
         fork may only read"
    )
}
