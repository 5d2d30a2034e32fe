//! The way into AWS by the SDK's default chain, made safe where the SDK would panic, leak or hang.
//!
//! The settings and profiles that the SDK reads are judged first (`profiles`), so that a mistake in them is
//! told and no panic. Credentials that come later are judged as they are used (`sound`). A
//! `credential_process` runs in a process group of its own (`process`), without faultgate's secrets.

use std::collections::BTreeMap;
use std::ffi::OsString;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::ServiceConfigKey;

pub mod iam;
mod place;
mod process;
mod profiles;
pub mod role;
mod sdk;
mod sound;

pub use place::{Place, partition_of};
pub use sdk::{CONNECT_TIMEOUT, OPERATION_TIMEOUT, connect_embedded, in_region};

use self::process::CredentialProcess;
use self::profiles::{Profiles, Source};
use self::sound::Sound;
use crate::foreign::{aws_endpoint, aws_mistakes};
use crate::http::HttpSettings;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;

/// Services whose endpoints a user may set, by the SDK's names: those that faultgate asks, and those that
/// give credentials.
const SERVICES: [&str; 8] =
    ["fis", "EventBridge", "SQS", "CloudWatch", "STS", "CodeCommit", "SSO", "SSO OIDC"];

/// Loads credentials, endpoints and, unless one is given, the Region. No service is asked yet.
///
/// # Errors
///
/// A variable, profile or endpoint that cannot work is a mistake.
pub async fn connect(
    region: Option<&str>,
    env: &Environment,
    inherited: BTreeMap<OsString, OsString>,
    http: &HttpSettings,
) -> Result<SdkConfig, Mistake> {
    if let Some(mistake) = aws_mistakes(env).into_iter().next() {
        return Err(mistake);
    }
    let source = Profiles::load(env).await?.source(env)?;
    let sdk = sdk::load(region, http).await;
    endpoints(&sdk)?;
    Ok(with_credentials(sdk, source, inherited).await)
}

/// Checks each endpoint that is set, by a variable or a profile.
fn endpoints(sdk: &SdkConfig) -> Result<(), Mistake> {
    if let Some(url) = sdk.endpoint_url() {
        aws_endpoint("AWS", url)?;
    }
    let Some(settings) = sdk.service_config() else { return Ok(()) };
    for service in SERVICES {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        if let Some(url) = key.ok().and_then(|key| settings.load_config(key)) {
            aws_endpoint(service, &url)?;
        }
    }
    Ok(())
}

/// The SDK's own, but for a program that gives credentials: the SDK's would inherit faultgate's secrets, and live on
/// where nobody waits for it any more.
async fn with_credentials(
    sdk: SdkConfig,
    source: Source,
    inherited: BTreeMap<OsString, OsString>,
) -> SdkConfig {
    let Source::Process { command, roles } = source else {
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
