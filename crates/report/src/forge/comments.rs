//! The search for our own comment among those of a pull request.

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::exchange::Exchange;
use super::failure::{Denied, ForgeFailure};
use super::request::Request;

/// Maximum number of pages of comments that are looked through for our own.
pub(super) const MAX_PAGES: usize = 100;

/// A comment in a forge's own form.
pub(super) trait Numbered {
    fn id(&self) -> u64;
}

/// Returns the id of the newest comment that is ours, on all pages. `of` is the pull request in words, and `path`
/// returns the path of the page of a number, from 1. The newest one counts, so that a comment which somebody else
/// wrote with our marker does not stay in the way for good.
pub(super) async fn find_newest<C: Numbered + DeserializeOwned + Send>(
    exchange: &Exchange,
    of: &str,
    path: impl Fn(usize) -> String + Send,
    is_ours: impl Fn(&C) -> bool + Send,
    mut is_last: impl FnMut(&HeaderMap, &[C]) -> bool + Send,
) -> Result<Option<String>, ForgeFailure> {
    let mut found = None;
    for page in 1..=MAX_PAGES {
        let (comments, headers) = exchange.fetch::<Vec<C>>(&Request::find(of, path(page))).await?;
        let ours = comments.iter().rev().find(|comment| is_ours(comment));
        found = ours.map(|comment| comment.id().to_string()).or(found);
        if is_last(&headers, &comments) {
            break;
        }
    }
    Ok(found)
}

/// Says whether one line of the comment is the marker. A quotation of the marker is not such a line.
pub(super) fn holds(body: &str, marker: &str) -> bool {
    body.lines().any(|line| line.trim() == marker.trim())
}

/// Makes the failure of a comment that was asked for where there can be none.
pub(super) fn nothing_to_comment(why: String) -> ForgeFailure {
    ForgeFailure::new(Denied::FOR_GOOD, "comment", why)
}
