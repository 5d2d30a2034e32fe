//! What a run has begun: the content of the state file, by which another process can end it, or go on with it.
//!
//! Fields may be added within a version, and unknown ones are passed over. Nothing in it is secret: no token, no
//! variable's value.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    CommandLine, CommandSpec, EngineSpec, ExperimentResult, Finding, HarnessProject, HarnessSpec,
    LitmusProject, LitmusSpec, Probe, RunIdentity, RuntimeInputs, Signal, ToolInfo,
};

/// `schema_version` of state.json.
pub const STATE_VERSION: u32 = 1;

/// An engine tells within this time of what it has begun.
const COMES_TO_LIGHT: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub schema_version: u32,
    pub faultgate: ToolInfo,
    pub run: RunIdentity,
    /// Nothing is injected: only targets are resolved.
    #[serde(default)]
    pub dry_run: bool,
    pub started_at: Timestamp,
    /// All of the plan, in its order.
    pub experiments: Vec<ExperimentState>,
    /// Also those that earlier runs have left.
    pub subscriptions: Vec<SubscriptionState>,
    /// Where others go on with the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handover: Option<Handover>,
}

/// What a launch knows that who monitors and scores has to know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// The inputs it was given, so that they need not be given again.
    pub inputs: BTreeMap<String, String>,
    pub findings: Vec<Finding>,
    /// Every request so far, by operation.
    pub api_calls: BTreeMap<String, u64>,
    /// What cancelled the run.
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

    /// Experiments that may be running.
    pub fn open_experiments(&self) -> impl Iterator<Item = &ExperimentState> {
        self.experiments.iter().filter(|experiment| experiment.is_open())
    }

    /// Subscriptions that are there, or may be.
    pub fn open_subscriptions(&self) -> impl Iterator<Item = &SubscriptionState> {
        self.subscriptions.iter().filter(|subscription| !subscription.removed)
    }

    /// Subscriptions that this run has made, and not an earlier one.
    pub fn own_subscriptions(&self) -> impl Iterator<Item = &SubscriptionState> {
        let name = format!("{OURS}{}", self.run.id);
        self.subscriptions.iter().filter(move |subscription| subscription.name.starts_with(&name))
    }

    /// Nothing is left to end.
    pub fn is_settled(&self) -> bool {
        self.open_experiments().next().is_none() && self.open_subscriptions().next().is_none()
    }
}

/// How far one experiment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunPhase {
    /// No request was made that could begin it.
    Planned,
    /// Such a request was about to go out, and no answer is known.
    Intended,
    Launched,
    /// The engine's own record says that it has ended, or that it never began.
    Over,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentState {
    pub name: String,
    #[serde(flatten)]
    pub place: ExperimentPlace,
    pub phase: RunPhase,
    /// When the first request went out that could begin it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intended_at: Option<Timestamp>,
    /// When the run gave up looking for what its request may have begun.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unfound_at: Option<Timestamp>,
    #[serde(flatten)]
    pub intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<LaunchRecord>,
    /// What the probes have seen that look before the launch, where others go on with the run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub before: Vec<Probe>,
    /// Its end, as who monitored it has judged it.
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
            launch: None,
            before: Vec::new(),
            outcome: None,
        }
    }

    /// A request went out that may have begun it, of whose effect an engine may still tell.
    pub fn may_come_to_light(&self, now: Timestamp) -> bool {
        let clearly_over = |at: Timestamp| now.duration_since(at) >= COMES_TO_LIGHT;
        self.phase == RunPhase::Intended && self.unfound_at.is_some_and(|at| !clearly_over(at))
    }

    /// It may be running.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, RunPhase::Intended | RunPhase::Launched)
    }
}

/// Which engine runs it, where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "kebab-case")]
pub enum ExperimentPlace {
    Fis {
        template: String,
        region: Option<String>,
        role_arn: Option<String>,
    },
    Harness {
        url: String,
        account: String,
        org: String,
        project: String,
        experiment: String,
    },
    Litmus {
        url: String,
        project: String,
        origin: Option<String>,
        experiment: String,
    },
    /// As the settings have the commands: what variables hold is not ours to write down.
    Command {
        run: String,
        stop: Option<String>,
    },
}

