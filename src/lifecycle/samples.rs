//! What is kept of a probe's evaluations: exact counts, and as many samples as a long run can afford.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{FaultWindow, Probe, ProbePlan, Sample, Score};

/// Samples of one probe that are kept.
const MOST: usize = 400;

/// The samples of one probe so far. The first and the last are always kept; of the others passes are thinned out
/// first, evenly, and failures only where they are the most by far.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// In the order of time, without the last.
    kept: Vec<Sample>,
    last: Option<Sample>,
    recorded: u64,
    passed: u64,
    total: u64,
    /// The longest that a look began after its time.
    late: Duration,
    passes: Stride,
    failures: Stride,
    /// The beginning of the passes that no failure has broken.
    unbroken_since: Option<Timestamp>,
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
    /// An evaluation that counts.
    pub(super) fn count(&mut self, sample: Sample) {
        self.total += 1;
        self.passed += u64::from(sample.passed);
        self.keep(sample);
    }

    /// An attempt that does not count by itself.
    pub(super) fn keep(&mut self, mut sample: Sample) {
        self.recorded += 1;
        if let Some(last) = self.last.as_ref().filter(|last| last.reason == sample.reason) {
            sample.reason.clone_from(&last.reason);
        }
        self.unbroken_since = sample.passed.then(|| self.unbroken_since.unwrap_or(sample.at));
        if let Some(before) = self.last.replace(sample) {
            let stride = if before.passed { &mut self.passes } else { &mut self.failures };
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
        let passes = self.kept.iter().filter(|sample| sample.passed).count();
        let thinned = passes * 4 >= self.kept.len();
        let stride = if thinned { &mut self.passes } else { &mut self.failures };
        stride.step = stride.step.saturating_mul(2);
        let (mut place, mut of_kind) = (0, 0);
        self.kept.retain(|sample| {
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
        self.last.as_ref().filter(|sample| !sample.passed)
    }

    /// What came of the probe.
    pub(super) fn into_probe(mut self, plan: &ProbePlan, fault: Option<&FaultWindow>) -> Probe {
        self.kept.extend(self.last.take());
        let detected_at = fault.and_then(|fault| {
            let failed = |sample: &&Sample| !sample.passed && sample.at >= fault.started_at;
            self.kept.iter().find(failed).map(|sample| sample.at)
        });
        let since = |end: Timestamp, begin: Timestamp| {
            let between = end.duration_since(begin).max(SignedDuration::ZERO);
            u64::try_from(between.as_millis()).unwrap_or_default()
        };
        let recovered = |fault: &FaultWindow| {
            // What never failed has nothing to recover from.
            detected_at.and(self.unbroken_since).zip(fault.ended_at)
        };
        Probe {
            name: plan.name.clone(),
            kind: plan.check.kind().to_owned(),
            passed: self.passed,
            total: self.total,
            score: Score::of_share(self.passed, self.total),
            weight: plan.weight,
            limit_ms: u64::try_from(plan.check.within().as_millis()).ok(),
            detected_after_ms: fault.zip(detected_at).map(|(fault, at)| since(at, fault.started_at)),
            recovered_after_ms: fault.and_then(recovered).map(|(at, end)| since(at, end)),
            late_ms: u64::try_from(self.late.as_millis()).unwrap_or(u64::MAX),
            samples_left_out: self.recorded.saturating_sub(self.kept.len() as u64),
            samples: self.kept,
        }
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
