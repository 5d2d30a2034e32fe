//! The result of a run, put together of what is known at its end.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gate;
use faultgate_core::model::{
    ExperimentResult, Finding, Gate, Plan, RehearsalNote, RunIdentity, RunResult, SCHEMA_VERSION, SCORING,
    Signal, SubscriptionRecord, ToolInfo, Verdict,
};

/// The facts at the end of a run, from which its result follows.
pub(super) struct RunFacts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a RunIdentity,
    pub(super) rehearsal: Option<RehearsalNote>,
    pub(super) signal: Option<Signal>,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) experiments: Vec<ExperimentResult>,
    pub(super) findings: Vec<Finding>,
    pub(super) subscriptions: Vec<SubscriptionRecord>,
    /// Number of requests, by operation.
    pub(super) api_calls: BTreeMap<String, u64>,
}

impl RunFacts<'_> {
    /// Returns the result, with the decision of the gate.
    pub(super) fn into_result(self) -> RunResult {
        let Self { plan, run, .. } = self;
        let mut result = RunResult {
            schema_version: SCHEMA_VERSION,
            scoring: SCORING,
            faultgate: ToolInfo::current(),
            rehearsal: self.rehearsal,
            run: RunIdentity { shard: plan.shard, ..run.clone() },
            plan: plan.suite.clone(),
            dry_run: plan.dry_run,
            started_at: self.started_at,
            ended_at: self.ended_at,
            gate: Gate {
                verdict: Verdict::Errored,
                exit_code: Verdict::Errored.exit_code(self.signal),
                resilience_score: None,
                expected_resilience_score: plan.expected,
                reasons: Vec::new(),
                signal: self.signal,
            },
            merged: false,
            tolerate: None,
            comparison: gate::comparison(plan, &self.experiments),
            links: plan.links.clone(),
            experiments: self.experiments,
            findings: self.findings,
            subscriptions: self.subscriptions,
            reporting: Vec::new(),
            api_calls: self.api_calls,
        };
        result.gate = gate::decide(&result);
        result
    }
}
