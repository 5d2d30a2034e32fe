//! A control plane that plays a script, for tests on a paused clock. Each experiment has a life that its runs
//! lead, and each operation a list of effects that befall its requests in turn.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use faultgate_core::model::{ExperimentPlan, Finding};
use faultgate_engines::control_plane::{
    Asked, FaultCounts, Manager, Run, RunDetails, RunKey, Trouble, TroubleKind, state_of,
};

/// Time of creation of the first run, in seconds since 1970.
const FIRST_CREATED: i64 = 1_600_000_000;

/// The fate of a request.
#[derive(Debug, Clone)]
pub enum FakeEffect {
    Granted,
    /// The request is not granted, with a `Retry-After` in seconds.
    Trouble(TroubleKind, Option<u64>),
    /// The request has its effect, and its answer is lost.
    LostAnswer,
    Hang,
    /// The run is not there.
    Gone,
    /// The answer is about somebody else's run.
    Another,
}

/// The life of each run of an experiment.
#[derive(Debug, Clone)]
pub struct FakeLife {
    /// The run's words, each with its time since the launch.
    pub beats: Vec<(Duration, &'static str)>,
    pub score: Option<f64>,
    pub counts: FaultCounts,
    pub execution: Option<Value>,
    /// Time since the launch at which the agent tells the run's id.
    pub named_after: Duration,
    /// `true` if a stop does nothing.
    pub deaf: bool,
    /// `true` if the experiment is scheduled, so that a launch has no run of its own.
    pub cron: bool,
}

pub fn life(beats: &[(u64, &'static str)]) -> FakeLife {
    let counts = FaultCounts {
        total: Some(1),
        passed: Some(1),
        failed: Some(0),
        stopped: Some(0),
        ..FaultCounts::default()
    };
    FakeLife {
        beats: beats.iter().map(|(after, word)| (Duration::from_secs(*after), *word)).collect(),
        score: Some(100.0),
        counts,
        execution: Some(execution("Pass")),
        named_after: Duration::from_secs(2),
        deaf: false,
        cron: false,
    }
}

pub fn execution(verdict: &str) -> Value {
    json!({"nodes": {"a": {"type": "ChaosEngine", "chaosData": {"experimentName": "pod-delete",
        "experimentVerdict": verdict, "probeSuccessPercentage": "100",
        "probeStatuses": [{"name": "answers", "type": "httpProbe", "status": {"verdict": "Passed"}}]}}}})
}

#[derive(Debug, Clone)]
pub struct FakeRun {
    pub notify_id: String,
    pub experiment: String,
    pub life: FakeLife,
    pub at: Instant,
    pub created_at: Timestamp,
    pub stopped_at: Option<Instant>,
    pub ours: bool,
}

impl FakeRun {
    pub fn phase(&self) -> &'static str {
        if let Some(at) = self.stopped_at.filter(|_| !self.life.deaf) {
            let before = self.word(at);
            return if state_of(before).is_terminal() { before } else { "Stopped" };
        }
        self.word(Instant::now())
    }

    fn word(&self, now: Instant) -> &'static str {
        let age = now.saturating_duration_since(self.at);
        let mut told = "Queued";
        for (after, word) in &self.life.beats {
            // A run that is over stays over.
            if *after > age || state_of(told).is_terminal() {
                break;
            }
            told = word;
        }
        told
    }

    pub fn run(&self) -> Run {
        let phase = self.phase();
        let is_over = state_of(phase).is_terminal();
        let named = self.at.elapsed() >= self.life.named_after;
        Run {
            notify_id: Some(self.notify_id.clone()),
            run_id: named.then(|| format!("run-{}", self.notify_id)),
            phase: phase.to_owned(),
            score: if is_over { self.life.score } else { Some(0.0) },
            counts: self.life.counts,
            created_at: Some(self.created_at),
            ..Run::default()
        }
    }
}

#[derive(Default)]
pub struct FakeWorld {
    /// The lives of runs, by experiment.
    pub lives: BTreeMap<String, FakeLife>,
    /// The effects that befall the requests of an operation in turn. All later requests are granted.
    pub effects: BTreeMap<&'static str, VecDeque<FakeEffect>>,
    pub runs: Vec<FakeRun>,
    /// Number of launches that reached the server, by the experiment's name in the plan.
    pub launches: BTreeMap<String, u64>,
    /// Notify ids of the runs that a stop was asked for.
    pub stops: Vec<String>,
    pub calls: BTreeMap<String, u64>,
    pub at: Vec<Instant>,
    pub latency: Duration,
    /// `true` if each run takes a request of its own.
    pub one_by_one: bool,
    /// `true` if lists leave notify ids out.
    pub lists_no_notify_ids: bool,
}

#[derive(Clone, Default)]
pub struct FakeManager(pub Rc<RefCell<FakeWorld>>);

impl FakeManager {
    pub fn with(experiment: &str, life: FakeLife) -> Self {
        let fake = Self::default();
        fake.0.borrow_mut().lives.insert(experiment.to_owned(), life);
        fake.0.borrow_mut().latency = Duration::from_millis(100);
        fake
    }

    #[must_use]
    pub fn after(self, operation: &'static str, effects: &[FakeEffect]) -> Self {
        self.0.borrow_mut().effects.insert(operation, effects.iter().cloned().collect());
        self
    }

