//! The reason for which a role was not assumed, and the remedy. Where a trust policy is missing, the remedy
//! is the very statement, made from the claims of the token.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::json;

use super::claims::Claims;
use super::voucher::Voucher;
use crate::http;
use faultgate_core::text;

/// Maximum length of a text of STS that is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 600;

/// A role that was not assumed, or credentials that were not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    role: Option<String>,
    why: String,
    remedy: Option<String>,
}

impl Refusal {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { role: None, why: why.into(), remedy: None }
    }

    /// Adds the role that was not assumed.
    pub(super) fn about(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Returns the remedy, if one is known.
    pub fn what_to_do(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.role {
            Some(role) => write!(f, "could not assume the role {role}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl Error for Refusal {}

/// Returns the refusal for which a request of the SDK has failed, if it is in the chain of the error's
/// causes.
pub fn refusal_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Refusal> {
    // The SDK wraps the error of a credentials provider several times.
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        next = error.source();
    }
    None
}

/// Returns the partition and the account of a role's ARN.
fn place(role: &str) -> (&str, &str) {
    let mut parts = role.split(':').skip(1);
    (parts.next().unwrap_or("aws"), parts.nth(2).unwrap_or("ACCOUNT"))
}

/// Returns the words of STS, or of the connection where STS did not answer.
fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => http::cause(error),
    };
    text::plain(&said, MAX_MESSAGE_CHARS)
}

/// Makes a refusal of an error of AssumeRoleWithWebIdentity.
pub(super) fn of_web_identity<E>(
    error: &SdkError<E, HttpResponse>,
    role: &str,
    claims: &Claims,
    voucher: &Voucher,
    now: SystemTime,
) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let why = said(error);
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default();
    // STS tells several causes by one code, so its message decides where the code does not.
    let remedy = if code.starts_with("AccessDenied") {
        Some(trust(role, claims))
    } else if code.starts_with("ExpiredToken") || message.to_ascii_lowercase().contains("expired") {
        Some(format!("{}{}", end_of(claims, now), voucher.fresher()))
    } else if message.to_ascii_lowercase().contains("audience") {
        Some(audience(role, claims))
    } else if message.contains("No OpenIDConnect provider") {
        Some(provider(claims))
    } else if code == "InvalidIdentityToken" {
        Some(format!(
            "AWS must be able to read {}/.well-known/openid-configuration and the keys it names",
            claims.issuer
        ))
    } else {
        http::remedy(&why).map(ToOwned::to_owned)
    };
    Refusal { role: Some(role.to_owned()), why: format!("{why} (by {})", voucher.describe()), remedy }
}

/// Returns an instruction with the statement of a trust policy that lets in exactly what this token is for.
fn trust(role: &str, claims: &Claims) -> String {
    let (partition, account) = place(role);
    let provider = claims.provider();
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{provider}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{provider}:aud"): claims.audience,
            format!("{provider}:sub"): claims.subject,
        }},
    });
    format!(
        "the trust policy of the role must let this token in (and the role and the provider must exist); \
         add this statement to it, if this job shall have the role: {statement}"
    )
}

/// Returns an instruction for a token whose audience the provider does not have.
fn audience(role: &str, claims: &Claims) -> String {
    let (partition, account) = place(role);
    format!(
        "the token is for {}; add that to the audiences (client IDs) of arn:{partition}:iam::{account}:oidc-provider/{}, \
         or ask for a token for an audience that it has",
        quoted(&claims.audience),
        claims.provider()
    )
}

/// Returns an instruction for an account without a provider for the token's issuer.
fn provider(claims: &Claims) -> String {
    format!(
        "make an OpenID Connect provider in the role's account: its URL is {}, its audience (client ID) {}",
        quoted(&claims.issuer),
        quoted(&claims.audience)
    )
}

/// Returns a sentence with the end of the token and the time here, since a wrong clock looks like an expired
/// token. It is empty where the end is not known.
fn end_of(claims: &Claims, now: SystemTime) -> String {
    let moment = |seconds| jiff::Timestamp::from_second(seconds).ok();
    let now = now.duration_since(UNIX_EPOCH).ok().and_then(|now| moment(i64::try_from(now.as_secs()).ok()?));
    match (claims.expires.and_then(moment), now) {
        (Some(end), Some(now)) => format!("the token expired at {end}, and here it is {now}: "),
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Makes a refusal of an error of AssumeRole with the credentials of the default chain.
pub(super) fn of_chain<E>(error: &SdkError<E, HttpResponse>, role: &str, voucher: &Voucher) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let why = said(error);
    let remedy = if error.code().is_some_and(|code| code.starts_with("AccessDenied")) {
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role});
        Some(format!(
            "the role's trust policy must name whoever these credentials belong to, and they must be allowed this: \
             {statement}"
        ))
    } else if error.code().is_none() && why.contains("credentials") {
        Some(voucher.instead().map_or_else(
            || "give the job AWS credentials, or a token of its own (aws-id-token)".to_owned(),
            ToOwned::to_owned,
        ))
    } else {
        http::remedy(&why).map(ToOwned::to_owned)
    };
    Refusal { role: Some(role.to_owned()), why: format!("{why} (by {})", voucher.describe()), remedy }
}
