//! Chaos engines: what launches an experiment, says how it goes, and stops it.
//!
//! An engine knows its own API and nothing of deadlines, signals or reports: those are the
//! [lifecycle](faultgate::lifecycle)'s. A new engine is one folder here and one arm in `connect`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use faultgate_core::model::{
    Action, EngineError, Evidence, ExperimentPlan, Fault, FaultWindow, Finding, Intent, LaunchRecord, Level,
    MonitorRecord, Score, ScoreSource, Signal, Source, State, SubscriptionRecord, SubscriptionState, Target,
    Trace, Transition, Verdict,
};

mod asked;
pub mod command;
pub mod control_plane;
pub mod fis;
mod injection;
pub mod probe;

/// Something an engine was asked for and did not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {what}: {why}")]
pub struct Failure {
    pub kind: FailureKind,
    /// What was tried: completes "could not …".
    pub what: String,
    /// The cause, in the service's words where it has some.
    pub why: String,
    /// What the user can do about it.
    pub remedy: Option<String>,
}

impl Failure {
    /// The failure and what to do about it, in one line.
    pub fn with_remedy(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }

    /// The same as a finding of a look before the launch.
    pub fn finding(&self, level: Level, subject: impl Into<String>) -> Finding {
        Finding { remedy: self.remedy.clone(), ..Finding::new(level, subject, self.to_string()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A permission is missing.
    Denied,
    /// The thing asked for does not exist.
    Missing,
    /// The service understood and will not.
    Refused,
    /// No answer, or none that can be trusted: the request may have taken effect.
    Unanswered,
}

/// An experiment that has begun.
#[derive(Debug, Clone)]
pub struct Launched {
    pub id: String,
    /// Where a person can look at it.
    pub url: Option<String>,
    pub first: Transition,
}

impl Launched {
    /// One that another process has launched. How it is now is for the engine to say.
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
    /// What its own score is made of, where it weighs and judges its faults.
    pub faults: Vec<Fault>,
    pub fault: FaultTimes,
    pub error: Option<EngineError>,
    pub report: Option<OwnReport>,
}

/// The report that an engine itself writes of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReport {
    /// How far it is, for people.
    pub state: String,
    /// Where it lies, once it is written.
    pub location: Option<String>,
    /// The earliest time at which it can be written, where it is still to come.
    pub due: Option<Timestamp>,
}

/// When a fault was in, as far as the engine's record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTimes {
    /// The engine tells no times of what injects: the fault counts as in while the experiment runs.
    Untold,
    /// Nothing that injects has begun.
    Never,
    /// From the first start to the last end of what injects; without an end while it is in.
    In(FaultWindow),
}

impl Record {
    /// When the fault was in, so far.
    pub fn fault(&self) -> Option<FaultWindow> {
        match self.fault {
            FaultTimes::In(window) => Some(window),
            FaultTimes::Untold if self.state.rank() > State::Pending.rank() => {
                Some(FaultWindow { started_at: self.started_at?, ended_at: self.ended_at })
            }
            FaultTimes::Never | FaultTimes::Untold => None,
        }
    }

    /// True where the engine is done with it, also where it says so by a word that this version does not know.
    pub fn has_ended(&self) -> bool {
        self.state.is_terminal() || (self.state == State::Unknown && self.ended_at.is_some())
    }

    /// The engine could not be asked.
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

/// Why faultgate asked the engine to stop an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopCause {
    /// It ran past its `timeout`.
    Timeout(Timestamp),
    /// The engine left it pending past its `queue-timeout`.
    QueueTimeout,
    /// The run was cancelled.
    Cancelled(Signal),
    /// It could no longer be watched.
    Unwatched(Failure),
    /// A probe with `aborts-after` has failed so often, as the sentence says.
    Aborted(String),
}

/// What the end of an experiment means.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub state: State,
    pub verdict: Verdict,
    pub score: Option<Score>,
    pub score_source: Option<ScoreSource>,
    /// The cause, in words that a sentence can begin with.
    pub reason: String,
    /// What was injected, by name.
    pub injected: Vec<String>,
    /// What took from a score that is the engine's own, the most costly first.
    pub losses: Vec<String>,
    /// What a reader of the verdict has to know besides.
    pub warnings: Vec<String>,
    pub evidence: Vec<Evidence>,
}

