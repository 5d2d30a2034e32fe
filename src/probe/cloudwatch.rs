//! An alarm of CloudWatch is OK, or a metric is as expected, in the account and Region of the experiment.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric as MetricName, MetricDataQuery, MetricStat, ScanBy, StateValue,
};

use super::Look;
use crate::clock::Clock;
use crate::http;
use crate::model::MetricCheck;

/// Complete periods that are looked at: the last one's value may not be there yet.
const PERIODS: i64 = 3;

pub(super) fn client(sdk: Option<&SdkConfig>) -> Result<Client, String> {
    sdk.map(Client::new).ok_or_else(|| "the experiment is in no AWS account".to_owned())
}

fn refused<E>(error: &aws_sdk_cloudwatch::error::SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => http::cause(error),
    };
    format!("CloudWatch could not be asked: {why}")
}

pub(super) struct Alarm {
    pub(super) client: Client,
    pub(super) name: String,
}

#[async_trait]
impl Look for Alarm {
    async fn look(&self) -> Result<String, String> {
        let answer = self
            .client
            .describe_alarms()
            .alarm_names(&self.name)
            .alarm_types(AlarmType::MetricAlarm)
            // By default CloudWatch leaves these out.
            .alarm_types(AlarmType::CompositeAlarm)
            .send()
            .await
            .map_err(|error| refused(&error))?;
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
}

pub(super) struct Metric {
    pub(super) client: Client,
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
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(end - PERIODS * period))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampDescending)
            .metric_data_queries(query(check, i32::try_from(period).unwrap_or(i32::MAX)))
            .send()
            .await
            .map_err(|error| refused(&error))?;
        let told = answer.messages().iter().find_map(|message| message.value());
        let told = told.map(|message| format!(": {message}")).unwrap_or_default();
        let mut seen = None;
        for series in answer.metric_data_results() {
            // The newest comes first.
            let Some(value) = series.values().first().copied() else {
                return Err(format!("no data in the last {PERIODS} periods of {:?}{told}", check.period));
            };
            if !check.expect.holds(value) {
                let label = series.label().map(|label| format!(" for {label}")).unwrap_or_default();
                return Err(format!("{value} is not {}{label}", check.expect));
            }
            seen = Some(value);
        }
        seen.map(|value| format!("{value} is {}", check.expect))
            .ok_or_else(|| format!("CloudWatch gave no result{told}"))
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
