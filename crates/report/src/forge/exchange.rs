//! The exchange of one request for one answer with the API of a forge, over reqwest or, for GitHub, octocrab.
//!
//! A request is sent once. Its answer is read up to a bound, and an answer that is not one of success becomes
//! a [`ForgeFailure`]. The exchange never tries again by itself: it says whether that may help, and the sink
//! decides. It never shows the token.

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::BoxBody};
use octocrab::Octocrab;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;

use super::failure::{Denied, ForgeFailure, no_client};
use super::refusal::{self, Remedies};
use super::request::{ForgeAnswer, Request};
use super::subject::Site;
use faultgate_core::secret::Secret;
use faultgate_net::http::body::read_up_to;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum number of bytes that are read of an error.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Maximum number of bytes that are read of an answer of success, which may be a page of comments.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The answer to a request.
pub(super) enum Reply {
    /// The answer is one of success, and confirms what was posted.
    Granted(ForgeAnswer),
    RefusedAnswer(RefusedAnswer),
}

/// An answer that refuses a request, with the details by which a client decides whether it tries another one.
pub(super) struct RefusedAnswer {
    pub(super) status: StatusCode,
    /// The forge's own message. It may hold the token, and is not to be shown.
    pub(super) message: String,
    pub(super) failure: ForgeFailure,
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
    ) -> Result<Self, ForgeFailure> {
        let transport = Transport::Plain { http, auth: Some((auth.0, make_header(auth.1, token)?)) };
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
    ) -> Result<Self, ForgeFailure> {
        // Octocrab would check the token only as it sends a request.
        make_header("", token)?;
        // The builder's own `personal_token` is not used, since it does not mark the header as sensitive.
        let octocrab = Octocrab::builder()
            .base_uri(site.api_url.as_str())
            .and_then(|builder| builder.build_with_reqwest(http))
            .and_then(|octocrab| octocrab.user_access_token(token.expose()))
            .map_err(|error| no_client(format!("no client for {}: {error}", site.api_url)))?;
        Ok(Self { transport: Transport::Octocrab(octocrab), site, token: Some(token.clone()), remedies })
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Sends a request once. The answer is one of success that confirms what was posted; all else is a
    /// failure.
    pub(super) async fn send(&self, request: &Request) -> Result<ForgeAnswer, ForgeFailure> {
        match self.ask(request).await? {
            Reply::Granted(answer) => Ok(answer),
            Reply::RefusedAnswer(refused) => Err(refused.failure),
        }
    }

    /// Sends a request once, as [`Self::send`] does, for a client that makes something of an answer that
    /// refuses. A request without an answer that makes sense is a failure.
    pub(super) async fn ask(&self, request: &Request) -> Result<Reply, ForgeFailure> {
        let response = match self.deliver(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.explain_silence(request, &*error)),
        };
        let (parts, mut body) = response.into_parts();
        let bound = if parts.status.is_success() { MAX_ANSWER_BYTES } else { MAX_ERROR_BYTES };
        let mut answer = ForgeAnswer { status: parts.status, headers: parts.headers, body: Vec::new() };
        match read_up_to(bound, &mut body, &mut answer.body).await {
            // The status has refused the request already, whatever happens to the rest of the answer.
            _ if !answer.status.is_success() => {}
            Ok(true) => {}
            Ok(false) => {
                return Err(
                    self.strange(request, &format!("an answer of more than {} MiB", MAX_ANSWER_BYTES >> 20))
                );
            }
            Err(error) => return Err(self.explain_silence(request, &*error)),
        }
        if answer.status.is_success() {
            return if request.is_confirmed_by(&answer) {
                Ok(Reply::Granted(answer))
            } else {
                Err(self.not_the_forge(request))
            };
        }
        let message = refusal::message(&answer);
        let told = refusal::RefusingAnswer { purpose: request.purpose, answer: &answer, message: &message };
        let failure = told.failure(self.what(request), self.token.as_ref(), self.remedies);
        Ok(Reply::RefusedAnswer(RefusedAnswer { status: answer.status, message, failure }))
    }

    /// Sends a request once and reads the answer as JSON.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<(T, HeaderMap), ForgeFailure> {
        let answer = self.send(request).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok((value, answer.headers)),
            // The parser's error is dropped, because it may quote the answer.
            Err(_) => Err(self.not_the_forge(request)),
        }
    }

    fn not_the_forge(&self, request: &Request) -> ForgeFailure {
        self.strange(request, &format!("no answer of {}'s", self.site.kind.title()))
    }

    /// Makes the failure of an answer that claims success and makes no sense. `why` completes "HOST gave …".
    pub(super) fn strange(&self, request: &Request, why: &str) -> ForgeFailure {
        let remedy = "set `forge-api-url` to where the forge's API is, and let no sign-in page or proxy answer in its place";
        ForgeFailure::new(Denied::FOR_GOOD, self.what(request), format!("{} gave {why}", self.host()))
            .remedy(remedy.to_owned())
    }

    /// Makes the failure of a request that got no whole answer.
    fn explain_silence(&self, request: &Request, error: &(dyn std::error::Error + 'static)) -> ForgeFailure {
        let silence = refusal::Silence::after(error);
        ForgeFailure::new(
            Denied::with(silence.again(request.purpose)),
            self.what(request),
            silence.why(&self.host(), self.token.as_ref()),
        )
        .remedy(silence.remedy())
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
fn make_header(scheme: &str, token: &Secret) -> Result<HeaderValue, ForgeFailure> {
    let mut value = HeaderValue::from_str(&format!("{scheme}{}", token.expose()))
        .map_err(|_| no_client("the token holds characters that no header may hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header `Authorization: Bearer …`, as [`Exchange::new`] takes it.
pub(super) const BEARER: (HeaderName, &str) = (AUTHORIZATION, "Bearer ");
