//! The content of the state file: what a run has begun, so that another process can end it or go on with it.
//!
//! Fields may be added within a version, and unknown ones are ignored. The file must never hold a secret: no
//! token, and no value of a variable.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    EngineKind, ExperimentPlace, ExperimentResult, Finding, PreviewRecord, Probe, RunIdentity, Signal,
    ToolInfo,
};

/// Value of `schema_version` in `state.json`.
pub const STATE_VERSION: u32 = 1;

/// Longest time after which an engine still lists an experiment for the first time that it has begun.
const MAX_LISTING_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub schema_version: u32,
    pub faultgate: ToolInfo,
    pub run: RunIdentity,
    /// `true` if nothing is injected and targets are only resolved.
    #[serde(default)]
    pub dry_run: bool,
    pub started_at: Timestamp,
    /// All experiments of the plan, in its order.
    pub experiments: Vec<ExperimentState>,
    /// Subscriptions of this run, and those that earlier runs have left.
    pub subscriptions: Vec<SubscriptionState>,
    /// Data for the processes that go on with the run. None if a run is one process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handover: Option<Handover>,
}

/// The data that `launch` hands over to `monitor` and `score`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// Inputs of the launch, so that they need not be given again.
    pub inputs: BTreeMap<String, String>,
    pub findings: Vec<Finding>,
    /// Number of requests so far, by operation.
    pub api_calls: BTreeMap<String, u64>,
    /// Signal that cancelled the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<Signal>,
}

impl Handover {
    pub fn add_calls(&mut self, calls: &BTreeMap<String, u64>) {
        for (operation, count) in calls {
            let sum = self.api_calls.entry(operation.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

impl RunState {
    pub fn of(run: &RunIdentity, dry_run: bool, started_at: Timestamp) -> Self {
        Self {
            schema_version: STATE_VERSION,
            faultgate: ToolInfo::current(),
            run: run.clone(),
            dry_run,
            started_at,
            experiments: Vec::new(),
            subscriptions: Vec::new(),
            handover: None,
        }
    }

    /// Returns the experiments that may be running.
    pub fn open_experiments(&self) -> impl Iterator<Item = &ExperimentState> {
        self.experiments.iter().filter(|experiment| experiment.is_open())
    }

    /// Returns the subscriptions that exist, or may exist.
    pub fn open_subscriptions(&self) -> impl Iterator<Item = &SubscriptionState> {
        self.subscriptions.iter().filter(|subscription| !subscription.removed)
    }

    /// Returns the subscriptions that this run has made, without those of earlier runs.
    pub fn own_subscriptions(&self) -> impl Iterator<Item = &SubscriptionState> {
        // Subscriptions of further roles in the same Region have a suffix, so only the beginning is compared.
        let name = format!("{OURS}{}", self.run.id);
        self.subscriptions.iter().filter(move |subscription| subscription.name.starts_with(&name))
    }

    /// Returns `true` if nothing is left to end.
    pub fn is_settled(&self) -> bool {
        self.open_experiments().next().is_none() && self.open_subscriptions().next().is_none()
    }
}

/// The progress of one experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunPhase {
    /// No request was made that could begin the experiment.
    Planned,
    /// The preview of the experiment was about to begin, and is not known to have ended.
    Previewing,
    /// The request that could begin the experiment was about to be sent, and no answer is known.
    Intended,
    Launched,
    /// The engine's own record says that the experiment has ended, or that it never began.
    Over,
}

impl RunPhase {
    /// Returns `true` if the experiment may be running, or its preview.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Previewing | Self::Intended | Self::Launched)
    }
}

/// The state of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentState {
    pub name: String,
    #[serde(flatten)]
    pub place: ExperimentPlace,
    pub phase: RunPhase,
    /// Time at which the first request was sent that could begin the experiment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intended_at: Option<Timestamp>,
    /// Time at which the run gave up looking for an experiment that an unanswered request may have begun.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unfound_at: Option<Timestamp>,
    #[serde(flatten)]
    pub intent: Intent,
    /// Preview of the experiment, which the process that launched it has made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview: Option<PreviewRecord>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<LaunchRecord>,
    /// Results of the probes that are evaluated before the launch, if other processes go on with the run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub before: Vec<Probe>,
    /// Result of the experiment, as the process that monitored it has judged it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Box<ExperimentResult>>,
}

impl ExperimentState {
    pub fn planned(name: &str, place: ExperimentPlace) -> Self {
        Self {
            name: name.to_owned(),
            place,
            phase: RunPhase::Planned,
            intended_at: None,
            unfound_at: None,
            intent: Intent::default(),
            preview: None,
            launch: None,
            before: Vec::new(),
            outcome: None,
        }
    }

