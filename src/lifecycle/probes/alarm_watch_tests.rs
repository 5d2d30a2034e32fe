//! Tests of following an alarm on a paused clock, with an alarm that tells and shows what the test says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::super::schedule::{EvaluationPermits, Probing};
use super::super::turns::{Turned, Turns};
use super::*;
use faultgate_core::clock::Clock;
use faultgate_core::model::{AlarmChange, Check, FaultWindow, Probe, ProbePlan, Score, Turn};
use faultgate_engines::alarms::{AlarmHistory, AlarmStanding};
use faultgate_engines::probe::{Evaluate, Evaluation};

const EVERY: Duration = Duration::from_secs(5);

/// An alarm, in what it really does and in what is told of it.
struct StagedAlarm {
    clock: Clock,
    staged: Mutex<StagedState>,
    changed: watch::Sender<()>,
    looks: AtomicU64,
    readings: AtomicU64,
}

struct StagedState {
    state: &'static str,
    is_live: bool,
    heard: Vec<HeardChange>,
    history: Vec<AlarmChange>,
    /// The reason for which the history cannot be read.
    unreadable: Option<&'static str>,
}

impl StagedAlarm {
    fn change(&self, state: &str) -> AlarmChange {
        let (alarm, state) = ("slow".to_owned(), state.to_owned());
        AlarmChange { alarm, state, at: self.clock.now(), reason: Some("staged".to_owned()) }
    }

    /// Changes the state; an event of it is heard, or is lost.
    fn enter(&self, state: &'static str, is_heard: bool) {
        let change = self.change(state);
        let mut staged = self.staged.lock().unwrap();
        staged.state = state;
        staged.history.push(change);
        drop(staged);
        if is_heard {
            self.tell(state);
        }
    }

    /// Tells of a change, whether or not there was one.
    fn tell(&self, state: &str) {
        let change = self.change(state);
        let mut staged = self.staged.lock().unwrap();
        let number = staged.heard.len() as u64 + 1;
        staged.heard.push(HeardChange { change, observed_at: self.clock.now(), number });
        drop(staged);
        self.changed.send_replace(());
    }

    fn set(&self, set: impl FnOnce(&mut StagedState)) {
        set(&mut self.staged.lock().unwrap());
        self.changed.send_replace(());
    }

    fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }
}

/// The evaluator of a probe on a staged alarm.
struct AlarmEvaluator(Arc<StagedAlarm>);

#[async_trait]
impl Evaluate for AlarmEvaluator {
    async fn evaluate(&self) -> Evaluation {
        self.0.looks.fetch_add(1, Ordering::SeqCst);
        let state = self.0.staged.lock().unwrap().state;
        tokio::time::sleep(Duration::from_millis(2)).await;
        let reason = Some(if state == "OK" { "OK".to_owned() } else { format!("{state}: staged") });
        Evaluation { passed: state == "OK", latency: Some(Duration::from_millis(2)), reason }
    }

    fn alarm(&self) -> Option<Arc<dyn FollowAlarm>> {
        let alarm = self.0.clone();
        Some(alarm)
    }
}

#[async_trait]
impl FollowAlarm for StagedAlarm {
    fn is_live(&self) -> bool {
        self.staged.lock().unwrap().is_live
    }

    fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn heard(&self) -> Vec<HeardChange> {
        self.staged.lock().unwrap().heard.clone()
    }

    async fn read_history(&self, since: Timestamp) -> Result<AlarmHistory, String> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let staged = self.staged.lock().unwrap();
        if let Some(why) = staged.unreadable {
            return Err(why.to_owned());
        }
        let changes: Vec<AlarmChange> =
            staged.history.iter().filter(|change| change.at >= since).cloned().collect();
        let other = |state: &str| if state == "OK" { "ALARM" } else { "OK" };
        let before = changes
            .first()
            .map(|first| AlarmStanding { state: other(&first.state).to_owned(), reason: None });
        Ok(AlarmHistory { before, changes })
    }
}

/// An experiment with one probe on an alarm that is in OK at first.
struct AlarmStage {
    alarm: Arc<StagedAlarm>,
    probing: Probing,
    turns: Turns,
    clock: Clock,
    started_at: Timestamp,
}

