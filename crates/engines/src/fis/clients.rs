//! The SDK's clients for one account and Region.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::operation::put_rule::PutRuleError;
use aws_sdk_fis::operation::get_experiment_template::GetExperimentTemplateError;
use aws_sdk_fis::operation::list_experiment_resolved_targets::ListExperimentResolvedTargetsError;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::pace::{RequestPace, Unrepeated};
use super::subscription::is_rule_limit;
use faultgate_net::aws::CONNECT_TIMEOUT;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::error::is_throttled;

/// A long poll takes 20 s by itself.
const RECEIVE_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(super) struct Clients {
    sdk: SdkConfig,
    pub(super) fis: aws_sdk_fis::Client,
    pub(super) events: aws_sdk_eventbridge::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    /// Client for long polls: patient, and without retries of its own, since the reader has a loop anyway.
    pub(super) sqs_reader: aws_sdk_sqs::Client,
    pub(super) counted: CountCalls,
    pub(super) pace: RequestPace,
}

impl Clients {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let counted = CountCalls::default();
        let (sqs, sqs_reader) = sqs_clients(sdk, &counted);
        Self {
            fis: aws_sdk_fis::Client::from_conf(
                aws_sdk_fis::config::Builder::from(sdk)
                    .interceptor(counted.clone())
                    .retry_classifier(Unrepeated::<GetExperimentTemplateError>::after(is_throttled))
                    .retry_classifier(Unrepeated::<ListExperimentResolvedTargetsError>::after(is_throttled))
                    .build(),
            ),
            events: aws_sdk_eventbridge::Client::from_conf(
                aws_sdk_eventbridge::config::Builder::from(sdk)
                    .interceptor(counted.clone())
                    .retry_classifier(Unrepeated::<PutRuleError>::after(is_rule_limit))
                    .build(),
            ),
            sqs,
            sqs_reader,
            sdk: sdk.clone(),
            counted,
            pace: RequestPace::default(),
        }
    }

    /// Makes a client for alarms. It is large and seldom needed, so no account keeps one.
    pub(super) fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        let config = aws_sdk_cloudwatch::config::Builder::from(&self.sdk);
        aws_sdk_cloudwatch::Client::from_conf(config.interceptor(self.counted.clone()).build())
    }
}

/// Makes a client for short requests on queues, and a patient one for long polls.
pub(super) fn sqs_clients(
    sdk: &SdkConfig,
    counted: &CountCalls,
) -> (aws_sdk_sqs::Client, aws_sdk_sqs::Client) {
    let patient = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(RECEIVE_LIMIT)
        .build();
    let sqs = aws_sdk_sqs::config::Builder::from(sdk).interceptor(counted.clone());
    let reader = sqs.clone().timeout_config(patient).retry_config(RetryConfig::disabled());
    (aws_sdk_sqs::Client::from_conf(sqs.build()), aws_sdk_sqs::Client::from_conf(reader.build()))
}
