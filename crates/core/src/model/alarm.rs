//! Alarms of CloudWatch: the changes of their states, and the time of a fault that one was in OK.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Score;

/// The word for the one state of an alarm in which all is well.
pub const ALARM_OK: &str = "OK";

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmChange {
    /// Name of the alarm.
    pub alarm: String,
    /// CloudWatch's word for the new state, which may be any.
    pub state: String,
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl AlarmChange {
    /// Returns `true` if the alarm went to OK. Any other state counts as a failure, also one for want of
    /// data.
    pub fn is_ok(&self) -> bool {
        self.state == ALARM_OK
    }

    /// Returns the change in a sentence: `shop-5xx went to ALARM at 2026-11-22T10:00:05Z`.
    pub fn in_words(&self) -> String {
        let second = Timestamp::from_second(self.at.as_second()).unwrap_or(self.at);
        format!("{} went to {} at {second}", self.alarm, self.state)
    }
}

/// The measure of an alarm by time: how long it was in OK while the fault was in, by CloudWatch's own record
/// of its changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeInOk {
    /// Length of the fault window, in milliseconds; 1 at least.
    pub fault_ms: u64,
    /// Time within the fault window in which the alarm was in OK.
    pub ok_ms: u64,
    /// Time that a failed evaluation after the end adds to the window as time that was not in OK: one
    /// interval of the probe. 0 if it passed, or there was none.
    #[serde(skip_serializing_if = "super::probe::is_zero", default)]
    pub failed_after_ms: u64,
    /// Intervals within the fault window in which the alarm was in another state than OK, in order.
    pub not_ok: Vec<AlarmInterval>,
    /// Number of such intervals that are left out, because there were too many.
    #[serde(skip_serializing_if = "super::probe::is_zero", default)]
    pub left_out: u64,
    /// Number of changes that the record has and no event told.
    #[serde(skip_serializing_if = "super::probe::is_zero", default)]
    pub lost_events: u64,
}

/// An interval in which an alarm was in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmInterval {
    pub from: Timestamp,
    pub to: Timestamp,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl TimeInOk {
    /// Returns the share of the time that was in OK.
    pub fn score(&self) -> Score {
        Score::of_share(self.ok_ms, self.fault_ms.saturating_add(self.failed_after_ms))
    }
}
