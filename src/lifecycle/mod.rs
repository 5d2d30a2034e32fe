//! The one way through a run, whatever the engine: launch, monitor, score.
//!
//! The lifecycle owns deadlines and stopping. However a run ends, what it started is stopped, what it made is
//! removed, and the verdict is `passed` only where the engine's own record says so. It knows no engine, probe
//! or report by its kind: they come in as trait objects, and events go out through one function.
//!
//! - This file takes a run through its stages, and `steps` does the same over several processes.
//! - `scheduled` gives each experiment its engine and its evaluators.
//! - `admission` lets only so many experiments into one place at once, and `alone` waits until nobody else
//!   is there.
//! - `previews` counts what the experiments would hit before anything is launched, and `growth` counts
//!   again after it.
//! - `objection` stops what turns out after its launch to be forbidden.
//! - `launching` takes one experiment to its launch, and `experiment` from there to its result; `progress`
//!   is its state meanwhile, `halt` watches for a reason to halt it, and `engine_reports` fetches the
//!   report that its engine writes.
//! - `stop_request` and `lost_launch` end an experiment and look for one, in a run as in `faultgate stop`.
//! - `cancel` shares out the time after a signal, and `longest_run` tells how long a run may last.
//! - `guard` is the port of those who may refuse a run before its launch.
//! - `herald` is the port of whoever is told of the previews.
//! - `probes` evaluates probes and scores what they saw; `gate` decides, from facts alone.
//! - `live` publishes turns of probes and the passing of time while a run goes on.
//! - `unlaunched` is the result of what was not launched; `run_result` puts a result together; `merge` and
//!   `parts` make one result of several.
//! - `journal` is the port through which others learn what a run has begun, and `journal_entries` writes to
//!   it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

mod admission;
mod alone;
mod cancel;
mod engine_reports;
mod experiment;
mod gate;
mod growth;
mod guard;
mod halt;
mod herald;
mod journal;
mod journal_entries;
mod launching;
mod live;
mod longest_run;
mod lost_launch;
mod merge;
mod objection;
mod parts;
mod previews;
mod probes;
mod progress;
mod run_result;
mod scheduled;
mod steps;
mod stop_request;
mod unlaunched;

use admission::Places;
pub use cancel::{Cancel, Share};
use engine_reports::ExpectedReport;
pub use experiment::LAST_RECORD_LIMIT;
pub use guard::{Guard, Outlook, Unguarded};
pub use herald::Herald;
pub use journal::Journal;
pub use journal_entries::WRITE_LIMIT;
pub use launching::LAUNCH_LIMIT;
pub use longest_run::longest_run;
pub use lost_launch::{LostLaunch, SearchFailure};
pub use merge::merge;
use probes::{EvaluationPermits, Turns};
use run_result::RunFacts;
use scheduled::Scheduled;
pub use scheduled::{Equipment, Misfit};
pub use steps::{can_be_scored, conclude};
pub use stop_request::{CONFIRM_LIMIT, STOP_LIMIT, StopRequest};

use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, Finding, Plan, PreviewRecord, RehearsalNote, RunEvent, RunIdentity,
    RunResult, Signal, Verdict,
};
use faultgate_core::panics;
use faultgate_engines::{Channel, Engine};

/// Time within which an engine tries again and again to remove its subscription.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// Number of experiments that are launched at the same time. Each launch takes a connection to the engine,
/// and engines accept few launches a second.
const LAUNCHES_AT_ONCE: usize = 16;

/// The state that the experiments of a run share while it goes on.
pub struct Course {
    permits: EvaluationPermits,
    turns: Turns,
    launches: Semaphore,
    places: Places,
    /// Previews of the experiments, by their places in the plan.
    previews: RefCell<BTreeMap<usize, PreviewRecord>>,
    /// Name of the first experiment that did not pass.
    not_passed: RefCell<Option<String>>,
    /// Results of the experiments that have ended, with their places in the plan.
    ended: RefCell<Vec<(usize, ExperimentResult)>>,
    /// Reports that the engines have yet to write.
    expected_reports: RefCell<Vec<ExpectedReport>>,
}

/// The facts that are known of a run which has come to no result, as after a panic.
#[derive(Debug, Default)]
pub struct Known {
    /// Results of the experiments that have ended, with their places in the plan.
    pub ended: Vec<(usize, ExperimentResult)>,
    /// Number of requests so far, by operation.
    pub calls: BTreeMap<String, u64>,
}

impl Course {
    fn new(plan: &Plan) -> Self {
        Self {
            places: Places::new(plan),
            previews: RefCell::default(),
            turns: Turns::default(),
            permits: EvaluationPermits::default(),
            launches: Semaphore::new(LAUNCHES_AT_ONCE),
            not_passed: RefCell::default(),
            ended: RefCell::default(),
            expected_reports: RefCell::default(),
        }
    }
}

