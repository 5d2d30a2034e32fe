//! The gap in a history of an alarm: what events and looks have told, and the history cannot explain. It is pure.
//!
//! An answer of CloudWatch about the alarm's state is true, so a history that has the alarm in OK at that time is
//! incomplete. An event alone proves nothing, but a history that lags looks just the same; only a look that found
//! the alarm in OK right after the event tells a lie from a lag.

use jiff::{SignedDuration, Timestamp};

use super::alarm_course::AlarmLook;
use super::alarm_record::MAX_SKEW;
use faultgate_core::model::{ALARM_OK, AlarmChange, FaultWindow};
use faultgate_engines::alarms::{AlarmStanding, HeardChange};

/// Time within which a look refutes an event. It is less than the shortest period of an alarm, which is 10 s: an
/// alarm that has changed stays so for longer.
const REFUTING_LIMIT: SignedDuration = SignedDuration::from_secs(8);

/// The words about an alarm besides those of the history.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToldOfAlarm<'a> {
    pub(super) heard: &'a [HeardChange],
    pub(super) looks: &'a [AlarmLook],
}

impl ToldOfAlarm<'_> {
    /// Returns the reason why a history cannot be complete, or may not be. `untrue` are the events that it does not
    /// have.
    pub(super) fn find_gap(
        self,
        untrue: &[HeardChange],
        before: &AlarmStanding,
        changes: &[AlarmChange],
        fault: &FaultWindow,
    ) -> Option<String> {
        let is_missing = |at: Timestamp| !is_out_of_ok_near(at, before, changes);
        let look = self.looks.iter().find(|look| look.state != ALARM_OK && is_missing(look.at));
        if let Some(AlarmLook { at, state, .. }) = look {
            let second = Timestamp::from_second(at.as_second()).unwrap_or(*at);
            return Some(format!(
                "CloudWatch's history of it is not complete: DescribeAlarms told that it was in {state} at {second}, \
                 and the history does not"
            ));
        }
        let concerns = |change: &AlarmChange| {
            // Both tell of a time that was not in OK: the one begins it, the other ends it.
            if change.is_ok() {
                change.at >= fault.started_at
            } else {
                fault.ended_at.is_none_or(|end| change.at <= end.saturating_add(MAX_SKEW).unwrap_or(end))
            }
        };
        let event = untrue.iter().find(|heard| {
            concerns(&heard.change) && is_missing(heard.change.at) && !self.is_refuted(heard)
        })?;
        Some(format!(
            "CloudWatch's history of it may not be complete: an event told that {}, and the history does not",
            event.change.in_words()
        ))
    }

    /// Returns `true` if a look right after the event found the alarm in OK, and no other event told that it had gone
    /// back to OK by then.
    fn is_refuted(self, heard: &HeardChange) -> bool {
        let HeardChange { change, observed_at, .. } = heard;
        let latest = change.at.saturating_add(REFUTING_LIMIT).unwrap_or(change.at);
        let refutes = |look: &AlarmLook| {
            look.during && look.state == ALARM_OK && look.at >= *observed_at && look.at <= latest
        };
        let ended = |other: &HeardChange| other.change.is_ok() && other.change.at >= change.at;
        !change.is_ok() && self.looks.iter().any(refutes) && !self.heard.iter().any(ended)
    }
}

/// Returns `true` if the alarm was not in OK at this time or near it, by its history.
fn is_out_of_ok_near(at: Timestamp, before: &AlarmStanding, changes: &[AlarmChange]) -> bool {
    let from = at.saturating_sub(MAX_SKEW).unwrap_or(at);
    let to = at.saturating_add(MAX_SKEW).unwrap_or(at);
    let known = changes.iter().rev().find(|change| change.at <= from);
    let was_ok = known.map_or(before.state == ALARM_OK, AlarmChange::is_ok);
    let turns = |change: &AlarmChange| change.at > from && change.at <= to && !change.is_ok();
    !was_ok || changes.iter().any(turns)
}
