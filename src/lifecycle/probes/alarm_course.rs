//! The course of an alarm while it is followed: what events and looks have told so far.
//!
//! The course decides when a halt is asked for, and nothing else: the score comes from CloudWatch's record.

use std::time::Duration;

use jiff::Timestamp;

use faultgate_core::model::{ALARM_OK, AlarmChange, Phase, Sample};
use faultgate_engines::alarms::HeardChange;

/// Divisor of the interval that gives the time by which a failure may last less long and still count: looks
/// come a little late.
const TOLERANCE: u32 = 10;

/// CloudWatch's words for the states besides OK.
const STATES_OUT_OF_OK: [&str; 2] = ["ALARM", "INSUFFICIENT_DATA"];
/// Number of looks that are kept. Where they contradict the history, some do.
const MAX_LOOKS: usize = 512;

/// The course of one alarm.
#[derive(Debug, Clone)]
pub(super) struct AlarmCourse {
    /// Time at which following began.
    pub(super) begun_at: Timestamp,
    /// Number of the last change that was taken.
    taken: u64,
    /// The latest time of a change that was taken, and when that was heard.
    newest: Option<(Timestamp, Timestamp)>,
    /// The failure that goes on, if one does.
    failing: Option<AlarmFailure>,
    /// The looks in which CloudWatch told the alarm's state.
    looks: Vec<AlarmLook>,
}

/// An answer of CloudWatch about the state in which the alarm stands.
#[derive(Debug, Clone)]
pub(super) struct AlarmLook {
    pub(super) at: Timestamp,
    pub(super) state: String,
    /// `true` if the look was made while the experiment went on.
    pub(super) during: bool,
}

/// A time in which an alarm is in another state than OK.
#[derive(Debug, Clone)]
struct AlarmFailure {
    since: Timestamp,
    why: String,
}

impl AlarmCourse {
    /// Begins the course. Changes up to the number `taken` were heard before, and the first look knows of
    /// them.
    pub(super) fn new(begun_at: Timestamp, taken: u64) -> Self {
        Self { begun_at, taken, newest: None, failing: None, looks: Vec::new() }
    }

    /// Takes the changes that were heard since the last time, and returns those that are news. A change that
    /// is older than one that is known came too late to be one.
    pub(super) fn hear(&mut self, heard: &[HeardChange]) -> Vec<AlarmChange> {
        let mut news = Vec::new();
        let mut fresh: Vec<&HeardChange> = heard.iter().filter(|heard| heard.number > self.taken).collect();
        // Changes that come in one batch are in no order.
        fresh.sort_by_key(|heard| heard.change.at);
        for HeardChange { change, observed_at, number } in fresh {
            self.taken = self.taken.max(*number);
            if self.newest.is_some_and(|(newest, _)| change.at < newest) {
                continue;
            }
            self.newest = Some((change.at, *observed_at));
            self.enter(change.is_ok(), change.at, || match &change.reason {
                Some(reason) => format!("{}: {reason}", change.state),
                None => change.state.clone(),
            });
            news.push(change.clone());
        }
        news
    }

    /// Takes a look. Returns `false` for one that began before the newest change was heard, and may not know
    /// of that.
    pub(super) fn look(&mut self, sample: &Sample) -> bool {
        let is_new = self.newest.is_none_or(|(_, heard_at)| sample.at >= heard_at);
        if is_new {
            let why = || sample.reason.as_deref().unwrap_or("no reason given").to_owned();
            self.enter(sample.passed, sample.at, why);
        }
        is_new
    }

    /// Keeps what a look has told of the state. A look without an answer tells nothing of it.
    pub(super) fn keep(&mut self, sample: &Sample) {
        if let Some(state) = told_state(sample).filter(|_| self.looks.len() < MAX_LOOKS) {
            let (state, during) = (state.to_owned(), sample.phase == Phase::During);
            self.looks.push(AlarmLook { at: sample.at, state, during });
        }
    }

    /// Returns the looks in which CloudWatch told the alarm's state.
    pub(super) fn looks(&self) -> &[AlarmLook] {
        &self.looks
    }

    fn enter(&mut self, ok: bool, at: Timestamp, why: impl FnOnce() -> String) {
        match (ok, &mut self.failing) {
            (true, failing) => *failing = None,
            (false, Some(failing)) => failing.why = why(),
            (false, failing @ None) => *failing = Some(AlarmFailure { since: at, why: why() }),
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// Returns the time that is left until the failure counts as so many looks in a row, which began at or
    /// after `since`. None if the alarm is in OK.
    pub(super) fn left(
        &self,
        since: Timestamp,
        now: Timestamp,
        every: Duration,
        looks: u32,
    ) -> Option<Duration> {
        let failing = self.failing.as_ref()?;
        let lasts = now.duration_since(failing.since.max(since));
        let lasts = Duration::try_from(lasts).unwrap_or_default();
        let needed = every.saturating_mul(looks.saturating_sub(1));
        let left = needed.saturating_sub(lasts);
        Some(if left <= every / TOLERANCE { Duration::ZERO } else { left })
    }

    /// Returns a sentence about the failure that goes on.
    pub(super) fn failure(&self) -> Option<String> {
        let AlarmFailure { since, why } = self.failing.as_ref()?;
        let second = Timestamp::from_second(since.as_second()).unwrap_or(*since);
        Some(format!("has not been in OK since {second} ({why})"))
    }
}

/// Returns the state of the alarm that a look has told. None if there was no answer, or no such alarm.
pub(super) fn told_state(sample: &Sample) -> Option<&str> {
    if sample.passed {
        return Some(ALARM_OK);
    }
    let said = sample.reason.as_deref().unwrap_or_default();
    let state = said.split_once(": ").map_or(said, |(state, _)| state);
    STATES_OUT_OF_OK.contains(&state).then_some(state)
}

#[cfg(test)]
#[path = "alarm_course_tests.rs"]
mod tests;
