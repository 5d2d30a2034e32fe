//! What is kept of a probe's looks: when each began and whether it passed, and as many samples as a long run can afford.
//!
//! Whether a look counts is only known when the engine's record says when the fault was in. So each look is kept in a few
//! bytes until then, and only the samples, which hold texts, are thinned out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use faultgate_core::model::{FaultWindow, Phase, PhaseLooks, Phases, Probe, ProbePlan, Sample, Score};

/// Samples of one probe that are kept.
const MOST: usize = 400;

/// What a look is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see whether the system is steady before the launch.
    Before,
    /// To see how the system bears the fault.
    During,
    /// To see whether the system has recovered yet; another look follows.
    Attempt,
    /// To say how the system is after the end.
    After,
}

/// One look, in a few bytes.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Timestamp,
    /// In milliseconds; `NO_LATENCY` where it has none.
    latency: u32,
    passed: bool,
    purpose: Purpose,
}

const NO_LATENCY: u32 = u32::MAX;

impl Look {
    fn of(sample: &Sample, purpose: Purpose) -> Self {
        let latency = sample.latency_ms.map_or(NO_LATENCY, |latency| {
            u32::try_from(latency).unwrap_or(NO_LATENCY - 1).min(NO_LATENCY - 1)
        });
        Self { at: sample.at, latency, passed: sample.passed, purpose }
    }
}

/// When a look for this purpose was made, seen from the fault. While no fault is known, a look during the experiment
/// stays what it was made for.
fn phase(purpose: Purpose, at: Timestamp, fault: Option<&FaultWindow>) -> Phase {
    match (purpose, fault) {
        (Purpose::Before, _) => Phase::Before,
        (Purpose::Attempt | Purpose::After, _) => Phase::After,
        (Purpose::During, Some(fault)) if at < fault.started_at => Phase::Before,
        (Purpose::During, Some(fault)) if fault.ended_at.is_some_and(|end| at > end) => Phase::After,
        (Purpose::During, _) => Phase::During,
    }
}

/// The samples of one probe so far. The first and the last are always kept; of the others passes are thinned out
/// first, evenly, and failures only where they are the most by far.
#[derive(Debug, Default)]
pub(super) struct Samples {
    looks: Vec<Look>,
    /// In the order of time, without the last.
    kept: Vec<(Sample, Purpose)>,
    last: Option<(Sample, Purpose)>,
    /// The longest that a look began after its time.
    late: Duration,
    passes: Stride,
    failures: Stride,
}

/// Takes one of so many.
#[derive(Debug)]
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
    fn takes(&mut self) -> bool {
        let takes = self.seen.is_multiple_of(self.step);
        self.seen += 1;
        takes
    }
}

impl Samples {
    pub(super) fn add(&mut self, mut sample: Sample, purpose: Purpose) {
        self.looks.push(Look::of(&sample, purpose));
        if let Some((last, _)) = self.last.as_ref().filter(|(last, _)| last.reason == sample.reason) {
            sample.reason.clone_from(&last.reason);
        }
        if let Some(before) = self.last.replace((sample, purpose)) {
            let stride = if before.0.passed { &mut self.passes } else { &mut self.failures };
            if stride.takes() || self.kept.is_empty() {
                self.kept.push(before);
            }
        }
        if self.kept.len() >= MOST {
            self.thin();
        }
    }

