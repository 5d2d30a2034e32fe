//! The way into AWS, for all that asks it: FIS, probes, CodeCommit and roles.
//!
//! - `config`: the SDK's configuration with faultgate's own timeouts and retries; `http_client`: the client
//!   that it sends by.
//! - `credentials`: where they come from; `role`: the role that is assumed with them.
//! - `s3`: objects; `organizations`: the accounts of a unit; `json_service`: requests to other services without a
//!   client of the SDK; `signer`: the signature of all these; `patience`: their attempts.
//! - `json_client`: requests to CloudWatch by the runtime of the SDK, without a client of its own.
//! - `place`: account and Region; `caller`: the account that the credentials lead to; `calls`: the counts of
//!   requests; `error`: the words of errors; `iam`: the list of permissions.
//!
//! The configuration is the SDK's default chain, made safe where the SDK would panic, leak or hang: settings
//! and profiles are judged before the SDK reads them, so that a mistake in them is told and no panic.

use std::collections::BTreeMap;
use std::ffi::OsString;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

mod caller;
pub mod calls;
mod config;
mod credentials;
pub mod error;
mod http_client;
pub mod iam;
mod json_client;
mod json_service;
mod organizations;
mod patience;
mod place;
mod queue_address;
pub mod role;
pub mod s3;
mod signer;

pub use self::caller::{ask_account_id, is_account_id};
pub use self::config::{CONNECT_TIMEOUT, OPERATION_TIMEOUT, connect_embedded, in_region};
pub use self::credentials::{CredentialsFailure, NotGiven, credentials_failure_in, reason_of};
pub use self::http_client::{Hedged, http_client};
pub use self::json_client::{JsonClient, JsonClientError, JsonNames};
pub use self::json_service::{JsonApi, JsonRefusal, JsonService};
pub use self::organizations::Organizations;
pub use self::patience::Patience;
pub use self::place::{AwsPlace, DEFAULT_CONSOLE_DOMAIN, console_domain, partition_of};
pub use self::queue_address::QueueAddress;
pub use self::signer::Signer;

use self::credentials::Profiles;
use self::role::ChainIn;
use crate::foreign::{aws_endpoint, aws_mistakes};
use crate::http::{HttpSettings, no_client};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;

/// Services whose endpoints a user may set, by the SDK's names: those that faultgate asks, and those that
/// give credentials.
const SERVICES: [&str; 10] = [
    "fis",
    "EventBridge",
    "SQS",
    "CloudWatch",
    "STS",
    "CodeCommit",
    "S3",
    "Organizations",
    "SSO",
    "SSO OIDC",
];

/// Loads credentials, endpoints and, unless one is given, the Region. No service is asked yet. `chain` decides
/// the remedy that is told where there are no credentials.
///
/// # Errors
///
/// A variable, profile, endpoint or certificate that cannot work is a mistake.
pub async fn connect(
    region: Option<&str>,
    env: &Environment,
    inherited: BTreeMap<OsString, OsString>,
    http: &HttpSettings,
    chain: ChainIn,
) -> Result<SdkConfig, Mistake> {
    if let Some(mistake) = aws_mistakes(env).into_iter().next() {
        return Err(mistake);
    }
    let source = Profiles::load(env).await?.source(env)?;
    let sdk = config::load(region, http).await.map_err(|failure| no_client(&failure))?;
    check_endpoints(&sdk)?;
    Ok(credentials::give_to(sdk, source, inherited, chain).await)
}

/// Checks each endpoint that is set, by a variable or a profile.
fn check_endpoints(sdk: &SdkConfig) -> Result<(), Mistake> {
    if let Some(url) = sdk.endpoint_url() {
        aws_endpoint("AWS", url)?;
    }
    for service in SERVICES {
        if let Some(url) = endpoint_of(sdk, service) {
            aws_endpoint(service, &url)?;
        }
    }
    Ok(())
}

/// Returns the endpoint that is set for one service alone, by a variable or a profile.
fn endpoint_of(sdk: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    sdk.service_config()?.load_config(key.ok()?)
}

/// Returns the endpoint of a service in a Region, of the kind that the SDK's configuration asks for. The host is the
/// first label of its name.
pub fn usual_endpoint(sdk: &SdkConfig, host: &str, region: &str) -> String {
    let fips = if sdk.use_fips() == Some(true) { "-fips" } else { "" };
    let suffix = match (partition_of(region), sdk.use_dual_stack() == Some(true)) {
        ("aws-cn", false) => "amazonaws.com.cn",
        ("aws-cn", true) => "api.amazonwebservices.com.cn",
        (_, false) => "amazonaws.com",
        (_, true) => "api.aws",
    };
    format!("https://{host}{fips}.{region}.{suffix}")
}
