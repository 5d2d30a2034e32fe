//! The reconciliation of a followed alarm: CloudWatch's own history of it makes its score. What events have
//! told makes no score; that they and the history differ is said, and where the history cannot be complete there is
//! no measure.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::alarm_course::{AlarmCourse, told_state};
use super::alarm_gap::ToldOfAlarm;
use super::alarm_time::{MeasuredAlarm, measure};
use super::samples::{Purpose, Samples};
use super::schedule::RunningProbe;
use faultgate_core::model::{ALARM_OK, AlarmChange, FaultWindow, Phase, Probe, ProbePlan, Score};
use faultgate_engines::alarms::{AlarmHistory, AlarmStanding, FollowAlarm, HeardChange};

/// Number of times that the history is read, at most: it may lag behind the events.
const MAX_READINGS: u32 = 3;
/// Number of times that the history is read, at most, where it cannot be complete: about ten seconds.
const MAX_READINGS_OF_GAP: u32 = 11;
/// Pause between two readings.
const READING_PAUSE: Duration = Duration::from_secs(1);
/// Time by which an event and the history may differ about one and the same change.
pub(super) const MAX_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// The measure of an alarm, or the reason why there is none.
pub(super) type Measure = Result<MeasuredAlarm, String>;

/// The history of an alarm, held against what was told otherwise.
struct ReadHistory {
    history: AlarmHistory,
    /// The state before the first change.
    before: AlarmStanding,
    /// The events that the history does not have.
    untrue: Vec<HeardChange>,
    /// The reason why the history cannot be complete.
    gap: Option<String>,
}

impl RunningProbe {
    /// Measures the alarm by its history, if it was followed. Without an answer it stays unmeasured.
    pub(super) async fn reconcile(&self, fault: &FaultWindow) {
        let Some(begun_at) = self.course().as_ref().map(|course| course.begun_at) else { return };
        let Some(alarm) = self.evaluator.alarm() else { return };
        self.set_measure(Err("CloudWatch's history of it was not read in time".to_owned()));
        let measure = self.measure_alarm(alarm.as_ref(), fault, begun_at).await;
        self.set_measure(measure);
    }