/// The inputs of a run besides the equipment of its experiments.
pub struct RunInputs<'a> {
    pub plan: &'a Plan,
    pub run: &'a RunIdentity,
    pub rehearsal: Option<RehearsalNote>,
    pub journal: &'a dyn Journal,
    pub clock: Clock,
    pub cancel: &'a Cancel,
    /// Hands an event to all sinks.
    pub publish: &'a dyn Fn(&RunEvent<'_>),
}

/// One run with all that it needs, ready to go.
pub struct Lifecycle<'a> {
    plan: &'a Plan,
    run: &'a RunIdentity,
    rehearsal: Option<RehearsalNote>,
    /// The experiments of the plan, in its order.
    scheduled: Vec<Scheduled<'a>>,
    /// The engines of all experiments, each of them once.
    engines: Vec<Rc<dyn Engine>>,
    course: Course,
    journal: &'a dyn Journal,
    guard: &'a dyn Guard,
    /// Port of whoever is told of the previews before anything is launched.
    herald: Option<&'a dyn Herald>,
    clock: Clock,
    cancel: &'a Cancel,
    publish: &'a dyn Fn(&RunEvent<'_>),
}

impl<'a> Lifecycle<'a> {
    /// Makes a run ready. `equipment` comes in the plan's order.
    ///
    /// # Errors
    ///
    /// The equipment is not that of the plan.
    pub fn new(inputs: RunInputs<'a>, equipment: Vec<Equipment>) -> Result<Self, Misfit> {
        let RunInputs { plan, run, rehearsal, journal, clock, cancel, publish } = inputs;
        let scheduled = scheduled::schedule(plan, equipment)?;
        let engines = scheduled::engines(&scheduled);
        let course = Course::new(plan);
        let guard = &Unguarded;
        Ok(Self {
            plan,
            run,
            rehearsal,
            scheduled,
            engines,
            course,
            journal,
            guard,
            herald: None,
            clock,
            cancel,
            publish,
        })
    }

    /// Sets whoever is told of the previews.
    #[must_use]
    pub fn heralded_by(self, herald: Option<&'a dyn Herald>) -> Self {
        Self { herald, ..self }
    }

    /// Sets the guard, without which nobody refuses the run.
    #[must_use]
    pub fn guarded_by(self, guard: &'a dyn Guard) -> Self {
        Self { guard, ..self }
    }
}

