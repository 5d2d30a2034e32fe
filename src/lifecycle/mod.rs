//! Launch, monitor, score: the one way through a run, whatever the engine.
//!
//! It owns deadlines and stopping. However a run ends, what it started is stopped, what it made is removed,
//! and the verdict is only `passed` where the engine's own record says so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};

mod abort;
mod cancel;
mod experiment;
mod gate;
mod journal;
mod longest;
mod merge;
mod own_report;
mod parts;
mod probing;
mod progress;
mod samples;
mod score;
mod split;
mod steady;
mod turns;

pub use cancel::{Cancel, Share};
pub use journal::Journal;
pub use longest::longest;
pub use merge::merge;
use own_report::Expected;
use probing::Looks;
pub use split::{can_be_scored, conclude};
use turns::{Turned, Turns};

use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentResult, Finding, Level, Plan, RehearsalNote, RunEvent, RunIdentity, RunResult, SCHEMA_VERSION,
    SCORING, Signal, State, ToolInfo, Turn, Verdict,
};
use faultgate_core::panics;
use faultgate_engines::Engine;
use faultgate_engines::probe::Evaluate;

/// Subscriptions are removed again and again for this long.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// Each takes a connection to its engine, and engines take few launches a second.
const LAUNCHES_AT_ONCE: usize = 16;
const TICK: Duration = Duration::from_secs(1);

/// What the experiments of a run share while it goes on.
#[derive(Debug)]
pub struct Course {
    looks: Looks,
    turns: Turns,
    launches: Semaphore,
    /// The first experiment that did not pass.
    not_passed: RefCell<Option<String>>,
    /// By their places.
    ended: RefCell<Vec<(usize, ExperimentResult)>>,
    /// The reports that engines are still to write.
    own_reports: RefCell<Vec<Expected>>,
}

/// What is known of a run that has come to no result.
#[derive(Debug, Default)]
pub struct Known {
    /// The experiments that have ended, by their places in the plan.
    pub ended: Vec<(usize, ExperimentResult)>,
    /// Every request so far, by operation.
    pub calls: BTreeMap<String, u64>,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            turns: Turns::default(),
            looks: Looks::default(),
            launches: Semaphore::new(LAUNCHES_AT_ONCE),
            not_passed: RefCell::default(),
            ended: RefCell::default(),
            own_reports: RefCell::default(),
        }
    }
}

/// One run, ready to go.
pub struct Lifecycle<'a> {
    pub plan: &'a Plan,
    pub run: &'a RunIdentity,
    pub rehearsal: Option<RehearsalNote>,
    pub engines: Vec<Box<dyn Engine>>,
    /// The engine of each experiment of the plan.
    pub engine_of: Vec<usize>,
    /// What looks, for each probe of each experiment of the plan.
    pub evaluators: Vec<Vec<Arc<dyn Evaluate>>>,
    pub course: Course,
    pub journal: &'a dyn Journal,
    pub clock: Clock,
    pub cancel: &'a Cancel,
    pub publish: &'a dyn Fn(&RunEvent<'_>),
}

