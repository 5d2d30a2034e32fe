//! The subject in the terms of requests: checked, and as percent-encoded paths.
//!
//! Names come from the environment and from events, so nothing goes into a path before it is encoded or
//! refused.

use faultgate_core::url;
use reqwest::Url;

use super::failure::{ForgeFailure, no_client};
use super::subject::{Site, Subject};

/// Encodes a text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    url::escape(text).to_string()
}

/// Says whether a text can be a segment of a path. The dots lead elsewhere even if they are encoded.
pub(super) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

/// Encodes `owner/name` as two segments. `why` of the failure is a sentence about `repository`.
pub(super) fn owner_and_name(repository: &str) -> Result<String, ForgeFailure> {
    match repository.split_once('/') {
        Some((owner, name)) if is_segment(owner) && is_segment(name) && !name.contains('/') => {
            Ok(format!("{}/{}", segment(owner), segment(name)))
        }
        _ => Err(no_client(format!(
            "`repository` is `{}` and not of the form owner/name",
            faultgate_core::text::plain(repository, 100)
        ))),
    }
}

/// Checks that requests can be made of the subject at all. `why` of the failure names the setting that is
/// wrong.
pub(super) fn check(subject: &Subject) -> Result<(), ForgeFailure> {
    check_address(&subject.site)?;
    match &subject.commit {
        Some(commit) if !is_segment(commit) => {
            Err(no_client(format!("`commit` is `{commit}`, which is no commit")))
        }
        _ => Ok(()),
    }
}

fn check_address(site: &Site) -> Result<(), ForgeFailure> {
    let url = Url::parse(&site.api_url)
        .map_err(|error| no_client(format!("`forge-api-url` is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(no_client("`forge-api-url` must begin with http:// or https:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(no_client("`forge-api-url` must not hold a user name or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(no_client("`forge-api-url` must end with its path"));
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
