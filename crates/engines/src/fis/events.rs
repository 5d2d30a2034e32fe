//! The messages that come out of the queue: state changes of FIS, the run's own handshakes, and whatever else
//! finds its way in. Whoever may send to the queue can forge such a message, so its texts are limited
//! here, and an event never decides a verdict.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

use faultgate_core::model::{AlarmChange, State};
use faultgate_net::aws::AwsPlace;

/// Source and detail type of the events that FIS puts on the default bus.
pub(super) const FIS_SOURCE: &str = "aws.fis";
pub(super) const FIS_DETAIL_TYPE: &str = "FIS Experiment State Change";
/// Source and detail type of the events that CloudWatch puts on the default bus.
pub(super) const ALARM_SOURCE: &str = "aws.cloudwatch";
pub(super) const ALARM_DETAIL_TYPE: &str = "CloudWatch Alarm State Change";
/// Source and detail type of the events by which a subscription proves itself.
pub(super) const HANDSHAKE_SOURCE: &str = "faultgate.handshake";
pub(super) const HANDSHAKE_DETAIL_TYPE: &str = "Faultgate Handshake";

/// Maximum length of an id or word, in bytes. Those of FIS are shorter; a longer one is forged, and would
/// take memory.
const MAX_WORD_BYTES: usize = 256;
/// Maximum length of a reason, in characters; a longer one is cut.
const MAX_REASON_CHARS: usize = 1_000;

/// The account and Region of an event; each is empty where the event does not name it. Buses of several
/// accounts may be connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    account: String,
    region: String,
}

impl Origin {
    fn of(event: &Value) -> Self {
        let text = |member: &str| word(&event[member]).unwrap_or_default().to_owned();
        Self { account: text("account"), region: text("region") }
    }

    pub(super) fn is(&self, place: &AwsPlace) -> bool {
        self.account == place.account && self.region == place.region
    }

    /// Returns `true` if the event names another account or Region. That of a place may not be known yet.
    pub(super) fn is_elsewhere(&self, place: &AwsPlace) -> bool {
        let differs = |named: &str, here: &str| !named.is_empty() && here != "*" && named != here;
        differs(&self.account, &place.account) || differs(&self.region, &place.region)
    }
}

/// An event by which FIS says that an experiment has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StateChange {
    pub(super) origin: Origin,
    /// The event's own id, by which duplicates are found: the bus may deliver one event more than once.
    pub(super) event_id: String,
    pub(super) experiment: String,
    pub(super) template: String,
    /// FIS's word for the new state.
    pub(super) word: String,
    pub(super) reason: Option<String>,
    /// The time of the change, in whole seconds; None where the event has no time that can be read.
    pub(super) at: Option<Timestamp>,
}

/// An event by which CloudWatch says that an alarm has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlarmEvent {
    /// The event's own id, by which duplicates are found.
    pub(super) event_id: String,
    pub(super) origin: Origin,
    pub(super) change: AlarmChange,
}

/// The kinds of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum QueueMessage {
    StateChange(StateChange),
    /// The state change of an alarm, which says nothing of any experiment's state.
    Alarm(AlarmEvent),
    Handshake {
        origin: Origin,
        nonce: String,
    },
    /// An event that is neither FIS's nor an alarm's nor a handshake.
    Foreign,
    /// A message that should be one of these, and cannot be read for this reason.
    Malformed(&'static str),
}

/// Returns the state that FIS's word stands for. FIS may add words at any time: they are [`State::Unknown`],
/// never an end.
pub(super) fn state_of(word: &str) -> State {
    match word {
        "pending" | "initiating" => State::Pending,
        "running" => State::Running,
        "stopping" => State::Stopping,
        "completed" => State::Completed,
        "stopped" => State::Stopped,
        "failed" => State::Failed,
        "cancelled" => State::Cancelled,
        _ => State::Unknown,
    }
}

/// Reads the body of a queue's message. Fields that nothing depends on may be missing or new, and an SNS
/// topic may stand between the rule and the queue.
pub(super) fn parse(body: &str) -> QueueMessage {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return QueueMessage::Malformed("the message is not JSON");
    };
    if value["Type"] == "Notification" {
        return match &value["Message"] {
            // An SNS message holds the event as text; one level only, so nothing can nest without end.
            Value::String(inner) => serde_json::from_str(inner)
                .map_or(QueueMessage::Malformed("the SNS notification holds no JSON"), |event| {
                    parse_event(&event)
                }),
            _ => QueueMessage::Malformed("the SNS notification has no message"),
        };
    }
    parse_event(&value)
}