    /// Begins a run, which is ours or somebody else's, and returns its notify id.
    pub fn begin(&self, experiment: &str, ours: bool) -> String {
        let mut world = self.0.borrow_mut();
        let life = world.lives[experiment].clone();
        let notify_id = format!("n{}", world.runs.len() + 1);
        let created = i64::try_from(world.runs.len()).unwrap();
        world.runs.push(FakeRun {
            notify_id: notify_id.clone(),
            experiment: experiment.to_owned(),
            life,
            at: Instant::now(),
            created_at: Timestamp::from_second(FIRST_CREATED + created).unwrap(),
            stopped_at: None,
            ours,
        });
        notify_id
    }

    pub fn calls_of(&self, operation: &str) -> u64 {
        self.0.borrow().calls.get(operation).copied().unwrap_or_default()
    }

    async fn request(&self, operation: &'static str) -> Result<FakeEffect, Trouble> {
        let (effect, latency) = {
            let mut world = self.0.borrow_mut();
            *world.calls.entry(operation.to_owned()).or_default() += 1;
            world.at.push(Instant::now());
            let effect = world.effects.get_mut(operation).and_then(VecDeque::pop_front);
            (effect.unwrap_or(FakeEffect::Granted), world.latency)
        };
        tokio::time::sleep(latency).await;
        match effect {
            FakeEffect::Trouble(kind, wait) => {
                Err(Trouble { wait: wait.map(Duration::from_secs), ..Trouble::new(kind, "chaos") })
            }
            FakeEffect::Hang => std::future::pending().await,
            effect => Ok(effect),
        }
    }
}

fn is_of(run: &Run, key: &RunKey) -> bool {
    match key.notify_id.as_str() {
        "" => run.run_id.is_some() && run.run_id == key.run_id,
        notify_id => run.notify_id.as_deref() == Some(notify_id),
    }
}

fn lost() -> Trouble {
    Trouble::new(TroubleKind::Unanswered, "connection reset")
}

#[async_trait(?Send)]
impl Manager for FakeManager {
    fn title(&self) -> &'static str {
        "the fake"
    }

    async fn check(&self, _experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        Vec::new()
    }

    async fn launch(&self, experiment: &ExperimentPlan) -> Result<RunKey, Trouble> {
        let effect = self.request("launch").await?;
        let id = experiment.spec.source().to_owned();
        *self.0.borrow_mut().launches.entry(experiment.name.clone()).or_default() += 1;
        let cron = self.0.borrow().lives[&id].cron;
        let notify_id = if cron { String::new() } else { self.begin(&id, true) };
        match effect {
            FakeEffect::LostAnswer => Err(lost()),
            _ => Ok(RunKey { experiment: id, notify_id, run_id: None }),
        }
    }

    fn requests(&self, runs: usize) -> usize {
        if self.0.borrow().one_by_one { runs } else { runs.min(1) }
    }

    async fn read(&self, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>> {
        let more = self.requests(runs.len()).saturating_sub(1);
        self.0.borrow_mut().at.extend(std::iter::repeat_n(Instant::now(), more));
        let effect = match self.request("read").await {
            Ok(effect) => effect,
            Err(trouble) => return runs.iter().map(|_| Err(trouble.clone())).collect(),
        };
        let world = self.0.borrow();
        let known = |key: &RunKey| world.runs.iter().map(FakeRun::run).find(|run| is_of(run, key));
        runs.iter()
            .map(|key| match effect {
                FakeEffect::Gone => Ok(None),
                FakeEffect::LostAnswer => Err(lost()),
                FakeEffect::Another => Ok(Some(Run {
                    notify_id: Some("another".to_owned()),
                    run_id: Some("another".to_owned()),
                    phase: "Completed".to_owned(),
                    score: Some(100.0),
                    ..Run::default()
                })),
                _ => Ok(known(key)),
            })
            .collect()
    }

    async fn details(&self, run: &RunKey) -> Result<RunDetails, Trouble> {
        self.request("details").await?;
        let world = self.0.borrow();
        let own = world.runs.iter().find(|own| own.notify_id == run.notify_id);
        Ok(RunDetails { execution: own.and_then(|own| own.life.execution.clone()), ..RunDetails::default() })
    }

    async fn recent(&self, experiment: &ExperimentPlan) -> Result<Vec<Run>, Trouble> {
        if matches!(self.request("recent").await?, FakeEffect::LostAnswer) {
            return Err(lost());
        }
        let world = self.0.borrow();
        let own = world.runs.iter().rev().filter(|run| run.experiment == experiment.spec.source());
        let named = |run: Run| Run { notify_id: run.notify_id.filter(|_| !world.lists_no_notify_ids), ..run };
        Ok(own.map(FakeRun::run).map(named).collect())
    }

    async fn stop(&self, run: &RunKey) -> Result<(), Trouble> {
        self.0.borrow_mut().stops.push(run.notify_id.clone());
        let effect = self.request("stop").await?;
        if run.run_id.is_none() {
            return Err(Trouble::new(TroubleKind::Refused, "no run id"));
        }
        let mut world = self.0.borrow_mut();
        let own = world.runs.iter_mut().find(|own| own.notify_id == run.notify_id);
        if let Some(own) = own {
            own.stopped_at.get_or_insert(Instant::now());
        }
        if matches!(effect, FakeEffect::LostAnswer) { Err(lost()) } else { Ok(()) }
    }

    fn link(&self, run: &RunKey) -> Option<String> {
        Some(format!("https://fake.example/{}", run.notify_id))
    }

    fn stop_by_hand(&self, run: &RunKey) -> String {
        format!("stop {} in the console", run.notify_id)
    }

    fn remedy(&self, trouble: &Trouble, _what: Asked) -> Option<String> {
        (trouble.kind == TroubleKind::Unauthenticated).then(|| "renew the token".to_owned())
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.0.borrow().calls.clone()
    }
}
