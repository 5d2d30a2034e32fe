//! The credentials: where they come from, and whether the SDK can use them.
//!
//! `profiles` finds their source as the SDK would. A `credential_process` runs in a process group of its own
//! (`process`), without faultgate's secrets. `sound` judges all credentials as they are used, `keeper` keeps
//! those that faultgate has got by itself, and `failure` tells why there are none.

use std::collections::BTreeMap;
use std::ffi::OsString;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;

mod failure;
mod keeper;
mod process;
mod profiles;
mod sound;

pub(super) use self::failure::carry;
pub use self::failure::{CredentialsFailure, NotGiven, credentials_failure_in, reason_of};
#[cfg(test)]
pub(super) use self::keeper::AGAIN_AFTER;
pub(super) use self::keeper::Keeper;
use self::process::CredentialProcess;
pub(super) use self::profiles::{CredentialSource, Profiles};
use self::sound::Sound;
use super::role::ChainIn;

/// Gives the configuration its credentials: the SDK's own, except where a program gives them, since the SDK's
/// would inherit faultgate's secrets, and live on where nobody waits for it any more. `chain` decides what is told
/// where nobody has any.
pub(super) async fn give_to(
    sdk: SdkConfig,
    source: CredentialSource,
    inherited: BTreeMap<OsString, OsString>,
    chain: ChainIn,
) -> SdkConfig {
    let CredentialSource::Process { command, roles } = source else {
        let Some(own) = sdk.credentials_provider() else { return sdk };
        let sound = SharedCredentialsProvider::new(Sound(own, chain));
        return sdk.into_builder().credentials_provider(sound).build();
    };
    let process = CredentialProcess::new(command, inherited);
    let mut provider = SharedCredentialsProvider::new(Sound(SharedCredentialsProvider::new(process), chain));
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
        provider = SharedCredentialsProvider::new(Sound(next, chain));
    }
    let mut sdk = sdk.into_builder().credentials_provider(provider);
    if direct {
        sdk = sdk.identity_cache(IdentityCache::no_cache());
    }
    sdk.build()
}
