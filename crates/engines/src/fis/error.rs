//! The translation of the SDK's errors into failures: what failed, why, and the remedy. A missing permission
//! comes with the statement that grants it.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{EngineFailure, FailureKind};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;
use faultgate_net::aws::error::{MAX_MESSAGE_CHARS, is_denied, is_throttled, status_of};
use faultgate_net::aws::iam;
use faultgate_net::aws::iam::PolicyTarget;
use faultgate_net::aws::{credentials_failure_in, reason_of};
use faultgate_net::http;

/// Maximum length of the reason why an answer cannot be read, in characters.
const MAX_UNREADABLE_CHARS: usize = 300;

/// Makes a failure of an SDK error. `operation` is the name of the API's operation; `what` completes "could
/// not …".
pub(super) fn failure<E>(
    error: SdkError<E, HttpResponse>,
    operation: &str,
    what: impl Into<String>,
    place: &AwsPlace,
) -> EngineFailure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default();
    let status = status_of(&error);
    let kind = kind(&error);
    // The role's own reason is deep in the chain of errors, and says more than the SDK's.
    if let Some(refusal) = credentials_failure_in(&error) {
        let (why, remedy) = (reason_of(refusal), refusal.remedy.clone());
        return EngineFailure::new(kind, what, why).remedy(remedy).caused_by(error);
    }
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) if status != 0 => format!("HTTP {status}: {message}"),
        _ if status != 0 => format!("HTTP {status} with an answer that {operation} does not give"),
        _ => http::cause(&error),
    };
    let remedy = match kind {
        FailureKind::Denied => statement(operation, place),
        _ if is_about_time(code, &why) => Some("set the clock of the machine that runs faultgate".to_owned()),
        _ if is_about_credentials(code) || why.contains("loading credentials") => Some(
            "give the job AWS credentials: aws-role-arn with the CI's own token (docs/aws-access.md), a role for the \
             runner, or a step such as aws-actions/configure-aws-credentials before this one"
                .to_owned(),
        ),
        _ => http::remedy(&why).map(ToOwned::to_owned),
    };
    EngineFailure::new(kind, what, text::plain(&why, MAX_MESSAGE_CHARS)).remedy(remedy).caused_by(error)
}

/// Returns `true` if the service says that what was asked for does not exist.
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    kind(error) == FailureKind::Missing
}

/// Returns the failure of an answer that does not hold what it should.
pub(super) fn unreadable(what: &str, why: &str) -> EngineFailure {
    EngineFailure::new(FailureKind::Unanswered, what, text::plain(why, MAX_UNREADABLE_CHARS))
}

/// Returns an instruction with the statement to add to the policy of the role that runs faultgate, as JSON.
fn statement(operation: &str, place: &AwsPlace) -> Option<String> {
    let statements =
        iam::statements(operation, &PolicyTarget::of(&place.partition, &place.region, &place.account))?;
    Some(format!(
        "add this statement to the policy of the role that runs faultgate: {}",
        text::code(&statements)
    ))
}

/// Classifies an error. Only an answer of the service that refuses the request is a refusal; anything else
/// may have had an effect.
fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> FailureKind {
    let code = error.code().unwrap_or_default();
    let status = status_of(error);
    if is_denied(code) {
        return FailureKind::Denied;
    }
    if code.contains("NotFound") || code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist") {
        return FailureKind::Missing;
    }
    let certain = matches!(error, SdkError::ServiceError(_)) && (400..500).contains(&status);
    if matches!(error, SdkError::ConstructionFailure(_)) {
        return FailureKind::Refused;
    }
    // A throttled request was not carried out, but the answer says nothing about the next one.
    if certain && status != 429 && !is_throttled(code) {
        return FailureKind::Refused;
    }
    FailureKind::Unanswered
}

/// Returns `true` if the request was refused for the time in its signature, so that this machine's clock is
/// wrong.
fn is_about_time(code: &str, why: &str) -> bool {
    code == "RequestTimeTooSkewed"
        || why.contains("Signature expired")
        || why.contains("Signature not yet current")
}

fn is_about_credentials(code: &str) -> bool {
    ["ExpiredToken", "InvalidClientToken", "UnrecognizedClient", "InvalidSignature", "SignatureDoesNotMatch"]
        .iter()
        .any(|known| code.contains(known))
}
