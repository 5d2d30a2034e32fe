//! The memory of a probe's evaluations: when each began and whether it passed, and as many samples as a long
//! run can afford.
//!
//! Whether an evaluation counts is only known when the engine's record tells the fault window. Each
//! evaluation is therefore kept in a few bytes until then, and only the samples, which hold texts, are
//! thinned out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use faultgate_core::model::{FaultWindow, Phase, PhaseEvaluations, Phases, Probe, ProbePlan, Sample, Score};

/// Number of samples of one probe that are kept.
const MAX_SAMPLES: usize = 400;

/// The purpose of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An evaluation that shows whether the system is in its steady state before the launch.
    Before,
    /// An evaluation that shows how the system bears the fault.
    During,
    /// An evaluation that shows whether the system has recovered yet; another one follows.
    Attempt,
    /// An evaluation that decides how the system is after the end.
    After,
}

/// One evaluation, in a few bytes.
#[derive(Debug, Clone, Copy)]
struct KeptEvaluation {
    at: Timestamp,
    /// The latency in milliseconds, or `NO_LATENCY` where it was not measured.
    latency: u32,
    passed: bool,
    purpose: Purpose,
}

/// The value that stands for a latency which was not measured.
const NO_LATENCY: u32 = u32::MAX;

impl KeptEvaluation {
    /// Keeps of a sample what is needed for the score.
    fn new(sample: &Sample, purpose: Purpose) -> Self {
        let latency = sample.latency_ms.map_or(NO_LATENCY, |latency| {
            u32::try_from(latency).unwrap_or(NO_LATENCY - 1).min(NO_LATENCY - 1)
        });
        Self { at: sample.at, latency, passed: sample.passed, purpose }
    }
}

/// Returns the phase of an evaluation, seen from the fault window. While no fault window is known, an
/// evaluation during the experiment keeps the phase that it was made for.
fn phase(purpose: Purpose, at: Timestamp, fault: Option<&FaultWindow>) -> Phase {
    match (purpose, fault) {
        (Purpose::Before, _) => Phase::Before,
        (Purpose::Attempt | Purpose::After, _) => Phase::After,
        (Purpose::During, Some(fault)) if at < fault.started_at => Phase::Before,
        (Purpose::During, Some(fault)) if fault.ended_at.is_some_and(|end| at > end) => Phase::After,
        (Purpose::During, _) => Phase::During,
    }
}

/// The evaluations and samples of one probe so far. The first and the last sample are always kept; of the
/// others, passes are thinned out first, evenly, and failures only where they are the most by far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    /// Every evaluation, in the order of time.
    evaluations: Vec<KeptEvaluation>,
    /// The kept samples in the order of time, without the last one.
    kept: Vec<(Sample, Purpose)>,
    last: Option<(Sample, Purpose)>,
    /// The longest delay of an evaluation behind its time.
    late: Duration,
    passes: Stride,
    failures: Stride,
}

/// A counter that selects one of every `step` samples.
#[derive(Debug, Clone)]
struct Stride {
    step: u64,
    seen: u64,
}

impl Default for Stride {
    fn default() -> Self {
        Self { step: 1, seen: 0 }
    }
}

impl Stride {
    /// Counts one sample, and returns `true` if it is selected.
    fn select(&mut self) -> bool {
        let selected = self.seen.is_multiple_of(self.step);
        self.seen += 1;
        selected
    }
}

impl Samples {
    /// Adds the sample of one evaluation.
    pub(crate) fn add(&mut self, mut sample: Sample, purpose: Purpose) {
        self.evaluations.push(KeptEvaluation::new(&sample, purpose));
        // Equal reasons in a row share one allocation, since a probe may fail for the same reason thousands
        // of times.
        if let Some((last, _)) = self.last.as_ref().filter(|(last, _)| last.reason == sample.reason) {
            sample.reason.clone_from(&last.reason);
        }
        // The last sample is held apart, so that it is in the report whatever the stride selects.
        if let Some(before) = self.last.replace((sample, purpose)) {
            let stride = if before.0.passed { &mut self.passes } else { &mut self.failures };
            if stride.select() || self.kept.is_empty() {
                self.kept.push(before);
            }
        }
        if self.kept.len() >= MAX_SAMPLES {
            self.thin();
        }
    }

