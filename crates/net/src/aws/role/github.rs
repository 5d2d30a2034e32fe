//! The OpenID token of GitHub, which a job with `id-token: write` may ask for as often as it likes. Each
//! lives for minutes, so a new one is asked for at each renewal.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::refusal::refusal;
use crate::aws::credentials::CredentialsFailure;
use crate::http;
use crate::http::body::read_up_to;
use faultgate_core::secret::Secret;

/// Audience of the token, as IAM's usual provider for GitHub expects it.
const AUDIENCE: &str = "sts.amazonaws.com";
/// Maximum size of an answer, in bytes. A token is a few KiB.
const MAX_ANSWER_BYTES: usize = 64 << 10;
const MAX_ATTEMPTS: u32 = 3;
/// Pause before the second attempt; it grows by as much with each further one.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(300);

/// Remedy for a job of GitHub that may not ask for a token.
pub(super) const PERMISSION: &str = "give the job `permissions: { id-token: write, contents: read }`; in a reusable \
     workflow its caller must give it as well, and a pull request from a fork never gets it";

/// The address that tokens are asked at, and the secret that permits it.
#[derive(Debug, Clone)]
pub struct GithubOidc {
    url: Url,
    bearer: Secret,
    client: Client,
}

#[derive(Deserialize)]
struct TokenAnswer {
    value: String,
}

/// The reason for which there is no token.
struct NoToken {
    why: String,
    /// `true` if another attempt may help.
    again: bool,
}

/// Returns `true` if the address is of this machine, so that plain HTTP is safe.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl GithubOidc {
    /// Makes a source of tokens. The error completes "ACTIONS_ID_TOKEN_REQUEST_URL: the value …" and does not
    /// hold the value.
    pub(super) fn new(url: &str, bearer: &str, client: Client) -> Result<Self, &'static str> {
        let mut url = Url::parse(url).map_err(|_| "is not the address of a web server")?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&url) => {}
            "http" => {
                return Err("is plain http, so anybody between could take the job's token and its role");
            }
            _ => return Err("is not the address of a web server"),
        }
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        Ok(Self { url, bearer: Secret::new(bearer), client })
    }

    /// Asks for a token to assume a role by, repeatedly while another attempt may help.
    pub(super) async fn token(&self, role: &str) -> Result<Secret, CredentialsFailure> {
        let mut attempt = 1;
        loop {
            let NoToken { why, again } = match self.ask().await {
                Ok(token) => return Ok(token),
                Err(failed) => failed,
            };
            if !again || attempt == MAX_ATTEMPTS {
                let why = format!("GitHub gave no OpenID token: {why}");
                let remedy = http::remedy(&why).unwrap_or(PERMISSION);
                return Err(refusal(role, why).remedy(remedy.to_owned()));
            }
            tokio::time::sleep(FIRST_RETRY_PAUSE * attempt).await;
            attempt += 1;
        }
    }

    async fn ask(&self) -> Result<Secret, NoToken> {
        // The query of the address is GitHub's secret, so the address is taken off each error.
        let lost = |error: reqwest::Error| NoToken { why: http::cause(&error.without_url()), again: true };
        let request = self.client.get(self.url.clone()).bearer_auth(self.bearer.expose());
        let mut response = request.header("Accept", "application/json").send().await.map_err(lost)?;
        let status = response.status();
        if !status.is_success() {
            // Any other refusal, such as a permission that is missing, would be the same again.
            let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            return Err(NoToken { why: format!("HTTP {}", status.as_u16()), again });
        }
        let mut body = Vec::new();
        if !read_up_to(MAX_ANSWER_BYTES, &mut response, &mut body).await.map_err(lost)? {
            return Err(NoToken { why: "its answer is too long".to_owned(), again: false });
        }
        // The parser's error is dropped, since it may quote the token.
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| NoToken { why: "its answer holds no token".to_owned(), again: false })?;
        Ok(Secret::new(answer.value))
    }
}
