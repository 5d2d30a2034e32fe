//! The measure of an alarm by time: pure arithmetic on CloudWatch's own record of its changes.

use jiff::{SignedDuration, Timestamp};

use faultgate_core::model::{ALARM_OK, AlarmChange, AlarmInterval, TimeInOk};
use faultgate_engines::alarms::AlarmStanding;

/// Number of intervals that a report keeps. An alarm that flaps more often than that says nothing new.
const MAX_INTERVALS: usize = 50;
/// Shortest time that counts: CloudWatch's times have milliseconds.
const MIN_WINDOW: SignedDuration = SignedDuration::from_millis(1);

/// The time of a fault by one alarm, and how the alarm bore the fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MeasuredAlarm {
    pub(super) time: TimeInOk,
    /// Time from the start of the fault to the first moment in which the alarm was not in OK.
    pub(super) detected_after_ms: Option<u64>,
    /// Time from the end of the fault to the moment in which the alarm was in OK for good.
    pub(super) recovered_after_ms: Option<u64>,
    /// `true` if the alarm was out of OK more than once since the fault began.
    pub(super) flaps: bool,
}

/// Measures an alarm from `start` to `end` of a fault. `before` is its state before the first change, and
/// `changes` are all changes since then, in order of time, also those after the end.
pub(super) fn measure(
    start: Timestamp,
    end: Timestamp,
    before: &AlarmStanding,
    changes: &[AlarmChange],
) -> MeasuredAlarm {
    let end = end.max(start.saturating_add(MIN_WINDOW).unwrap_or(start));
    let stretches = cut_stretches(start, before, changes);
    let mut measured = MeasuredAlarm::default();
    measured.time.fault_ms = millis(start, end);
    for stretch in stretches.iter().filter(|stretch| stretch.from < end) {
        let to = stretch.to.map_or(end, |to| to.min(end));
        if stretch.is_ok() {
            measured.time.ok_ms += millis(stretch.from, to);
        } else if measured.time.not_ok.len() < MAX_INTERVALS {
            let (state, reason) = (stretch.state.to_owned(), stretch.reason.map(str::to_owned));
            measured.time.not_ok.push(AlarmInterval { from: stretch.from, to, state, reason });
        } else {
            measured.time.left_out += 1;
        }
    }
    // Cut milliseconds must not add up to more than the whole.
    measured.time.ok_ms = measured.time.ok_ms.min(measured.time.fault_ms);
    let failed = stretches.iter().find(|stretch| !stretch.is_ok());
    measured.detected_after_ms = failed.map(|failed| millis(start, failed.from));
    let begins_to_fail =
        |place: usize| !stretches[place].is_ok() && (place == 0 || stretches[place - 1].is_ok());
    measured.flaps = (0..stretches.len()).filter(|place| begins_to_fail(*place)).count() > 1;
    let last = stretches.last().filter(|last| last.is_ok() && failed.is_some() && !measured.flaps);
    measured.recovered_after_ms = last.map(|last| millis(end, last.from));
    measured
}

/// A time in which an alarm was in one state; `to` is None for the last one.
#[derive(Debug)]
struct StateStretch<'a> {
    from: Timestamp,
    to: Option<Timestamp>,
    state: &'a str,
    reason: Option<&'a str>,
}

impl StateStretch<'_> {
    fn is_ok(&self) -> bool {
        self.state == ALARM_OK
    }
}

/// Cuts the time since `start` into stretches, of which each but the last one has a length.
fn cut_stretches<'a>(
    start: Timestamp,
    before: &'a AlarmStanding,
    changes: &'a [AlarmChange],
) -> Vec<StateStretch<'a>> {
    let first =
        StateStretch { from: start, to: None, state: &before.state, reason: before.reason.as_deref() };
    let mut all = vec![first];
    for change in changes {
        let at = change.at.max(start);
        if let Some(last) = all.last_mut() {
            last.to = Some(at);
        }
        all.pop_if(|last| last.from == at);
        all.push(StateStretch { from: at, to: None, state: &change.state, reason: change.reason.as_deref() });
    }
    all
}

/// Returns the milliseconds from one time to a later one; 0 if it is not later.
fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or_default()
}

#[cfg(test)]
#[path = "alarm_time_tests.rs"]
mod tests;
