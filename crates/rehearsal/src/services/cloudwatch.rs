//! `CloudWatch`: alarms, their states and their histories. There are no metrics: an alarm changes its state
//! only when a script or a client sets it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fixtures::{ALARM_NAME, SYSTEM_ALARM_NAME};
use crate::forms::read_seconds;
use crate::protocol::call::{ApiCall, ApiError, page};
use crate::services::alarm::{CloudWatchAlarm, HistoryItem};
use crate::services::context::{Consequence, ServiceContext};

/// The alarms of one Region, by name.
#[derive(Debug)]
pub(crate) struct CloudWatch {
    alarms: BTreeMap<String, CloudWatchAlarm>,
}

impl CloudWatch {
    /// Makes the service, with the alarms that every world has from the beginning.
    pub(crate) fn new(context: &ServiceContext) -> Self {
        let alarms = [
            (ALARM_NAME, "the steady state of the rehearsed system", "Errors"),
            (SYSTEM_ALARM_NAME, "the latency of the rehearsed system", "Latency"),
        ];
        let made = alarms.map(|(name, description, metric)| {
            let definition = json!({
                "AlarmName": name,
                "AlarmDescription": description,
                "Namespace": "Rehearsal",
                "MetricName": metric,
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1.0,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            });
            let definition = definition.as_object().cloned().unwrap_or_default();
            (name.to_owned(), CloudWatchAlarm::steady(name, definition, context))
        });
        Self { alarms: BTreeMap::from(made) }
    }

    pub(crate) fn answer(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "DescribeAlarms" => self.describe(call),
            "DescribeAlarmHistory" => self.describe_history(call),
            "PutMetricAlarm" | "PutCompositeAlarm" => {
                let name = call.text("AlarmName")?;
                let definition = call.input.as_object().cloned().unwrap_or_default();
                let mut alarm = CloudWatchAlarm::new(name, definition, context);
                alarm.composite = call.operation == "PutCompositeAlarm";
                alarm.replace(self.alarms.remove(name), context.now);
                self.alarms.insert(name.to_owned(), alarm);
                Ok(Value::Null)
            }
            "SetAlarmState" => {
                let (name, state) = (call.text("AlarmName")?, call.text("StateValue")?);
                if !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(&state) {
                    return Err(ApiError::new(
                        400,
                        "ValidationError",
                        "the state's value is not one of an alarm's",
                    ));
                }
                if self.set(name, state, call.text("StateReason")?, context) {
                    Ok(Value::Null)
                } else {
                    Err(ApiError::new(404, "ResourceNotFound", format!("alarm {name} does not exist")))
                }
            }
            _ => Err(call.unknown()),
        }
    }

    /// Sets the state of an alarm, and tells of the change. Returns `false` if there is no alarm of that
    /// name.
    pub(crate) fn set(
        &mut self,
        name: &str,
        state: &str,
        reason: &str,
        context: &mut ServiceContext,
    ) -> bool {
        let Some(alarm) = self.alarms.get_mut(name) else { return false };
        let event = alarm.enter(state, reason, context);
        context.consequences.extend(event.map(Consequence::TellOfAlarm));
        true
    }

    /// Returns the ARNs of the alarms that are in ALARM.
    pub(crate) fn firing(&self) -> Vec<String> {
        let firing = self.alarms.values().filter(|alarm| alarm.state() == "ALARM");
        firing.map(|alarm| alarm.arn.clone()).collect()
    }

    fn describe(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let names = call.texts("AlarmNames");
        let prefix = call.optional_text("AlarmNamePrefix").unwrap_or_default();
        let state = call.optional_text("StateValue");
        let types = read_types(call);
        let wanted = self.alarms.iter().filter(|(name, alarm)| {
            (names.is_empty() || names.contains(&name.as_str()))
                && name.starts_with(prefix)
                && state.is_none_or(|state| state == alarm.state())
                && types.contains(&alarm.kind())
        });
        let described = wanted.map(|(_, alarm)| alarm.describe()).collect();
        let size = call.number("MaxRecords", 1..=100)?;
        let (described, next) = page(described, size, call.optional_text("NextToken"))?;
        let (composite, metric): (Vec<_>, Vec<_>) =
            described.into_iter().partition(|alarm| alarm.get("AlarmRule").is_some());
        let mut output = json!({"MetricAlarms": metric, "CompositeAlarms": composite});
        if let Some(next) = next {
            output["NextToken"] = next.into();
        }
        Ok(output)
    }

    fn describe_history(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let (name, kind) = (call.optional_text("AlarmName"), call.optional_text("HistoryItemType"));
        let (from, to) = (read_time(call, "StartDate")?, read_time(call, "EndDate")?);
        let types = read_types(call);
        let alarms = self.alarms.iter().filter(|(known, alarm)| {
            name.is_none_or(|name| name == known.as_str()) && types.contains(&alarm.kind())
        });
        let wanted = |item: &&HistoryItem| {
            kind.is_none_or(|kind| kind == item.kind)
                && from.is_none_or(|from| item.at >= from)
                && to.is_none_or(|to| item.at <= to)
        };
        let mut items: Vec<&HistoryItem> =
            alarms.flat_map(|(_, alarm)| alarm.history()).filter(wanted).collect();
        items.sort_by_key(|item| item.at);
        // The newest come first unless the caller wants it otherwise.
        if call.optional_text("ScanBy") != Some("TimestampAscending") {
            items.reverse();
        }
        let described = items.into_iter().map(|item| item.described.clone()).collect();
        let size = call.number("MaxRecords", 1..=100)?;
        let (described, next) = page(described, size, call.optional_text("NextToken"))?;
        let mut output = json!({"AlarmHistoryItems": described});
        if let Some(next) = next {
            output["NextToken"] = next.into();
        }
        Ok(output)
    }
}

/// Reads the types of alarms that are asked for: metric alarms alone where the caller names none.
fn read_types(call: &ApiCall) -> Vec<&str> {
    let types = call.texts("AlarmTypes");
    if types.is_empty() { vec!["MetricAlarm"] } else { types }
}

/// Reads a time, which is a text in the query protocol and a number of seconds in the others.
fn read_time(call: &ApiCall, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(value) = call.input.get(name) else { return Ok(None) };
    let text = || value.as_str()?.parse().ok();
    match value.as_f64().and_then(read_seconds).or_else(text) {
        Some(time) => Ok(Some(time)),
        None => Err(call.invalid(format!("{name} is a time"))),
    }
}
