//! All that is known of a run when it is over: the content of `result.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ExperimentPlan, Fault, Finding, Monitor, PlanRecord, Probe, RunComparison, RunIdentity, Score, Signal,
    State, Transition, Verdict,
};

/// `schema_version` of result.json.
pub const SCHEMA_VERSION: u32 = 1;

/// The rules of the scores. By rule 1 every look of a probe counted; by rule 2 only looks that began while the fault was in
/// count, and the evaluation after the end.
pub const SCORING: u32 = 2;

pub(super) fn first_scoring() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub schema_version: u32,
    /// By which rules the scores were made: [`SCORING`], or 1 in results that do not say.
    #[serde(default = "first_scoring")]
    pub scoring: u32,
    pub faultgate: ToolInfo,
    /// Present in a rehearsal: no real system was touched.
    pub rehearsal: Option<RehearsalNote>,
    pub run: RunIdentity,
    /// The whole suite, of which this may be a part. None in results of versions that did not note it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<PlanRecord>,
    /// Nothing was injected: only targets were resolved.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dry_run: bool,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub gate: Gate,
    /// Present where an earlier result was there to compare with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<RunComparison>,
    pub experiments: Vec<ExperimentResult>,
    pub findings: Vec<Finding>,
    pub subscriptions: Vec<SubscriptionRecord>,
    pub reporting: Vec<Reported>,
    /// Every request of the run by operation, each counted once.
    pub api_calls: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    pub version: String,
}

impl RunResult {
    /// Makes a result that was read as complete as one that was just made: by the first rules every look counted.
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalNote {
    pub scenario: String,
    pub note: String,
}

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
    /// Whatever was decided, it does not hold: the reason comes first, since it decides.
    pub fn break_off(&mut self, reason: String) {
        self.verdict = Verdict::Errored;
        self.exit_code = Verdict::Errored.exit_code(None);
        self.reasons.insert(0, reason);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreSource {
    /// No probes: it completed and something was injected.
    Completion,
    /// A stop condition stopped it.
    StopCondition,
    /// The engine's own resilience score.
    Engine,
    /// The weighted mean of its probes.
    Probes,
    /// A probe with `aborts-after` stopped it.
    Abort,
}

/// From when to when a fault was in the system, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultWindow {
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

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
    /// The engine's name of what was run: an FIS template id.
    pub source: String,
    pub region: Option<String>,
    pub transitions: Vec<Transition>,
    pub actions: Vec<Action>,
    pub targets: Vec<Target>,
    /// What the engine's own score is made of, where it weighs and judges its faults.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub faults: Vec<Fault>,
    pub probes: Vec<Probe>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<FaultWindow>,
    pub stop_conditions: Vec<String>,
    /// Why the outcome was judged as it was.
    pub evidence: Vec<Evidence>,
    /// What a reader of the verdict has to know besides, such as the actions that did not act.
    #[serde(default)]
    pub warnings: Vec<String>,
    pub error: Option<EngineError>,
    pub stop: Option<StopReport>,
    /// Where the engine's own report lies.
    pub report_location: Option<String>,
    /// How far the engine's own report is, where it is to write one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report_state: Option<String>,
    pub monitor: MonitorRecord,
}

impl ExperimentResult {
    /// What was planned and how it was judged, and nothing that only a launch brings.
    pub fn planned(plan: &ExperimentPlan, monitor: Monitor, verdict: Verdict, reason: String) -> Self {
        Self {
            name: plan.name.clone(),
            engine: plan.spec.engine().to_owned(),
            id: None,
            url: None,
            state: State::Unknown,
            raw_state: None,
            reason,
            verdict,
            score: None,
            score_source: None,
            expected_resilience_score: plan.expected,
            weight: plan.weight,
            started_at: None,
            ended_at: None,
            source: plan.spec.source().to_owned(),
            region: None,
            transitions: Vec::new(),
            actions: Vec::new(),
            targets: Vec::new(),
            faults: Vec::new(),
            probes: Vec::new(),
            fault: None,
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

/// What an action does to the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It injects a fault, or may do so.
    #[default]
    Injects,
    /// It lets time pass.
    Waits,
    /// It checks the system.
    Asserts,
    /// It takes a fault, or its effect, away.
    Recovers,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub name: String,
    pub resource_type: String,
    /// Resources it resolved to: None where the engine could not be asked.
    pub resolved: Option<u64>,
    /// There are more than `resolved` says, which were not read.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub has_more: bool,
    /// Some of them, by ARN or by the engine's description.
    pub resources: Vec<String>,
}

impl Target {
    /// Tells to how many resources it resolved, such as `2 resources`; None where that is not known.
    pub fn count(&self) -> Option<String> {
        let count = self.resolved?;
        let noun = if count == 1 && !self.has_more { "resource" } else { "resources" };
        let least = if self.has_more { "at least " } else { "" };
        Some(format!("{least}{count} {noun}"))
    }
}

/// One fact behind a judgement, and where it came from.
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineError {
    pub code: Option<String>,
    pub location: Option<String>,
    pub account: Option<String>,
}

/// A stop that faultgate asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopReport {
    pub why: String,
    pub requested_at: Timestamp,
    /// The engine took the request.
    pub accepted: bool,
    /// The engine's own record says that it has ended.
    pub confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorRecord {
    pub mode: Monitor,
    /// How the end was learned, in a sentence.
    pub learned: String,
    /// State changes of this experiment that arrived as events, duplicates left out.
    pub events: u64,
    pub duplicates: u64,
    /// Messages that could not be read as state changes, in the whole subscription.
    pub malformed: u64,
    /// State changes that were let go, in the whole subscription, since too many were kept already.
    #[serde(skip_serializing_if = "super::probe::is_zero", default)]
    pub let_go: u64,
    /// Times the engine was asked although events were expected.
    pub reconciliations: u64,
    /// Requests made for this experiment and for the subscription that serves it, by operation.
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

/// A rule and a queue, from their making to their removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    pub name: String,
    pub region: Option<String>,
    pub handshake_ms: Option<u64>,
    /// What could not be removed, with the command that removes it.
    pub leftovers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    pub sink: String,
    pub outcome: Outcome,
    /// Why it was not written, and what can be done about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// The user can do something about it; `detail` says what.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub to_do: bool,
}

impl Reported {
    /// Adds what the user can do.
    #[must_use]
    pub fn with_remedy(mut self, remedy: &str) -> Self {
        self.detail = Some(self.detail.map_or_else(|| remedy.to_owned(), |why| format!("{why}; {remedy}")));
        self.to_do = true;
        self
    }

    /// Worth telling: something is missing that the user may want.
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