impl Lifecycle<'_> {
    /// Lets the engines verify what they can without changing anything, then the guard judge the run, and
    /// publishes the findings.
    async fn preflight(&self, outlook: Outlook<'_>) -> Vec<Finding> {
        let mut findings = self.check_all().await;
        findings.extend(self.judged(outlook).await);
        for finding in &findings {
            (self.publish)(&RunEvent::Found(finding));
        }
        findings
    }

    /// Returns the findings of the guard.
    async fn judged(&self, outlook: Outlook<'_>) -> Vec<Finding> {
        let experiments: Vec<(&ExperimentPlan, &dyn Engine)> =
            self.scheduled.iter().map(|scheduled| (scheduled.plan, scheduled.engine.as_ref())).collect();
        self.guard.judge(self.plan, &experiments, outlook).await
    }

    /// Returns the findings of all engines, and those about probes that cannot be evaluated on this machine.
    async fn check_all(&self) -> Vec<Finding> {
        let checks = self.engines.iter().map(|engine| async move {
            let own = self.scheduled.iter().filter(|scheduled| Rc::ptr_eq(&scheduled.engine, engine));
            engine.check(&own.map(|scheduled| scheduled.plan).collect::<Vec<_>>()).await
        });
        join_all(checks).await.into_iter().flatten().chain(self.unready_probes()).collect()
    }

    /// Takes the run through all its stages. It ends in a result, whatever happens.
    pub async fn run(&self) -> RunResult {
        self.publish_during(self.stages()).await
    }

    /// Checks, subscribes, runs all experiments, and removes what was made.
    async fn stages(&self) -> RunResult {
        let (findings, ready) = self.make_ready().await;
        let mut experiments = match ready {
            Ok(()) => self.run_experiments().await,
            Err(none_launched) => none_launched,
        };
        tokio::join!(self.close(), self.await_reports(&mut experiments));
        self.result(experiments, findings)
    }

    /// Checks, subscribes and previews. The error holds the results of all experiments where none may be
    /// launched.
    async fn make_ready(&self) -> (Vec<Finding>, Result<(), Vec<ExperimentResult>>) {
        let mut findings = tokio::select! {
            biased;
            found = self.preflight(Outlook::Ahead) => found,
            signal = self.cancel.cancelled() => {
                return (Vec::new(), Err(self.none_launched(Verdict::Cancelled, &describe_signal(signal))));
            }
        };
        let ready = match guard::why_not_launched(&findings) {
            None => match self.subscribe().await {
                Ok(()) => self.preview_all(&mut findings).await,
                unsubscribed => unsubscribed,
            },
            Some(why) => Err(self.none_launched(Verdict::Errored, &why)),
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
        let opening = join_all(self.channels().map(Channel::open));
        let opened = self.cancel.within(Duration::MAX, Share::Launch, opening).await;
        self.note_subscriptions(Share::Launch).await;
        if let Some(signal) = self.cancel.signal() {
            return Err(self.none_launched(Verdict::Cancelled, &describe_signal(signal)));
        }
        let failures = opened.into_iter().flatten().filter_map(Result::err);
        let reasons: Vec<String> = failures.map(|failure| failure.with_remedy()).collect();
        if !reasons.is_empty() {
            let why = format!("not launched: {}", reasons.join("; "));
            return Err(self.none_launched(Verdict::Errored, &why));
        }
        for record in self.channels().filter_map(Channel::subscription_record) {
            let handshake_ms = record.handshake_ms.unwrap_or_default();
            (self.publish)(&RunEvent::Subscribed { name: &record.name, handshake_ms });
        }
        Ok(())
    }

    /// Runs all experiments, as many at once as the plan allows, and returns their results in the plan's
    /// order.
    async fn run_experiments(&self) -> Vec<ExperimentResult> {
        let mut results: Vec<(usize, ExperimentResult)> = stream::iter(&self.scheduled)
            .map(|scheduled| async move {
                let result = self.run_experiment(scheduled).await;
                if result.verdict != Verdict::Passed {
                    self.course.not_passed.borrow_mut().get_or_insert_with(|| result.name.clone());
                }
                // A copy is kept outside the future, so that a result survives a panic in another experiment.
                self.course.ended.borrow_mut().push((scheduled.number, result.clone()));
                (scheduled.number, result)
            })
            .buffer_unordered(self.at_once())
            .collect()
            .await;
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Removes the subscriptions, and warns of what could not be removed.
    async fn close(&self) {
        let within = self.cancel.left(CLOSE_LIMIT, Share::Close);
        let closing = join_all(self.channels().map(|channel| channel.close(within)));
        // A signal may come during the removal and leave less time; what is not removed by then is named all
        // the same. The outer limit is for an engine that does not keep to its own.
        let _ = self.cancel.within(CLOSE_LIMIT * 2, Share::Close, closing).await;
        self.note_subscriptions(Share::Report).await;
        for record in self.channels().filter_map(Channel::subscription_record) {
            for leftover in &record.leftovers {
                (self.publish)(&RunEvent::Warning(&format!("not removed: {leftover}")));
            }
        }
    }

    /// Puts together the result, with the decision of the gate.
    fn result(&self, mut experiments: Vec<ExperimentResult>, findings: Vec<Finding>) -> RunResult {
        // The counts of requests are taken last, when all requests have been made.
        for (experiment, Scheduled { plan, engine, .. }) in experiments.iter_mut().zip(&self.scheduled) {
            experiment.monitor = engine.monitoring(plan, experiment.id.as_deref());
        }
        let facts = RunFacts {
            plan: self.plan,
            run: self.run,
            rehearsal: self.rehearsal.clone(),
            signal: self.cancel.signal(),
            started_at: self.clock.started_at(),
            ended_at: self.clock.now(),
            experiments,
            findings,
            subscriptions: self.channels().filter_map(Channel::subscription_record).collect(),
            api_calls: self.calls(),
        };
        facts.into_result()
    }

    /// Returns what is known of the run now, whatever has become of [`run`](Self::run). It takes the results
    /// out.
    pub fn take_known(&self) -> Known {
        Known {
            ended: self.course.ended.take(),
            // The engines' state may be broken after a panic, and counts are not worth another one.
            calls: panics::caught_now(|| self.calls()).unwrap_or_default(),
        }
    }

    /// Returns the channels of the engines that have one.
    fn channels(&self) -> impl Iterator<Item = &dyn Channel> {
        self.engines.iter().filter_map(|engine| engine.channel())
    }

    /// Returns the number of requests so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        let engines = self.engines.iter().map(|engine| engine.calls());
        let evaluators = self.scheduled.iter().flat_map(|scheduled| &scheduled.evaluators);
        let probes = evaluators.map(|evaluator| evaluator.calls());
        for (operation, count) in engines.chain(probes).flatten() {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }
}

/// Returns the reason of an experiment that a signal kept from being launched.
fn describe_signal(signal: Signal) -> String {
    format!("not launched: {} came first", signal.as_str())
}
