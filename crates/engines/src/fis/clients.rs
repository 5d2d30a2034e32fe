//! The SDK's clients for one account and Region. A client is large, so only that of FIS is kept, which is needed all
//! the time; the others are made when they are needed. They share their connections.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::operation::put_rule::PutRuleError;
use aws_sdk_fis::operation::get_experiment_template::GetExperimentTemplateError;
use aws_sdk_fis::operation::list_experiment_resolved_targets::ListExperimentResolvedTargetsError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio_util::sync::CancellationToken;

use super::pace::{RequestPace, Unrepeated};
use super::subscription::is_rule_limit;
use crate::cloudwatch::CloudwatchClient;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::error::is_throttled;
use faultgate_net::aws::{CONNECT_TIMEOUT, Hedged};

/// A long poll takes 20 s by itself.
const RECEIVE_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub(super) fis: aws_sdk_fis::Client,
    sdk: SdkConfig,
    pub(super) counted: CountCalls,
    pub(super) pace: RequestPace,
}

impl Clients {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let counted = CountCalls::default();
        Self {
            fis: aws_sdk_fis::Client::from_conf(
                aws_sdk_fis::config::Builder::from(sdk)
                    .interceptor(counted.clone())
                    .retry_classifier(Unrepeated::<GetExperimentTemplateError>::after(is_throttled))
                    .retry_classifier(Unrepeated::<ListExperimentResolvedTargetsError>::after(is_throttled))
                    .build(),
            ),
            sdk: sdk.clone(),
            counted,
            pace: RequestPace::default(),
        }
    }

    /// Returns the settings of requests to stop. While one is not answered, it is sent again, until `hurried` says
    /// that time is short and beyond: an answer that does not come must not leave the fault in.
    pub(super) fn stopping(&self, hurried: &CancellationToken) -> aws_sdk_fis::config::Builder {
        // The hedge limits each request by itself, and no pause between attempts keeps it from sending.
        let unlimited = TimeoutConfig::builder().disable_operation_attempt_timeout().build();
        let mut config = aws_sdk_fis::config::Builder::new().timeout_config(unlimited);
        let hedged = self
            .sdk
            .http_client()
            .map(|client| Hedged::new(client, "StopExperiment", self.counted.clone(), hurried.clone()));
        config.set_http_client(hedged.map(SharedHttpClient::new));
        config
    }

    /// Makes a client for rules.
    pub(super) fn events(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::config::Builder::from(&self.sdk)
            .interceptor(self.counted.clone())
            .retry_classifier(Unrepeated::<PutRuleError>::after(is_rule_limit));
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// Makes a client for queues.
    pub(super) fn sqs(&self) -> aws_sdk_sqs::Client {
        make_sqs(&self.sdk, &self.counted)
    }

    /// Makes a client for long polls.
    pub(super) fn sqs_reader(&self) -> aws_sdk_sqs::Client {
        make_sqs_reader(&self.sdk, &self.counted)
    }

    /// Makes a client for alarms.
    pub(super) fn cloudwatch(&self) -> CloudwatchClient {
        CloudwatchClient::new(&self.sdk, self.counted.clone())
    }
}

/// Makes a client for short requests on queues.
pub(super) fn make_sqs(sdk: &SdkConfig, counted: &CountCalls) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(sdk).interceptor(counted.clone());
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// Makes a client for long polls: patient, and without retries of its own, since the reader has a loop anyway.
pub(super) fn make_sqs_reader(sdk: &SdkConfig, counted: &CountCalls) -> aws_sdk_sqs::Client {
    let patient = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(RECEIVE_LIMIT)
        .build();
    let config = aws_sdk_sqs::config::Builder::from(sdk)
        .interceptor(counted.clone())
        .timeout_config(patient)
        .retry_config(RetryConfig::disabled());
    aws_sdk_sqs::Client::from_conf(config.build())
}
