//! The requests to a control plane and their answers. Each request is sent once and counted by its operation,
//! and its answer is read up to a bound. One that is not granted becomes one of few kinds of trouble, of
//! which the most important question is whether the request may have had an effect. No trouble ever tells a
//! secret.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::trouble::{STRANGE, Trouble, TroubleKind, UnparsedAnswer};
use faultgate_core::secret::Secret;
use faultgate_net::http;
use faultgate_net::http::body::read_up_to;

/// Most bytes that are read of an answer. `executionData` may be large.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes that are read of an error.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
/// The sentence about a success that is not the API's, such as a page for browsers.
pub const NOT_ITS_API: &str = "the server gave an answer that is not its API's";

/// The way to one server. It counts the requests and hides secrets.
pub struct ControlPlaneWire {
    http: reqwest::Client,
    /// Number of requests, by operation.
    calls: RefCell<BTreeMap<String, u64>>,
    /// Secrets that no trouble may tell, even if the server repeats them.
    hidden: RefCell<Vec<Secret>>,
}

/// The answer to a GraphQL request. It may be an error although the status is HTTP 200.
#[derive(Deserialize)]
struct Graphql {
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<GraphqlError>>,
    /// The words of a gateway before the server that does not speak GraphQL.
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: String,
}

impl ControlPlaneWire {
    /// Creates a way to a server by this client.
    pub fn new(http: reqwest::Client) -> Self {
        Self { http, calls: RefCell::default(), hidden: RefCell::default() }
    }

    /// Hides a secret in every trouble from now on.
    pub fn hide(&self, secret: &Secret) {
        if !secret.expose().is_empty() {
            self.hidden.borrow_mut().push(secret.clone());
        }
    }

    /// Replaces the hidden secrets in a server's text. The text must not be cut before, since half a secret
    /// would be told.
    pub fn hide_secrets(&self, said: &str) -> String {
        self.hidden.borrow().iter().fold(said.to_owned(), |said, secret| secret.veil(&said))
    }

    /// Returns the client, by which a request is built.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Returns the number of requests so far, by operation.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.borrow().clone()
    }

    /// Sends a GraphQL operation by `request`, a POST without a body, and returns the `data` of the answer.
    pub async fn graphql<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: RequestBuilder,
        query: &str,
        variables: Value,
    ) -> Result<T, Trouble> {
        let body = json!({ "operationName": operation, "query": query, "variables": variables });
        let answer: Graphql = self.send(operation, request.json(&body)).await?;
        // An answer may have data beside its errors. Half an answer is none.
        if let Some(errors) = answer.errors.filter(|errors| !errors.is_empty()) {
            let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            return Err(judge_refusal(&self.hide_secrets(&said.join("; "))));
        }
        let data = answer.data.ok_or_else(|| match &answer.message {
            Some(message) => judge_refusal(&self.hide_secrets(message)),
            None => strange("neither data nor errors"),
        })?;
        serde_json::from_value(data)
            .map_err(|error| strange("an answer of another form").caused_by(UnparsedAnswer::from(&error)))
    }

    /// Sends a request and reads its answer as JSON.
    pub async fn send<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: RequestBuilder,
    ) -> Result<T, Trouble> {
        *self.calls.borrow_mut().entry(operation.to_owned()).or_default() += 1;
        let mut response = request.send().await.map_err(judge_loss)?;
        let status = response.status();
        let bound = if status.is_success() { MAX_BODY_BYTES } else { MAX_ERROR_BODY_BYTES };
        let mut body = Vec::new();
        let is_whole = read_up_to(bound, &mut response, &mut body).await.map_err(judge_loss)?;
        if !status.is_success() {
            let said = read_error(&body).map(|said| self.hide_secrets(&said));
            return Err(denial(status, response.headers(), said.as_deref()));
        }
        if !is_whole {
            let why = format!("the answer is longer than {} MiB", MAX_BODY_BYTES >> 20);
            return Err(Trouble::new(TroubleKind::Unanswered, why));
        }
        serde_json::from_slice(&body).map_err(|error| {
            Trouble::new(TroubleKind::Unanswered, NOT_ITS_API).caused_by(UnparsedAnswer::from(&error))
        })
    }
}

/// Returns the trouble with a success that makes no sense. The request may have taken effect.
fn strange(what: &str) -> Trouble {
    Trouble::new(TroubleKind::Unanswered, format!("{STRANGE}{what}"))
}

/// Returns the trouble with a request that had no whole answer. Only one that found no connection is sure to
/// be unsent.
fn judge_loss(error: reqwest::Error) -> Trouble {
    let kind =
        if error.is_connect() || error.is_builder() { TroubleKind::Unsent } else { TroubleKind::Unanswered };
    let error = error.without_url();
    Trouble::new(kind, http::cause(&error)).caused_by(error)
}

/// Returns the trouble that an HTTP status means.
fn denial(status: StatusCode, headers: &HeaderMap, said: Option<&str>) -> Trouble {
    let kind = match status {
        StatusCode::UNAUTHORIZED => TroubleKind::Unauthenticated,
        StatusCode::FORBIDDEN => TroubleKind::Denied,
        StatusCode::NOT_FOUND => TroubleKind::Missing,
        StatusCode::TOO_MANY_REQUESTS => TroubleKind::Limited,
        // A gateway may give up on a request that the server behind it still carries out.
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

/// Returns the words in the body of an error, in any of the forms that occur. A page for browsers has none.
fn read_error(body: &[u8]) -> Option<String> {
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
        // Each of these words is shown, since the first may be the same for every error.
        let words = ["message", "error", "errorDescription", "description"];
        let mut said: Vec<&str> = words.iter().filter_map(|name| value[*name].as_str()).collect();
        said.retain(|said| !said.is_empty());
        said.dedup();
        return (!said.is_empty()).then(|| said.join(": "));
    }
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

/// Returns the trouble that the words of a GraphQL error mean. The servers have no codes in common.
fn judge_refusal(said: &str) -> Trouble {
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
    } else if any(&["too many", "rate limit", "limit exceeded", "quota"]) {
        TroubleKind::Limited
    } else {
        TroubleKind::Refused
    };
    Trouble::new(kind, said)
}