impl Lifecycle<'_> {
    /// What the engines can verify, which changes nothing.
    async fn preflight(&self) -> Vec<Finding> {
        let findings = self.look_around().await;
        for finding in &findings {
            (self.publish)(&RunEvent::Found(finding));
        }
        findings
    }

    async fn look_around(&self) -> Vec<Finding> {
        let looks = self.engines.iter().enumerate().map(|(number, engine)| async move {
            let experiments: Vec<_> = self
                .plan
                .experiments
                .iter()
                .zip(&self.engine_of)
                .filter_map(|(experiment, of)| (*of == number).then_some(experiment))
                .collect();
            engine.check(&experiments).await
        });
        join_all(looks).await.into_iter().flatten().chain(self.unready_probes()).collect()
    }

    /// The whole run. It ends in a result, whatever happens.
    pub async fn run(&self) -> RunResult {
        self.told(self.stages()).await
    }

    /// Does the work, and tells of it meanwhile.
    async fn told<T>(&self, work: impl Future<Output = T>) -> T {
        (self.publish)(&RunEvent::Started { run: self.run, plan: self.plan });
        tokio::select! {
            biased;
            done = work => done,
            never = self.tell_turns() => match never {},
            never = self.tick() => match never {},
        }
    }

    async fn stages(&self) -> RunResult {
        let (findings, ready) = self.make_ready().await;
        let mut experiments = match ready {
            Ok(()) => self.run_experiments().await,
            Err(none_launched) => none_launched,
        };
        tokio::join!(self.close(), self.await_own_reports(&mut experiments));
        self.result(experiments, findings)
    }

    /// Looks, and subscribes. The error is what became of all experiments where none may be launched.
    async fn make_ready(&self) -> (Vec<Finding>, Result<(), Vec<ExperimentResult>>) {
        let findings = tokio::select! {
            biased;
            found = self.preflight() => found,
            signal = self.cancel.cancelled() => {
                return (Vec::new(), Err(self.none_launched(Verdict::Cancelled, &came_first(signal))));
            }
        };
        let errors: Vec<String> = findings
            .iter()
            .filter(|finding| finding.level == Level::Error)
            .map(|finding| format!("{}: {}", finding.subject, finding.message))
            .collect();
        let ready = if errors.is_empty() {
            self.subscribe().await
        } else {
            Err(self.none_launched(Verdict::Errored, &format!("not launched: {}", errors.join("; "))))
        };
        (findings, ready)
    }

    async fn subscribe(&self) -> Result<(), Vec<ExperimentResult>> {
        self.note_intended_subscriptions().await;
        // An answer that is on its way is waited for: what was made must be known to be removed.
        let opening = join_all(self.engines.iter().map(|engine| engine.open()));
        let opened = self.cancel.within(Duration::MAX, Share::Launch, opening).await;
        self.note_subscriptions(Share::Launch).await;
        if let Some(signal) = self.cancel.signal() {
            return Err(self.none_launched(Verdict::Cancelled, &came_first(signal)));
        }
        let failures = opened.into_iter().flatten().filter_map(Result::err);
        let reasons: Vec<String> = failures.map(|failure| failure.with_remedy()).collect();
        if !reasons.is_empty() {
            let why = format!("not launched: {}", reasons.join("; "));
            return Err(self.none_launched(Verdict::Errored, &why));
        }
        for record in self.engines.iter().filter_map(|engine| engine.subscription()) {
            let handshake_ms = record.handshake_ms.unwrap_or_default();
            (self.publish)(&RunEvent::Subscribed { name: &record.name, handshake_ms });
        }
        Ok(())
    }

    async fn run_experiments(&self) -> Vec<ExperimentResult> {
        let all = 0..self.plan.experiments.len();
        let mut results: Vec<(usize, ExperimentResult)> = stream::iter(all)
            .map(|index| async move {
                let result = self.run_experiment(index).await;
                if result.verdict != Verdict::Passed {
                    self.course.not_passed.borrow_mut().get_or_insert_with(|| result.name.clone());
                }
                self.course.ended.borrow_mut().push((index, result.clone()));
                (index, result)
            })
            .buffer_unordered(self.plan.parallel.max(1))
            .collect()
            .await;
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn close(&self) {
        let closing = join_all(
            self.engines.iter().map(|engine| engine.close(self.cancel.left(CLOSE_LIMIT, Share::Close))),
        );
        // A signal may come now and leave less time: what is not removed by then is named all the same.
        let _ = self.cancel.within(CLOSE_LIMIT * 2, Share::Close, closing).await;
        self.note_subscriptions(Share::Report).await;
        for record in self.engines.iter().filter_map(|engine| engine.subscription()) {
            for leftover in &record.leftovers {
                (self.publish)(&RunEvent::Warning(&format!("not removed: {leftover}")));
            }
        }
    }

    fn result(&self, mut experiments: Vec<ExperimentResult>, findings: Vec<Finding>) -> RunResult {
        // Only now all requests have been made.
        for ((experiment, plan), engine) in
            experiments.iter_mut().zip(&self.plan.experiments).zip(&self.engine_of)
        {
            experiment.monitor = self.engines[*engine].monitoring(plan, experiment.id.as_deref());
        }
        let comparison = gate::comparison(self.plan, &experiments);
        let terms = gate::Terms {
            expected: self.plan.expected,
            dry_run: self.plan.dry_run,
            signal: self.cancel.signal(),
            rehearsal: self.rehearsal.as_ref(),
            comparison: comparison.as_ref(),
        };
        let gate = gate::gate(&terms, &experiments);
        RunResult {
            schema_version: SCHEMA_VERSION,
            scoring: SCORING,
            faultgate: ToolInfo::current(),
            rehearsal: self.rehearsal.clone(),
            run: RunIdentity { shard: self.plan.shard, ..self.run.clone() },
            plan: self.plan.suite.clone(),
            dry_run: self.plan.dry_run,
            started_at: self.clock.started_at(),
            ended_at: self.clock.now(),
            gate,
            comparison,
            experiments,
            findings,
            subscriptions: self.engines.iter().filter_map(|engine| engine.subscription()).collect(),
            reporting: Vec::new(),
            api_calls: self.calls(),
        }
    }

    /// What is known of it now, whatever has become of [`run`](Self::run).
    pub fn known(&self) -> Known {
        Known {
            ended: self.course.ended.take(),
            calls: panics::caught_now(|| self.calls()).unwrap_or_default(),
        }
    }

    /// Every request so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        let engines = self.engines.iter().map(|engine| engine.calls());
        let probes = self.evaluators.iter().flatten().map(|evaluator| evaluator.calls());
        for (operation, count) in engines.chain(probes).flatten() {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }

    fn none_launched(&self, verdict: Verdict, reason: &str) -> Vec<ExperimentResult> {
        (0..self.plan.experiments.len()).map(|index| self.not_launched(index, verdict, reason)).collect()
    }

    fn not_launched(&self, index: usize, verdict: Verdict, reason: &str) -> ExperimentResult {
        let state = if verdict == Verdict::Cancelled { State::Cancelled } else { State::Unknown };
        (self.publish)(&RunEvent::Ended { experiment: index, state, verdict, score: None, reason });
        ExperimentResult { state, ..self.planned(index, verdict, reason.to_owned()) }
    }

    /// A result that holds what was planned and how it was judged, and nothing that only a launch brings.
    fn planned(&self, index: usize, verdict: Verdict, reason: String) -> ExperimentResult {
        let plan = &self.plan.experiments[index];
        let engine = &self.engines[self.engine_of[index]];
        ExperimentResult {
            expected_resilience_score: Some(gate::floor(self.plan, plan)),
            region: engine.region(),
            stop_conditions: engine.stop_conditions(plan),
            ..ExperimentResult::planned(plan, self.plan.monitor, verdict, reason)
        }
    }

    async fn tell_turns(&self) -> std::convert::Infallible {
        loop {
            self.course.turns.came().await;
            self.publish_turns();
        }
    }

    /// Tells which probes have turned, up to now.
    fn publish_turns(&self) {
        for Turned { experiment, probe, turn } in self.course.turns.take() {
            let name = self.plan.experiments[experiment].name.as_str();
            match &turn {
                Turn::Fails { reason } => {
                    tracing::info!(experiment = name, probe, reason = reason.as_deref(), "a probe fails");
                }
                Turn::Passes { failed_for } => {
                    let failed_for_ms = i64::try_from(failed_for.as_millis()).unwrap_or(i64::MAX);
                    tracing::info!(experiment = name, probe, failed_for_ms, "a probe passes again");
                }
                Turn::Flaps => {
                    tracing::info!(experiment = name, probe, "a probe turns again and again");
                }
            }
            (self.publish)(&RunEvent::ProbeTurned { experiment, probe: &probe, turn: &turn });
        }
    }

    async fn tick(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            (self.publish)(&RunEvent::Tick);
        }
    }
}

fn came_first(signal: Signal) -> String {
    format!("not launched: {} came first", signal.as_str())
}