    pub(super) fn course(&self) -> MutexGuard<'_, Option<AlarmCourse>> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    fn set_measure(&self, measure: Measure) {
        *self.measure.lock().unwrap_or_else(PoisonError::into_inner) = Some(measure);
    }

    /// Returns the result so far. The samples stay with the probe.
    pub(super) fn result(&self, fault: Option<&FaultWindow>) -> Probe {
        let samples = self.samples().clone();
        let probe = samples.clone().into_probe(&self.plan, fault);
        if self.course().is_none() || fault.is_none() {
            return probe;
        }
        let measure = self.measure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let measure = measure.unwrap_or_else(|| Err("the fault may still be in".to_owned()));
        apply(measure, probe, &self.plan, &samples)
    }

    async fn measure_alarm(
        &self,
        alarm: &dyn FollowAlarm,
        fault: &FaultWindow,
        begun_at: Timestamp,
    ) -> Measure {
        self.look_at_end().await?;
        let since = begun_at.min(fault.started_at);
        let end = fault.ended_at.unwrap_or_else(|| self.clock.now());
        let ReadHistory { history, before, untrue, gap } = self.read_changes(alarm, fault, since).await?;
        let so = if gap.is_some() { "it was not measured" } else { "the history counts" };
        for told in &untrue {
            self.warn(format!(
                "an event told that {}, and CloudWatch's history of the alarm does not: {so}",
                told.change.in_words()
            ));
        }
        if let Some(gap) = gap {
            return Err(gap);
        }
        let mut measured = measure(fault.started_at, end, &before, &history.changes);
        measured.time.lost_events = count_lost(&history, &alarm.heard_changes());
        Ok(measured)
    }

    /// Asks for the state of an alarm once more if no phase `after` does. It may be gone, or a change that no event
    /// told of may not be in the history yet. The error tells why the state is not known.
    async fn look_at_end(&self) -> Result<(), String> {
        if self.plan.when.contains(&Phase::After) {
            return Ok(());
        }
        let mut looks = 1;
        loop {
            let sample = self.evaluate(Phase::After, Instant::now()).await;
            self.samples().add(sample.clone(), Purpose::Attempt);
            if told_state(&sample).is_some() {
                return Ok(());
            }
            if looks >= MAX_READINGS {
                let why = sample.reason.as_deref().unwrap_or("no reason given");
                return Err(format!("its state after the fault is not known: {why}"));
            }
            looks += 1;
            tokio::time::sleep(READING_PAUSE).await;
        }
    }

    /// Reads the history until it has what events and looks have told: for longer where they cannot all be true.
    async fn read_changes(
        &self,
        alarm: &dyn FollowAlarm,
        fault: &FaultWindow,
        since: Timestamp,
    ) -> Result<ReadHistory, String> {
        let mut reading = 1;
        loop {
            let read = self.read_changes_once(alarm, fault, since).await;
            let limit = match &read {
                Ok(read) if read.gap.is_some() => MAX_READINGS_OF_GAP,
                Ok(read) if read.untrue.is_empty() => 0,
                _ => MAX_READINGS,
            };
            if reading >= limit {
                return read;
            }
            reading += 1;
            tokio::time::sleep(READING_PAUSE).await;
        }
    }

    async fn read_changes_once(
        &self,
        alarm: &dyn FollowAlarm,
        fault: &FaultWindow,
        since: Timestamp,
    ) -> Result<ReadHistory, String> {
        let history = alarm.read_history(since).await?;
        let heard = alarm.heard_changes();
        let untrue = find_untrue(&history, heard.clone(), since);
        let before = match &history.before {
            Some(before) => before.clone(),
            // An alarm that has not changed is in the state in which it was.
            None => self.find_standing(untrue.is_empty()).await,
        };
        let looks = self.course().as_ref().map(|course| course.looks().to_vec()).unwrap_or_default();
        let told = ToldOfAlarm { heard: &heard, looks: &looks };
        let gap = told.find_gap(&untrue, &before, &history.changes, fault);
        Ok(ReadHistory { history, before, untrue, gap })
    }

    /// Returns the state in which the alarm stands. It is asked for unless the last look will do.
    async fn find_standing(&self, may_reuse: bool) -> AlarmStanding {
        let passed = may_reuse && self.samples().has_passed_last();
        let sample = if passed { None } else { Some(self.evaluate(Phase::After, Instant::now()).await) };
        if let Some(sample) = &sample {
            self.samples().add(sample.clone(), Purpose::Attempt);
        }
        match sample.filter(|sample| !sample.passed) {
            None => AlarmStanding { state: ALARM_OK.to_owned(), reason: None },
            Some(sample) => {
                let said = sample.reason.as_deref().unwrap_or("not known");
                let (state, reason) = said.split_once(": ").unwrap_or((said, ""));
                let reason = (!reason.is_empty()).then(|| reason.to_owned());
                AlarmStanding { state: state.to_owned(), reason }
            }
        }
    }
}

/// Returns the events that tell of changes since a time which the history does not have.
fn find_untrue(history: &AlarmHistory, heard: Vec<HeardChange>, since: Timestamp) -> Vec<HeardChange> {
    let is_recent = |heard: &HeardChange| heard.change.at >= since;
    let is_told = |heard: &HeardChange| history.changes.iter().any(|change| is_same(heard, change));
    heard.into_iter().filter(|heard| is_recent(heard) && !is_told(heard)).collect()
}

/// Counts the changes of which no event has told.
fn count_lost(history: &AlarmHistory, heard: &[HeardChange]) -> u64 {
    let is_lost = |change: &&_| !heard.iter().any(|heard| is_same(heard, change));
    history.changes.iter().filter(is_lost).count() as u64
}

fn is_same(heard: &HeardChange, change: &AlarmChange) -> bool {
    heard.change.state == change.state && heard.change.at.duration_since(change.at).abs() <= MAX_SKEW
}

/// Puts the measure of a followed alarm into its result.
fn apply(measure: Measure, mut probe: Probe, plan: &ProbePlan, samples: &Samples) -> Probe {
    let after = samples.has_passed_after();
    (probe.passed_counted, probe.counted) = (u64::from(after == Some(true)), u64::from(after.is_some()));
    let mut measured = match measure {
        Ok(measured) => measured,
        Err(why) => {
            probe.unevaluated = Some(Phase::During);
            probe.unmeasured = Some(why);
            probe.score = Score::ZERO;
            return probe;
        }
    };
    if after == Some(false) {
        measured.time.failed_after_ms = u64::try_from(plan.every.as_millis()).unwrap_or(u64::MAX);
    }
    let lacks_after = after.is_none() && plan.when.contains(&Phase::After);
    probe.unevaluated = lacks_after.then_some(Phase::After);
    probe.score = if lacks_after { Score::ZERO } else { measured.time.score() };
    probe.detected_after_ms = measured.detected_after_ms;
    probe.recovered_after_ms = measured.recovered_after_ms;
    probe.flaps = measured.flaps;
    probe.by_time = Some(measured.time);
    probe
}