impl Judgement {
    /// A verdict without a score.
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

    /// A weakness that ended the experiment early.
    pub fn weakness(state: State, source: ScoreSource, reason: impl Into<String>) -> Self {
        let failed = Self::plain(state, Verdict::Failed, reason);
        Self { score: Some(Score::ZERO), score_source: Some(source), ..failed }
    }
}

/// Told of each change of state as it becomes known.
pub trait Watcher {
    fn transition(&self, transition: Transition);
    fn warning(&self, message: &str);
}

/// Told of a request that may begin an experiment, before it goes out: whatever happens to this process then, somebody
/// else can look for it.
#[async_trait(?Send)]
pub trait Notary {
    async fn intend(&self, intent: Intent);
}

/// Nothing is written down.
#[derive(Debug, Clone, Copy)]
pub struct Unnoted;

#[async_trait(?Send)]
impl Notary for Unnoted {
    async fn intend(&self, _intent: Intent) {}
}

/// One connection to one engine: for FIS, one account and Region.
#[async_trait(?Send)]
pub trait Engine {
    /// Everything that can be verified before a launch, without changing anything.
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Makes whatever is needed to learn of state changes, and proves that it works.
    async fn open(&self) -> Result<(), Failure>;

    /// Launches one experiment, at most once whatever happens to the requests.
    async fn launch(&self, experiment: &ExperimentPlan, notary: &dyn Notary) -> Result<Launched, Failure>;

    /// Looks for an experiment that a launch without an answer may have begun.
    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, Failure>;

    /// How a person looks for what a launch that has failed, or was not answered, may have begun all the same. None: it is
    /// sure that nothing has begun that is not known.
    fn may_have_begun(&self, _experiment: &ExperimentPlan) -> Option<String> {
        None
    }

    /// Watches an experiment until the engine's own record says that it has ended. It may be dropped at any
    /// await, and called again.
    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, Failure>;

    /// Asks for a stop. An experiment that has already ended is not a failure.
    async fn stop(&self, launched: &Launched) -> Result<(), Failure>;

    /// What a [`stop`](Self::stop) that has not come to an end has met with so far.
    fn stop_so_far(&self, _launched: &Launched) -> Option<Failure> {
        None
    }

    /// Asks once how an experiment is.
    async fn look(&self, launched: &Launched) -> Result<Record, Failure>;

    /// What a record means, with evidence gathered where the record does not say enough.
    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement;

    /// Removes whatever [`open`](Self::open) made, or began to make, within the given time.
    async fn close(&self, within: Duration);

    /// What [`open`](Self::open) made, if anything, and what is left of it.
    fn subscription(&self) -> Option<SubscriptionRecord>;

    /// How the experiment was watched so far; `id` is None where it was not launched.
    fn monitoring(&self, experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord;

    /// Every request so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64>;

    /// The experiment's stop conditions, as [`check`](Self::check) found them.
    fn stop_conditions(&self, experiment: &ExperimentPlan) -> Vec<String>;

    /// The command by which a person can stop an experiment.
    fn stop_command(&self, launched: &Launched) -> String;

    /// How much longer than usual it may take until a stop is confirmed.
    fn stop_takes(&self, _experiment: &ExperimentPlan) -> Duration {
        Duration::ZERO
    }

    fn region(&self) -> Option<String>;

    /// What another process needs, beside the id, to take up an experiment.
    fn trace(&self, _launched: &Launched) -> Trace {
        Trace::default()
    }

    /// Takes up an experiment that another process has launched. Nothing is asked.
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched;

    /// Takes up a launch whose answer another process has not written down, for
    /// [`find_unanswered`](Self::find_unanswered).
    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent);

    /// What [`open`](Self::open) is about to make.
    fn intend_subscription(&self) -> Option<SubscriptionState> {
        None
    }

    /// What was made, by this process or by others whose it has taken up, and what is left of it.
    fn subscription_states(&self) -> Vec<SubscriptionState> {
        Vec::new()
    }

    /// Takes up what another process has made, so that [`open`](Self::open) reads it.
    fn listen_to(&self, _subscription: &SubscriptionState) {}

    /// Takes up what another process has made, for [`close`](Self::close).
    fn adopt_subscription(&self, _subscription: &SubscriptionState) {}
}