impl AlarmStage {
    /// Sets the stage, and begins the phase `during`.
    async fn begin(when: &[Phase], aborts_after: Option<u32>, prepare: impl FnOnce(&StagedAlarm)) -> Self {
        let clock = Clock::start();
        let staged = StagedState {
            state: "OK",
            is_live: true,
            heard: Vec::new(),
            history: Vec::new(),
            unreadable: None,
        };
        let alarm = Arc::new(StagedAlarm {
            clock,
            staged: Mutex::new(staged),
            changed: watch::Sender::new(()),
            looks: AtomicU64::new(0),
            readings: AtomicU64::new(0),
        });
        prepare(&alarm);
        let plan = ProbePlan {
            name: "slow".to_owned(),
            check: Check::CloudwatchAlarm { name: "slow".to_owned(), within: Duration::from_secs(10) },
            when: when.to_vec(),
            every: EVERY,
            weight: 10,
            recovers_within: None,
            aborts_after,
        };
        let evaluator: Arc<dyn Evaluate> = Arc::new(AlarmEvaluator(alarm.clone()));
        let (turns, cancelled) = (Turns::default(), CancellationToken::new());
        let teller = |probe: &str| turns.teller(0, probe);
        let permits = EvaluationPermits::default();
        let mut probing = Probing::new(&[plan], &[evaluator], clock, &permits, &cancelled, teller);
        probing.start();
        probing.begin_during();
        let stage = Self { alarm, probing, turns, clock, started_at: clock.now() };
        stage.wait(1).await;
        stage
    }

    async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Ends the experiment, and returns the probe's result and the warnings.
    async fn end(mut self) -> (Probe, Vec<String>) {
        let fault = FaultWindow { started_at: self.started_at, ended_at: Some(self.clock.now()) };
        self.probing.finish().await;
        self.probing.reconcile(&fault).await;
        (self.probing.results(Some(&fault)).swap_remove(0), self.probing.warnings())
    }

    fn turns(&self) -> Vec<&'static str> {
        let word = |turned: Turned| match turned.turn {
            Turn::Fails { .. } => "fails",
            Turn::Passes { .. } => "passes",
            Turn::Flaps => "flaps",
        };
        self.turns.take().into_iter().map(word).collect()
    }

    /// Waits until the probe asks for a halt, as the lifecycle does, and returns the reason and the time
    /// since the beginning. `fault` is when the fault was in.
    async fn halt(&self, fault: Timestamp) -> (String, SignedDuration) {
        let trip = self.probing.trip();
        loop {
            trip.fired().await;
            trip.confirmed().await;
            let now = self.clock.now();
            if now < fault {
                trip.arm(now);
                continue;
            }
            let since = fault.max(trip.armed_since());
            match self.probing.reason_to_halt(since) {
                Some(why) => return (why, now.duration_since(self.started_at)),
                None => trip.arm(since),
            }
        }
    }
}