/// Reads an event of EventBridge.
fn parse_event(event: &Value) -> QueueMessage {
    let detail = &event["detail"];
    match (event["source"].as_str(), event["detail-type"].as_str()) {
        (Some(FIS_SOURCE), Some(FIS_DETAIL_TYPE)) => {}
        (Some(ALARM_SOURCE), Some(ALARM_DETAIL_TYPE)) => {
            return parse_alarm(event).map_or_else(QueueMessage::Malformed, QueueMessage::Alarm);
        }
        (Some(HANDSHAKE_SOURCE), Some(HANDSHAKE_DETAIL_TYPE)) => {
            return match word(&detail["nonce"]) {
                Some(nonce) => QueueMessage::Handshake { origin: Origin::of(event), nonce: nonce.to_owned() },
                None => QueueMessage::Malformed("the handshake has no nonce"),
            };
        }
        _ => return QueueMessage::Foreign,
    }
    let Some(experiment) = word(&detail["experiment-id"]) else {
        return QueueMessage::Malformed("the state change names no experiment");
    };
    let Some(state) = word(&detail["new-state"]["status"]) else {
        return QueueMessage::Malformed("the state change names no new state");
    };
    let time = word(&event["time"]);
    let reason = detail["new-state"]["reason"].as_str().filter(|reason| !reason.is_empty());
    QueueMessage::StateChange(StateChange {
        origin: Origin::of(event),
        // An event without an id gets one of its content, so that a duplicate is still found.
        event_id: match word(&event["id"]) {
            Some(id) => id.to_owned(),
            None => format!("{experiment} {state} {}", time.unwrap_or_default()),
        },
        experiment: experiment.to_owned(),
        template: word(&detail["experiment-template-id"]).unwrap_or_default().to_owned(),
        word: state.to_owned(),
        reason: reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
        at: time.and_then(|time| Timestamp::from_str(time).ok()),
    })
}

/// Reads the state change of an alarm. The error is the reason why it cannot be read.
fn parse_alarm(event: &Value) -> Result<AlarmEvent, &'static str> {
    let (detail, state) = (&event["detail"], &event["detail"]["state"]);
    let alarm = word(&detail["alarmName"]).ok_or("the alarm's change names no alarm")?;
    let value = word(&state["value"]).ok_or("the alarm's change names no state")?;
    // The time of the state has milliseconds; that of the event has whole seconds.
    let times = [&state["timestamp"], &event["time"]];
    let at = times.into_iter().filter_map(word).find_map(|time| Timestamp::from_str(time).ok());
    let at = at.ok_or("the alarm's change has no time")?;
    let reason = state["reason"].as_str().filter(|reason| !reason.is_empty());
    Ok(AlarmEvent {
        event_id: match word(&event["id"]) {
            Some(id) => id.to_owned(),
            None => format!("{alarm} {value} {at}"),
        },
        origin: Origin::of(event),
        change: AlarmChange {
            alarm: alarm.to_owned(),
            state: value.to_owned(),
            at,
            reason: reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
        },
    })
}

