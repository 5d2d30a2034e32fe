//! The probes `cloudwatch-alarm` and `cloudwatch-metric`: an alarm is OK, or a metric is as expected, in the
//! account and the Region of the experiment.
//!
//! An answer that is partial, or about anything but the question, is a failure.

use std::collections::BTreeMap;
use std::ops::Range;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
    StateValue, StatusCode,
};

use super::answer::innermost;
use super::question::ProbeQuestion;
use faultgate_core::clock::Clock;
use faultgate_core::duration::exact;
use faultgate_core::model::MetricCheck;
use faultgate_net::aws::calls::CountCalls;

/// Number of complete periods that are asked for: the value of the last one may not be there yet.
const MAX_PERIODS: i64 = 3;
/// The id of the one query of an evaluation.
const QUERY_ID: &str = "probe";

/// The client for one account and Region, and the number of its requests.
pub(super) struct Cloudwatch {
    client: Client,
    counted: CountCalls,
}

impl Cloudwatch {
    /// Creates the client. The error is that the experiment is in no AWS account.
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

/// Returns the reason why CloudWatch did not answer. The missing permission comes first, since a long reason
/// is cut at its end.
fn explain_refusal<E>(error: &SdkError<E>, operation: &str) -> String
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

/// An alarm that should be OK.
pub(super) struct AlarmProbe {
    pub(super) cloudwatch: Cloudwatch,
    pub(super) name: String,
}

impl ProbeQuestion for AlarmProbe {
    async fn ask(&self) -> Result<String, String> {
        let answer = self
            .cloudwatch
            .client
            .describe_alarms()
            .alarm_names(&self.name)
            .alarm_types(AlarmType::MetricAlarm)
            // CloudWatch leaves composite alarms out by default.
            .alarm_types(AlarmType::CompositeAlarm)
            .send()
            .await
            .map_err(|error| explain_refusal(&error, "DescribeAlarms"))?;
        if answer.next_token().is_some() {
            return Err("CloudWatch told of more alarms than that of this name".to_owned());
        }
        let metric = answer.metric_alarms().iter().map(|alarm| DescribedAlarm {
            name: alarm.alarm_name(),
            state: alarm.state_value(),
            reason: alarm.state_reason(),
        });
        let composite = answer.composite_alarms().iter().map(|alarm| DescribedAlarm {
            name: alarm.alarm_name(),
            state: alarm.state_value(),
            reason: alarm.state_reason(),
        });
        let told: Vec<DescribedAlarm<'_>> = metric.chain(composite).collect();
        let DescribedAlarm { state, reason, .. } = match told.as_slice() {
            [] => return Err("there is no alarm of that name in this account and Region".to_owned()),
            [one] if one.name == Some(self.name.as_str()) => one,
            [_] => return Err("CloudWatch told of an alarm of another name".to_owned()),
            several => return Err(format!("CloudWatch told of {} alarms, not of one", several.len())),
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

/// An alarm as CloudWatch describes it.
struct DescribedAlarm<'a> {
    name: Option<&'a str>,
    state: Option<&'a StateValue>,
    reason: Option<&'a str>,
}

/// A metric or expression that should be as expected.
pub(super) struct MetricProbe {
    pub(super) cloudwatch: Cloudwatch,
    pub(super) check: MetricCheck,
    pub(super) clock: Clock,
}

impl ProbeQuestion for MetricProbe {
    async fn ask(&self) -> Result<String, String> {
        let check = &self.check;
        let period = i64::try_from(check.period.as_secs()).unwrap_or(i64::MAX).max(1);
        // The time is cut to whole periods, since the value of one that goes on is not yet the final one.
        let end = self.clock.now().as_second().div_euclid(period) * period;
        let answer = self
            .cloudwatch
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(end - MAX_PERIODS * period))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampDescending)
            .metric_data_queries(query(check, i32::try_from(period).unwrap_or(i32::MAX)))
            .send()
            .await
            .map_err(|error| explain_refusal(&error, "GetMetricData"))?;
        self.judge(&answer, end - MAX_PERIODS * period..end)
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.cloudwatch.calls()
    }
}

impl MetricProbe {
    /// Judges all results, each of which must be as expected. `asked` is the time that was asked for, in
    /// seconds.
    fn judge(&self, answer: &GetMetricDataOutput, asked: Range<i64>) -> Result<String, String> {
        if answer.next_token().is_some() {
            return Err("CloudWatch gave only a part of the data".to_owned());
        }
        if let Some(said) = message(answer.messages()) {
            return Err(format!("CloudWatch could not evaluate it: {said}"));
        }
        let results = answer.metric_data_results();
        if results.len() > 1 && self.check.expression.is_none() {
            return Err(format!("CloudWatch gave {} results for one metric", results.len()));
        }
        let mut first = None;
        for result in results {
            let seen = self.judge_one(result, &asked).map_err(|why| match result.label() {
                Some(label) => format!("{why}: {label}"),
                None => why,
            })?;
            first.get_or_insert(seen);
        }
        match (first, results.len()) {
            (None, _) => Err("CloudWatch gave no result".to_owned()),
            (Some(seen), 1) => Ok(seen),
            (Some(_), count) => Ok(format!("{count} results, each {}", self.check.expect)),
        }
    }

    /// Judges the newest value of one result.
    fn judge_one(&self, result: &MetricDataResult, asked: &Range<i64>) -> Result<String, String> {
        if result.id() != Some(QUERY_ID) {
            return Err("CloudWatch gave the result of another query".to_owned());
        }
        if let Some(said) = message(result.messages()) {
            return Err(format!("CloudWatch could not evaluate it: {said}"));
        }
        match result.status_code() {
            Some(StatusCode::Complete) => {}
            status => {
                let status = status.map_or("not told", StatusCode::as_str);
                return Err(format!("the result is not complete: its status is {status}"));
            }
        }
        let (times, values) = (result.timestamps(), result.values());
        if times.len() != values.len() {
            return Err(format!("CloudWatch gave {} values for {} times", values.len(), times.len()));
        }
        let period = self.check.period;
        let newest = times.iter().map(DateTime::secs).zip(values).max_by_key(|(time, _)| *time);
        let (time, value) = newest
            .ok_or_else(|| format!("no data in the last {MAX_PERIODS} periods of {}", exact(period)))?;
        if !asked.contains(&time) {
            return Err("CloudWatch gave a value of another time than it was asked for".to_owned());
        }
        self.check.expect.compare(*value)
    }
}

/// Returns the messages of CloudWatch besides the data, which only ever say that something is wrong with it.
fn message(messages: &[MessageData]) -> Option<String> {
    let said = messages.iter().map(|message| match (message.code(), message.value()) {
        (Some(code), Some(value)) => format!("{code}: {value}"),
        (code, value) => code.or(value).unwrap_or("a message without a text").to_owned(),
    });
    said.reduce(|all, one| format!("{all}; {one}"))
}

/// Builds the query.
fn query(check: &MetricCheck, period: i32) -> MetricDataQuery {
    let query = MetricDataQuery::builder().id(QUERY_ID);
    if let Some(expression) = &check.expression {
        return query.expression(expression).period(period).build();
    }
    let dimensions = check.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder()
        .set_namespace(check.namespace.clone())
        .set_metric_name(check.metric.clone())
        .set_dimensions(Some(dimensions.collect()));
    let stat = MetricStat::builder().metric(metric.build()).period(period).stat(&check.statistic).build();
    query.metric_stat(stat).build()
}
