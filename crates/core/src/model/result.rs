//! The result of a run, complete when the run is over: the content of `result.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::score::first_scoring;
use super::{
    AlarmChange, DashboardLink, ExperimentPlan, Fault, FaultWindow, Finding, Monitor, PlanRecord,
    PreviewRecord, Probe, RunComparison, RunIdentity, SCORING, Score, Signal, State, Target, Transition,
    Verdict,
};

/// Value of `schema_version` in `result.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub schema_version: u32,
    /// Version of the rules of the scores: [`SCORING`], or 1 in results that do not say.
    #[serde(default = "first_scoring")]
    pub scoring: u32,
    pub faultgate: ToolInfo,
    /// Note that no real system was touched. None outside of a rehearsal.
    pub rehearsal: Option<RehearsalNote>,
    pub run: RunIdentity,
    /// Record of the whole suite, of which this may be a part. None in results of versions without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<PlanRecord>,
    /// `true` if nothing was injected and targets were only resolved.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dry_run: bool,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub gate: Gate,
    /// `true` if it was merged of other results, so that it is none of their parts.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub merged: bool,
    /// Share of a merge's experiments that may be `errored` without turning the verdict, in percent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tolerate: Option<Score>,
    /// Comparison with an earlier result, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<RunComparison>,
    /// Links of the suite to pages about the system under test.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub links: Vec<DashboardLink>,
    pub experiments: Vec<ExperimentResult>,
    pub findings: Vec<Finding>,
    pub subscriptions: Vec<SubscriptionRecord>,
    pub reporting: Vec<Reported>,
    /// Number of requests of the run, by operation. A request for several experiments is counted once.
    pub api_calls: BTreeMap<String, u64>,
}

/// The version of faultgate that made a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    pub version: String,
}

impl RunResult {
    /// Completes a result that was read from a file. By the first rules every evaluation counted, and those
    /// results do not say so.
    pub fn complete(&mut self) {
        if self.scoring == SCORING {
            return;
        }
        for probe in self.experiments.iter_mut().flat_map(|experiment| &mut experiment.probes) {
            (probe.passed_counted, probe.counted) = (probe.passed, probe.total);
        }
    }
}

impl ToolInfo {
    pub fn current() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// The note of a rehearsal in its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalNote {
    pub scenario: String,
    pub note: String,
}

/// The decision of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub verdict: Verdict,
    pub exit_code: u8,
    pub resilience_score: Option<Score>,
    pub expected_resilience_score: Score,
    pub reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<Signal>,
}

impl Gate {
    /// Replaces the decision by `errored`. The reason is put first because it is the one that decides.
    pub fn break_off(&mut self, reason: String) {
        self.verdict = Verdict::Errored;
        self.exit_code = Verdict::Errored.exit_code(None);
        self.reasons.insert(0, reason);
    }
}

/// The origin of an experiment's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreSource {
    /// There are no probes: the experiment completed and something was injected.
    Completion,
    /// A stop condition stopped the experiment.
    StopCondition,
    /// The engine's own resilience score.
    Engine,
    /// The weighted mean of the experiment's probes.
    Probes,
    /// A probe with `aborts-after` stopped the experiment.
    #[serde(rename = "abort")]
    Halt,
}

/// The result of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentResult {
    pub name: String,
    pub engine: String,
    pub id: Option<String>,
    pub url: Option<String>,
    pub state: State,
    pub raw_state: Option<String>,
    pub reason: String,
    pub verdict: Verdict,
    pub score: Option<Score>,
    pub score_source: Option<ScoreSource>,
    pub expected_resilience_score: Option<Score>,
    pub weight: u32,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The engine's name for the experiment, such as the id of an FIS template.
    pub source: String,
    pub region: Option<String>,
    pub transitions: Vec<Transition>,
    /// Changes of the alarms that are its stop conditions, as events told them while it ran.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alarms: Vec<AlarmChange>,
    pub actions: Vec<Action>,
    pub targets: Vec<Target>,
    /// Targets as a preview has resolved them before the launch, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview: Option<PreviewRecord>,
    /// Faults that the engine's own score is computed from, if the engine weighs and judges them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub faults: Vec<Fault>,
    pub probes: Vec<Probe>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<FaultWindow>,
    /// `true` if the fault may still be in; see [`ExperimentResult::may_be_in`].
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub fault_may_be_in: bool,
    pub stop_conditions: Vec<String>,
    /// Facts from which the verdict follows.
    pub evidence: Vec<Evidence>,
    /// Warnings to the reader of the verdict, such as the actions that did not act.
    #[serde(default)]
    pub warnings: Vec<String>,
    pub error: Option<EngineError>,
    pub stop: Option<StopReport>,
    /// Location of the engine's own report.
    pub report_location: Option<String>,
    /// State of the engine's own report, if the engine is to write one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report_state: Option<String>,
    pub monitor: MonitorRecord,
}

