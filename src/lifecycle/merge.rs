//! The merge of several results into one, as if their experiments had been one run: the parts of a suite that
//! was split over jobs.
//!
//! Only parts of one run and one suite are merged, and a suite of which a part is doubled is refused. One of
//! which a part is missing is refused as well, unless a plan says what the part would have held. The gate
//! decides anew about the whole. The parts come one by one, and no more of them is kept than the merged result
//! holds.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::gate::decide;
use super::kept_samples::KeptSamples;
use super::parts::{PartsOfSuite, long_apart, missing_shards};
use super::planned::ExpectedPlan;
use faultgate_core::model::{
    CompareTo, ExperimentResult, Finding, Gate, Reported, RunIdentity, RunResult, Shard, ToolInfo, Verdict,
};
use faultgate_core::text::plain;

/// Number of problems that are told. Thousands of foreign parts have thousands of them.
const MAX_PROBLEMS: usize = 50;
/// Number of missing reports of the parts that the merged result names.
const MAX_REPORTED: usize = 100;
/// Number of characters of an experiment's name in a message.
const MAX_NAME_CHARS: usize = 80;

/// The parts of a run as far as they were added.
#[derive(Debug, Default)]
pub struct Merger {
    expected: Option<ExpectedPlan>,
    /// `true` if all parts have the id that this one run was given.
    has_plan_run: bool,
    first: Option<FirstPart>,
    /// The result so far, without its experiments.
    whole: Option<RunResult>,
    rows: Vec<(Option<Shard>, Vec<ExperimentResult>)>,
    samples: KeptSamples,
    suite: PartsOfSuite,
    /// The name of each experiment, and of the part that it is in.
    experiments: HashMap<String, Rc<str>>,
    refusals: Vec<(Option<Shard>, Refusal)>,
    notes: Vec<Finding>,
    problems: Vec<String>,
}

/// The part that all others are compared with, as far as the whole does not keep it.
#[derive(Debug)]
struct FirstPart {
    name: Rc<str>,
    started_at: Timestamp,
}

