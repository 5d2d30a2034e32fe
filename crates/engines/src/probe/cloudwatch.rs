//! The client of the probes that ask CloudWatch in the account and the Region of the experiment, and the
//! probe `cloudwatch-metric`: a metric is as expected.
//!
//! An answer that is partial, or about anything but the question, is a failure.

use std::collections::BTreeMap;
use std::ops::Range;

use aws_config::SdkConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::answer::innermost;
use super::question::ProbeQuestion;
use crate::cloudwatch::{CloudwatchClient, MetricData, MetricMessage, MetricResult};
use faultgate_core::clock::Clock;
use faultgate_core::duration::exact;
use faultgate_core::model::MetricCheck;
use faultgate_net::aws::JsonClientError;
use faultgate_net::aws::calls::CountCalls;

/// Number of complete periods that are asked for: the value of the last one may not be there yet.
const MAX_PERIODS: i64 = 3;
/// The id of the one query of an evaluation.
const QUERY_ID: &str = "probe";
/// The status of a result that has all of its data.
const COMPLETE: &str = "Complete";

/// Creates the client of a probe. The error is that the experiment is in no AWS account.
pub(super) fn connect_cloudwatch(sdk: Option<&SdkConfig>) -> Result<CloudwatchClient, String> {
    let sdk = sdk.ok_or("the experiment is in no AWS account")?;
    Ok(CloudwatchClient::new(sdk, CountCalls::default()))
}

/// Returns the reason why CloudWatch did not answer. The missing permission comes first, since a long reason
/// is cut at its end.
pub(super) fn explain_refusal(error: &JsonClientError, operation: &str) -> String {
    let said = error.message().map(|message| format!(": {message}")).unwrap_or_default();
    match error.code() {
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => {
            format!("cloudwatch:{operation} is not permitted{said}")
        }
        Some(code) => format!("CloudWatch refused {operation}: {code}{said}"),
        None => format!("CloudWatch could not be asked: {}", innermost(error)),
    }
}

/// A metric or expression that should be as expected.
pub(super) struct MetricProbe {
    pub(super) cloudwatch: CloudwatchClient,
    pub(super) check: MetricCheck,
    pub(super) clock: Clock,
}

impl ProbeQuestion for MetricProbe {
    async fn ask(&self) -> Result<String, String> {
        let check = &self.check;
        let period = i64::try_from(check.period.as_secs()).unwrap_or(i64::MAX).max(1);
        // The time is cut to whole periods, since the value of one that goes on is not yet the final one.
        let end = self.clock.now().as_second().div_euclid(period) * period;
        let asked = end - MAX_PERIODS * period..end;
        let answer = self.cloudwatch.read_metric(&query(check, period), &asked).await;
        self.judge(&answer.map_err(|error| explain_refusal(&error, "GetMetricData"))?, &asked)
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.cloudwatch.counted().total.snapshot()
    }
}

impl MetricProbe {
    /// Judges all results, each of which must be as expected. `asked` is the time that was asked for, in
    /// seconds.
    fn judge(&self, answer: &MetricData, asked: &Range<i64>) -> Result<String, String> {
        if answer.next_token.is_some() {
            return Err("CloudWatch gave only a part of the data".to_owned());
        }
        if let Some(said) = message(&answer.messages) {
            return Err(format!("CloudWatch could not evaluate it: {said}"));
        }
        let results = &answer.results;
        if results.len() > 1 && self.check.expression.is_none() {
            return Err(format!("CloudWatch gave {} results for one metric", results.len()));
        }
        let mut first = None;
        for result in results {
            let seen = self.judge_one(result, asked).map_err(|why| match &result.label {
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
    fn judge_one(&self, result: &MetricResult, asked: &Range<i64>) -> Result<String, String> {
        if result.id.as_deref() != Some(QUERY_ID) {
            return Err("CloudWatch gave the result of another query".to_owned());
        }
        if let Some(said) = message(&result.messages) {
            return Err(format!("CloudWatch could not evaluate it: {said}"));
        }
        let status = result.status_code.as_deref().unwrap_or("not told");
        if status != COMPLETE {
            return Err(format!("the result is not complete: its status is {status}"));
        }
        let (times, values) = (&result.timestamps, &result.values);
        if times.len() != values.len() {
            return Err(format!("CloudWatch gave {} values for {} times", values.len(), times.len()));
        }
        let period = self.check.period;
        // Periods begin at whole seconds. What is no time is later than all, and so never in what was asked for.
        let second =
            |time: &f64| SignedDuration::try_from_secs_f64(*time).map_or(i64::MAX, |at| at.as_secs());
        let newest = times.iter().map(second).zip(values).max_by_key(|(time, _)| *time);
        let (time, value) = newest
            .ok_or_else(|| format!("no data in the last {MAX_PERIODS} periods of {}", exact(period)))?;
        if !asked.contains(&time) {
            return Err("CloudWatch gave a value of another time than it was asked for".to_owned());
        }
        self.check.expect.compare(value.0)
    }
}

/// Returns the messages of CloudWatch besides the data, which only ever say that something is wrong with it.
fn message(messages: &[MetricMessage]) -> Option<String> {
    let said = messages.iter().map(|message| match (message.code.as_deref(), message.value.as_deref()) {
        (Some(code), Some(value)) => format!("{code}: {value}"),
        (code, value) => code.or(value).unwrap_or("a message without a text").to_owned(),
    });
    said.reduce(|all, one| format!("{all}; {one}"))
}

/// Builds the query.
fn query(check: &MetricCheck, period: i64) -> Value {
    if let Some(expression) = &check.expression {
        return json!({"Id": QUERY_ID, "Expression": expression, "Period": period});
    }
    let dimensions = check.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value}));
    let metric = json!({
        "Namespace": check.namespace,
        "MetricName": check.metric,
        "Dimensions": dimensions.collect::<Vec<_>>(),
    });
    json!({"Id": QUERY_ID, "MetricStat": {"Metric": metric, "Period": period, "Stat": check.statistic}})
}
