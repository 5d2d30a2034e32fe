//! The credentials: where they come from, and whether the SDK can use them.
//!
//! `profiles` finds their source as the SDK would. A `credential_process` runs in a process group of its own
//! (`process`), without faultgate's secrets. `sound` judges all credentials as they are used, and `keeper`
//! keeps those that faultgate has got by itself.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use faultgate_core::failure::Failure;

mod keeper;
mod process;
mod profiles;
mod sound;

#[cfg(test)]
pub(super) use self::keeper::AGAIN_AFTER;
pub(super) use self::keeper::Keeper;
use self::process::CredentialProcess;
pub(super) use self::profiles::{CredentialSource, Profiles};
use self::sound::Sound;

/// The source that gave no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGiven {
    /// A role, which was not assumed.
    ByRole,
    /// The program of a profile.
    ByProgram,
}

/// Credentials that were not given.
pub type CredentialsFailure = Failure<NotGiven>;

/// Returns the sentence that explains the failure. A program's own words stand alone.
pub fn reason_of(failure: &CredentialsFailure) -> String {
    match failure.kind {
        NotGiven::ByRole => failure.to_string(),
        NotGiven::ByProgram => failure.why.clone(),
    }
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
pub(super) fn carry(failure: CredentialsFailure) -> CredentialsError {
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

/// Gives the configuration its credentials: the SDK's own, except where a program gives them, since the SDK's
/// would inherit faultgate's secrets, and live on where nobody waits for it any more.
pub(super) async fn give_to(
    sdk: SdkConfig,
    source: CredentialSource,
    inherited: BTreeMap<OsString, OsString>,
) -> SdkConfig {
    let CredentialSource::Process { command, roles } = source else {
        let Some(own) = sdk.credentials_provider() else { return sdk };
        let sound = SharedCredentialsProvider::new(Sound(own));
        return sdk.into_builder().credentials_provider(sound).build();
    };
    let process = CredentialProcess::new(command, inherited);
    let mut provider = SharedCredentialsProvider::new(Sound(SharedCredentialsProvider::new(process)));
    // `CredentialProcess` keeps its credentials itself, and goes on with old ones while new ones cannot be
    // had. The SDK's cache would drop them.
    let direct = roles.is_empty();
    for role in roles {
        let mut next = AssumeRoleProvider::builder(role.arn).configure(&sdk);
        if let Some(name) = role.session_name {
            next = next.session_name(name);
        }
        if let Some(id) = role.external_id {
            next = next.external_id(id);
        }
        let next = SharedCredentialsProvider::new(next.build_from_provider(provider).await);
        provider = SharedCredentialsProvider::new(Sound(next));
    }
    let mut sdk = sdk.into_builder().credentials_provider(provider);
    if direct {
        sdk = sdk.identity_cache(IdentityCache::no_cache());
    }
    sdk.build()
}
