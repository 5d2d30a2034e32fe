//! The context of every answer: the moment, the Region, and what is to happen once the lock is released.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use crate::fixtures::ACCOUNT;
use crate::services::template::Plot;

/// Something that the world does after its state was changed, outside its lock.
#[derive(Debug)]
pub(crate) enum Consequence {
    /// FIS announces a change of state.
    Announce(Value),
    /// `PutEvents` accepted an event.
    Put(Value),
    /// An experiment begins to follow its script.
    Live { region: String, experiment: String },
    /// An experiment that is stopping becomes stopped after this time.
    Finish { region: String, experiment: String, after: Duration, reason: String },
}

/// The data that a service needs to answer a request, besides its own state.
#[derive(Debug)]
pub(crate) struct ServiceContext {
    pub(crate) region: String,
    /// Ids of the templates that a new Region has from the beginning.
    pub(crate) templates: Vec<String>,
    pub(crate) now: Timestamp,
    pub(crate) instant: Instant,
    /// Time for which an experiment is `stopping`.
    pub(crate) stopping: Duration,
    /// Number of experiments that FIS runs at once, if its quota limits them.
    pub(crate) active_quota: Option<usize>,
    /// `true` if targets resolve to resources.
    pub(crate) targets_resolve: bool,
    /// Number of resources that a target finds: in a preview, and at a launch.
    pub(crate) found: (usize, usize),
    /// Content of the templates that a new Region has.
    pub(crate) plot: Plot,
    /// Time after `PutTargets` in which a target receives nothing.
    pub(crate) rule_latency: Duration,
    /// `true` if clients may put events that only AWS may put.
    pub(crate) allow_aws_sources: bool,
    /// Things that the world does after the answer.
    pub(crate) consequences: Vec<Consequence>,
}

impl ServiceContext {
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", self.region)
    }

    /// Puts the envelope of `EventBridge` around an event.
    pub(crate) fn event(&self, source: &str, detail_type: &str, resources: &Value, detail: &Value) -> Value {
        serde_json::json!({
            "version": "0",
            "id": uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": whole_seconds(self.now),
            "region": self.region,
            "resources": resources,
            "detail": detail,
        })
    }
}

/// Returns the seconds since the epoch, to the millisecond, as the JSON protocols write times.
pub(crate) fn epoch_seconds(at: Timestamp) -> Value {
    SignedDuration::from_millis(at.as_millisecond()).as_secs_f64().into()
}

/// Returns the time in RFC 3339 without fractions of a second, as events have it.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Makes a random UUID of version 4.
pub(crate) fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut id = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

/// Makes an id in the form of FIS: a prefix and 15 letters and digits.
pub(crate) fn resource_id(prefix: &str) -> String {
    let tail = std::iter::repeat_with(fastrand::alphanumeric).take(15);
    prefix.chars().chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_the_services() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4", "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert!(resource_id("EXP").starts_with("EXP"));
    }

    #[test]
    fn times_are_in_the_form_of_the_protocols() {
        let at: Timestamp = "2026-03-04T05:06:07.89Z".parse().unwrap();
        assert_eq!(whole_seconds(at), "2026-03-04T05:06:07Z");
        assert_eq!(epoch_seconds(at), serde_json::json!(1_772_600_767.89));
    }
}
