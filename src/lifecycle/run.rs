//! A run with all that it needs, and the state that its experiments share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::admission::Places;
use super::cancel::Cancel;
use super::gate;
use super::guard::{Guard, Unguarded};
use super::herald::Herald;
use super::journal::Journal;
use super::probes::{HaltBoard, SharedByProbes, Turns};
use super::scheduled::{self, Equipment, Misfit, Scheduled};
use super::unreached::Unreached;
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentResult, Plan, PreviewRecord, RehearsalNote, RunEvent, RunIdentity, Signal, State, Verdict,
};
use faultgate_engines::{Channel, Engine, Launched, Particulars};

/// Number of experiments that are launched at the same time. Each launch takes a connection to the engine,
/// and engines accept few launches a second.
const LAUNCHES_AT_ONCE: usize = 16;

/// The state that the experiments of a run share while it goes on.
pub(super) struct Course {
    pub(super) probes: SharedByProbes,
    pub(super) turns: Turns,
    pub(super) launches: Semaphore,
    pub(super) places: Places,
    pub(super) unreached: Unreached,
    /// Previews of the experiments, by their places in the plan.
    pub(super) previews: RefCell<BTreeMap<usize, PreviewRecord>>,
    /// Name of the first experiment that did not pass.
    pub(super) not_passed: RefCell<Option<String>>,
    /// Name and id of the first experiment that somebody else has stopped.
    pub(super) stopped_by_others: RefCell<Option<String>>,
    /// Results of the experiments that have ended, with their places in the plan.
    pub(super) ended: RefCell<Vec<(usize, ExperimentResult)>>,
    /// Reports that the engines have yet to write.
    pub(super) expected_reports: RefCell<Vec<ExpectedReport>>,
}

impl Course {
    /// Creates the state of a run of this plan.
    fn new(plan: &Plan) -> Self {
        Self {
            places: Places::new(plan),
            unreached: Unreached::default(),
            previews: RefCell::default(),
            turns: Turns::default(),
            probes: SharedByProbes {
                board: Arc::new(HaltBoard::new(
                    plan.halt,
                    plan.experiments.iter().map(|experiment| experiment.name.clone()).collect(),
                )),
                ..SharedByProbes::default()
            },
            launches: Semaphore::new(LAUNCHES_AT_ONCE),
            not_passed: RefCell::default(),
            stopped_by_others: RefCell::default(),
            ended: RefCell::default(),
            expected_reports: RefCell::default(),
        }
    }
}

/// A report that is still to come. `due` is the time at which the engine wants it to be ready.
pub(super) struct ExpectedReport {
    /// The experiment's place in the plan.
    pub(super) number: usize,
    pub(super) engine: Rc<dyn Engine>,
    pub(super) launched: Launched,
    pub(super) due: Timestamp,
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
    pub(super) plan: &'a Plan,
    pub(super) run: &'a RunIdentity,
    pub(super) rehearsal: Option<RehearsalNote>,
    /// The experiments of the plan, in its order.
    pub(super) scheduled: Vec<Scheduled<'a>>,
    /// The engines of all experiments, each of them once.
    pub(super) engines: Vec<Rc<dyn Engine>>,
    pub(super) course: Course,
    pub(super) journal: &'a dyn Journal,
    pub(super) guard: &'a dyn Guard,
    /// Port of whoever is told of the previews before anything is launched.
    pub(super) herald: Option<&'a dyn Herald>,
    /// Length of each experiment of a rehearsal.
    pub(super) rehearsed_length: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) cancel: &'a Cancel,
    pub(super) publish: &'a dyn Fn(&RunEvent<'_>),
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
            rehearsed_length: None,
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

    /// Sets how long each experiment of a rehearsal lasts, which is less than its template says.
    #[must_use]
    pub fn rehearsed_for(self, rehearsed_length: Option<Duration>) -> Self {
        Self { rehearsed_length, ..self }
    }

    /// Sets the guard, without which nobody refuses the run.
    #[must_use]
    pub fn guarded_by(self, guard: &'a dyn Guard) -> Self {
        Self { guard, ..self }
    }
}

impl Lifecycle<'_> {
    /// Returns the channels of the engines that have one.
    pub(super) fn channels(&self) -> impl Iterator<Item = &dyn Channel> {
        self.engines.iter().filter_map(|engine| engine.channel())
    }

    /// Returns the number of requests so far, by operation.
    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        let engines = self.engines.iter().map(|engine| engine.calls());
        let evaluators = self.scheduled.iter().flat_map(|scheduled| &scheduled.evaluators);
        let probes = evaluators.map(|evaluator| evaluator.calls());
        for (operation, count) in engines.chain(probes).flatten() {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }

    /// Returns the results of all experiments where none was launched, for one reason.
    pub(super) fn none_launched(&self, verdict: Verdict, reason: &str) -> Vec<ExperimentResult> {
        self.scheduled.iter().map(|scheduled| self.not_launched(scheduled, verdict, reason)).collect()
    }

    /// Returns the result of an experiment that was not launched, and publishes its end.
    pub(super) fn not_launched(
        &self,
        scheduled: &Scheduled<'_>,
        verdict: Verdict,
        reason: &str,
    ) -> ExperimentResult {
        let state = if verdict == Verdict::Cancelled { State::Cancelled } else { State::Unknown };
        (self.publish)(&RunEvent::Ended {
            experiment: scheduled.number,
            state,
            verdict,
            score: None,
            reason,
            warnings: &[],
        });
        ExperimentResult { state, ..self.make_planned(scheduled, verdict, reason.to_owned()) }
    }

    /// Returns a result that holds what was planned and how it was judged, and nothing that only a launch
    /// brings.
    pub(super) fn make_planned(
        &self,
        scheduled: &Scheduled<'_>,
        verdict: Verdict,
        reason: String,
    ) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = scheduled;
        let Particulars { region, stop_conditions } = engine.particulars(plan);
        ExperimentResult {
            expected_resilience_score: Some(gate::floor(self.plan, plan)),
            region,
            stop_conditions,
            preview: self.course.previews.borrow().get(&scheduled.number).cloned(),
            ..ExperimentResult::planned(plan, self.plan.monitor, verdict, reason)
        }
    }
}

/// Returns the reason of an experiment that a signal kept from being launched.
pub(super) fn describe_signal(signal: Signal) -> String {
    format!("not launched: {} came first", signal.as_str())
}