impl Merger {
    /// Begins a merge, which is held against a plan if there is one.
    pub fn new(expected: Option<ExpectedPlan>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// Takes it that all parts have the id which this one run was given, however far apart they began.
    #[must_use]
    pub fn of_plan_run(self) -> Self {
        Self { has_plan_run: true, ..self }
    }

    /// Adds a part with the name of its origin. Parts may come in any order: their experiments are put into that
    /// of the suite, where a part tells it.
    pub fn add(&mut self, name: &str, mut part: RunResult) {
        let name: Rc<str> = name.into();
        self.find_problems(&name, &part);
        self.refusals.extend(Refusal::find(&name, &part).map(|refusal| (part.run.shard, refusal)));
        let mut experiments = std::mem::take(&mut part.experiments);
        self.samples.take(&mut experiments, self.rows.iter_mut().flat_map(|(_, row)| row));
        self.rows.push((part.run.shard, experiments));
        part.plan = None;
        let reporting = missing_reports(&name, std::mem::take(&mut part.reporting));
        if let Some(whole) = &mut self.whole {
            let room = MAX_REPORTED.saturating_sub(whole.reporting.len());
            whole.reporting.extend(reporting.take(room));
            add(whole, part);
        } else {
            let reporting = reporting.take(MAX_REPORTED).collect();
            self.whole = Some(RunResult { reporting, tolerate: None, ..part });
        }
    }

    /// Adds a note about the parts to the merged result.
    pub fn note(&mut self, note: Finding) {
        self.notes.push(note);
    }

    /// Takes what the plan says for the result of this run, if there is no part at all.
    pub fn stand_in(&mut self, run: RunIdentity, at: Timestamp) {
        if let Some(expected) = self.expected.as_ref().filter(|_| self.whole.is_none()) {
            self.whole = Some(expected.without_results(run, at));
        }
    }

    /// Returns the first part, without its experiments.
    pub fn first(&self) -> Option<&RunResult> {
        self.whole.as_ref()
    }

    /// Makes the merged result. The whole is compared anew, whatever the parts were compared with.
    ///
    /// # Errors
    ///
    /// Each error says by itself why these are not the parts of one run.
    pub fn finish(mut self, compare_to: Option<&CompareTo>) -> Result<RunResult, Vec<String>> {
        self.find_missing();
        if !self.problems.is_empty() {
            let more = self.problems.len().saturating_sub(MAX_PROBLEMS);
            self.problems.truncate(MAX_PROBLEMS);
            self.problems
                .extend((more > 0).then(|| format!("{more} more problems of this kind are not told")));
            return Err(self.problems);
        }
        let Some(mut whole) = self.whole else { return Err(vec!["there is no result to merge".to_owned()]) };
        self.rows.sort_by_key(|(shard, _)| *shard);
        let are_shards = whole.run.shard.take().is_some();
        let rows = self.rows.into_iter().map(|(_, row)| row);
        whole.experiments = if are_shards { in_turn(rows.collect()) } else { rows.flatten().collect() };
        whole.plan = self.suite.into_record().or(whole.plan);
        if let Some(plan) = &whole.plan {
            let places: HashMap<&str, usize> =
                plan.experiments.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
            whole.experiments.sort_by_key(|experiment| places.get(experiment.name.as_str()).copied());
        }
        if let Some(expected) = &self.expected {
            expected.complete(&mut whole);
        }
        whole.findings.extend(self.notes);
        whole.merged = true;
        whole.faultgate = ToolInfo::current();
        let compare_to = compare_to.filter(|_| !whole.dry_run);
        whole.comparison = compare_to.map(|compare_to| compare_to.compare(&whole.experiments, true));
        whole.gate = decide(&whole);
        self.refusals.sort_by_key(|(shard, _)| *shard);
        for (_, refusal) in self.refusals {
            refusal.apply(&mut whole.gate);
        }
        Ok(whole)
    }

    /// Notes all reasons why a part is not of the same run as those before it.
    fn find_problems(&mut self, name: &Rc<str>, part: &RunResult) {
        if let (Some(first), Some(whole)) = (&self.first, &self.whole) {
            let differences = self.tie(&whole.run).apart(&self.tie(&part.run));
            let mut differ = |same: bool, what: &str| {
                if !same {
                    self.problems.push(format!("{} and {name} are not of one run: {what}", first.name));
                }
            };
            let (a, b) = (whole.gate.expected_resilience_score, part.gate.expected_resilience_score);
            differ(a == b, &format!("the one expects a resilience score of {a}, the other of {b}"));
            differ(whole.scoring == part.scoring, "they are scored by different rules");
            differ(whole.dry_run == part.dry_run, "only one of them is a dry run");
            differ(whole.rehearsal == part.rehearsal, "they are no rehearsals of the same scenario");
            for found in differences {
                differ(false, &format!("the one is of {}, the other of {}", found.own, found.other));
            }
            let apart = long_apart(whole, first.started_at, part).filter(|_| !self.has_plan_run);
            if let Some(why) = apart {
                differ(false, &why);
            }
        } else {
            self.first = Some(FirstPart { name: Rc::clone(name), started_at: part.started_at });
        }
        self.problems.extend(self.suite.add(name, part));
        if let Some(expected) = &self.expected {
            self.problems.extend(expected.problems(name, part));
        }
        for experiment in &part.experiments {
            if let Some(first) = self.experiments.insert(experiment.name.clone(), Rc::clone(name)) {
                let experiment = plain(&experiment.name, MAX_NAME_CHARS);
                self.problems.push(format!("the experiment {experiment} is in {first} and in {name}"));
            }
        }
    }

    /// Returns what ties a part to the others: the id of its plan does so only if this one run was given it, since
    /// a plan may be used again.
    fn tie(&self, run: &RunIdentity) -> RunIdentity {
        RunIdentity { plan_run: run.plan_run.clone().filter(|_| self.has_plan_run), ..run.clone() }
    }

    /// Notes what is missing, which only the last part tells.
    fn find_missing(&mut self) {
        // A plan names what is missing, and that is errored instead of refused.
        if self.expected.is_some() {
            return;
        }
        let missing = missing_shards(self.suite.shards());
        self.problems.extend(missing);
        self.problems.extend(self.suite.find_missing(|name| self.experiments.contains_key(name)));
    }
}

/// Adds what does not depend on the order of the parts.
fn add(whole: &mut RunResult, part: RunResult) {
    whole.started_at = whole.started_at.min(part.started_at);
    whole.ended_at = whole.ended_at.max(part.ended_at);
    whole.gate.signal = whole.gate.signal.or(part.gate.signal);
    if whole.run.url != part.run.url {
        // Each job has a page of its own, and none of these is the page of all.
        whole.run.url = None;
    }
    // All parts have checked the same account, so most findings are equal.
    for finding in part.findings {
        if !whole.findings.contains(&finding) {
            whole.findings.push(finding);
        }
    }
    whole.subscriptions.extend(part.subscriptions);
    for (operation, calls) in part.api_calls {
        let sum = whole.api_calls.entry(operation).or_default();
        *sum = sum.saturating_add(calls);
    }
}

/// Returns the reports of a part that are missing, named after it. Those that were written are not told again.
fn missing_reports(name: &str, reporting: Vec<Reported>) -> impl Iterator<Item = Reported> {
    let missing = reporting.into_iter().filter(Reported::is_missing);
    missing.map(move |reported| Reported { sink: format!("{} of {name}", reported.sink), ..reported })
}

/// Takes one item of each row in turn until none is left: the reverse of [`Shard::takes`].
fn in_turn<T>(rows: Vec<Vec<T>>) -> Vec<T> {
    let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(rows.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

/// A `no` of a part's gate although its experiments alone would have passed: a required report is missing. A
/// refusal of a part refuses the whole.
#[derive(Debug)]
struct Refusal {
    verdict: Verdict,
    reason: String,
}

impl Refusal {
    /// Returns the refusal of a part, if there is one.
    fn find(name: &str, part: &RunResult) -> Option<Self> {
        let refused = part.gate.verdict != Verdict::Passed && decide(part).verdict == Verdict::Passed;
        // An errored experiment may be tolerated, and a required report may not.
        if let Some(missing) = part.reporting.iter().find(|reported| reported.required).filter(|_| !refused) {
            let why = missing.detail.as_deref().unwrap_or_default();
            let reason = format!("the part {name} lacks the required report {}: {why}", missing.sink);
            return Some(Self { verdict: Verdict::Errored, reason });
        }
        refused.then(|| {
            let verdict = part.gate.verdict;
            let told = part.gate.reasons.first().filter(|reason| !reason.is_empty());
            let why = told.map_or("it does not say why", String::as_str);
            Self { verdict, reason: format!("the part {name} is {verdict}: {why}") }
        })
    }

    /// Makes a gate's verdict at least as bad as the refusal.
    fn apply(self, gate: &mut Gate) {
        // Verdicts are ordered by weight: the first one that occurs is the run's.
        gate.verdict = gate.verdict.min(self.verdict);
        gate.exit_code = gate.verdict.exit_code(gate.signal);
        gate.reasons.insert(0, self.reason);
    }
}

#[cfg(test)]
#[path = "merge_plan_tests.rs"]
mod plan_tests;
#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
