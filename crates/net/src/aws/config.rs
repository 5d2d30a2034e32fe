//! The SDK's clients for one account and Region, with faultgate's own timeouts and retries. All requests of
//! the clients are counted.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::http_client::{http_client, local_client};
use crate::http::{ClientFailure, HttpSettings};

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for one attempt.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for one operation with all its attempts.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);
const MAX_ATTEMPTS: u32 = 5;
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Credentials, endpoints and, unless one is given, the Region: the SDK's default chain.
pub(super) async fn load(region: Option<&str>, http: &HttpSettings) -> Result<SdkConfig, ClientFailure> {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries())
        .http_client(http_client(http)?);
    let loader = match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    };
    Ok(loader.load().await)
}

/// Returns the same configuration for another Region.
pub fn in_region(base: &SdkConfig, region: &str) -> SdkConfig {
    base.to_builder().region(Region::new(region.to_owned())).build()
}

/// Returns the configuration for the embedded endpoints. It takes nothing from the environment, neither
/// proxies nor certificates. `http` is the HTTP client of endpoints that have no socket.
///
/// # Errors
///
/// No HTTP client can be made.
pub fn connect_embedded(url: &str, http: Option<SharedHttpClient>) -> Result<SdkConfig, ClientFailure> {
    let credentials = Credentials::new("rehearsal", "rehearsal", None, None, "rehearsal");
    let http = http.map_or_else(local_client, Ok)?;
    let config = SdkConfig::builder()
        .http_client(http)
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .retry_config(retries())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new())
        .build();
    Ok(config)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS).with_max_backoff(MAX_BACKOFF)
}
