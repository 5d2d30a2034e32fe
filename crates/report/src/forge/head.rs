//! The commit that carries the statuses, which is looked up where only the pull request is known.

use serde_json::Value;
use tokio::sync::OnceCell;

use super::exchange::Exchange;
use super::failure::{Denied, ForgeFailure};
use super::paths::{is_segment, segment};
use super::request::Request;

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
    ) -> Result<String, ForgeFailure> {
        let commit = self.known.get_or_try_init(|| self.look_up(exchange, pull)).await?;
        Ok(segment(commit))
    }

    async fn look_up(
        &self,
        exchange: &Exchange,
        pull: Option<(String, String)>,
    ) -> Result<String, ForgeFailure> {
        let Some((of, path)) = pull else {
            let what = "set commit statuses";
            return Err(ForgeFailure::new(Denied::FOR_GOOD, what, "it is not known of which commit")
                .remedy("set `commit`".to_owned()));
        };
        let request = Request::head(&of, path);
        let (answer, _) = exchange.fetch::<Value>(&request).await?;
        match answer.pointer(self.pointer).and_then(Value::as_str) {
            Some(commit) if is_segment(commit) => Ok(commit.to_owned()),
            _ => Err(exchange.strange(&request, &format!("no commit for {of}"))),
        }
    }
}
