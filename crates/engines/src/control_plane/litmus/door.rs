//! Where LitmusChaos is, and how every request to it begins.

use reqwest::header::{HeaderValue, ORIGIN};
use reqwest::{Method, RequestBuilder, Url};

use crate::control_plane::Wire;

/// The front of one ChaosCenter.
pub(super) struct Door {
    /// Without a slash at the end.
    pub(super) url: String,
    /// Sent always: without one the server goes by the name it was reached under, which it may not know.
    pub(super) origin: String,
    pub(super) wire: Wire,
}

impl Door {
    pub(super) fn new(url: &str, origin: Option<&str>, http: reqwest::Client) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let origin = origin.map_or_else(|| origin_of(&url), |origin| origin.trim_end_matches('/').to_owned());
        Self { url, origin, wire: Wire::new(http) }
    }

    /// A request to a path that begins with a slash.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.wire.http().request(method, format!("{}{path}", self.url));
        match HeaderValue::from_str(&self.origin) {
            Ok(origin) => request.header(ORIGIN, origin),
            Err(_) => request,
        }
    }
}

fn origin_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}
