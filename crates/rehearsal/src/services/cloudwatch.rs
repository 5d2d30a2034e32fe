//! `CloudWatch`: alarms and their states. There are no metrics: an alarm changes its state only when a script
//! or a client sets it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::fixtures::ALARM_NAME;
use crate::forms::epoch_seconds;
use crate::protocol::call::{ApiCall, ApiError, page};
use crate::services::context::ServiceContext;

/// The alarms of one Region, by name.
#[derive(Debug)]
pub(crate) struct CloudWatch {
    alarms: BTreeMap<String, CloudWatchAlarm>,
}

/// An alarm, metric or composite.
#[derive(Debug)]
struct CloudWatchAlarm {
    arn: String,
    composite: bool,
    /// Members of the alarm as the client put them, without tags.
    definition: Map<String, Value>,
    state: String,
    reason: String,
    updated: Timestamp,
    transitioned: Timestamp,
}

impl CloudWatch {
    /// Makes the service, with the one alarm that every world has from the beginning.
    pub(crate) fn new(context: &ServiceContext) -> Self {
        let definition = json!({
            "AlarmName": ALARM_NAME,
            "AlarmDescription": "the steady state of the rehearsed system",
            "Namespace": "Rehearsal",
            "MetricName": "Errors",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        });
        let mut alarm =
            CloudWatchAlarm::new(ALARM_NAME, definition.as_object().cloned().unwrap_or_default(), context);
        alarm.enter("OK", "no error was counted", context.now);
        Self { alarms: BTreeMap::from([(ALARM_NAME.to_owned(), alarm)]) }
    }

    pub(crate) fn answer(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "DescribeAlarms" => self.describe(call),
            "PutMetricAlarm" | "PutCompositeAlarm" => {
                let name = call.text("AlarmName")?;
                let definition = call.input.as_object().cloned().unwrap_or_default();
                let mut alarm = CloudWatchAlarm::new(name, definition, context);
                alarm.composite = call.operation == "PutCompositeAlarm";
                // An alarm that is put again keeps its state, as at AWS.
                if let Some(old) = self.alarms.remove(name) {
                    (alarm.state, alarm.reason) = (old.state, old.reason);
                    (alarm.updated, alarm.transitioned) = (old.updated, old.transitioned);
                }
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
                match self.set(name, state, call.text("StateReason")?, context.now) {
                    Some(_) => Ok(Value::Null),
                    None => {
                        Err(ApiError::new(404, "ResourceNotFound", format!("alarm {name} does not exist")))
                    }
                }
            }
            _ => Err(call.unknown()),
        }
    }

    /// Sets the state of an alarm, and returns its ARN. None if there is no alarm of that name.
    pub(crate) fn set(&mut self, name: &str, state: &str, reason: &str, now: Timestamp) -> Option<&str> {
        let alarm = self.alarms.get_mut(name)?;
        alarm.enter(state, reason, now);
        Some(&alarm.arn)
    }

    /// Returns the ARNs of the alarms that are in ALARM.
    pub(crate) fn firing(&self) -> Vec<String> {
        let firing = self.alarms.values().filter(|alarm| alarm.state == "ALARM");
        firing.map(|alarm| alarm.arn.clone()).collect()
    }

    fn describe(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let names = call.texts("AlarmNames");
        let prefix = call.optional_text("AlarmNamePrefix").unwrap_or_default();
        let state = call.optional_text("StateValue");
        let mut types = call.texts("AlarmTypes");
        if types.is_empty() {
            // The service describes metric alarms alone if no type is asked for.
            types.push("MetricAlarm");
        }
        let wanted = self.alarms.iter().filter(|(name, alarm)| {
            (names.is_empty() || names.contains(&name.as_str()))
                && name.starts_with(prefix)
                && state.is_none_or(|state| state == alarm.state)
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
}

impl CloudWatchAlarm {
    fn new(name: &str, mut definition: Map<String, Value>, context: &ServiceContext) -> Self {
        definition.remove("Tags");
        Self {
            arn: context.arn("cloudwatch", &format!("alarm:{name}")),
            composite: false,
            definition,
            state: "INSUFFICIENT_DATA".to_owned(),
            reason: "the alarm was not yet evaluated".to_owned(),
            updated: context.now,
            transitioned: context.now,
        }
    }

    fn kind(&self) -> &'static str {
        if self.composite { "CompositeAlarm" } else { "MetricAlarm" }
    }

    fn enter(&mut self, state: &str, reason: &str, now: Timestamp) {
        if self.state != state {
            state.clone_into(&mut self.state);
            self.transitioned = now;
        }
        reason.clone_into(&mut self.reason);
        self.updated = now;
    }

    fn describe(&self) -> Value {
        let mut described = self.definition.clone();
        described.insert("AlarmArn".to_owned(), self.arn.as_str().into());
        described.insert("StateValue".to_owned(), self.state.as_str().into());
        described.insert("StateReason".to_owned(), self.reason.as_str().into());
        described.insert("StateUpdatedTimestamp".to_owned(), epoch_seconds(self.updated));
        described.insert("StateTransitionedTimestamp".to_owned(), epoch_seconds(self.transitioned));
        Value::Object(described)
    }
}
