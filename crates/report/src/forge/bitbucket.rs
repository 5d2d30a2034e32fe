//! The client of Bitbucket Cloud: build statuses with a key, and comments whose Markdown takes no HTML.
//!
//! Answers name the address of their next page. The token must never follow such an address to another host.

use async_trait::async_trait;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::comments::{MAX_PAGES, holds, nothing_to_comment};
use super::exchange::{BEARER, Exchange};
use super::failure::ForgeFailure;
use super::head::Head;
use super::paths::{link, owner_and_name, segment};
use super::port::{CommentLimits, CommitStatus, Forge, StatusState};
use super::pull::in_words;
use super::request::{Request, RequestPurpose};
use super::subject::Subject;
use faultgate_core::digest;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Maximum number of characters of a status's description.
const MAX_DESCRIPTION_CHARS: usize = 255;
/// Maximum number of characters of a status's key.
const MAX_KEY_CHARS: usize = 40;
/// Number of hexadecimal digits that tell a key which was cut from other keys.
const DIGEST_DIGITS: usize = 8;
/// The website on which people see a commit.
const WEBSITE: &str = "https://bitbucket.org";

/// A repository on Bitbucket Cloud, with the commit and the pull request of the run.
pub(super) struct Bitbucket {
    exchange: Exchange,
    /// The repository as `owner/name`, percent-encoded.
    repository: String,
    head: Head,
    pull: Option<BitbucketPull>,
}

/// The pull request that is commented on.
struct BitbucketPull {
    /// The pull request as errors name it: `pull request 7`.
    words: String,
    /// The path below which everything of the pull request is found.
    path: String,
}

/// A page of the comments on a pull request.
#[derive(Deserialize)]
struct CommentPage {
    #[serde(default)]
    values: Vec<BitbucketComment>,
    /// The whole URL of the next page. The last page has none.
    next: Option<String>,
}

#[derive(Deserialize)]
struct BitbucketComment {
    id: u64,
    content: Option<CommentContent>,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct CommentContent {
    raw: Option<String>,
}

impl BitbucketComment {
    /// Says whether this comment is still there and carries the marker.
    fn holds(&self, marker: &str) -> bool {
        let raw = self.content.as_ref().and_then(|content| content.raw.as_deref());
        !self.deleted && raw.is_some_and(|body| holds(body, marker))
    }
}

impl Bitbucket {
    /// Makes a client for the subject. `why` of the failure says which setting no request can be made of.
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, ForgeFailure> {
        let repository = owner_and_name(&subject.repository)?;
        let pull = match &subject.pull_request {
            None => None,
            Some(pull) => {
                let target =
                    pull.repository.as_deref().map_or_else(|| Ok(repository.clone()), owner_and_name)?;
                Some(BitbucketPull {
                    words: in_words(pull),
                    path: format!("/repositories/{target}/pullrequests/{}", pull.number),
                })
            }
        };
        Ok(Self {
            exchange: Exchange::new(subject.site, http, BEARER, token, remedy)?,
            repository,
            head: Head::new(subject.commit, "/source/commit/hash"),
            pull,
        })
    }

    fn pull(&self) -> Result<&BitbucketPull, ForgeFailure> {
        self.pull.as_ref().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    /// Returns the path of the next page below the API. There is none if the address is not the API's own,
    /// since the token is sent there.
    fn on_this_api(&self, next: &str) -> Option<String> {
        let api = Url::parse(&self.exchange.site().api_url).ok()?;
        let next = Url::parse(next).ok().filter(|next| next.origin() == api.origin())?;
        let path = next.path().strip_prefix(api.path().trim_end_matches('/'))?;
        let query = next.query().map(|query| format!("?{query}")).unwrap_or_default();
        path.starts_with('/').then(|| format!("{path}{query}"))
    }
}

#[async_trait]
impl Forge for Bitbucket {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Bitbucket
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 30_000, html: false, mermaid: false }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        let look_up = self.pull.as_ref().map(|pull| (pull.words.clone(), pull.path.clone()));
        let commit = self.head.commit(&self.exchange, look_up).await?;
        // Bitbucket refuses a status without a link, so the commit's page stands in for a missing one.
        let url = link(status.target_url.as_deref())
            .map_or_else(|| format!("{WEBSITE}/{}/commits/{commit}", self.repository), str::to_owned);
        let body = json!({
            "key": key(&status.context),
            "name": status.context,
            "state": state(status.state),
            "description": text::plain(&status.description, MAX_DESCRIPTION_CHARS),
            "url": url,
        });
        let path = format!("/repositories/{}/commit/{commit}/statuses/build", self.repository);
        self.exchange.send(&Request::status(&status.context, path, body)).await?;
        Ok(())
    }

