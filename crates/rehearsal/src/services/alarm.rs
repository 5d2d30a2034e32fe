//! One alarm of `CloudWatch`: its state, its history, and the events by which it tells of its changes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::forms::epoch_seconds;
use crate::services::context::ServiceContext;

/// Largest number of items that the history of one alarm keeps. The oldest are dropped.
const MAX_HISTORY: usize = 1000;

/// An alarm, metric or composite.
#[derive(Debug)]
pub(crate) struct CloudWatchAlarm {
    name: String,
    pub(crate) arn: String,
    pub(crate) composite: bool,
    /// Members of the alarm as the client put them, without tags.
    definition: Map<String, Value>,
    state: EnteredState,
    transitioned: Timestamp,
    /// Items of the history, the oldest first.
    history: Vec<HistoryItem>,
}

/// A state of an alarm, and since when it is in it for this reason.
#[derive(Debug, Clone)]
struct EnteredState {
    word: String,
    reason: String,
    at: Timestamp,
}

/// An item of an alarm's history.
#[derive(Debug)]
pub(crate) struct HistoryItem {
    pub(crate) at: Timestamp,
    pub(crate) kind: &'static str,
    pub(crate) described: Value,
}

impl CloudWatchAlarm {
    /// Makes an alarm that was never evaluated.
    pub(crate) fn new(name: &str, mut definition: Map<String, Value>, context: &ServiceContext) -> Self {
        definition.remove("Tags");
        Self {
            name: name.to_owned(),
            arn: context.arn("cloudwatch", &format!("alarm:{name}")),
            composite: false,
            definition,
            state: EnteredState {
                word: "INSUFFICIENT_DATA".to_owned(),
                reason: "the alarm was not yet evaluated".to_owned(),
                at: context.now,
            },
            transitioned: context.now,
            history: Vec::new(),
        }
    }

    /// Makes an alarm that was in OK since before anybody asked.
    pub(crate) fn steady(name: &str, definition: Map<String, Value>, context: &ServiceContext) -> Self {
        let mut alarm = Self::new(name, definition, context);
        "OK".clone_into(&mut alarm.state.word);
        "no error was counted".clone_into(&mut alarm.state.reason);
        alarm
    }

    /// Notes that the alarm was put, and takes over state and history of the one that it replaces, as at AWS.
    pub(crate) fn replace(&mut self, old: Option<Self>, now: Timestamp) {
        let summary = if old.is_some() { "updated" } else { "created" };
        if let Some(old) = old {
            (self.state, self.transitioned, self.history) = (old.state, old.transitioned, old.history);
        }
        let data = json!({"version": "1.0", "type": if summary == "created" { "Create" } else { "Update" }});
        self.remember(now, "ConfigurationUpdate", &format!("Alarm \"{}\" {summary}", self.name), &data);
    }

    pub(crate) fn kind(&self) -> &'static str {
        if self.composite { "CompositeAlarm" } else { "MetricAlarm" }
    }

    pub(crate) fn state(&self) -> &str {
        &self.state.word
    }

    pub(crate) fn history(&self) -> &[HistoryItem] {
        &self.history
    }

    /// Puts the alarm into a state. Returns the event of the change, if it is one.
    pub(crate) fn enter(&mut self, word: &str, reason: &str, context: &ServiceContext) -> Option<Value> {
        let entered = EnteredState { word: word.to_owned(), reason: reason.to_owned(), at: context.now };
        let previous = std::mem::replace(&mut self.state, entered);
        if previous.word == word {
            return None;
        }
        self.transitioned = context.now;
        let told = |state: &EnteredState| json!({"stateValue": state.word, "stateReason": state.reason});
        let data = json!({"version": "1.0", "oldState": told(&previous), "newState": told(&self.state)});
        let summary = format!("Alarm updated from {} to {word}", previous.word);
        self.remember(context.now, "StateUpdate", &summary, &data);
        let detail = json!({
            "alarmName": self.name,
            "state": self.state.in_event(),
            "previousState": previous.in_event(),
            "configuration": {"description": self.definition.get("AlarmDescription")},
        });
        Some(context.event("aws.cloudwatch", "CloudWatch Alarm State Change", &json!([self.arn]), &detail))
    }

    fn remember(&mut self, at: Timestamp, kind: &'static str, summary: &str, data: &Value) {
        if self.history.len() >= MAX_HISTORY {
            self.history.remove(0);
        }
        let described = json!({
            "AlarmName": self.name,
            "AlarmType": self.kind(),
            "Timestamp": epoch_seconds(at),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": data.to_string(),
        });
        self.history.push(HistoryItem { at, kind, described });
    }

    pub(crate) fn describe(&self) -> Value {
        let mut described = self.definition.clone();
        described.insert("AlarmArn".to_owned(), self.arn.as_str().into());
        described.insert("StateValue".to_owned(), self.state.word.as_str().into());
        described.insert("StateReason".to_owned(), self.state.reason.as_str().into());
        described.insert("StateUpdatedTimestamp".to_owned(), epoch_seconds(self.state.at));
        described.insert("StateTransitionedTimestamp".to_owned(), epoch_seconds(self.transitioned));
        Value::Object(described)
    }
}

impl EnteredState {
    /// Returns the state as events have it: the time to the millisecond, with an offset without a colon.
    fn in_event(&self) -> Value {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        json!({"value": self.word, "reason": self.reason, "timestamp": at})
    }
}
