//! The model: the types that all other modules speak in. It is pure, with no I/O, no clock and no async.
//!
//! - Before a run: `plan` (what is to be done), of experiments (`spec`) by one of the engines of
//!   `engine_kind`; `check` and `probe` (what is measured), `alarm` (what is measured by time); `shard`,
//!   `plan_record` (a suite's digest), `plan_item` (one experiment of a plan for other processes),
//!   `template_facts` (what an FIS template would do), and `action_times` (when).
//! - While it goes on: `identity` (of the run), `state` (states and transitions), `event` (what sinks hear),
//!   `standing` (of experiments, for displays), and `run_state` (the content of the state file), with the
//!   `place` of each experiment. `preview` counts what an experiment would hit, before it is launched, and
//!   `target` is one of its targets.
//! - After it: `result` (the content of `result.json`), `fault`, `finding`, `score`, `verdict`, `order`
//!   (the worst first), `comparison` with an earlier run and each `change` since, and `output` (the outputs
//!   for later steps of a pipeline).
//! - Files that are read back: `provenance` tells whether they are of this run, `contradiction` whether they
//!   can be true.

mod action_times;
mod alarm;
mod change;
mod check;
mod comparison;
mod contradiction;
mod engine_kind;
mod event;
mod fault;
mod finding;
mod forge_kind;
mod identity;
mod link;
mod order;
mod output;
mod place;
mod plan;
mod plan_item;
mod plan_record;
mod preview;
mod probe;
mod provenance;
mod result;
mod run_state;
mod score;
mod shard;
mod spec;
mod standing;
mod state;
mod target;
mod template_facts;
mod tolerance;
mod verdict;

pub use action_times::time_actions;
pub use alarm::{ALARM_OK, AlarmChange, AlarmInterval, TimeInOk};
pub use change::{
    EarlierRun, ExperimentChange, Presence, ProbeChange, RunComparison, ScoreChange, ScoreDrop, VerdictChange,
};
pub use check::{
    Access, Check, Comparison, Credentials, Expectation, Hidden, HttpCheck, MetricCheck, ProbeKind,
    PrometheusCheck, Signing, Statuses, TARGET_HOST,
};
pub use comparison::{CompareTo, Earlier};
pub use engine_kind::EngineKind;
pub use event::RunEvent;
pub use fault::{Fault, FaultProbe, FaultWindow};
pub use finding::{Finding, Level};
pub use forge_kind::ForgeKind;
pub use identity::RunIdentity;
pub use link::DashboardLink;
pub use output::OutputName;
pub use place::ExperimentPlace;
pub use plan::{HaltRule, HaltScope, Plan};
pub use plan_item::{PlanItem, PlanOrigin};
pub use plan_record::PlanRecord;
pub use preview::{PreviewRecord, ResourceCount, count_all, count_by_target};
pub use probe::{Phase, PhaseEvaluations, Phases, Probe, ProbePlan, Sample, Turn};
pub use provenance::{Difference, NO_CI};
pub use result::{
    Action, Effect, EngineError, Evidence, ExperimentResult, Gate, MonitorRecord, Outcome, RehearsalNote,
    Reported, RunResult, SCHEMA_VERSION, ScoreSource, StopReport, SubscriptionRecord, ToolInfo,
};
pub use run_state::{
    ExperimentState, Handover, Intent, LaunchRecord, OURS, ProcessIdentity, RunPhase, RunState,
    STATE_VERSION, SubscriptionState, Trace,
};
pub use score::{SCORING, Score, weighted_mean};
pub use shard::Shard;
pub use spec::{
    CommandLine, CommandSpec, EngineSpec, ExperimentPlan, HarnessProject, HarnessSpec, InjectionRule,
    LitmusProject, LitmusSpec, Monitor, Proof, RuntimeInputs,
};
pub use standing::{ExperimentStanding, Forecast, ProbeStanding, Standings, TimedAction};
pub use state::{Source, State, Transition};
pub use target::Target;
pub use template_facts::{ActionFacts, DURATION_PARAMETERS, TemplateFacts};
pub use verdict::{Signal, Verdict};