    /// Returns `true` if an unanswered request may have begun the experiment, and the engine may still list
    /// it later than the run looked.
    pub fn may_come_to_light(&self, now: Timestamp) -> bool {
        // A clock that was set back makes the difference negative, and the experiment is looked for all the
        // same.
        let clearly_over = |at: Timestamp| now.duration_since(at) >= MAX_LISTING_DELAY;
        self.phase == RunPhase::Intended && self.unfound_at.is_some_and(|at| !clearly_over(at))
    }

    /// Returns `true` if the experiment may be running, or its preview.
    pub fn is_open(&self) -> bool {
        self.phase.is_open()
    }
}

impl ExperimentPlace {
    /// Returns `true` if the experiment is in the account and Region of the subscription, and is reached by
    /// the same role.
    pub fn is_beside(&self, subscription: &SubscriptionState) -> bool {
        matches!(self, Self::Fis { region, role_arn, .. }
            if region.as_deref() == Some(&*subscription.region) && *role_arn == subscription.role_arn)
    }
}

/// The traces by which an experiment can be found whose launch was not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Client tokens of all requests to FIS so far. A request with one of them begins no second experiment.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub client_tokens: Vec<String>,
    /// Runs of the experiment at Harness or LitmusChaos that existed before the launch. None if they are not
    /// known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier_runs: Option<Vec<String>>,
}

/// The record of an experiment that has begun, by which another process can continue with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchRecord {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    pub at: Timestamp,
    #[serde(flatten)]
    pub trace: Trace,
}

/// The data that an engine needs in addition to the id of an experiment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The engine's own id of the experiment that was launched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launched_experiment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<ProcessIdentity>,
}

/// The identity of a process group, which tells it from another group that gets the same number later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub group: i32,
    /// Start of the group's leader, in the system's ticks since it booted.
    pub started: u64,
    pub session: i32,
    pub pid_namespace: String,
    pub boot: String,
    /// `true` if faultgate was the first process of its container, so that the group has ended together with
    /// it.
    #[serde(default)]
    pub under_init: bool,
}

/// Prefix of the names of all rules and queues that a run makes.
pub const OURS: &str = "faultgate-";

/// The rules and the queue of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionState {
    /// Name of the queue.
    pub name: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role_arn: Option<String>,
    pub rules: Vec<String>,
    /// URL of the queue. None while the answer to its creation is not known; its name leads to it then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queue_url: Option<String>,
    pub expires_at: Timestamp,
    /// Milliseconds that the handshake took. None as long as it has not arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handshake_ms: Option<u64>,
    /// `true` if nothing of the subscription is left.
    pub removed: bool,
    /// Resources that could not be removed, each with the command that removes it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub leftovers: Vec<String>,
}

impl SubscriptionState {
    /// Returns the kind of the engine that has made the subscription. The file does not tell it, since only
    /// one kind [makes subscriptions](EngineKind::makes_subscriptions).
    pub const fn kind(&self) -> EngineKind {
        EngineKind::Fis
    }

    /// Returns `true` if all rules and the queue are named as a run names them. A state file may name
    /// anything, and nobody else's queue may be removed by it.
    pub fn is_ours(&self) -> bool {
        let mut names = self.rules.iter().chain([&self.name]);
        let queue = self.queue_url.as_deref().is_none_or(|url| is_of_queue(url, &self.name));
        queue && names.all(|name| name.starts_with(OURS))
    }
}

/// Returns `true` for `https://host/account/name` with this name, and `false` for other URLs that only end in
/// it.
fn is_of_queue(url: &str, name: &str) -> bool {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let parts = path.and_then(|path| path.split_once('/'));
    parts.is_some_and(|(account, queue)| {
        queue == name && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_need_not_tell_whose_a_subscription_is() {
        let kinds = EngineKind::ALL.into_iter().filter(|kind| kind.makes_subscriptions());
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [EngineKind::Fis],
            "`SubscriptionState` has to tell them apart"
        );
    }

    #[test]
    fn what_has_another_name_is_not_ours() {
        let named = |name: &str, rules: &[&str], url: Option<&str>| SubscriptionState {
            name: name.to_owned(),
            region: "eu-west-1".to_owned(),
            role_arn: None,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            queue_url: url.map(str::to_owned),
            expires_at: Timestamp::UNIX_EPOCH,
            handshake_ms: None,
            removed: false,
            leftovers: Vec::new(),
        };
        let queue = "https://sqs.eu-west-1.amazonaws.com/111122223333/";
        let own = format!("{queue}faultgate-1");
        assert!(named("faultgate-1", &["faultgate-1", "faultgate-1-2"], Some(&own)).is_ours());
        assert!(named("faultgate-1", &[], None).is_ours());
        for other in [
            named("orders", &[], None),
            named("faultgate-1", &["nightly"], None),
            named("faultgate-1", &[], Some(&format!("{queue}orders"))),
            named("faultgate-1", &[], Some(&format!("{queue}faultgate-2"))),
            named("faultgate-1", &[], Some("")),
            named("xfaultgate-1", &[], None),
        ] {
            assert!(!other.is_ours(), "{other:?}");
        }
    }
}
