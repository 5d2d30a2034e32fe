//! The facts that a CI tells: its variables, each read as what it should be or not at all, and the event.

use serde_json::Value;

use crate::forge::PullRequest;
use faultgate_core::environment::Environment;
use faultgate_net::http::idn;

/// Maximum number of bytes of a URL that is taken.
const MAX_URL_BYTES: usize = 2048;

/// The environment and the event of a job.
pub(super) struct Facts<'a> {
    pub(super) env: &'a Environment,
    pub(super) event: Option<&'a Value>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(env: &'a Environment, event: Option<&'a Value>) -> Self {
        Self { env, event }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the value of a variable without the white space around it.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.env.get(name).map(str::trim)
    }

    pub(super) fn get_owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Returns the value of the first of these variables that is set.
    pub(super) fn first(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Returns the number of the attempt, from 1. `before` is the number of attempts that the variable does
    /// not count, such as 1 if it counts retries.
    pub(super) fn attempt(&self, name: &str, before: u32) -> Option<u32> {
        let counted: u32 = self.get(name)?.parse().ok()?;
        counted.checked_add(before).filter(|attempt| *attempt > 0)
    }

    /// Returns the value of the first of these variables that holds a commit.
    pub(super) fn commit(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name).filter(|text| is_commit(text))).map(str::to_owned)
    }

    /// Returns the URL in the first of these variables that holds the URL of a page.
    pub(super) fn url(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name).and_then(web_url))
    }

    /// Returns a name that is made of several variables, such as the workflow and the job.
    pub(super) fn join(&self, names: &[&str]) -> Option<String> {
        let parts: Vec<_> = names.iter().filter_map(|name| self.get(name)).collect();
        (!parts.is_empty()).then(|| parts.join("/"))
    }

    /// Returns the pull request of the run's own repository whose number one of these variables holds.
    pub(super) fn pull_request(&self, names: &[&str]) -> Option<PullRequest> {
        names.iter().find_map(|name| self.number(name)).map(PullRequest::own)
    }

    /// Returns the key of an attempt. It has each variable with its name, so that a value which moves from
    /// one variable to another makes another key.
    pub(super) fn key(&self, ci: &str, names: &[&str]) -> Vec<String> {
        let values = names.iter().map(|name| format!("{name}={}", self.env.get(name).unwrap_or_default()));
        std::iter::once(ci.to_owned()).chain(values).collect()
    }
}

impl PullRequest {
    /// Makes a pull request that asks to be merged into the run's own repository.
    pub(super) fn own(number: u64) -> Self {
        Self { number, repository: None }
    }
}

/// Says whether a text is a full hash, or a shortened one that is long enough to mean one commit.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Says whether a text is a full hash of SHA-1 or SHA-256.
pub(super) fn is_full_commit(text: &str) -> bool {
    is_commit(text) && matches!(text.len(), 40 | 64)
}

/// Returns an http or https URL without its credentials, and `None` for anything else.
pub(super) fn web_url(text: &str) -> Option<String> {
    let text = &idn::in_ascii(text.trim())?;
    // Such characters could end a URL in a log, in Markdown or in HTML, and then act there.
    let odd = |b: u8| !b.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&b);
    if text.len() > MAX_URL_BYTES || text.bytes().any(odd) {
        return None;
    }
    let uri: http::Uri = text.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let authority = uri.authority()?.as_str();
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    // The parser accepts a port that is no number, and only says so when it is asked for the port.
    let host = uri.host().filter(|host| !host.is_empty())?;
    if uri.port_u16().is_none() && server != host {
        return None;
    }
    // The rest is taken from the text, since the parser drops what follows `#`.
    let (_, rest) = text.split_once("://")?;
    let rest = rest.strip_prefix(authority)?;
    Some(format!("{scheme}://{}{rest}", server.to_ascii_lowercase()))
}

/// Returns the URL of an API, to which paths can be added. A URL with a query or a fragment is none.
pub(super) fn api_url(text: &str) -> Option<String> {
    let url = web_url(text)?;
    (!url.contains(['?', '#'])).then(|| url.trim_end_matches('/').to_owned())
}
