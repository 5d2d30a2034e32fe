//! The reason for which a role was not assumed, and the remedy. Where a trust policy is missing, the remedy
//! is the very statement, made from the claims of the token.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::json;

use super::claims::Claims;
use crate::aws::credentials::{CredentialsFailure, NotGiven, credentials_failure_in};
use crate::aws::error;
use crate::http;
use faultgate_core::text;

/// The words about whoever vouches for the run, as they stand in a refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct VoucherWords {
    pub(super) name: &'static str,
    /// Remedy for a token that has expired.
    pub(super) fresher: &'static str,
    /// Remedy where the default chain has no credentials. None where another voucher stands.
    pub(super) instead: Option<&'static str>,
}

/// Returns the assuming of a role. It completes "could not …".
pub(super) fn assume(role: &str) -> String {
    format!("assume the role {role}")
}

/// Makes the refusal of a role for this reason.
pub(super) fn refusal(role: &str, why: impl Into<String>) -> CredentialsFailure {
    CredentialsFailure::new(NotGiven::ByRole, assume(role), why)
}

/// Returns the partition and the account of a role's ARN.
fn place(role: &str) -> (&str, &str) {
    let mut parts = role.split(':').skip(1);
    (parts.next().unwrap_or("aws"), parts.nth(2).unwrap_or("ACCOUNT"))
}

/// Returns the words of STS, or of the connection where STS did not answer.
fn explain_error<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = error::words_of(error).unwrap_or_else(|| http::cause(error));
    text::plain(&said, error::MAX_MESSAGE_CHARS)
}

/// Makes a refusal of an error of AssumeRoleWithWebIdentity.
pub(super) fn from_web_identity<E>(
    error: &SdkError<E, HttpResponse>,
    role: &str,
    claims: &Claims,
    voucher: &VoucherWords,
    now: SystemTime,
) -> CredentialsFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let why = explain_error(error);
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default();
    // STS tells several causes by one code, so its message decides where the code does not.
    let remedy = if code.starts_with("AccessDenied") {
        Some(trust(role, claims))
    } else if code.starts_with("ExpiredToken") || message.to_ascii_lowercase().contains("expired") {
        Some(format!("{}{}", end_of(claims, now), voucher.fresher))
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
    refusal(role, format!("{why} (by {})", voucher.name)).remedy(remedy)
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
         add this statement to it, if this job shall have the role: {}",
        text::code(&statement.to_string())
    )
}

/// Returns an instruction for a token whose audience the provider does not have.
fn audience(role: &str, claims: &Claims) -> String {
    let (partition, account) = place(role);
    format!(
        "the token is for {}; add that to the audiences (client IDs) of arn:{partition}:iam::{account}:oidc-provider/{}, \
         or ask for a token for an audience that it has",
        quote(&claims.audience),
        claims.provider()
    )
}

/// Returns an instruction for an account without a provider for the token's issuer.
fn provider(claims: &Claims) -> String {
    format!(
        "make an OpenID Connect provider in the role's account: its URL is {}, its audience (client ID) {}",
        quote(&claims.issuer),
        quote(&claims.audience)
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

fn quote(text: &str) -> String {
    format!("\"{text}\"")
}

/// Makes a refusal of an error of AssumeRole with the credentials of the default chain.
pub(super) fn from_chain<E>(
    error: &SdkError<E, HttpResponse>,
    role: &str,
    voucher: &VoucherWords,
) -> CredentialsFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let instead = voucher.instead.map(ToOwned::to_owned);
    if let Some(failure) = credentials_failure_in(error).filter(|failure| failure.kind == NotGiven::ByChain) {
        return refusal(role, failure.why.clone()).remedy(instead);
    }
    let why = explain_error(error);
    let remedy = if error.code().is_some_and(|code| code.starts_with("AccessDenied")) {
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role});
        Some(format!(
            "the role's trust policy must name whoever these credentials belong to, and they must be allowed this: \
             {statement}"
        ))
    } else if error.code().is_none() && why.contains("credentials") {
        instead
    } else {
        http::remedy(&why).map(ToOwned::to_owned)
    };
    refusal(role, format!("{why} (by {})", voucher.name)).remedy(remedy)
}
