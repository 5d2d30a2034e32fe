//! The requests to the API of a forge and their answers, as all forges that are spoken to in HTTP have them.

use faultgate_core::text;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The purpose of a request. It tells which permission is missing after a refusal, and whether the request
/// may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestPurpose {
    /// Posts a commit status.
    Status,
    /// Looks up the head of a pull request.
    Head,
    /// Looks for a comment.
    Find,
    /// Looks at the newest status of a context.
    Standing,
    /// Creates a comment. A request that is sent twice would create two of them.
    Create,
    /// Updates a comment.
    Update,
    /// Puts a Code Insights report of Bitbucket.
    Report,
}

/// A request to the API of a forge.
pub(super) struct Request {
    pub(super) purpose: RequestPurpose,
    /// The thing that is tried. It completes "could not …".
    pub(super) what: String,
    pub(super) method: Method,
    /// The path and the query, percent-encoded. They are appended to the URL of the API.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl RequestPurpose {
    /// Says whether an answer of success speaks of what was posted. Anything that stands in between, such as
    /// a sign-in page, answers with success too.
    fn confirms(self, posted: &Value, answer: &Value) -> bool {
        match self {
            Self::Status => echoes_status(posted, answer),
            Self::Report => is_echoed(posted, answer, "result"),
            Self::Create | Self::Update => !matches!(answer.get("id"), None | Some(Value::Null)),
            Self::Head | Self::Find | Self::Standing => true,
        }
    }
}

/// Says whether the answer has the name and the state of the status that was posted. Each forge names a
/// status by one of these three fields, and tells its state by one of two.
fn echoes_status(posted: &Value, answer: &Value) -> bool {
    let named = ["key", "context", "name"].into_iter().find(|name| posted.get(name).is_some());
    let state = answer.get("state").or_else(|| answer.get("status"));
    named.is_some_and(|name| is_echoed(posted, answer, name)) && state == posted.get("state")
}

/// Says whether the answer has the posted text in this field. Case is ignored, since a forge may keep an
/// older spelling of a name.
fn is_echoed(posted: &Value, answer: &Value, field: &str) -> bool {
    let text = |value: &Value| value.get(field).and_then(Value::as_str).map(str::to_lowercase);
    text(posted).is_some() && text(posted) == text(answer)
}

impl Request {
    pub(super) fn status(context: &str, path: String, body: Value) -> Self {
        let what = format!("set commit status {}", text::plain(context, 100));
        Self { purpose: RequestPurpose::Status, what, method: Method::POST, path, body: Some(body) }
    }

    pub(super) fn standing(context: &str, path: String) -> Self {
        let what = format!("look at the commit status {}", text::plain(context, 100));
        Self { purpose: RequestPurpose::Standing, what, method: Method::GET, path, body: None }
    }

    /// Makes a request for the head of a pull request. `of` is the pull request in words, here and below.
    pub(super) fn head(of: &str, path: String) -> Self {
        let what = format!("look up the head of {of}");
        Self { purpose: RequestPurpose::Head, what, method: Method::GET, path, body: None }
    }

    pub(super) fn find(of: &str, path: String) -> Self {
        let what = format!("look for the comment of {of}");
        Self { purpose: RequestPurpose::Find, what, method: Method::GET, path, body: None }
    }

    pub(super) fn create(of: &str, path: String, body: Value) -> Self {
        let what = format!("create the comment of {of}");
        Self { purpose: RequestPurpose::Create, what, method: Method::POST, path, body: Some(body) }
    }

    pub(super) fn update(of: &str, method: Method, path: String, body: Value) -> Self {
        let what = format!("update the comment of {of}");
        Self { purpose: RequestPurpose::Update, what, method, path, body: Some(body) }
    }

    pub(super) fn report(path: String, body: Value) -> Self {
        let what = "put the Code Insights report".to_owned();
        Self { purpose: RequestPurpose::Report, what, method: Method::PUT, path, body: Some(body) }
    }

    /// Says whether the answer confirms what was posted. A request that posts nothing needs no confirmation.
    pub(super) fn is_confirmed_by(&self, answer: &ForgeAnswer) -> bool {
        let Some(posted) = &self.body else { return true };
        serde_json::from_slice(&answer.body).is_ok_and(|answer| self.purpose.confirms(posted, &answer))
    }
}

/// An answer whose body has been read.
pub(super) struct ForgeAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl ForgeAnswer {
    /// Returns the number of the status or the comment that was created.
    pub(super) fn id(&self) -> Option<u64> {
        serde_json::from_slice::<Value>(&self.body).ok()?.get("id")?.as_u64()
    }
}
