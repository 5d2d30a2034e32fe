//! The one way through a run, whatever the engine: launch, monitor, score.
//!
//! The lifecycle owns deadlines and stopping. However a run ends, what it started is stopped, what it made is
//! removed, and the verdict is `passed` only where the engine's own record says so. It knows no engine, probe
//! or report by its kind: they come in as trait objects, and events go out through one function.
//!
//! - This file takes a run through its stages, `split` does the same over several processes, and `steady`
//!   only checks whether a run would launch.
//! - `experiment` takes one experiment from its launch to its result; `progress` is its state meanwhile,
//!   `abort` watches for a reason to halt it, and `own_report` fetches the report that its engine writes.
//! - `cancel` shares out the time after a signal, and `longest` tells how long a run may last.
//! - `probing` says when probes are evaluated, `samples` keeps what they saw, and `turns` tells when they
//!   turn.
//! - `score` and `gate` decide, from facts alone; `merge` and `parts` make one result of several.
//! - `journal` is the port through which others learn what a run has begun.

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
pub use experiment::{CONFIRM_LIMIT, LAUNCH_LIMIT, LOOK_LIMIT, STOP_LIMIT};
pub use journal::{Journal, WRITE_LIMIT};
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

/// Time within which an engine tries again and again to remove its subscription.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// Number of experiments that are launched at the same time. Each launch takes a connection to the engine,
/// and engines accept few launches a second.
const LAUNCHES_AT_ONCE: usize = 16;
/// Interval of the event that lets live displays show the time.
const TICK: Duration = Duration::from_secs(1);

/// The state that the experiments of a run share while it goes on.
#[derive(Debug)]
pub struct Course {
    looks: Looks,
    turns: Turns,
    launches: Semaphore,
    /// Name of the first experiment that did not pass.
    not_passed: RefCell<Option<String>>,
    /// Results of the experiments that have ended, with their places in the plan.
    ended: RefCell<Vec<(usize, ExperimentResult)>>,
    /// Reports that the engines have yet to write.
    own_reports: RefCell<Vec<Expected>>,
}

/// The facts that are known of a run which has come to no result, as after a panic.
#[derive(Debug, Default)]
pub struct Known {
    /// Results of the experiments that have ended, with their places in the plan.
    pub ended: Vec<(usize, ExperimentResult)>,
    /// Number of requests so far, by operation.
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

/// One run with all that it needs, ready to go.
pub struct Lifecycle<'a> {
    pub plan: &'a Plan,
    pub run: &'a RunIdentity,
    pub rehearsal: Option<RehearsalNote>,
    /// The engines, one for each place where experiments run.
    pub engines: Vec<Box<dyn Engine>>,
    /// Indices in `engines`: the engine of each experiment of the plan.
    pub engine_of: Vec<usize>,
    /// Evaluators of the probes of each experiment of the plan, in their order.
    pub evaluators: Vec<Vec<Arc<dyn Evaluate>>>,
    pub course: Course,
    pub journal: &'a dyn Journal,
    pub clock: Clock,
    pub cancel: &'a Cancel,
    /// Hands an event to all sinks.
    pub publish: &'a dyn Fn(&RunEvent<'_>),
}

