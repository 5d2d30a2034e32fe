//! The pull requests of forges whose paths are `/repos/OWNER/NAME/…`: GitHub, Gitea and Forgejo.

use reqwest::Method;
use serde_json::json;

use super::exchange::Exchange;
use super::failure::ForgeFailure;
use super::paths::{owner_and_name, segment};
use super::request::Request;
use super::subject::PullRequest;

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
    pub(super) fn new(pull: &PullRequest, own: &str) -> Result<Self, ForgeFailure> {
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

    /// Creates a comment.
    pub(super) async fn create_comment(&self, exchange: &Exchange, body: &str) -> Result<(), ForgeFailure> {
        let request = Request::create(&self.words, self.comments(), json!({ "body": body }));
        exchange.send(&request).await.map(drop)
    }

    /// Replaces the text of a comment.
    pub(super) async fn update_comment(
        &self,
        exchange: &Exchange,
        id: &str,
        body: &str,
    ) -> Result<(), ForgeFailure> {
        let body = json!({ "body": body });
        let request = Request::update(&self.words, Method::PATCH, self.comment(id), body);
        exchange.send(&request).await.map(drop)
    }

    /// Returns the path of one comment.
    fn comment(&self, id: &str) -> String {
        format!("/repos/{}/issues/comments/{}", self.repository, segment(id))
    }
}

/// Returns the pull request in words, for errors.
pub(super) fn in_words(pull: &PullRequest) -> String {
    format!("pull request {}", pull.number)
}
