//! The subject in the terms of requests: percent-encoded, checked, and with its commit looked up where it is
//! not known.
//!
//! Names come from the environment and from events, so nothing goes into a path before it is encoded or
//! refused.

use faultgate_core::url;
use reqwest::Url;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::exchange::{Exchange, Request};
use super::{Again, PullRequest, Refusal, Site, Subject};

/// Encodes a text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    url::escape(text).to_string()
}

/// Says whether a text can be a segment of a path. The dots lead elsewhere even if they are encoded.
pub(super) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

/// Encodes `owner/name` as two segments. The error is a sentence about `repository`.
pub(super) fn owner_and_name(repository: &str) -> Result<String, String> {
    match repository.split_once('/') {
        Some((owner, name)) if is_segment(owner) && is_segment(name) && !name.contains('/') => {
            Ok(format!("{}/{}", segment(owner), segment(name)))
        }
        _ => Err(format!(
            "`repository` is `{}` and not of the form owner/name",
            faultgate_core::text::plain(repository, 100)
        )),
    }
}

/// Checks that requests can be made of the subject at all. The error names the setting that is wrong.
pub(super) fn check(subject: &Subject) -> Result<(), String> {
    check_address(&subject.site)?;
    match &subject.commit {
        Some(commit) if !is_segment(commit) => Err(format!("`commit` is `{commit}`, which is no commit")),
        _ => Ok(()),
    }
}

fn check_address(site: &Site) -> Result<(), String> {
    let url = Url::parse(&site.api_url).map_err(|error| format!("`forge-api-url` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("`forge-api-url` must begin with http:// or https:// and a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("`forge-api-url` must not hold a user name or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("`forge-api-url` must end with its path".to_owned());
    }
    Ok(())
}

/// Returns the URL if a browser can open it, since a forge shows it as a link, and refuses other ones.
pub(super) fn link(url: Option<&str>) -> Option<&str> {
    url.filter(|url| {
        Url::parse(url).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https"))
            && !url.contains(char::is_whitespace)
    })
}

/// Says whether one line of the comment is the marker. A quotation of the marker is not such a line.
pub(super) fn holds(body: &str, marker: &str) -> bool {
    body.lines().any(|line| line.trim() == marker.trim())
}

/// A pull request on a forge whose paths are `/repos/OWNER/NAME/…`.
pub(super) struct Pull {
    /// The pull request as errors name it: `pull request 7`.
    pub(super) words: String,
    /// The repository as `owner/name`, percent-encoded.
    pub(super) repository: String,
    pub(super) number: u64,
}

impl Pull {
    /// Makes a pull request. `own` is the run's repository, percent-encoded.
    pub(super) fn new(pull: &PullRequest, own: &str) -> Result<Self, String> {
        let repository = pull.repository.as_deref().map_or_else(|| Ok(own.to_owned()), owner_and_name)?;
        Ok(Self { words: in_words(pull), repository, number: pull.number })
    }

    /// Returns the pull request in words and the path of its look-up, as [`Head::commit`] takes them.
    pub(super) fn look_up(&self) -> (String, String) {
        (self.words.clone(), format!("/repos/{}/pulls/{}", self.repository, self.number))
    }

    /// Returns the path of the pull request's comments.
    pub(super) fn comments(&self) -> String {
        format!("/repos/{}/issues/{}/comments", self.repository, self.number)
    }

    /// Returns the path of one comment.
    pub(super) fn comment(&self, id: &str) -> String {
        format!("/repos/{}/issues/comments/{}", self.repository, segment(id))
    }
}

/// Makes the refusal of a comment that was asked for where there can be none.
pub(super) fn nothing_to_comment(why: String) -> Refusal {
    Refusal { what: "comment".to_owned(), why, remedy: None, again: Again::Never, lacks_permission: false }
}

/// The commit that carries the statuses.
pub(super) struct Head {
    /// The commit, which is set from the beginning or by the first look-up that succeeds.
    known: OnceCell<String>,
    /// The JSON pointer to the commit in the answer to the look-up.
    pointer: &'static str,
}

impl Head {
    pub(super) fn new(commit: Option<String>, pointer: &'static str) -> Self {
        Self { known: OnceCell::new_with(commit), pointer }
    }

    /// Returns the commit, percent-encoded. `pull` is the pull request in words and the path of its look-up,
    /// which happens once.
    pub(super) async fn commit(
        &self,
        exchange: &Exchange,
        pull: Option<(String, String)>,
    ) -> Result<String, Refusal> {
        let commit = self.known.get_or_try_init(|| self.look_up(exchange, pull)).await?;
        Ok(segment(commit))
    }

    async fn look_up(&self, exchange: &Exchange, pull: Option<(String, String)>) -> Result<String, Refusal> {
        let Some((of, path)) = pull else {
            return Err(Refusal {
                what: "set commit statuses".to_owned(),
                why: "it is not known of which commit".to_owned(),
                remedy: Some("set `commit`".to_owned()),
                again: Again::Never,
                lacks_permission: false,
            });
        };
        let request = Request::head(&of, path);
        let (answer, _) = exchange.fetch::<Value>(&request).await?;
        match answer.pointer(self.pointer).and_then(Value::as_str) {
            Some(commit) if is_segment(commit) => Ok(commit.to_owned()),
            _ => Err(exchange.strange(&request, &format!("no commit for {of}")).refusal),
        }
    }
}

/// Returns the pull request in words, for errors.
pub(super) fn in_words(pull: &PullRequest) -> String {
    format!("pull request {}", pull.number)
}