impl Lifecycle<'_> {
    /// Lets the engines verify what they can without changing anything, and publishes the findings.
    async fn preflight(&self) -> Vec<Finding> {
        let findings = self.look_around().await;
        for finding in &findings {
            (self.publish)(&RunEvent::Found(finding));
        }
        findings
    }

    /// Returns the findings of all engines, and those about probes that cannot be evaluated on this machine.
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

    /// Takes the run through all its stages. It ends in a result, whatever happens.
    pub async fn run(&self) -> RunResult {
        self.told(self.stages()).await
    }

    /// Does the work, and meanwhile publishes the start of the run, turns of probes and ticks.
    async fn told<T>(&self, work: impl Future<Output = T>) -> T {
        (self.publish)(&RunEvent::Started { run: self.run, plan: self.plan });
        tokio::select! {
            // The work comes first, so that a run that has ended publishes no more ticks.
            biased;
            done = work => done,
            never = self.tell_turns() => match never {},
            never = self.tick() => match never {},
        }
    }

    /// Checks, subscribes, runs all experiments, and removes what was made.
    async fn stages(&self) -> RunResult {
        let (findings, ready) = self.make_ready().await;
        let mut experiments = match ready {
            Ok(()) => self.run_experiments().await,
            Err(none_launched) => none_launched,
        };
        tokio::join!(self.close(), self.await_own_reports(&mut experiments));
        self.result(experiments, findings)
    }

    /// Checks and subscribes. The error holds the results of all experiments where none may be launched.
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

    /// Opens the engines' subscriptions. The error holds the results of all experiments where one could not
    /// be opened or a signal came.
    async fn subscribe(&self) -> Result<(), Vec<ExperimentResult>> {
        // The journal learns of the names before anything is made, so that a takeover can remove what a
        // killed run has made.
        self.note_intended_subscriptions().await;
        // An answer that is on its way is waited for even after a signal: what was made must be known to be
        // removed.
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

    /// Runs all experiments, as many at once as the plan allows, and returns their results in the plan's
    /// order.
    async fn run_experiments(&self) -> Vec<ExperimentResult> {
        let all = 0..self.plan.experiments.len();
        let mut results: Vec<(usize, ExperimentResult)> = stream::iter(all)
            .map(|index| async move {
                let result = self.run_experiment(index).await;
                if result.verdict != Verdict::Passed {
                    self.course.not_passed.borrow_mut().get_or_insert_with(|| result.name.clone());
                }
                // A copy is kept outside the future, so that a result survives a panic in another experiment.
                self.course.ended.borrow_mut().push((index, result.clone()));
                (index, result)
            })
            .buffer_unordered(self.plan.parallel.max(1))
            .collect()
            .await;
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Removes the subscriptions, and warns of what could not be removed.
    async fn close(&self) {
        let closing = join_all(
            self.engines.iter().map(|engine| engine.close(self.cancel.left(CLOSE_LIMIT, Share::Close))),
        );
        // A signal may come during the removal and leave less time; what is not removed by then is named all
        // the same. The outer limit is for an engine that does not keep to its own.
        let _ = self.cancel.within(CLOSE_LIMIT * 2, Share::Close, closing).await;
        self.note_subscriptions(Share::Report).await;
        for record in self.engines.iter().filter_map(|engine| engine.subscription()) {
            for leftover in &record.leftovers {
                (self.publish)(&RunEvent::Warning(&format!("not removed: {leftover}")));
            }
        }
    }

    /// Puts together the result, with the decision of the gate.
    fn result(&self, mut experiments: Vec<ExperimentResult>, findings: Vec<Finding>) -> RunResult {
        // The counts of requests are taken last, when all requests have been made.
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

    /// Returns what is known of the run now, whatever has become of [`run`](Self::run). It takes the results
    /// out.
    pub fn known(&self) -> Known {
        Known {
            ended: self.course.ended.take(),
            // The engines' state may be broken after a panic, and counts are not worth another one.
            calls: panics::caught_now(|| self.calls()).unwrap_or_default(),
        }
    }

    /// Returns the number of requests so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        let engines = self.engines.iter().map(|engine| engine.calls());
        let probes = self.evaluators.iter().flatten().map(|evaluator| evaluator.calls());
        for (operation, count) in engines.chain(probes).flatten() {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }

    /// Returns the results of all experiments where none was launched, for one reason.
    fn none_launched(&self, verdict: Verdict, reason: &str) -> Vec<ExperimentResult> {
        (0..self.plan.experiments.len()).map(|index| self.not_launched(index, verdict, reason)).collect()
    }

    /// Returns the result of an experiment that was not launched, and publishes its end.
    fn not_launched(&self, index: usize, verdict: Verdict, reason: &str) -> ExperimentResult {
        let state = if verdict == Verdict::Cancelled { State::Cancelled } else { State::Unknown };
        (self.publish)(&RunEvent::Ended { experiment: index, state, verdict, score: None, reason });
        ExperimentResult { state, ..self.planned(index, verdict, reason.to_owned()) }
    }

    /// Returns a result that holds what was planned and how it was judged, and nothing that only a launch
    /// brings.
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

    /// Publishes the turns of probes as they come.
    async fn tell_turns(&self) -> std::convert::Infallible {
        loop {
            self.course.turns.came().await;
            self.publish_turns();
        }
    }

    /// Publishes the turns of probes that have come up to now.
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

    /// Publishes a tick every second.
    async fn tick(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
        // Ticks that were missed while the process was held up are not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            (self.publish)(&RunEvent::Tick);
        }
    }
}

/// Returns the reason of an experiment that a signal kept from being launched.
fn came_first(signal: Signal) -> String {
    format!("not launched: {} came first", signal.as_str())
}