impl ExperimentPlace {
    /// `region`: where the engine is, where the plan leaves that to the SDK.
    pub fn of(spec: &EngineSpec, engine_region: Option<String>) -> Self {
        match spec.clone() {
            EngineSpec::Fis { template, region, role_arn } => {
                Self::Fis { template, region: engine_region.or(region), role_arn }
            }
            EngineSpec::Harness(HarnessSpec { project, experiment, .. }) => {
                let HarnessProject { url, account, org, project } = project;
                Self::Harness { url, account, org, project, experiment }
            }
            EngineSpec::Litmus(LitmusSpec { project, experiment }) => {
                let LitmusProject { url, project, origin } = project;
                Self::Litmus { url, project, origin, experiment }
            }
            EngineSpec::Command(command) => {
                Self::Command { run: command.run.shown, stop: command.stop.map(|stop| stop.shown) }
            }
        }
    }

    /// Where its control plane is, if it has one.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Harness { url, .. } | Self::Litmus { url, .. } => Some(url),
            Self::Fis { .. } | Self::Command { .. } => None,
        }
    }

    /// Whether it is where a subscription is, and reached in the same way.
    pub fn is_beside(&self, subscription: &SubscriptionState) -> bool {
        matches!(self, Self::Fis { region, role_arn, .. }
            if region.as_deref() == Some(&*subscription.region) && *role_arn == subscription.role_arn)
    }

    /// What an engine needs to find it again. Runtime inputs and the words of commands are not known here.
    pub fn spec(&self) -> EngineSpec {
        let shown = |shown: &String| CommandLine { args: Vec::new(), shown: shown.clone() };
        match self.clone() {
            Self::Fis { template, region, role_arn } => EngineSpec::Fis { template, region, role_arn },
            Self::Harness { url, account, org, project, experiment } => EngineSpec::Harness(HarnessSpec {
                project: HarnessProject { url, account, org, project },
                experiment,
                runtime_inputs: RuntimeInputs::default(),
            }),
            Self::Litmus { url, project, origin, experiment } => {
                EngineSpec::Litmus(LitmusSpec { project: LitmusProject { url, project, origin }, experiment })
            }
            Self::Command { run, stop } => EngineSpec::Command(CommandSpec {
                run: shown(&run),
                stop: stop.as_ref().map(shown),
                stop_within: std::time::Duration::from_secs(30),
                proof: None,
                dir: None,
                env: BTreeMap::new(),
                journal: None,
                expected_exit_code: 0,
                duration: std::time::Duration::ZERO,
            }),
        }
    }
}

/// By what an experiment can be found whose launch was not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// FIS: those of all requests so far. A request with one of them begins no second experiment.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub client_tokens: Vec<String>,
    /// Harness, LitmusChaos: the runs there were before. None: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier_runs: Option<Vec<String>>,
}

/// An experiment that has begun, as another process can take it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchRecord {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    pub at: Timestamp,
    #[serde(flatten)]
    pub trace: Trace,
}

/// What an engine needs beside the id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The engine's own id of what was launched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launched_experiment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<ProcessIdentity>,
}

/// A group of processes, told from another that gets its number later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub group: i32,
    /// When its leader was started, in the system's ticks since it booted.
    pub started: u64,
    pub session: i32,
    pub pid_namespace: String,
    pub boot: String,
    /// faultgate was the first process of its container: the group has ended with it.
    #[serde(default)]
    pub under_init: bool,
}

/// The names of all rules and queues that a run makes begin so.
pub const OURS: &str = "faultgate-";

/// Rules and queue of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionState {
    /// Of the queue.
    pub name: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role_arn: Option<String>,
    pub rules: Vec<String>,
    /// None while its answer is not known: its name leads to it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queue_url: Option<String>,
    pub expires_at: Timestamp,
    /// Nothing of it is left.
    pub removed: bool,
    /// What could not be removed, with the command that does it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub leftovers: Vec<String>,
}

impl SubscriptionState {
    /// Whether all that it names has a name as a run gives it. A file may name anything.
    pub fn is_ours(&self) -> bool {
        let mut names = self.rules.iter().chain([&self.name]);
        let queue = self.queue_url.as_deref().is_none_or(|url| is_of_queue(url, &self.name));
        queue && names.all(|name| name.starts_with(OURS))
    }
}

/// True of `https://host/account/name`, and of nothing that only ends so.
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
    fn what_has_another_name_is_not_ours() {
        let named = |name: &str, rules: &[&str], url: Option<&str>| SubscriptionState {
            name: name.to_owned(),
            region: "eu-west-1".to_owned(),
            role_arn: None,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            queue_url: url.map(str::to_owned),
            expires_at: Timestamp::UNIX_EPOCH,
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
