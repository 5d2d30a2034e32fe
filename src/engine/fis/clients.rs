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

use crate::http::calls::CountCalls;
use crate::http::{self, HttpSettings};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of one attempt of a request.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a request with all its attempts and the pauses between them.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);
/// Timeout of one ReceiveMessage, whose long poll alone takes 20 s.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: u32 = 5;
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Loads credentials, endpoints and, unless one is given, the Region by the SDK's default chain.
pub async fn connect(region: Option<&str>, http: &HttpSettings) -> SdkConfig {
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts()).retry_config(retries());
    if let Some(client) = http::aws_client(http) {
        loader = loader.http_client(client);
    }
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())).load().await,
        None => loader.load().await,
    }
}

/// Returns the same configuration for another Region.
pub fn in_region(base: &SdkConfig, region: &str) -> SdkConfig {
    base.to_builder().region(Region::new(region.to_owned())).build()
}

/// Returns the configuration for the embedded endpoints. It takes nothing from the environment, neither
/// proxies nor certificates. `http` is the HTTP client of endpoints that have no socket.
pub fn connect_embedded(url: &str, http: Option<SharedHttpClient>) -> SdkConfig {
    let credentials = Credentials::new("rehearsal", "rehearsal", None, None, "rehearsal");
    let http = http.unwrap_or_else(|| aws_smithy_http_client::Builder::new().build_http());
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .retry_config(retries())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new())
        .http_client(http)
        .build()
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

/// The clients of all services that FIS experiments need.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub(super) fis: aws_sdk_fis::Client,
    pub(super) events: aws_sdk_eventbridge::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    /// The client for long polls. It has a longer timeout and no retries of its own, because the reader
    /// repeats its requests.
    pub(super) sqs_reader: aws_sdk_sqs::Client,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) counted: CountCalls,
}

impl Clients {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let counted = CountCalls::default();
        let patient = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(RECEIVE_TIMEOUT)
            .build();
        let sqs = aws_sdk_sqs::config::Builder::from(sdk).interceptor(counted.clone());
        let reader = sqs.clone().timeout_config(patient).retry_config(RetryConfig::disabled());
        Self {
            fis: aws_sdk_fis::Client::from_conf(
                aws_sdk_fis::config::Builder::from(sdk).interceptor(counted.clone()).build(),
            ),
            events: aws_sdk_eventbridge::Client::from_conf(
                aws_sdk_eventbridge::config::Builder::from(sdk).interceptor(counted.clone()).build(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            sqs_reader: aws_sdk_sqs::Client::from_conf(reader.build()),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(
                aws_sdk_cloudwatch::config::Builder::from(sdk).interceptor(counted.clone()).build(),
            ),
            counted,
        }
    }
}
