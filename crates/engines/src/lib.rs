//! The port to chaos engines: an engine launches an experiment, says how it goes, and stops it.
//!
//! The [`Engine`] trait is here, with its capabilities [`Inspection`], [`Admission`], [`Preview`],
//! [`Takeover`] and [`Channel`]; `experiment_record`, `judgement` and `failure` hold the larger types that it
//! speaks in. Each engine has a folder: `fis` is AWS FIS, `command` is a local command, and `control_plane`
//! is what Harness and LitmusChaos share. `stop_judgement` judges an end that faultgate itself has asked for,
//! and `injection` weighs what was injected; both hold for every engine. `alarms` brings the changes of
//! CloudWatch alarms from a subscription to probes, and `cloudwatch` asks CloudWatch itself.
//!
//! An engine knows its own API and nothing of deadlines, signals or reports: those are the
//! lifecycle's. CONTRIBUTING.md walks through adding an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use faultgate_core::model::{
    AlarmChange, ExperimentPlan, Finding, Forecast, Intent, LaunchRecord, MonitorRecord, ResourceCount,
    Source, State, SubscriptionRecord, SubscriptionState, TemplateFacts, Trace, Transition,
};

pub mod alarms;
mod cloudwatch;
pub mod command;
pub mod control_plane;
mod experiment_record;
mod failure;
pub mod fis;
mod injection;
mod judgement;
pub mod probe;
mod stop_judgement;

pub use experiment_record::{FaultTimes, OwnReport, Record};
pub use failure::{EngineFailure, FailureKind};
pub use judgement::{Judgement, StopCause};

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

    /// Returns the entry of the state file by which another process can take the experiment over.
    pub fn to_record(&self, trace: Trace) -> LaunchRecord {
        LaunchRecord { id: self.id.clone(), url: self.url.clone(), at: self.first.at, trace }
    }
}

/// A listener that is told each change of state as it becomes known.
pub trait Watcher {
    fn transition(&self, transition: Transition);
    /// Passes on that an alarm which is a stop condition of the experiment has changed its state.
    fn alarm(&self, change: AlarmChange);
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
/// The lifecycle calls [`check`](Self::check), [`launch`](Self::launch), [`follow`](Self::follow) and
/// [`judge`](Self::judge) in this order. What only some engines can do is a capability of its own, such as
/// [`channel`](Self::channel).
#[async_trait(?Send)]
pub trait Engine {
    /// Verifies everything that can be verified before a launch, without changing anything.
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Launches one experiment, at most once, whatever happens to the requests.
    ///
    /// # Errors
    ///
    /// The experiment may run all the same after [`FailureKind::Unanswered`]:
    /// [`find_unanswered`](Self::find_unanswered) looks for it.
    async fn launch(
        &self,
        experiment: &ExperimentPlan,
        notary: &dyn Notary,
    ) -> Result<Launched, EngineFailure>;

    /// Looks for an experiment that a launch without an answer may have begun. Returns None where there is
    /// none.
    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure>;

    /// Returns the way in which a person looks for an experiment that a failed or unanswered launch may have
    /// begun all the same, or None where it is certain that no unknown experiment has begun.
    fn how_to_look(&self, _experiment: &ExperimentPlan) -> Option<String> {
        None
    }

    /// Watches an experiment until the engine's own record says that it has ended. The future may be dropped
    /// at any await, and the method called again.
    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, EngineFailure>;

    /// Asks for a stop. An experiment that has already ended is not a failure.
    async fn stop(&self, launched: &Launched) -> Result<(), EngineFailure>;

    /// Returns the failure that a [`stop`](Self::stop) which is still under way has met with so far.
    fn stop_so_far(&self, _launched: &Launched) -> Option<EngineFailure> {
        None
    }

    /// Returns how much longer than usual it may take until a stop is confirmed.
    fn stop_takes(&self, _experiment: &ExperimentPlan) -> Duration {
        Duration::ZERO
    }

    /// Returns the command by which a person can stop an experiment, between backticks so that it can be copied,
    /// or words in its place.
    fn stop_command(&self, launched: &Launched) -> String;

    /// Reads the engine's record of an experiment once.
    async fn look(&self, launched: &Launched) -> Result<Record, EngineFailure>;

    /// Judges an experiment by its record. Where the record does not say enough, the engine is asked for
    /// evidence.
    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement;

    /// Returns how the experiment was watched so far; `id` is None where it was not launched.
    fn monitoring(&self, experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord;

    /// Returns the number of requests so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64>;

    /// Returns what a report says of an experiment besides its course, as far as the engine knows it.
    fn particulars(&self, _experiment: &ExperimentPlan) -> Particulars {
        Particulars::default()
    }

    /// Returns the course that the experiment is expected to take, as far as the engine knows it.
    fn forecast(&self, _experiment: &ExperimentPlan, _launched: &Launched) -> Forecast {
        Forecast::default()
    }

    /// Returns the way to take over the experiments of another process.
    fn takeover(&self) -> &dyn Takeover;

    /// Returns the way to learn what an experiment would do, or None where the engine cannot tell.
    fn inspection(&self) -> Option<&dyn Inspection> {
        None
    }

    /// Returns the admission to the place of the experiments, or None where any number of them may run at
    /// once.
    fn admission(&self) -> Option<&dyn Admission> {
        None
    }

    /// Returns the way to preview what an experiment would hit, or None where the engine cannot.
    fn preview(&self) -> Option<&dyn Preview> {
        None
    }

    /// Returns the channel over which the engine sends events, or None where it sends none.
    fn channel(&self) -> Option<&dyn Channel> {
        None
    }
}

/// The facts about an experiment that a report tells and that its record does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The AWS Region in which the experiment runs.
    pub region: Option<String>,
    /// The stop conditions of the experiment, as [`Engine::check`] found them.
    pub stop_conditions: Vec<String>,
}

/// The inspection of what an experiment would do, for those who may forbid it. It comes after
/// [`Engine::check`], which reads the templates. The errors say in a few words why something is not known.
#[async_trait(?Send)]
pub trait Inspection {
    /// Returns the id of the AWS account in which the experiment would run.
    fn account(&self, experiment: &ExperimentPlan) -> Result<String, String>;