    fn no_comment(&self) -> Option<String> {
        self.pull.is_none().then(|| "the run belongs to no pull request".to_owned())
    }

    /// Returns the definition of a link that nothing refers to, because Bitbucket would show HTML as it is.
    /// The line needs an empty line before it.
    fn marker(&self, key: &str) -> String {
        format!("[//]: # ({key})")
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure> {
        let pull = self.pull()?;
        let mut path = format!("{}/comments?pagelen=100", pull.path);
        let mut found = None;
        for _ in 0..MAX_PAGES {
            let request = Request::find(&pull.words, path);
            let (page, _) = self.exchange.fetch::<CommentPage>(&request).await?;
            let ours = page.values.iter().rev().find(|comment| comment.holds(marker));
            // The newest one counts. Nobody may change the comment of somebody else, so a foreign comment
            // with the marker would otherwise stay in the way for good.
            found = ours.map(|comment| comment.id.to_string()).or(found);
            let Some(next) = page.next else { break };
            path = self
                .on_this_api(&next)
                .ok_or_else(|| self.exchange.strange(&request, "a next page that is not its own"))?;
        }
        Ok(found)
    }

    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure> {
        let pull = self.pull()?;
        let path = format!("{}/comments", pull.path);
        let body = json!({ "content": { "raw": body } });
        self.exchange.send(&Request::create(&pull.words, path, body)).await?;
        Ok(())
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        let pull = self.pull()?;
        let path = format!("{}/comments/{}", pull.path, segment(id));
        let body = json!({ "content": { "raw": body } });
        self.exchange.send(&Request::update(&pull.words, Method::PUT, path, body)).await?;
        Ok(())
    }
}

fn state(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending | StatusState::Running => "INPROGRESS",
        StatusState::Success => "SUCCESSFUL",
        StatusState::Failure | StatusState::Error => "FAILED",
        StatusState::Cancelled => "STOPPED",
    }
}

/// Returns the key of a status: the context itself, or where it is too long its beginning and a digest of all
/// of it.
fn key(context: &str) -> String {
    if context.chars().count() <= MAX_KEY_CHARS {
        return context.to_owned();
    }
    let kept: String = context.chars().take(MAX_KEY_CHARS - DIGEST_DIGITS - 1).collect();
    format!("{kept}-{}", &digest::hex(Sha256::digest(context.as_bytes()))[..DIGEST_DIGITS])
}

/// Returns what the user can do about a refusal of Bitbucket, where that is known. Insights use it as well.
pub(super) fn remedy(purpose: RequestPurpose, status: StatusCode, _message: &str) -> Option<String> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `bitbucket-token` a token that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN => {
            let scope = match purpose {
                RequestPurpose::Status | RequestPurpose::Standing | RequestPurpose::Report => {
                    "repository:write"
                }
                RequestPurpose::Head => "pullrequest",
                RequestPurpose::Find | RequestPurpose::Create | RequestPurpose::Update => "pullrequest:write",
            };
            Some(format!("give `bitbucket-token` a repository access token with the scope `{scope}`"))
        }
        StatusCode::NOT_FOUND => Some(
            "check `repository`, `commit` and `pull-request`, and that the token is one of this repository"
                .to_owned(),
        ),
        _ => None,
    }
}
