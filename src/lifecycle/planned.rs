//! The plan that a merge is held against: the experiments that must all be there, and whose they are.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use faultgate_core::model::{
    ExperimentResult, Gate, PlanItem, PlanRecord, RunIdentity, RunResult, SCHEMA_VERSION, SCORING, Score,
    ToolInfo, Verdict,
};
use faultgate_core::text::plain;

/// Number of characters of a value from a file in a message.
const MAX_SHOWN_CHARS: usize = 80;

/// The items of a plan, and what a merge makes of those that have left no result.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedPlan {
    items: Vec<PlanItem>,
    /// Share of the experiments that may be `errored`, in percent.
    tolerate: Option<Score>,
    names: HashSet<String>,
    /// Id of this use of the plan, which all of its results have.
    run: String,
}

impl ExpectedPlan {
    /// Takes the items of a plan, which must be of one run and one suite, each experiment once.
    ///
    /// # Errors
    ///
    /// Each error completes a sentence that begins with the name of the plan.
    pub fn new(items: Vec<PlanItem>, tolerate: Option<Score>) -> Result<Self, Vec<String>> {
        let Some(first) = items.first() else { return Err(vec!["has no items".to_owned()]) };
        let mut problems = Vec::new();
        if items.iter().any(|item| item.run != first.run) {
            problems.push("has items of several plans: their runs differ".to_owned());
        }
        if items.iter().any(|item| item.suite != first.suite) {
            problems.push("has items of several suites".to_owned());
        }
        // A shorter plan would hide the experiments that it leaves out.
        if items.iter().any(|item| item.suite_size.is_some_and(|size| size != items.len())) {
            let size = first.suite_size.unwrap_or_default();
            problems.push(format!(
                "has {} items, and its suite {size} experiments: make it of the whole suite, without only and shard",
                items.len()
            ));
        }
        if items.iter().any(|item| item.experiment.is_empty()) {
            problems.push("has an item whose experiment has no name".to_owned());
        }
        let mut names = HashSet::new();
        for item in &items {
            if !names.insert(item.experiment.clone()) {
                problems
                    .push(format!("has the experiment {} twice", plain(&item.experiment, MAX_SHOWN_CHARS)));
            }
        }
        let run = first.run.clone();
        if problems.is_empty() { Ok(Self { items, tolerate, names, run }) } else { Err(problems) }
    }

    /// Takes the id of this use of the plan. Without one it is that of the items.
    #[must_use]
    pub fn used_as(self, run: Option<&str>) -> Self {
        Self { run: run.map_or(self.run, str::to_owned), ..self }
    }

    /// Returns the id of this use of the plan, which its results have as well.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns the digest of the suite that the plan is of.
    fn suite(&self) -> &str {
        self.items.first().map_or("", |item| &item.suite)
    }

    /// Returns the reasons why a part is none of this plan.
    pub(super) fn problems(&self, name: &str, part: &RunResult) -> Vec<String> {
        let mut problems = Vec::new();
        if !part.run.is_of_plan(self.run()) {
            let other = part.run.plan_run.as_deref().or(part.run.pipeline.as_deref());
            let other = other.map_or_else(|| "none".to_owned(), |run| plain(run, MAX_SHOWN_CHARS));
            let own = plain(self.run(), MAX_SHOWN_CHARS);
            problems.push(format!(
                "{name} is not of the plan: the plan is of the run {own}, the result of {other}: give faultgate plan, each job \
                 and the merge the same plan-run (FAULTGATE_PLAN_RUN), or take the results of this run alone"
            ));
        }
        if part.plan.as_ref().is_some_and(|plan| plan.digest != self.suite()) {
            problems.push(format!("{name} is of another suite than the plan"));
        }
        let mut suite = part.plan.iter().flat_map(|plan| &plan.experiments);
        if let Some(left_out) = suite.find(|name| !self.names.contains(*name)) {
            let left_out = plain(left_out, MAX_SHOWN_CHARS);
            problems.push(format!(
                "the suite of {name} has the experiment {left_out}, which the plan leaves out"
            ));
        }
        let strange = part.experiments.iter().filter(|experiment| !self.names.contains(&experiment.name));
        problems.extend(strange.map(|experiment| {
            let experiment = plain(&experiment.name, MAX_SHOWN_CHARS);
            format!("{name} has the experiment {experiment}, which the plan does not have")
        }));
        problems
    }

    /// Makes the result of a run of which no job has left one.
    pub(super) fn without_results(&self, run: RunIdentity, at: Timestamp) -> RunResult {
        let experiments = self.items.iter().map(|item| item.experiment.clone()).collect();
        RunResult {
            schema_version: SCHEMA_VERSION,
            scoring: SCORING,
            faultgate: ToolInfo::current(),
            rehearsal: None,
            run: RunIdentity { plan_run: Some(self.run.clone()), ..run },
            plan: Some(PlanRecord { digest: self.suite().to_owned(), experiments }),
            dry_run: false,
            started_at: at,
            ended_at: at,
            gate: Gate {
                verdict: Verdict::Errored,
                exit_code: Verdict::Errored.exit_code(None),
                resilience_score: None,
                expected_resilience_score: Score::FULL,
                reasons: Vec::new(),
                signal: None,
            },
            merged: false,
            tolerate: None,
            comparison: None,
            links: Vec::new(),
            experiments: Vec::new(),
            findings: Vec::new(),
            subscriptions: Vec::new(),
            reporting: Vec::new(),
            api_calls: BTreeMap::new(),
        }
    }

    /// Puts the experiments into the order of the plan, with an errored one for each that is missing.
    pub(super) fn complete(&self, whole: &mut RunResult) {
        let found = std::mem::take(&mut whole.experiments);
        let mut found: std::collections::HashMap<String, ExperimentResult> =
            found.into_iter().map(|experiment| (experiment.name.clone(), experiment)).collect();
        let all = self
            .items
            .iter()
            .map(|item| found.remove(&item.experiment).unwrap_or_else(|| ExperimentResult::missing(item)));
        whole.experiments = all.collect();
        whole.tolerate = self.tolerate;
    }
}
