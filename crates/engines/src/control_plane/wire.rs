//! One request to a control plane and its answer: sent once, read up to a bound, counted by operation, and put into
//! one of few kinds of trouble where it was not granted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use faultgate_core::secret::Secret;
use faultgate_core::text::plain;
use faultgate_net::http;

/// Bytes that are read of an answer: `executionData` may be large.
const LARGEST: usize = 16 * 1024 * 1024;
/// Bytes that are read of an error.
const LARGEST_ERROR: usize = 64 * 1024;
/// Characters shown of what a control plane says.
const SHOWN: usize = 400;
/// How trouble begins with an answer that makes no sense.
const STRANGE: &str = "the server gave ";
/// What is told of a success that is not the API's, such as a page for browsers.
pub const NOT_ITS_API: &str = "the server gave an answer that is not its API's";

/// Why a request was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// In the control plane's words where it has some: outside text, made plain.
    pub why: String,
    /// How long it wants to be left alone, where it says so.
    pub wait: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// It has not reached the server.
    Unsent,
    /// No answer, or none that can be trusted: it may have taken effect.
    Unanswered,
    /// Too many requests: it has not taken effect.
    Limited,
    /// The token is not known, has expired or was revoked.
    Unauthenticated,
    Denied,
    Missing,
    /// Understood, and refused.
    Refused,
}

impl Trouble {
    pub fn new(kind: TroubleKind, why: impl AsRef<str>) -> Self {
        Self { kind, why: plain(why.as_ref(), SHOWN), wait: None }
    }

    /// Whoever answered does not speak this API: another server, or a page for browsers.
    pub fn is_of_another_server(&self) -> bool {
        self.kind == TroubleKind::Unanswered && self.why.starts_with(STRANGE)
    }
}

/// Requests to one server, counted.
pub struct Wire {
    http: reqwest::Client,
    calls: RefCell<BTreeMap<String, u64>>,
    /// What no trouble may tell, also where the server repeats it.
    hidden: RefCell<Vec<Secret>>,
}

/// The answer to a GraphQL request: HTTP 200 says nothing of success.
#[derive(Deserialize)]
struct Graphql {
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<GraphqlError>>,
    /// Of whoever stands before the server and does not speak GraphQL.
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: String,
}

impl Wire {
    pub fn new(http: reqwest::Client) -> Self {
        Self { http, calls: RefCell::default(), hidden: RefCell::default() }
    }

    /// From now on no trouble tells this.
    pub fn hide(&self, secret: &Secret) {
        if !secret.expose().is_empty() {
            self.hidden.borrow_mut().push(secret.clone());
        }
    }

    /// What a server said, without what must not be told. Before it is cut, for half a secret is one too.
    pub fn veiled(&self, said: &str) -> String {
        self.hidden.borrow().iter().fold(said.to_owned(), |said, secret| secret.veil(&said))
    }

    /// The client, to begin a request with.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.borrow().clone()
    }

    /// Sends a GraphQL operation by `request`, a POST without a body, and takes the answer's `data`.
    pub async fn graphql<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: RequestBuilder,
        query: &str,
        variables: Value,
    ) -> Result<T, Trouble> {
        let body = json!({ "operationName": operation, "query": query, "variables": variables });
        let answer: Graphql = self.send(operation, request.json(&body)).await?;
        if let Some(errors) = answer.errors.filter(|errors| !errors.is_empty()) {
            let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            return Err(refused(&self.veiled(&said.join("; "))));
        }
        let data = answer.data.ok_or_else(|| match &answer.message {
            Some(message) => refused(&self.veiled(message)),
            None => strange("neither data nor errors"),
        })?;
        serde_json::from_value(data).map_err(|_| strange("an answer of another form"))
    }

    /// Sends a request and takes its answer for JSON.
    pub async fn send<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: RequestBuilder,
    ) -> Result<T, Trouble> {
        *self.calls.borrow_mut().entry(operation.to_owned()).or_default() += 1;
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let bound = if status.is_success() { LARGEST } else { LARGEST_ERROR };
        let (mut body, mut cut) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            let room = bound - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        if !status.is_success() {
            let said = said(&body).map(|said| self.veiled(&said));
            return Err(denial(status, response.headers(), said.as_deref()));
        }
        if cut {
            let why = format!("the answer is longer than {} MiB", LARGEST >> 20);
            return Err(Trouble::new(TroubleKind::Unanswered, why));
        }
        // The error itself may quote the answer.
        serde_json::from_slice(&body).map_err(|_| Trouble::new(TroubleKind::Unanswered, NOT_ITS_API))
    }
}

/// A success that makes no sense may have taken effect.
fn strange(what: &str) -> Trouble {
    Trouble::new(TroubleKind::Unanswered, format!("{STRANGE}{what}"))
}

fn lost(error: reqwest::Error) -> Trouble {
    let kind =
        if error.is_connect() || error.is_builder() { TroubleKind::Unsent } else { TroubleKind::Unanswered };
    Trouble::new(kind, http::cause(&error.without_url()))
}

fn denial(status: StatusCode, headers: &HeaderMap, said: Option<&str>) -> Trouble {
    let kind = match status {
        StatusCode::UNAUTHORIZED => TroubleKind::Unauthenticated,
        StatusCode::FORBIDDEN => TroubleKind::Denied,
        StatusCode::NOT_FOUND => TroubleKind::Missing,
        StatusCode::TOO_MANY_REQUESTS => TroubleKind::Limited,
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            TroubleKind::Unanswered
        }
        _ => TroubleKind::Refused,
    };
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    Trouble {
        wait: seconds.map(Duration::from_secs),
        ..Trouble::new(kind, format!("HTTP {}{said}", status.as_u16()))
    }
}

/// What an error's body says, in any of the forms that occur. A page for browsers says nothing.
fn said(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let errors = value["errors"].as_array().into_iter().flatten();
        let errors: Vec<&str> = errors.filter_map(|error| error["message"].as_str()).collect();
        if !errors.is_empty() {
            return Some(errors.join("; "));
        }
        if let Some(said) = value.as_str() {
            return (!said.is_empty()).then(|| said.to_owned());
        }
        // The first may be the same for every error.
        let words = ["message", "error", "errorDescription", "description"];
        let mut said: Vec<&str> = words.iter().filter_map(|name| value[*name].as_str()).collect();
        said.retain(|said| !said.is_empty());
        said.dedup();
        return (!said.is_empty()).then(|| said.join(": "));
    }
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

/// GraphQL has no codes in common: what an error means stands in its words.
fn refused(said: &str) -> Trouble {
    let words = said.to_ascii_lowercase();
    let any = |all: &[&str]| all.iter().any(|word| words.contains(word));
    let kind = if any(&["unauthenticated", "token is expired", "invalid token", "jwt"]) {
        TroubleKind::Unauthenticated
    } else if any(&["unauthorized", "permission", "not authorized", "forbidden", "access denied"]) {
        TroubleKind::Denied
    } else if any(&["no matching", "not found", "no documents", "does not exist"]) {
        TroubleKind::Missing
    } else if any(&["internal system error", "internal server error", "deadline exceeded", "timed out"]) {
        // Something behind the server failed, perhaps after the request had taken effect.
        TroubleKind::Unanswered
    } else {
        TroubleKind::Refused
    };
    Trouble::new(kind, said)
}