impl ExperimentResult {
    /// Makes the result of an experiment from its plan and its verdict, without anything that only a launch
    /// brings.
    pub fn planned(plan: &ExperimentPlan, monitor: Monitor, verdict: Verdict, reason: String) -> Self {
        Self {
            name: plan.name.clone(),
            engine: plan.spec.engine().to_owned(),
            expected_resilience_score: plan.expected,
            weight: plan.weight,
            source: plan.spec.source().to_owned(),
            ..Self::unknown(monitor, verdict, reason)
        }
    }

    /// Makes the result of an experiment of which nothing is known.
    pub(super) fn unknown(monitor: Monitor, verdict: Verdict, reason: String) -> Self {
        Self {
            name: String::new(),
            engine: String::new(),
            id: None,
            url: None,
            state: State::Unknown,
            raw_state: None,
            reason,
            verdict,
            score: None,
            score_source: None,
            expected_resilience_score: None,
            weight: 0,
            started_at: None,
            ended_at: None,
            source: String::new(),
            region: None,
            transitions: Vec::new(),
            alarms: Vec::new(),
            actions: Vec::new(),
            targets: Vec::new(),
            preview: None,
            faults: Vec::new(),
            probes: Vec::new(),
            fault: None,
            fault_may_be_in: false,
            stop_conditions: Vec::new(),
            evidence: Vec::new(),
            warnings: Vec::new(),
            error: None,
            stop: None,
            report_location: None,
            report_state: None,
            monitor: MonitorRecord::new(monitor),
        }
    }
}

/// An action of an experiment, as the engine's record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub name: String,
    pub action_id: String,
    #[serde(default)]
    pub effect: Effect,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub targets: Vec<String>,
}

/// The effect of an action on the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The action injects a fault, or may do so.
    #[default]
    Injects,
    /// The action lets time pass.
    Waits,
    /// The action checks the system.
    Asserts,
    /// The action removes a fault or its effect.
    Recovers,
}

/// One fact behind a verdict, and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub source: String,
    pub fact: String,
}

impl Evidence {
    pub fn new(source: impl Into<String>, fact: impl Into<String>) -> Self {
        Self { source: source.into(), fact: fact.into() }
    }
}

/// An error as the engine's record tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineError {
    pub code: Option<String>,
    pub location: Option<String>,
    pub account: Option<String>,
}

/// A stop that faultgate has requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopReport {
    pub why: String,
    pub requested_at: Timestamp,
    /// `true` if the engine accepted the request.
    pub accepted: bool,
    /// `true` if the engine's own record says that the experiment has ended.
    pub confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The signal that came before the stop of a halt was confirmed: it has cancelled the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<Signal>,
}

/// The record of how an experiment was monitored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorRecord {
    pub mode: Monitor,
    /// Sentence that says how the end of the experiment was learned.
    pub learned: String,
    /// Number of state changes of this experiment that arrived as events, without duplicates.
    pub events: u64,
    pub duplicates: u64,
    /// Number of messages in the whole subscription that could not be read as state changes.
    pub malformed: u64,
    /// Number of state changes in the whole subscription that were dropped because too many were kept
    /// already.
    #[serde(skip_serializing_if = "super::probe::is_zero", default)]
    pub let_go: u64,
    /// Number of times that the engine was asked although events were expected.
    pub reconciliations: u64,
    /// Number of requests for this experiment and for the subscription that serves it, by operation.
    pub api_calls: BTreeMap<String, u64>,
}

impl MonitorRecord {
    pub fn new(mode: Monitor) -> Self {
        Self {
            mode,
            learned: String::new(),
            events: 0,
            duplicates: 0,
            malformed: 0,
            let_go: 0,
            reconciliations: 0,
            api_calls: BTreeMap::new(),
        }
    }
}

/// A subscription of the run, from its creation to its removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    pub name: String,
    pub region: Option<String>,
    pub handshake_ms: Option<u64>,
    /// Resources that could not be removed, each with the command that removes it.
    pub leftovers: Vec<String>,
}

/// The outcome of one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    pub sink: String,
    pub outcome: Outcome,
    /// Reason why the report was not written, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// `true` if the user can do something about it, as `detail` says.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub to_do: bool,
    /// `true` if the report failed and `reporting: fail` asks for it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub required: bool,
}

impl Reported {
    /// Adds what the user can do about a missing report.
    #[must_use]
    pub fn with_remedy(mut self, remedy: &str) -> Self {
        self.detail = Some(self.detail.map_or_else(|| remedy.to_owned(), |why| format!("{why}; {remedy}")));
        self.to_do = true;
        self
    }

    /// Returns `true` if a report is missing that the user may want.
    pub fn is_missing(&self) -> bool {
        match self.outcome {
            Outcome::Written => false,
            Outcome::Skipped => self.to_do,
            Outcome::Failed => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Written,
    Skipped,
    Failed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}
