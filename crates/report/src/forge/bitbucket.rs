//! Bitbucket Cloud: build statuses with a key, comments whose Markdown takes no HTML.

use async_trait::async_trait;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::exchange::{BEARER, Exchange, Purpose, Request};
pub use super::insights::{Datum, Insights, PIPELINE_PROXY, Report, Value};
use super::subject::{self, Head, holds, in_words, link, owner_and_name, segment};
use super::{CommitStatus, Forge, Limits, Refusal, StatusState, Subject};
use faultgate_core::digest;
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Characters of a description.
const DESCRIPTION: usize = 255;
/// Characters of a status's key.
const KEY: usize = 40;
/// Hexadecimal digits that keep a key that was cut apart from others.
const DIGEST: usize = 8;
/// Pages of comments that are looked through.
const PAGES: usize = 100;
/// Where people see a commit.
const WEBSITE: &str = "https://bitbucket.org";

pub(super) struct Bitbucket {
    exchange: Exchange,
    repository: String,
    head: Head,
    pull: Option<Pull>,
}

struct Pull {
    words: String,
    /// The path of all that belongs to it.
    path: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    values: Vec<Comment>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    content: Option<Content>,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct Content {
    raw: Option<String>,
}

impl Comment {
    fn holds(&self, marker: &str) -> bool {
        let raw = self.content.as_ref().and_then(|content| content.raw.as_deref());
        !self.deleted && raw.is_some_and(|body| holds(body, marker))
    }
}

impl Bitbucket {
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, String> {
        let repository = owner_and_name(&subject.repository)?;
        let pull = match &subject.pull_request {
            None => None,
            Some(pull) => {
                let target =
                    pull.repository.as_deref().map_or_else(|| Ok(repository.clone()), owner_and_name)?;
                Some(Pull {
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

    fn pull(&self) -> Result<&Pull, Refusal> {
        self.pull.as_ref().ok_or_else(|| subject::nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    /// The path of the next page, which must be the API's own: the token goes there.
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

    fn limits(&self) -> Limits {
        Limits { comment: 30_000, html: false, mermaid: false }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), Refusal> {
        let look_up = self.pull.as_ref().map(|pull| (pull.words.clone(), pull.path.clone()));
        let commit = self.head.commit(&self.exchange, look_up).await?;
        // Bitbucket refuses a status without a link.
        let url = link(status.target_url.as_deref())
            .map_or_else(|| format!("{WEBSITE}/{}/commits/{commit}", self.repository), str::to_owned);
        let body = json!({
            "key": key(&status.context),
            "name": status.context,
            "state": state(status.state),
            "description": text::plain(&status.description, DESCRIPTION),
            "url": url,
        });
        let path = format!("/repositories/{}/commit/{commit}/statuses/build", self.repository);
        self.exchange.send(&Request::status(&status.context, path, body)).await?;
        Ok(())
    }

    fn no_comment(&self) -> Option<String> {
        self.pull.is_none().then(|| "the run belongs to no pull request".to_owned())
    }

    /// A link that nothing refers to: HTML would be shown as it is. It needs an empty line before it.
    fn marker(&self, key: &str) -> String {
        format!("[//]: # ({key})")
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, Refusal> {
        let pull = self.pull()?;
        let mut path = format!("{}/comments?pagelen=100", pull.path);
        let mut found = None;
        for _ in 0..PAGES {
            let request = Request::find(&pull.words, path);
            let (page, _) = self.exchange.fetch::<Page>(&request).await?;
            let ours = page.values.iter().rev().find(|comment| comment.holds(marker));
            // The newest: nobody may change another's comment, and one in the way would stay there.
            found = ours.map(|comment| comment.id.to_string()).or(found);
            let Some(next) = page.next else { break };
            path = self
                .on_this_api(&next)
                .ok_or_else(|| self.exchange.strange(&request, "a next page that is not its own").refusal)?;
        }
        Ok(found)
    }

    async fn create_comment(&self, body: &str) -> Result<(), Refusal> {
        let pull = self.pull()?;
        let path = format!("{}/comments", pull.path);
        let body = json!({ "content": { "raw": body } });
        self.exchange.send(&Request::create(&pull.words, path, body)).await?;
        Ok(())
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), Refusal> {
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

/// The context, or as much of it as a key takes and a digest of all.
fn key(context: &str) -> String {
    if context.chars().count() <= KEY {
        return context.to_owned();
    }
    let kept: String = context.chars().take(KEY - DIGEST - 1).collect();
    format!("{kept}-{}", &digest::hex(Sha256::digest(context.as_bytes()))[..DIGEST])
}

pub(super) fn remedy(purpose: Purpose, status: StatusCode, _message: &str) -> Option<String> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `bitbucket-token` a token that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN => {
            let scope = match purpose {
                Purpose::Status | Purpose::Standing | Purpose::Report => "repository:write",
                Purpose::Head => "pullrequest",
                Purpose::Find | Purpose::Create | Purpose::Update => "pullrequest:write",
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
