//! The failure of getting credentials, and its way through the SDK.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use faultgate_core::failure::Failure;
use faultgate_core::text;

use crate::aws::error::MAX_MESSAGE_CHARS;
use crate::aws::role::ChainIn;
use crate::http;

/// The source that gave no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGiven {
    /// A role, which was not assumed.
    ByRole,
    /// The program of a profile.
    ByProgram,
    /// The SDK's default chain.
    ByChain,
}

/// Credentials that were not given.
pub type CredentialsFailure = Failure<NotGiven>;

/// Returns the sentence that explains the failure. Words that need no beginning stand alone.
pub fn reason_of(failure: &CredentialsFailure) -> String {
    match failure.kind {
        NotGiven::ByRole => failure.to_string(),
        NotGiven::ByProgram | NotGiven::ByChain => failure.why.clone(),
    }
}

/// Carries the failure of a source of the SDK, with what can be done in this CI. Where no source has anything to say, the
/// SDK's account of each of them is left out. A failure that is carried already stays as it is.
pub(super) fn carry_from_chain(error: CredentialsError, chain: ChainIn) -> CredentialsError {
    if credentials_failure_in(&error).is_some() {
        return error;
    }
    let why = match &error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "no AWS credentials were found (environment, profile, web identity, container, instance)"
                .to_owned()
        }
        error => text::plain(&http::cause(error), MAX_MESSAGE_CHARS),
    };
    let remedy = http::remedy(&why).unwrap_or(chain.remedy()).to_owned();
    carry(CredentialsFailure::new(NotGiven::ByChain, "get AWS credentials", why).remedy(remedy))
}

/// A failure on its way through the SDK, which wraps the error of a provider several times.
#[derive(Debug)]
struct Carried(CredentialsFailure);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&reason_of(&self.0))
    }
}

impl Error for Carried {}

/// Hands a failure to the SDK.
pub(in crate::aws) fn carry(failure: CredentialsFailure) -> CredentialsError {
    CredentialsError::provider_error(Carried(failure))
}

/// Returns the failure for which a request of the SDK has failed, if it is in the chain of the error's
/// causes.
pub fn credentials_failure_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsFailure> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(Carried(failure)) = error.downcast_ref() {
            return Some(failure);
        }
        next = error.source();
    }
    None
}