const DURING: &[Phase] = &[Phase::During];

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.1
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_asked_once_and_measured_by_its_history() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(29).await;
    stage.alarm.enter("ALARM", true);
    stage.wait(20).await;
    assert_eq!(stage.turns(), ["fails"]);
    stage.alarm.enter("OK", true);
    stage.wait(50).await;
    assert_eq!(stage.turns(), ["passes"]);
    let alarm = stage.alarm.clone();
    let (probe, warnings) = stage.end().await;
    assert!(close(probe.score.get(), 80.0), "{}", probe.score);
    let time = probe.by_time.unwrap();
    assert_eq!((time.not_ok.len(), time.lost_events, time.fault_ms), (1, 0, 100_000));
    assert_eq!((probe.unevaluated, probe.detected_after_ms.map(|ms| ms / 1000)), (None, Some(30)));
    assert_eq!((alarm.looks(), alarm.readings.load(Ordering::SeqCst)), (1, 2), "no polling");
    assert_eq!(warnings, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_events_do_not_tell_is_found_and_what_they_invent_is_not_counted() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(49).await;
    stage.alarm.enter("ALARM", false);
    stage.wait(50).await;
    let (probe, _) = stage.end().await;
    assert!(close(probe.score.get(), 50.0), "{}", probe.score);
    assert_eq!(probe.by_time.unwrap().lost_events, 1);

    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.alarm.tell("ALARM");
    stage.wait(50).await;
    let (probe, warnings) = stage.end().await;
    assert_eq!(probe.score, Score::FULL, "the history decides");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("slow went to ALARM at "), "{warnings:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_never_changes_is_what_it_was() {
    for (state, expected) in [("OK", Score::FULL), ("ALARM", Score::ZERO), ("INSUFFICIENT_DATA", Score::ZERO)]
    {
        let stage = AlarmStage::begin(DURING, None, |alarm| alarm.set(|staged| staged.state = state)).await;
        stage.wait(50).await;
        let (probe, _) = stage.end().await;
        assert_eq!(probe.score, expected, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_end_counts_as_one_more_interval() {
    let both = &[Phase::During, Phase::After];
    let stage = AlarmStage::begin(both, None, |_| {}).await;
    stage.wait(99).await;
    let (probe, _) = stage.end().await;
    assert_eq!((probe.score, probe.counted, probe.passed_counted), (Score::FULL, 1, 1));

    let stage = AlarmStage::begin(both, None, |_| {}).await;
    stage.wait(94).await;
    stage.alarm.enter("ALARM", true);
    let (probe, _) = stage.end().await;
    assert!(close(probe.score.get(), 95.0), "{}", probe.score);
    assert_eq!((probe.counted, probe.passed_counted, probe.computed_score()), (1, 0, probe.score));
}

#[tokio::test(start_paused = true)]
async fn without_a_history_it_is_asked_at_its_interval_and_said() {
    let denied = "cloudwatch:DescribeAlarmHistory is not permitted";
    let unreadable = |alarm: &StagedAlarm| alarm.set(|staged| staged.unreadable = Some(denied));
    let stage = AlarmStage::begin(DURING, None, unreadable).await;
    stage.wait(29).await;
    let alarm = stage.alarm.clone();
    let (probe, warnings) = stage.end().await;
    assert_eq!((alarm.looks(), probe.counted, probe.by_time), (6, 6, None));
    assert_eq!(warnings, [format!("slow was asked every 5s, and not measured by time: {denied}")]);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_lost_at_the_end_leaves_nothing_known() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(29).await;
    stage.alarm.set(|staged| staged.unreadable = Some("no answer"));
    let (probe, _) = stage.end().await;
    assert_eq!((probe.score, probe.unevaluated), (Score::ZERO, Some(Phase::During)));
    assert_eq!(probe.unmeasured.as_deref(), Some("no answer"));
}

#[tokio::test(start_paused = true)]
async fn while_events_cannot_be_read_it_is_asked_at_its_interval() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(9).await;
    assert_eq!(stage.alarm.looks(), 1);
    stage.alarm.set(|staged| staged.is_live = false);
    stage.wait(18).await;
    assert_eq!(stage.alarm.looks(), 5);
    stage.alarm.set(|staged| staged.is_live = true);
    stage.wait(20).await;
    assert_eq!(stage.alarm.looks(), 5);
    let (probe, _) = stage.end().await;
    assert_eq!(probe.score, Score::FULL);
}

#[tokio::test(start_paused = true)]
async fn one_event_halts_at_once_and_three_failures_take_two_intervals() {
    for (limit, expected) in [(1, 0), (3, 10)] {
        let stage = AlarmStage::begin(DURING, Some(limit), |_| {}).await;
        stage.wait(9).await;
        stage.alarm.enter("ALARM", true);
        let (why, after) = stage.halt(stage.started_at).await;
        assert!((after.as_secs() - 10 - expected).abs() <= 1, "{limit}: {after:?}");
        assert!(why.starts_with("slow has not been in OK since "), "{why}");
        assert!(why.ends_with("(ALARM: staged) while the fault was in"), "{why}");
        assert_eq!(stage.alarm.looks(), 2, "the event was confirmed by one look");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_lies_halts_nothing_and_a_lost_one_only_delays_it() {
    let stage = AlarmStage::begin(DURING, Some(1), |_| {}).await;
    stage.alarm.tell("ALARM");
    let halt = tokio::time::timeout(Duration::from_secs(50), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
    assert_eq!(stage.turns(), ["fails", "passes"]);
    stage.alarm.enter("ALARM", false);
    let (_, after) = stage.halt(stage.started_at).await;
    assert!(after.as_secs() <= 130, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_rang_before_the_fault_halts_when_it_is_in() {
    let stage = AlarmStage::begin(DURING, Some(1), |alarm| alarm.set(|staged| staged.state = "ALARM")).await;
    let fault = stage.started_at + SignedDuration::from_secs(20);
    let (why, after) = stage.halt(fault).await;
    assert!((20..=25).contains(&after.as_secs()), "{after:?}");
    assert!(why.contains("ALARM: staged"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_well_again_in_time_halts_nothing() {
    let stage = AlarmStage::begin(DURING, Some(3), |_| {}).await;
    for _ in 0..5 {
        stage.alarm.enter("ALARM", true);
        stage.wait(8).await;
        stage.alarm.enter("OK", true);
        stage.wait(8).await;
    }
    let halt = tokio::time::timeout(Duration::from_secs(1), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
}