/// Returns a JSON text that is no longer than those of FIS.
fn word(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| text.len() <= MAX_WORD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state_change() -> Value {
        json!({
            "version": "0", "id": "e1", "detail-type": FIS_DETAIL_TYPE, "source": FIS_SOURCE,
            "account": "123456789012", "time": "2026-11-22T10:00:00Z", "region": "eu-west-1",
            "resources": ["arn:aws:fis:eu-west-1:123456789012:experiment/EXP1"],
            "detail": {
                "experiment-id": "EXP1", "experiment-template-id": "EXT1",
                "new-state": {"status": "stopped", "reason": "Experiment halted by stop condition."},
                "old-state": {"status": "stopping", "reason": ""}
            }
        })
    }

    #[test]
    fn a_state_change_is_read() {
        let QueueMessage::StateChange(change) = parse(&state_change().to_string()) else {
            panic!("not read")
        };
        assert_eq!(
            (change.experiment.as_str(), change.template.as_str(), change.word.as_str()),
            ("EXP1", "EXT1", "stopped")
        );
        assert_eq!(change.reason.as_deref(), Some("Experiment halted by stop condition."));
        assert_eq!(change.at, Timestamp::from_str("2026-11-22T10:00:00Z").ok());
    }

    fn alarm_event() -> Value {
        json!({
            "version": "0", "id": "a1", "detail-type": ALARM_DETAIL_TYPE, "source": ALARM_SOURCE,
            "account": "123456789012", "time": "2026-11-22T10:00:05Z", "region": "eu-west-1",
            "resources": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-5xx"],
            "detail": {
                "alarmName": "shop-5xx",
                "state": {"value": "ALARM", "reason": "1 datapoint", "timestamp": "2026-11-22T10:00:04.985+0000"},
                "previousState": {"value": "OK", "timestamp": "2026-11-22T09:00:00.000+0000"}
            }
        })
    }

    #[test]
    fn an_alarm_s_change_is_read_to_the_millisecond_and_is_no_state_of_an_experiment() {
        let QueueMessage::Alarm(told) = parse(&alarm_event().to_string()) else { panic!("not read") };
        assert_eq!((told.event_id.as_str(), told.origin.region.as_str()), ("a1", "eu-west-1"));
        assert_eq!(told.change.in_words(), "shop-5xx went to ALARM at 2026-11-22T10:00:04Z");
        assert_eq!(told.change.at, Timestamp::from_str("2026-11-22T10:00:04.985Z").unwrap());
        assert_eq!(told.change.reason.as_deref(), Some("1 datapoint"));
        // The event's own time will do, and an event without an id has one of its content.
        let mut bare = alarm_event();
        bare.as_object_mut().unwrap().remove("id");
        bare["detail"]["state"]["timestamp"] = json!("soon");
        let QueueMessage::Alarm(told) = parse(&bare.to_string()) else { panic!("not read") };
        assert_eq!(told.change.at, Timestamp::from_str("2026-11-22T10:00:05Z").unwrap());
        assert_eq!(told.event_id, "shop-5xx ALARM 2026-11-22T10:00:05Z");
    }

    #[test]
    fn an_alarm_s_change_that_cannot_be_read_says_why() {
        let broken = |break_it: fn(&mut Value)| {
            let mut event = alarm_event();
            break_it(&mut event);
            parse(&event.to_string())
        };
        let cases = [
            (broken(|event| event["detail"] = json!(7)), "the alarm's change names no alarm"),
            (
                broken(|event| event["detail"]["alarmName"] = json!("a".repeat(9_999))),
                "the alarm's change names no alarm",
            ),
            (broken(|event| event["detail"]["state"] = json!("ALARM")), "the alarm's change names no state"),
            (
                broken(|event| {
                    event["time"] = json!(null);
                    event["detail"]["state"]["timestamp"] = json!(5);
                }),
                "the alarm's change has no time",
            ),
        ];
        for (read, why) in cases {
            assert_eq!(read, QueueMessage::Malformed(why));
        }
    }

    #[test]
    fn an_sns_topic_may_stand_between() {
        let body = json!({"Type": "Notification", "Message": state_change().to_string()});
        assert!(matches!(parse(&body.to_string()), QueueMessage::StateChange(_)));
    }

    #[test]
    fn fields_that_nothing_depends_on_may_be_missing() {
        let mut event = state_change();
        for field in ["id", "time", "account", "version", "resources", "region"] {
            event.as_object_mut().unwrap().remove(field);
        }
        let QueueMessage::StateChange(change) = parse(&event.to_string()) else { panic!("not read") };
        assert_eq!(change.at, None);
        assert_eq!(change.event_id, "EXP1 stopped ");
    }

    #[test]
    fn what_is_not_ours_and_what_cannot_be_read_are_told_apart() {
        let mut other = state_change();
        other["detail-type"] = json!("AWS API Call via CloudTrail");
        let mut torn = state_change();
        torn["detail"]["new-state"] = json!("stopped");
        let mut swollen = state_change();
        swollen["detail"]["experiment-id"] = json!("E".repeat(100_000));
        let cases = [
            (swollen.to_string(), QueueMessage::Malformed("the state change names no experiment")),
            (other.to_string(), QueueMessage::Foreign),
            ("[]".to_owned(), QueueMessage::Foreign),
            ("7".to_owned(), QueueMessage::Foreign),
            (torn.to_string(), QueueMessage::Malformed("the state change names no new state")),
            ("{\"source\":".to_owned(), QueueMessage::Malformed("the message is not JSON")),
            (String::new(), QueueMessage::Malformed("the message is not JSON")),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(&body), expected, "{body}");
        }
    }

    #[test]
    fn a_reason_without_end_is_cut() {
        let mut event = state_change();
        event["detail"]["new-state"]["reason"] = json!("é".repeat(100_000));
        let QueueMessage::StateChange(change) = parse(&event.to_string()) else { panic!("not read") };
        assert_eq!(change.reason, Some("é".repeat(MAX_REASON_CHARS)));
    }

    #[test]
    fn a_word_that_is_not_known_is_unknown_and_never_an_end() {
        for word in ["", "Completed", "completed ", "succeeded", "paused"] {
            assert_eq!(state_of(word), State::Unknown, "{word}");
        }
    }
}