    /// Removes every second sample of one kind, but never the first of all, and halves the rate at which this
    /// kind is kept from now on.
    fn thin(&mut self) {
        let passes = self.kept.iter().filter(|(sample, _)| sample.passed).count();
        // Failures are worth more to a reader, so they are thinned out only where fewer than a quarter are
        // passes.
        let thinned = passes * 4 >= self.kept.len();
        let stride = if thinned { &mut self.passes } else { &mut self.failures };
        stride.step = stride.step.saturating_mul(2);
        let (mut place, mut of_kind) = (0, 0);
        self.kept.retain(|(sample, _)| {
            let first = place == 0;
            place += 1;
            if sample.passed != thinned {
                return true;
            }
            of_kind += 1;
            first || of_kind % 2 == 1
        });
    }

    /// Notes that an evaluation begins this long after its time.
    pub(crate) fn note_delay(&mut self, late: Duration) {
        self.late = self.late.max(late);
    }

    /// Returns the last sample if it failed.
    pub(crate) fn last_failure(&self) -> Option<&Sample> {
        self.last.as_ref().map(|(sample, _)| sample).filter(|sample| !sample.passed)
    }

    /// Returns `true` if the evaluation that decides how the system is after the end has passed.
    pub(crate) fn has_recovered(&self) -> bool {
        self.last.as_ref().is_some_and(|(sample, purpose)| sample.passed && *purpose == Purpose::After)
    }

    /// Returns `true` if the last sample passed.
    pub(crate) fn has_passed_last(&self) -> bool {
        self.last.as_ref().is_some_and(|(sample, _)| sample.passed)
    }

    /// Returns whether the evaluation after the end passed. None if there is none.
    pub(crate) fn has_passed_after(&self) -> Option<bool> {
        let after = self.evaluations.iter().rfind(|look| look.purpose == Purpose::After);
        after.map(|look| look.passed)
    }

    /// Returns the evaluations since the launch, whether or not they will count.
    pub(crate) fn since_launch(&self) -> PhaseEvaluations {
        summary(self.evaluations.iter().filter(|evaluation| evaluation.purpose != Purpose::Before))
    }

    /// Returns the number of failures in a row up to now, among the evaluations that began at or after
    /// `since`.
    pub(crate) fn failures_since(&self, since: Timestamp) -> usize {
        let latest = self
            .evaluations
            .iter()
            .rev()
            .take_while(|evaluation| !evaluation.passed && evaluation.at >= since);
        latest.count()
    }

    /// Returns the result of the probe, for the fault window that the record tells.
    pub(crate) fn into_probe(mut self, plan: &ProbePlan, fault: Option<&FaultWindow>) -> Probe {
        let phase_of = |evaluation: &KeptEvaluation| phase(evaluation.purpose, evaluation.at, fault);
        let in_phase =
            |wanted: Phase| self.evaluations.iter().filter(move |evaluation| phase_of(evaluation) == wanted);
        // No evaluation counts as one during the fault where no fault was in.
        let in_fault = || in_phase(Phase::During).filter(|_| fault.is_some());
        let after = || self.evaluations.iter().filter(|evaluation| evaluation.purpose == Purpose::After);
        let counting = || in_fault().chain(after());
        let (counted, passed_counted) = tally(counting());
        let (total, passed) = tally(self.evaluations.iter());
        // An expected phase without an evaluation scores zero: nothing that was not measured counts as good.
        let is_missing = |phase: &Phase| match phase {
            Phase::Before => false,
            Phase::During => in_fault().next().is_none(),
            Phase::After => after().next().is_none(),
        };
        let unevaluated = plan.when.iter().copied().find(is_missing);
        let score = match unevaluated {
            Some(_) => Score::ZERO,
            None if plan.is_scored() => Score::of_share(passed_counted, counted),
            None => Score::of_share(passed, total),
        };
        let phases = Phases {
            before: summary(in_phase(Phase::Before)),
            during: summary(in_phase(Phase::During)),
            after: summary(in_phase(Phase::After)),
        };
        let suffering = fault.map(|fault| Suffering::measure(&self.evaluations, fault)).unwrap_or_default();
        let recorded = self.evaluations.len();
        self.kept.extend(self.last.take());
        let samples: Vec<Sample> = self
            .kept
            .into_iter()
            .map(|(sample, purpose)| Sample { phase: phase(purpose, sample.at, fault), ..sample })
            .collect();
        Probe {
            passed,
            total,
            passed_counted,
            counted,
            score,
            phases,
            unevaluated,
            flaps: suffering.flaps,
            limit_ms: u64::try_from(plan.check.within().as_millis()).ok(),
            detected_after_ms: suffering.detected_after_ms,
            recovered_after_ms: suffering.recovered_after_ms,
            late_ms: u64::try_from(self.late.as_millis()).unwrap_or(u64::MAX),
            samples_left_out: (recorded - samples.len()) as u64,
            samples,
            ..Probe::new(
                &plan.name,
                plan.check.kind().as_str(),
                if plan.is_scored() { plan.weight } else { 0 },
            )
        }
    }
}

