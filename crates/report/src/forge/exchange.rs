//! The exchange of one request for one answer with the API of a forge, over reqwest or, for GitHub, octocrab.
//!
//! A request is sent once. Its answer is read up to a bound, and an answer that is not one of success becomes
//! a [`Denial`]. The exchange never tries again by itself: it says whether that may help, and the sink
//! decides. It never shows the token.

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::BoxBody};
use octocrab::Octocrab;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::{self, Remedies};
use super::{Refusal, Site};
use faultgate_core::secret::Secret;
use faultgate_net::http::body::read_up_to;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum number of bytes that are read of an error.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Maximum number of bytes that are read of an answer of success, which may be a page of comments.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The purpose of a request. It tells which permission is missing after a refusal, and whether the request
/// may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
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
    pub(super) purpose: Purpose,
    /// The thing that is tried. It completes "could not …".
    pub(super) what: String,
    method: Method,
    /// The path and the query, percent-encoded. They are appended to the URL of the API.
    path: String,
    body: Option<Value>,
}

impl Purpose {
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
        let what = format!("set commit status {}", faultgate_core::text::plain(context, 100));
        Self { purpose: Purpose::Status, what, method: Method::POST, path, body: Some(body) }
    }

    pub(super) fn standing(context: &str, path: String) -> Self {
        let what = format!("look at the commit status {}", faultgate_core::text::plain(context, 100));
        Self { purpose: Purpose::Standing, what, method: Method::GET, path, body: None }
    }

    /// Makes a request for the head of a pull request. `of` is the pull request in words, here and below.
    pub(super) fn head(of: &str, path: String) -> Self {
        let what = format!("look up the head of {of}");
        Self { purpose: Purpose::Head, what, method: Method::GET, path, body: None }
    }

    pub(super) fn find(of: &str, path: String) -> Self {
        let what = format!("look for the comment of {of}");
        Self { purpose: Purpose::Find, what, method: Method::GET, path, body: None }
    }

    pub(super) fn create(of: &str, path: String, body: Value) -> Self {
        let what = format!("create the comment of {of}");
        Self { purpose: Purpose::Create, what, method: Method::POST, path, body: Some(body) }
    }

    pub(super) fn update(of: &str, method: Method, path: String, body: Value) -> Self {
        let what = format!("update the comment of {of}");
        Self { purpose: Purpose::Update, what, method, path, body: Some(body) }
    }

    pub(super) fn report(path: String, body: Value) -> Self {
        let what = "put the Code Insights report".to_owned();
        Self { purpose: Purpose::Report, what, method: Method::PUT, path, body: Some(body) }
    }
}

impl Answer {
    /// Returns the number of the status or the comment that was created.
    pub(super) fn id(&self) -> Option<u64> {
        serde_json::from_slice::<Value>(&self.body).ok()?.get("id")?.as_u64()
    }
}

impl Request {
    /// Says whether the answer confirms what was posted. A request that posts nothing needs no confirmation.
    fn is_confirmed_by(&self, answer: &Answer) -> bool {
        let Some(posted) = &self.body else { return true };
        serde_json::from_slice(&answer.body).is_ok_and(|answer| self.purpose.confirms(posted, &answer))
    }
}

/// An answer whose body has been read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A request that was not granted, with the details by which the client of a forge decides whether it tries
/// another request.
pub(super) struct Denial {
    /// The status of the answer. There is none if there was no answer, or if it made no sense.
    pub(super) status: Option<StatusCode>,
    /// The forge's own message. It may hold the token, and is not to be shown.
    pub(super) message: String,
    pub(super) refusal: Refusal,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        denial.refusal
    }
}

/// The HTTP client that delivers the requests.
enum Transport {
    Plain {
        http: reqwest::Client,
        /// The header that authorizes each request, if one is needed.
        auth: Option<(HeaderName, HeaderValue)>,
    },
    /// GitHub's client, which adds the token and the version of the API to each request.
    Octocrab(Octocrab),
}

/// A connection to the API of one forge.
pub(super) struct Exchange {
    transport: Transport,
    site: Site,
    /// The token, which is hidden where a forge repeats it.
    token: Option<Secret>,
    remedies: Remedies,
}

impl Exchange {
    /// Makes an exchange with a token. `auth` is the name of the header that holds the token, and the text
    /// that stands before it.
    pub(super) fn new(
        site: Site,
        http: reqwest::Client,
        auth: (HeaderName, &str),
        token: &Secret,
        remedies: Remedies,
    ) -> Result<Self, String> {
        let transport = Transport::Plain { http, auth: Some((auth.0, value(auth.1, token)?)) };
        Ok(Self { transport, site, token: Some(token.clone()), remedies })
    }

    /// Makes an exchange without a token, for a proxy that adds its own.
    pub(super) fn without_token(site: Site, http: reqwest::Client, remedies: Remedies) -> Self {
        Self { transport: Transport::Plain { http, auth: None }, site, token: None, remedies }
    }