    /// Every second one of a kind goes.
    fn thin(&mut self) {
        let passes = self.kept.iter().filter(|(sample, _)| sample.passed).count();
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

    /// A look begins so long after its time.
    pub(super) fn late(&mut self, late: Duration) {
        self.late = self.late.max(late);
    }

    pub(super) fn failed(&self) -> Option<&Sample> {
        self.last.as_ref().map(|(sample, _)| sample).filter(|sample| !sample.passed)
    }

    /// The looks that have failed in a row up to now, of those that began at or after `since`.
    pub(super) fn failures_since(&self, since: Timestamp) -> usize {
        let latest = self.looks.iter().rev().take_while(|look| !look.passed && look.at >= since);
        latest.count()
    }

    /// What came of the probe, where the fault was in at that time.
    pub(super) fn into_probe(mut self, plan: &ProbePlan, fault: Option<&FaultWindow>) -> Probe {
        let phase_of = |look: &Look| phase(look.purpose, look.at, fault);
        let looks = |wanted: Phase| self.looks.iter().filter(move |look| phase_of(look) == wanted);
        let in_fault = || looks(Phase::During).filter(|_| fault.is_some());
        let evaluation = || self.looks.iter().filter(|look| look.purpose == Purpose::After);
        let counting = || in_fault().chain(evaluation());
        let (counted, passed_counted) = tally(counting());
        let (total, passed) = tally(self.looks.iter());
        let is_missing = |phase: &Phase| match phase {
            Phase::Before => false,
            Phase::During => in_fault().next().is_none(),
            Phase::After => evaluation().next().is_none(),
        };
        let unevaluated = plan.when.iter().copied().find(is_missing);
        let score = match unevaluated {
            Some(_) => Score::ZERO,
            None if plan.is_scored() => Score::of_share(passed_counted, counted),
            None => Score::of_share(passed, total),
        };
        let phases = Phases {
            before: summary(looks(Phase::Before)),
            during: summary(looks(Phase::During)),
            after: summary(looks(Phase::After)),
        };
        let suffering = fault.map(|fault| Suffering::of(&self.looks, fault)).unwrap_or_default();
        let recorded = self.looks.len();
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
            ..Probe::new(&plan.name, plan.check.kind(), if plan.is_scored() { plan.weight } else { 0 })
        }
    }
}

/// How many there are, and how many of them passed.
fn tally<'a>(looks: impl Iterator<Item = &'a Look>) -> (u64, u64) {
    looks.fold((0, 0), |(total, passed), look| (total + 1, passed + u64::from(look.passed)))
}

fn summary<'a>(looks: impl Iterator<Item = &'a Look> + Clone) -> PhaseLooks {
    let (total, passed) = tally(looks.clone());
    let mut latencies: Vec<u32> = looks.map(|look| look.latency).filter(|of| *of != NO_LATENCY).collect();
    latencies.sort_unstable();
    // The nearest rank: the smallest latency that so many of a hundred do not exceed.
    let percentile = |percent: usize| {
        let rank = (latencies.len() * percent).div_ceil(100);
        latencies.get(rank.saturating_sub(1)).copied().map(u64::from)
    };
    PhaseLooks {
        total,
        passed,
        p50_ms: percentile(50),
        p95_ms: percentile(95),
        max_ms: latencies.last().copied().map(u64::from),
    }
}

/// What the looks tell of the fault's effect.
#[derive(Debug, Default)]
struct Suffering {
    detected_after_ms: Option<u64>,
    recovered_after_ms: Option<u64>,
    flaps: bool,
}

impl Suffering {
    fn of(looks: &[Look], fault: &FaultWindow) -> Self {
        let since_start = || looks.iter().skip_while(|look| look.at < fault.started_at);
        let Some(detected) = since_start().find(|look| !look.passed) else { return Self::default() };
        // Whether the last pass is one more turn or a recovery, a probe that has turned more than once cannot tell.
        let flaps = since_start()
            .zip(since_start().skip(1))
            .any(|(one, next)| one.passed && !next.passed && one.at >= detected.at);
        let unbroken = looks.iter().rev().take_while(|look| look.passed).last();
        let recovered = unbroken.zip(fault.ended_at).filter(|_| !flaps);
        Self {
            detected_after_ms: Some(between(fault.started_at, detected.at)),
            recovered_after_ms: recovered.map(|(look, end)| between(end, look.at)),
            flaps,
        }
    }
}

/// Milliseconds from one time to a later one; 0 if it is not later.
fn between(begin: Timestamp, end: Timestamp) -> u64 {
    let between = end.duration_since(begin).max(SignedDuration::ZERO);
    u64::try_from(between.as_millis()).unwrap_or_default()
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