/// Returns the number of evaluations, and the number of those that passed.
fn tally<'a>(evaluations: impl Iterator<Item = &'a KeptEvaluation>) -> (u64, u64) {
    evaluations.fold((0, 0), |(total, passed), evaluation| (total + 1, passed + u64::from(evaluation.passed)))
}

/// Returns the counts and latencies of one phase.
fn summary<'a>(evaluations: impl Iterator<Item = &'a KeptEvaluation> + Clone) -> PhaseEvaluations {
    let (total, passed) = tally(evaluations.clone());
    let mut latencies: Vec<u32> =
        evaluations.map(|evaluation| evaluation.latency).filter(|ms| *ms != NO_LATENCY).collect();
    latencies.sort_unstable();
    // A percentile is the nearest rank: the smallest latency that this share of all does not exceed.
    let percentile = |percent: usize| {
        let rank = (latencies.len() * percent).div_ceil(100);
        latencies.get(rank.saturating_sub(1)).copied().map(u64::from)
    };
    PhaseEvaluations {
        total,
        passed,
        p50_ms: percentile(50),
        p95_ms: percentile(95),
        max_ms: latencies.last().copied().map(u64::from),
    }
}

/// The effect of the fault, as the evaluations show it.
#[derive(Debug, Default)]
struct Suffering {
    detected_after_ms: Option<u64>,
    recovered_after_ms: Option<u64>,
    /// `true` if the probe failed, passed and failed again since the fault began.
    flaps: bool,
}

impl Suffering {
    fn measure(evaluations: &[KeptEvaluation], fault: &FaultWindow) -> Self {
        let since_start = || evaluations.iter().skip_while(|evaluation| evaluation.at < fault.started_at);
        let Some(detected) = since_start().find(|evaluation| !evaluation.passed) else {
            return Self::default();
        };
        // A probe that has turned more than once cannot tell whether its last pass is one more turn or the
        // recovery.
        let flaps = since_start()
            .zip(since_start().skip(1))
            .any(|(one, next)| one.passed && !next.passed && one.at >= detected.at);
        let unbroken = evaluations.iter().rev().take_while(|evaluation| evaluation.passed).last();
        let recovered = unbroken.zip(fault.ended_at).filter(|_| !flaps);
        Self {
            detected_after_ms: Some(between(fault.started_at, detected.at)),
            recovered_after_ms: recovered.map(|(evaluation, end)| between(end, evaluation.at)),
            flaps,
        }
    }
}

/// Returns the milliseconds from one time to a later one; 0 if it is not later.
fn between(begin: Timestamp, end: Timestamp) -> u64 {
    let between = end.duration_since(begin).max(SignedDuration::ZERO);
    u64::try_from(between.as_millis()).unwrap_or_default()
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
