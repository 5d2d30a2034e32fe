//! The port to chaos engines: an engine launches an experiment, says how it goes, and stops it.
//!
//! The [`Engine`] trait and the types that it speaks in are here. Each engine has a folder: `fis` is AWS FIS,
//! `command` is a local command, and `harness` and `litmus` are control planes, which share `chaos_center`.
//! `stop_judgement` judges an end that faultgate itself has asked for, and `injection` weighs what was injected; both
//! hold for every engine.
//!
//! An engine knows its own API and nothing of deadlines, signals or reports: those are the
//! [lifecycle](faultgate::lifecycle)'s. A new engine is one folder here and one arm in `connect`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use faultgate_core::model::{
    Action, EngineError, Evidence, ExperimentPlan, Fault, FaultWindow, Finding, Intent, LaunchRecord,
    MonitorRecord, Score, ScoreSource, Signal, Source, State, SubscriptionRecord, SubscriptionState, Target,
    Trace, Transition, Verdict,
};

pub mod command;
pub mod control_plane;
pub mod fis;
mod injection;
pub mod probe;
mod stop_judgement;

/// A request to an engine that was not fulfilled: what was tried, why it failed, and the remedy.
pub type Failure = faultgate_core::failure::Failure<FailureKind>;

/// The kind of a failure, by which callers decide whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A permission is missing.
    Denied,
    /// The thing that was asked for does not exist.
    Missing,
    /// The service understood the request and will not fulfil it.
    Refused,
    /// There was no answer, or none that can be trusted: the request may have taken effect.
    Unanswered,
}

/// An experiment that has begun.
#[derive(Debug, Clone)]
pub struct Launched {
    pub id: String,
    /// URL of the page where a person can look at the experiment.
    pub url: Option<String>,
    /// The state that the answer to the launch told.
    pub first: Transition,
}

impl Launched {
    /// Returns an experiment that another process has launched. Its state is given as pending, because only
    /// the engine knows what has become of it since.
    pub fn by_another(launch: &LaunchRecord) -> Self {
        Self {
            id: launch.id.clone(),
            url: launch.url.clone(),
            first: Transition {
                state: State::Pending,
                raw_state: "launched".to_owned(),
                at: launch.at,
                observed_at: launch.at,
                source: Source::Launch,
                reason: None,
            },
        }
    }
}

/// The engine's own record of an experiment: the only thing a verdict of `passed` may rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub state: State,
    pub raw_state: String,
    pub reason: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub actions: Vec<Action>,
    pub targets: Vec<Target>,
    /// The faults that the engine's own score is made of; empty where the engine does not weigh and judge its
    /// faults.
    pub faults: Vec<Fault>,
    pub fault: FaultTimes,
    pub error: Option<EngineError>,
    pub report: Option<OwnReport>,
}

/// The report that an engine itself writes of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReport {
    /// The progress of the report, in words for people.
    pub state: String,
    /// The place of the report, once it is written.
    pub location: Option<String>,
    /// The earliest time at which the report can be written; None once it is written.
    pub due: Option<Timestamp>,
}

/// The times of the faults of an experiment, as far as the engine's record tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTimes {
    /// The engine tells no times of its faults: the fault window is the time in which the experiment runs.
    Untold,
    /// No fault has begun.
    Never,
    /// The window from the first start to the last end of a fault; it has no end while a fault is in effect.
    In(FaultWindow),
}

impl Record {
    /// Returns the fault window so far, or None where no fault has begun.
    pub fn fault(&self) -> Option<FaultWindow> {
        match self.fault {
            FaultTimes::In(window) => Some(window),
            FaultTimes::Untold if self.state.rank() > State::Pending.rank() => {
                Some(FaultWindow { started_at: self.started_at?, ended_at: self.ended_at })
            }
            FaultTimes::Never | FaultTimes::Untold => None,
        }
    }

    /// Returns `true` if the engine is done with the experiment. An end whose word this version does not know
    /// counts as well: the record then has the time of the end.
    pub fn has_ended(&self) -> bool {
        self.state.is_terminal() || (self.state == State::Unknown && self.ended_at.is_some())
    }

    /// Returns the record of an experiment whose engine could not be asked.
    pub fn unknown() -> Self {
        Self {
            state: State::Unknown,
            raw_state: State::Unknown.as_str().to_owned(),
            reason: None,
            started_at: None,
            ended_at: None,
            actions: Vec::new(),
            targets: Vec::new(),
            faults: Vec::new(),
            fault: FaultTimes::Untold,
            error: None,
            report: None,
        }
    }
}

/// The reason for which faultgate asked the engine to stop an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopCause {
    /// The experiment ran past its `timeout`, which ended at this time.
    Timeout(Timestamp),
    /// The engine left the experiment pending past its `queue-timeout`.
    QueueTimeout,
    /// The run was cancelled.
    Cancelled(Signal),
    /// The experiment could no longer be watched.
    Unwatched(Failure),
    /// A probe failed as often as its `aborts-after` says; the sentence names it.
    Aborted(String),
}

/// The judgement on an experiment that has ended: its verdict, its score and the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub state: State,
    pub verdict: Verdict,
    pub score: Option<Score>,
    pub score_source: Option<ScoreSource>,
    /// The cause, in words that a sentence can begin with.
    pub reason: String,
    /// Names of the faults that were injected.
    pub injected: Vec<String>,
    /// The losses of a score that is the engine's own, the most costly first.
    pub losses: Vec<String>,
    /// Sentences that a reader of the verdict has to know besides the reason.
    pub warnings: Vec<String>,
    pub evidence: Vec<Evidence>,
}

