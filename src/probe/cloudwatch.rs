//! An alarm of CloudWatch is OK, or a metric is as expected, in the account and Region of the experiment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric as MetricName, MetricDataQuery, MetricStat, ScanBy, StateValue,
};

use super::{Look, innermost};
use crate::clock::Clock;
use crate::http::calls::CountCalls;
use crate::model::MetricCheck;

/// Complete periods that are looked at: the last one's value may not be there yet.
const PERIODS: i64 = 3;

/// CloudWatch in one account and Region, and the requests made of it.
pub(super) struct Cloudwatch {
    client: Client,
    counted: CountCalls,
}

impl Cloudwatch {
    pub(super) fn new(sdk: Option<&SdkConfig>) -> Result<Self, String> {
        let sdk = sdk.ok_or("the experiment is in no AWS account")?;
        let counted = CountCalls::default();
        let client = Client::from_conf(Builder::from(sdk).interceptor(counted.clone()).build());
        Ok(Self { client, counted })
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.counted.total.snapshot()
    }
}

/// Why CloudWatch did not answer. What is missing comes first: a reason is cut where it is long.
fn refused<E>(error: &SdkError<E>, operation: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let said = error.message().map(|message| format!(": {message}")).unwrap_or_default();
    match error.code() {
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => {
            format!("cloudwatch:{operation} is not permitted{said}")
        }
        Some(code) => format!("CloudWatch refused {operation}: {code}{said}"),
        None => format!("CloudWatch could not be asked: {}", innermost(error)),
    }
}

pub(super) struct Alarm {
    pub(super) cloudwatch: Cloudwatch,
    pub(super) name: String,
}

#[async_trait]
impl Look for Alarm {
    async fn look(&self) -> Result<String, String> {
        let answer = self
            .cloudwatch
            .client
            .describe_alarms()
            .alarm_names(&self.name)
            .alarm_types(AlarmType::MetricAlarm)
            // By default CloudWatch leaves these out.
            .alarm_types(AlarmType::CompositeAlarm)
            .send()
            .await
            .map_err(|error| refused(&error, "DescribeAlarms"))?;
        let metric = answer.metric_alarms().iter().map(|alarm| (alarm.state_value(), alarm.state_reason()));
        let composite =
            answer.composite_alarms().iter().map(|alarm| (alarm.state_value(), alarm.state_reason()));
        let Some((state, reason)) = metric.chain(composite).next() else {
            return Err("there is no alarm of that name in this account and Region".to_owned());
        };
        match state {
            Some(StateValue::Ok) => Ok("OK".to_owned()),
            state => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Err(format!("{}{reason}", state.map_or("no state", StateValue::as_str)))
            }
        }
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.cloudwatch.calls()
    }
}

pub(super) struct Metric {
    pub(super) cloudwatch: Cloudwatch,
    pub(super) check: MetricCheck,
    pub(super) clock: Clock,
}

#[async_trait]
impl Look for Metric {
    async fn look(&self) -> Result<String, String> {
        let check = &self.check;
        let period = i64::try_from(check.period.as_secs()).unwrap_or(i64::MAX).max(1);
        let end = self.clock.now().as_second().div_euclid(period) * period;
        let answer = self
            .cloudwatch
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(end - PERIODS * period))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampDescending)
            .metric_data_queries(query(check, i32::try_from(period).unwrap_or(i32::MAX)))
            .send()
            .await
            .map_err(|error| refused(&error, "GetMetricData"))?;
        let told = answer.messages().iter().find_map(|message| message.value());
        let told = told.map(|message| format!(": {message}")).unwrap_or_default();
        let mut seen = None;
        for series in answer.metric_data_results() {
            // The newest comes first.
            let Some(value) = series.values().first().copied() else {
                return Err(format!("no data in the last {PERIODS} periods of {:?}{told}", check.period));
            };
            let label = || series.label().map(|label| format!(": {label}")).unwrap_or_default();
            seen = Some(check.expect.compare(value).map_err(|why| why + &label())?);
        }
        seen.ok_or_else(|| format!("CloudWatch gave no result{told}"))
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.cloudwatch.calls()
    }
}

fn query(check: &MetricCheck, period: i32) -> MetricDataQuery {
    let query = MetricDataQuery::builder().id("probe");
    if let Some(expression) = &check.expression {
        return query.expression(expression).period(period).build();
    }
    let dimensions = check.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = MetricName::builder()
        .set_namespace(check.namespace.clone())
        .set_metric_name(check.metric.clone())
        .set_dimensions(Some(dimensions.collect()));
    let stat = MetricStat::builder().metric(metric.build()).period(period).stat(&check.statistic).build();
    query.metric_stat(stat).build()
}
