//! The address of LitmusChaos, and the beginning of every request to it.

use reqwest::header::{HeaderValue, ORIGIN};
use reqwest::{Method, RequestBuilder, Url};

use crate::control_plane::ControlPlaneWire;

/// The front of one ChaosCenter.
pub(super) struct LitmusClient {
    /// Address without a slash at the end.
    pub(super) url: String,
    /// The `Origin` of every request. Without one the server goes by the name that it was reached under,
    /// which it may not allow.
    pub(super) origin: String,
    pub(super) wire: ControlPlaneWire,
}

impl LitmusClient {
    pub(super) fn new(url: &str, origin: Option<&str>, http: reqwest::Client) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let origin = origin.map_or_else(|| origin_of(&url), |origin| origin.trim_end_matches('/').to_owned());
        Self { url, origin, wire: ControlPlaneWire::new(http) }
    }

    /// Begins a request to a path that begins with a slash.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.wire.http().request(method, format!("{}{path}", self.url));
        match HeaderValue::from_str(&self.origin) {
            Ok(origin) => request.header(ORIGIN, origin),
            // An origin that no header can hold is left out: the server decides about such a request.
            Err(_) => request,
        }
    }
}

fn origin_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}
