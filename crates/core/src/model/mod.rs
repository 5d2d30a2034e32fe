//! The model: the types that all other modules speak in. It is pure, with no I/O, no clock and no async.
//!
//! - Before a run: `plan` (what is to be done), by one of the engines of `engine_kind`; `check` and `probe`
//!   (what is measured); `shard`, `plan_record` (a suite's digest), and `template_facts` (what an FIS template
//!   would do).
//! - While it goes on: `state` (states and transitions), `event` (what sinks hear), and `run_state` (the
//!   content of the state file).
//! - `preview` counts what an experiment would hit, before it is launched.
//! - After it: `result` (the content of `result.json`), `fault`, `finding`, `score`, `verdict`, `comparison`
//!   with an earlier run, and `output` (the outputs for later steps of a pipeline).
//! - Files that are read back: `provenance` tells whether they are of this run, `contradiction` whether they
//!   can be true.

mod check;
mod comparison;
mod contradiction;
mod engine_kind;
mod event;
mod fault;
mod finding;
mod forge_kind;
mod output;
mod plan;
mod plan_record;
mod preview;
mod probe;
mod provenance;
mod result;
mod run_state;
mod score;
mod shard;
mod state;
mod target;
mod template_facts;
mod verdict;

pub use check::{
    Access, Check, Comparison, Credentials, Expectation, Hidden, HttpCheck, MetricCheck, ProbeKind,
    PrometheusCheck, Signing, Statuses,
};
pub use comparison::{
    CompareTo, Earlier, EarlierRun, ExperimentChange, Presence, ProbeChange, RunComparison, ScoreChange,
    ScoreDrop, VerdictChange,
};
pub use engine_kind::EngineKind;
pub use event::RunEvent;
pub use fault::{Fault, FaultProbe};
pub use finding::{Finding, Level};
pub use forge_kind::ForgeKind;
pub use output::OutputName;
pub use plan::{
    CommandLine, CommandSpec, EngineSpec, ExperimentPlan, HarnessProject, HarnessSpec, InjectionRule,
    LitmusProject, LitmusSpec, Monitor, Plan, Proof, RunIdentity, RuntimeInputs,
};
pub use plan_record::PlanRecord;
pub use preview::{PreviewRecord, ResourceCount, by_target, total};
pub use probe::{Phase, PhaseLooks, Phases, Probe, ProbePlan, Sample, Turn};
pub use provenance::{Difference, NO_CI};
pub use result::{
    Action, Effect, EngineError, Evidence, ExperimentResult, FaultWindow, Gate, MonitorRecord, Outcome,
    RehearsalNote, Reported, RunResult, SCHEMA_VERSION, SCORING, ScoreSource, StopReport, SubscriptionRecord,
    ToolInfo,
};
pub use run_state::{
    ExperimentPlace, ExperimentState, Handover, Intent, LaunchRecord, OURS, ProcessIdentity, RunPhase,
    RunState, STATE_VERSION, SubscriptionState, Trace,
};
pub use score::{Score, weighted_mean};
pub use shard::Shard;
pub use state::{Source, State, Transition};
pub use target::Target;
pub use template_facts::{ActionFacts, TemplateFacts};
pub use verdict::{Signal, Verdict};
