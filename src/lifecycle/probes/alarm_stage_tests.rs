//! A stage for tests on a paused clock: an alarm that tells and shows what the test says, and an experiment
//! with one probe on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::halt_board::HaltBoard;
use super::schedule::{Probing, SharedByProbes};
use super::turns::{Turned, Turns};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    AlarmChange, Check, FaultWindow, HaltRule, HaltScope, Phase, Probe, ProbePlan, Turn,
};
use faultgate_engines::alarms::{AlarmHistory, AlarmStanding, FollowAlarm, HeardChange};
use faultgate_engines::probe::{Evaluate, Evaluation};

const EVERY: Duration = Duration::from_secs(5);

/// An alarm, in what it really does and in what is told of it.
pub(super) struct StagedAlarm {
    clock: Clock,
    staged: Mutex<StagedState>,
    changed: watch::Sender<()>,
    looks: AtomicU64,
    pub(super) readings: AtomicU64,
}

pub(super) struct StagedState {
    pub(super) state: &'static str,
    pub(super) is_live: bool,
    heard: Vec<HeardChange>,
    history: Vec<AlarmChange>,
    /// The reason for which the history cannot be read.
    pub(super) unreadable: Option<&'static str>,
    /// Number of readings after the first one, the trial, in which the history is empty.
    pub(super) lags_for: u64,
    /// The state of which an event tells at the moment at which the next look is answered.
    pub(super) told_with_answer: Option<&'static str>,
}

impl StagedAlarm {
    pub(super) fn change(&self, state: &str) -> AlarmChange {
        let (alarm, state) = ("slow".to_owned(), state.to_owned());
        AlarmChange { alarm, state, at: self.clock.now(), reason: Some("staged".to_owned()) }
    }

    /// Changes the state; an event of it is heard, or is lost.
    pub(super) fn enter(&self, state: &'static str, is_heard: bool) {
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
    pub(super) fn tell(&self, state: &str) {
        let change = self.change(state);
        let mut staged = self.staged.lock().unwrap();
        let number = staged.heard.len() as u64 + 1;
        staged.heard.push(HeardChange { change, observed_at: self.clock.now(), number });
        drop(staged);
        self.changed.send_replace(());
    }

    pub(super) fn set(&self, set: impl FnOnce(&mut StagedState)) {
        set(&mut self.staged.lock().unwrap());
        self.changed.send_replace(());
    }

    pub(super) fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }
}

/// The evaluator of a probe on a staged alarm.
pub(super) struct AlarmEvaluator(Arc<StagedAlarm>);

#[async_trait]
impl Evaluate for AlarmEvaluator {
    async fn evaluate(&self) -> Evaluation {
        self.0.looks.fetch_add(1, Ordering::SeqCst);
        let state = self.0.staged.lock().unwrap().state;
        tokio::time::sleep(Duration::from_millis(2)).await;
        let told = self.0.staged.lock().unwrap().told_with_answer.take();
        if let Some(state) = told {
            self.0.tell(state);
        }
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

    fn heard_changes(&self) -> Vec<HeardChange> {
        self.staged.lock().unwrap().heard.clone()
    }

    async fn read_history(&self, since: Timestamp) -> Result<AlarmHistory, String> {
        let earlier = self.readings.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let staged = self.staged.lock().unwrap();
        if let Some(why) = staged.unreadable {
            return Err(why.to_owned());
        }
        if earlier > 0 && earlier <= staged.lags_for {
            return Ok(AlarmHistory::default());
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
pub(super) struct AlarmStage {
    pub(super) alarm: Arc<StagedAlarm>,
    probing: Probing,
    board: Arc<HaltBoard>,
    turns: Turns,
    clock: Clock,
    pub(super) started_at: Timestamp,
}

impl AlarmStage {
    /// Sets the stage, and begins the phase `during`.
    pub(super) async fn begin(
        when: &[Phase],
        aborts_after: Option<u32>,
        prepare: impl FnOnce(&StagedAlarm),
    ) -> Self {
        Self::begin_with(when, aborts_after, HaltRule::default(), prepare).await
    }

    /// Sets the stage of a run that one failing probe halts.
    pub(super) async fn begin_counting(prepare: impl FnOnce(&StagedAlarm)) -> Self {
        let rule = HaltRule { failing_probes: Some(1), scope: HaltScope::Own };
        Self::begin_with(&[Phase::During], None, rule, prepare).await
    }

    async fn begin_with(
        when: &[Phase],
        aborts_after: Option<u32>,
        rule: HaltRule,
        prepare: impl FnOnce(&StagedAlarm),
    ) -> Self {
        let clock = Clock::start();
        let staged = StagedState {
            state: "OK",
            is_live: true,
            heard: Vec::new(),
            history: Vec::new(),
            unreadable: None,
            lags_for: 0,
            told_with_answer: None,
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
        let board = Arc::new(HaltBoard::new(rule, Vec::new()));
        let shared = SharedByProbes { board: board.clone(), ..SharedByProbes::default() };
        let mut probing = Probing::new(0, &[plan], &[evaluator], clock, &shared, &cancelled, teller);
        probing.start();
        probing.begin_during();
        let stage = Self { alarm, probing, board, turns, clock, started_at: clock.now() };
        stage.wait(1).await;
        stage
    }

    pub(super) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Ends the experiment, and returns the probe's result and the warnings.
    pub(super) async fn end(mut self) -> (Probe, Vec<String>) {
        let fault = FaultWindow { started_at: self.started_at, ended_at: Some(self.clock.now()) };
        self.probing.finish().await;
        self.probing.reconcile(&fault).await;
        (self.probing.results(Some(&fault)).swap_remove(0), self.probing.warnings())
    }

    pub(super) fn turns(&self) -> Vec<&'static str> {
        let word = |turned: Turned| match turned.turn {
            Turn::Fails { .. } => "fails",
            Turn::Passes { .. } => "passes",
            Turn::Flaps => "flaps",
            Turn::Flapped { .. } => "flapped",
            Turn::Calms { .. } => "calms",
        };
        self.turns.take().into_iter().map(word).collect()
    }

    /// Waits until the probe asks for a halt, as the lifecycle does, and returns the reason and the time
    /// since the beginning. `fault` is when the fault was in.
    pub(super) async fn halt(&self, fault: Timestamp) -> (String, SignedDuration) {
        let trip = self.probing.trip();
        loop {
            trip.wait_until_fired().await;
            trip.wait_until_confirmed().await;
            let now = self.clock.now();
            self.board.note_fault(0, now >= fault);
            if now < fault {
                trip.arm(now);
                continue;
            }
            let since = fault.max(trip.armed_since());
            trip.arm(since);
            let own = self.probing.reason_to_halt(since);
            if let Some(why) = own.or_else(|| self.board.reason_to_halt(0)) {
                return (why, now.duration_since(self.started_at));
            }
        }
    }
}