    /// Returns the AWS Region in which the experiment would run.
    fn region(&self) -> String;

    /// Returns what the template of the experiment says.
    fn template(&self, experiment: &ExperimentPlan) -> Result<TemplateFacts, String>;

    /// Returns the ids of the other accounts in which the experiment would act. This may take requests.
    async fn target_accounts(&self, experiment: &ExperimentPlan) -> Result<Vec<String>, String>;
}

/// The admission to a place that bears only so many experiments at once: an account and Region of AWS. It
/// comes after [`Engine::check`], which learns where the place is.
#[async_trait(?Send)]
pub trait Admission {
    /// Returns the name of the place. Engines that reach the same place give it the same name.
    fn place(&self) -> String;

    /// Lists the experiments in the place that have begun and not ended, whoever began them. Previews are
    /// left out, since they touch nothing. `own` is the id of an experiment of which the answer says whether
    /// the engine lists it at all, also where it has ended.
    async fn list_active(&self, own: Option<&str>) -> Result<Occupants, EngineFailure>;
}

/// The experiments in a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupants {
    pub active: Vec<ActiveExperiment>,
    /// `true` if the engine lists the experiment that was asked for. If it does not, the list lacks what was
    /// begun a moment ago, by this run or by others.
    pub shows_own: bool,
}

/// An experiment in a place that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveExperiment {
    pub id: String,
    pub template: String,
    /// Time at which it was begun; None where the engine does not tell.
    pub created_at: Option<Timestamp>,
    /// URL of the pipeline's run that began it, where its tags name one.
    pub run_url: Option<String>,
}

/// The preview of an experiment: its targets are resolved, and all its actions are skipped. It is an
/// experiment of its own, so [`Engine::follow`], [`Engine::look`] and [`Engine::stop`] hold for it as
/// well. One that does not skip its actions is a failure of [`Engine::follow`].
#[async_trait(?Send)]
pub trait Preview {
    /// Checks the accounts that experiments would act in beside their own, without changing anything. It comes
    /// after [`Engine::check`], and sends requests only for experiments that act in several accounts.
    async fn check_accounts(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding>;

    /// Starts the preview of an experiment, at most once, whatever happens to the requests.
    ///
    /// # Errors
    ///
    /// A preview may run all the same after [`FailureKind::Unanswered`]: [`find_preview`](Self::find_preview)
    /// looks for it.
    async fn start_preview(&self, experiment: &ExperimentPlan) -> Result<Launched, EngineFailure>;

    /// Looks for a preview that a start without an answer may have begun. Returns None where there is none.
    async fn find_preview(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure>;

    /// Counts the resources that the targets of an experiment, or of a preview, have resolved to: all of
    /// them. A target without any is counted with 0. The record must have been read before.
    async fn count_resolved(&self, launched: &Launched) -> Result<Vec<ResourceCount>, EngineFailure>;
}

/// The takeover of experiments that another process has launched or was about to launch. Nothing here sends a
/// request.
pub trait Takeover {
    /// Takes over an experiment that another process has launched.
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched;

    /// Takes over a launch whose answer another process has not written down, so that
    /// [`Engine::find_unanswered`] looks for it.
    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent);

    /// Returns the facts that another process needs, beside the id, to take over an experiment.
    fn trace(&self, _launched: &Launched) -> Trace {
        Trace::default()
    }
}

/// The channel over which an engine sends events. It consists of things that outlive the process, so each of
/// them is written down before it is made, and removed at the end.
///
/// [`open`](Self::open) comes after [`Engine::check`], which learns what the channel has to carry, and before
/// the first launch.
#[async_trait(?Send)]
pub trait Channel {
    /// Returns the subscription that [`open`](Self::open) is about to make, or None if it makes none.
    fn planned_subscription(&self) -> Option<SubscriptionState>;

    /// Makes whatever is needed to learn of state changes, and proves that it works.
    async fn open(&self) -> Result<(), EngineFailure>;

    /// Removes whatever [`open`](Self::open) made, or began to make, within the given time.
    async fn close(&self, within: Duration);

    /// Returns the subscription for the report, and what is left of it; None where there is none.
    fn subscription_record(&self) -> Option<SubscriptionRecord>;

    /// Returns the subscriptions that this process made or has taken over, and what is left of each.
    fn subscription_states(&self) -> Vec<SubscriptionState>;

    /// Takes over the subscription of another process, so that [`open`](Self::open) reads its queue.
    fn listen_to(&self, subscription: &SubscriptionState);

    /// Takes over the subscription of another process, so that [`close`](Self::close) removes it.
    fn adopt_subscription(&self, subscription: &SubscriptionState);
}