impl Judgement {
    /// Returns a verdict without a score.
    pub fn plain(state: State, verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            state,
            verdict,
            score: None,
            score_source: None,
            reason: reason.into(),
            injected: Vec::new(),
            losses: Vec::new(),
            warnings: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Returns the judgement on an experiment that a weakness of the system ended early: `failed`, with a
    /// score of 0.
    pub fn weakness(state: State, source: ScoreSource, reason: impl Into<String>) -> Self {
        let failed = Self::plain(state, Verdict::Failed, reason);
        Self { score: Some(Score::ZERO), score_source: Some(source), ..failed }
    }
}

/// A listener that is told each change of state as it becomes known.
pub trait Watcher {
    fn transition(&self, transition: Transition);
    /// Passes on a sentence for the user that is no change of state.
    fn warning(&self, message: &str);
}

/// A writer that notes each request that may begin an experiment before the request goes out. Whatever
/// happens to this process afterwards, another one can look for the experiment.
#[async_trait(?Send)]
pub trait Notary {
    async fn intend(&self, intent: Intent);
}

/// A notary that writes nothing down.
#[derive(Debug, Clone, Copy)]
pub struct Unnoted;

#[async_trait(?Send)]
impl Notary for Unnoted {
    async fn intend(&self, _intent: Intent) {}
}

/// One connection to one engine, which is in one place: for FIS, one account and Region.
///
/// The lifecycle calls [`check`](Self::check), [`open`](Self::open), [`launch`](Self::launch),
/// [`follow`](Self::follow), [`judge`](Self::judge) and [`close`](Self::close) in this order.
#[async_trait(?Send)]
pub trait Engine {
    /// Verifies everything that can be verified before a launch, without changing anything.
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Makes whatever is needed to learn of state changes, and proves that it works.
    async fn open(&self) -> Result<(), Failure>;

    /// Launches one experiment, at most once, whatever happens to the requests.
    ///
    /// # Errors
    ///
    /// The experiment may run all the same after [`FailureKind::Unanswered`]:
    /// [`find_unanswered`](Self::find_unanswered) looks for it.
    async fn launch(&self, experiment: &ExperimentPlan, notary: &dyn Notary) -> Result<Launched, Failure>;

    /// Looks for an experiment that a launch without an answer may have begun. Returns None where there is
    /// none.
    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, Failure>;

    /// Returns the way in which a person looks for an experiment that a failed or unanswered launch may have
    /// begun all the same, or None where it is certain that no unknown experiment has begun.
    fn may_have_begun(&self, _experiment: &ExperimentPlan) -> Option<String> {
        None
    }

    /// Watches an experiment until the engine's own record says that it has ended. The future may be dropped
    /// at any await, and the method called again.
    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, Failure>;

    /// Asks for a stop. An experiment that has already ended is not a failure.
    async fn stop(&self, launched: &Launched) -> Result<(), Failure>;

    /// Returns the failure that a [`stop`](Self::stop) which is still under way has met with so far.
    fn stop_so_far(&self, _launched: &Launched) -> Option<Failure> {
        None
    }

    /// Reads the engine's record of an experiment once.
    async fn look(&self, launched: &Launched) -> Result<Record, Failure>;

    /// Judges an experiment by its record. Where the record does not say enough, the engine is asked for
    /// evidence.
    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement;

    /// Removes whatever [`open`](Self::open) made, or began to make, within the given time.
    async fn close(&self, within: Duration);

    /// Returns the subscription that [`open`](Self::open) made, if it made one, and what is left of it.
    fn subscription(&self) -> Option<SubscriptionRecord>;

    /// Returns how the experiment was watched so far; `id` is None where it was not launched.
    fn monitoring(&self, experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord;

    /// Returns the number of requests so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64>;

    /// Returns the stop conditions of the experiment, as [`check`](Self::check) found them.
    fn stop_conditions(&self, experiment: &ExperimentPlan) -> Vec<String>;

    /// Returns the command by which a person can stop an experiment.
    fn stop_command(&self, launched: &Launched) -> String;

    /// Returns how much longer than usual it may take until a stop is confirmed.
    fn stop_takes(&self, _experiment: &ExperimentPlan) -> Duration {
        Duration::ZERO
    }

    /// Returns the AWS Region of the connection, if it has one.
    fn region(&self) -> Option<String>;

    /// Returns the facts that another process needs, beside the id, to take over an experiment.
    fn trace(&self, _launched: &Launched) -> Trace {
        Trace::default()
    }

    /// Takes over an experiment that another process has launched, without a request to the engine.
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched;

    /// Takes over a launch whose answer another process has not written down, so that
    /// [`find_unanswered`](Self::find_unanswered) looks for it.
    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent);

    /// Returns the subscription that [`open`](Self::open) is about to make, so that it can be written down
    /// first.
    fn intend_subscription(&self) -> Option<SubscriptionState> {
        None
    }

    /// Returns the subscriptions that this process made or has taken over, and what is left of each.
    fn subscription_states(&self) -> Vec<SubscriptionState> {
        Vec::new()
    }

    /// Takes over the subscription of another process, so that [`open`](Self::open) reads its queue.
    fn listen_to(&self, _subscription: &SubscriptionState) {}

    /// Takes over the subscription of another process, so that [`close`](Self::close) removes it.
    fn adopt_subscription(&self, _subscription: &SubscriptionState) {}
}