    /// Makes an exchange over octocrab. It needs a tokio runtime, in which octocrab sends.
    pub(super) fn by_octocrab(
        site: Site,
        http: reqwest::Client,
        token: &Secret,
        remedies: Remedies,
    ) -> Result<Self, String> {
        // Octocrab would check the token only as it sends a request.
        value("", token)?;
        // The builder's own `personal_token` is not used, since it does not mark the header as sensitive.
        let octocrab = Octocrab::builder()
            .base_uri(site.api_url.as_str())
            .and_then(|builder| builder.build_with_reqwest(http))
            .and_then(|octocrab| octocrab.user_access_token(token.expose()))
            .map_err(|error| format!("no client for {}: {error}", site.api_url))?;
        Ok(Self { transport: Transport::Octocrab(octocrab), site, token: Some(token.clone()), remedies })
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Sends a request once. The answer is one of success that confirms what was posted; all else is a
    /// denial.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Denial> {
        let response = match self.deliver(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.failed(request, &*error)),
        };
        let (parts, mut body) = response.into_parts();
        let bound = if parts.status.is_success() { MAX_ANSWER_BYTES } else { MAX_ERROR_BYTES };
        let mut answer = Answer { status: parts.status, headers: parts.headers, body: Vec::new() };
        match read_up_to(bound, &mut body, &mut answer.body).await {
            // The status has refused the request already, whatever happens to the rest of the answer.
            _ if !answer.status.is_success() => {}
            Ok(true) => {}
            Ok(false) => {
                return Err(
                    self.strange(request, &format!("an answer of more than {} MiB", MAX_ANSWER_BYTES >> 20))
                );
            }
            Err(error) => return Err(self.failed(request, &*error)),
        }
        if answer.status.is_success() {
            return if request.is_confirmed_by(&answer) {
                Ok(answer)
            } else {
                Err(self.not_the_forge(request))
            };
        }
        let message = refusal::message(&answer);
        let told = refusal::Told { purpose: request.purpose, answer: &answer, message: &message };
        let refusal = told.refusal(self.what(request), self.token.as_ref(), self.remedies);
        Err(Denial { status: Some(answer.status), message, refusal })
    }

    /// Sends a request once and reads the answer as JSON.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<(T, HeaderMap), Denial> {
        let answer = self.send(request).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok((value, answer.headers)),
            // The parser's error is dropped, because it may quote the answer.
            Err(_) => Err(self.not_the_forge(request)),
        }
    }

    fn not_the_forge(&self, request: &Request) -> Denial {
        self.strange(request, &format!("no answer of {}'s", self.site.kind.title()))
    }

    /// Makes the denial of an answer that claims success and makes no sense. `why` completes "HOST gave …".
    pub(super) fn strange(&self, request: &Request, why: &str) -> Denial {
        let refusal = Refusal {
            what: self.what(request),
            why: format!("{} gave {why}", self.host()),
            remedy: Some(
                "set `forge-api-url` to where the forge's API is, and let no sign-in page or proxy answer in its place"
                    .to_owned(),
            ),
            again: super::Again::Never,
            lacks_permission: false,
        };
        Denial { status: None, message: String::new(), refusal }
    }

    /// Makes the denial of a request that got no whole answer.
    fn failed(&self, request: &Request, error: &(dyn std::error::Error + 'static)) -> Denial {
        let failure = refusal::Failure::of(error);
        let refusal = Refusal {
            what: self.what(request),
            why: failure.why(&self.host(), self.token.as_ref()),
            remedy: failure.remedy(),
            again: failure.again(request.purpose),
            lacks_permission: false,
        };
        Denial { status: None, message: String::new(), refusal }
    }

    fn what(&self, request: &Request) -> String {
        format!("{} on {}", request.what, self.site.kind.title())
    }

    fn host(&self) -> String {
        Url::parse(&self.site.api_url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_else(|| "the forge".to_owned())
    }

    /// Sends the request, and returns as soon as the headers of an answer are there.
    async fn deliver(&self, request: &Request) -> Result<http::Response<BoxBody<Bytes, BoxError>>, BoxError> {
        match &self.transport {
            Transport::Octocrab(octocrab) => {
                let builder = http::Request::builder()
                    .method(&request.method)
                    .uri(&request.path)
                    .header(ACCEPT, "application/vnd.github+json, application/json");
                let sent = octocrab.build_request(builder, request.body.as_ref())?;
                let response = octocrab.execute(sent).await?;
                Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
            }
            Transport::Plain { http, auth } => {
                let url = format!("{}{}", self.site.api_url, request.path);
                let mut sent = http.request(request.method.clone(), url).header(ACCEPT, "application/json");
                if let Some((name, value)) = auth {
                    sent = sent.header(name, value);
                }
                if let Some(body) = &request.body {
                    sent = sent.json(body);
                }
                let response: http::Response<reqwest::Body> = sent.send().await?.into();
                Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
            }
        }
    }
}

/// Makes the value of the header that holds the token. It is marked as sensitive, so that nobody logs it.
fn value(scheme: &str, token: &Secret) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("{scheme}{}", token.expose()))
        .map_err(|_| "the token holds characters that no header may hold".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header `Authorization: Bearer …`, as [`Exchange::new`] takes it.
pub(super) const BEARER: (HeaderName, &str) = (AUTHORIZATION, "Bearer ");
