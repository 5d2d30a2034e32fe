//! Probes: repeated checks of the steady state, and their results.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Check, Score, TimeInOk};
use crate::closed_set;

closed_set! {
    /// The part of a run in which a probe is evaluated, relative to the fault.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Phase {
        /// The time before the launch: if the probe fails, nothing is launched.
        Before = "before",
        /// The time while the experiment runs, in which the probe is evaluated at an interval.
        During = "during",
        /// The time after the end of the experiment.
        After = "after",
    }
}

/// A probe as the settings describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbePlan {
    pub name: String,
    pub check: Check,
    /// Phases in which the probe is evaluated, in order; never empty.
    pub when: Vec<Phase>,
    /// Interval from the beginning of one evaluation to the beginning of the next.
    pub every: Duration,
    pub weight: u32,
    /// Time after the end of the experiment in which the probe may still fail, as long as it passes at last.
    pub recovers_within: Option<Duration>,
    /// Number of failures in a row, 1 or more, that stop the experiment while its fault is in.
    pub aborts_after: Option<u32>,
}

impl ProbePlan {
    /// Returns `false` for a probe that is only evaluated before the launch: it has to pass, and has no part
    /// in the score.
    pub fn is_scored(&self) -> bool {
        self.when.iter().any(|phase| *phase != Phase::Before)
    }
}

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub name: String,
    /// Word of the kind of the probe: `http`, `tcp`, … A file that is read back may have any other.
    pub kind: String,
    /// Number of evaluations that passed, whether or not they count.
    pub passed: u64,
    /// Number of all evaluations, whether or not they count.
    pub total: u64,
    /// Number of evaluations that count and passed. Those count that began while the fault was in, and the
    /// one after the end. All attempts of a recovery are one evaluation, which passed if the last attempt
    /// did.
    #[serde(default)]
    pub passed_counted: u64,
    /// Number of evaluations that count.
    #[serde(default)]
    pub counted: u64,
    /// Share of the counted evaluations that passed, 0 to 100; 0 if a phase is `unevaluated`.
    pub score: Score,
    /// Weight in the score; 0 for a probe that is only evaluated before the launch.
    pub weight: u32,
    /// All evaluations, divided by the phase in which they began.
    #[serde(default)]
    pub phases: Phases,
    /// First phase in which the probe should have been evaluated and was not: nothing is known of the system
    /// in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unevaluated: Option<Phase>,
    /// `true` if the probe failed, passed and failed again after the start of the fault, so that its last
    /// pass is no recovery.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub flaps: bool,
    /// The measure by time of an alarm that was followed by events, from which its score is computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by_time: Option<TimeInOk>,
    /// The reason why an alarm that was followed could not be measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unmeasured: Option<String>,
    /// Latency above which the probe fails, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_ms: Option<u64>,
    /// Time from the start of the fault to the first sample that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detected_after_ms: Option<u64>,
    /// Time from the end of the fault to the first sample of the last unbroken pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovered_after_ms: Option<u64>,
    pub samples: Vec<Sample>,
    /// Longest delay of an evaluation behind its schedule. More than a moment means that the schedule was not
    /// kept.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub late_ms: u64,
    /// Number of samples that were counted and not kept, because there were too many.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub samples_left_out: u64,
}

/// The evaluations of a probe, divided by when they began: before the fault, while it was in, and after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    pub before: PhaseEvaluations,
    pub during: PhaseEvaluations,
    pub after: PhaseEvaluations,
}

impl Phases {
    /// Returns the evaluations of one phase.
    pub fn get(self, phase: Phase) -> PhaseEvaluations {
        match phase {
            Phase::Before => self.before,
            Phase::During => self.during,
            Phase::After => self.after,
        }
    }
}

/// The evaluations of one phase. Latencies are those of all evaluations that have one, and None if there is
/// none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseEvaluations {
    pub total: u64,
    pub passed: u64,
    /// Median latency, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 95th percentile of the latency, in milliseconds.
    pub p95_ms: Option<u64>,
    /// Largest latency, in milliseconds.
    pub max_ms: Option<u64>,
}

/// One evaluation of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Time at which the evaluation began.
    pub at: Timestamp,
    pub phase: Phase,
    pub passed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency_ms: Option<u64>,
    /// Reason of a failure, or a description of what passed. It is shared because most samples of a probe say
    /// the same.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "shared")]
    pub reason: Option<Arc<str>>,
}

/// Serialization of a shared text as a plain one. serde's own feature for `Arc` is not needed for it.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(super) fn serialize<S: Serializer>(
        text: &Option<Arc<str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Option::<String>::deserialize(deserializer).map(|text| text.map(Into::into))
    }
}

/// The change of a probe from one sample to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    Fails {
        reason: Option<Arc<str>>,
    },
    Passes {
        /// Time from the first sample that failed to the one that passes.
        failed_for: SignedDuration,
    },
    /// The probe turns so often that its turns are summed up from now on.
    Flaps,
    /// The sum of the evaluations of a probe that flaps.
    Flapped {
        failed: u64,
        evaluations: u64,
        /// Time from the first of these evaluations to the end of the sum.
        within: SignedDuration,
        /// Reason of the last failure.
        reason: Option<Arc<str>>,
    },
    /// The probe flaps no more.
    Calms {
        passes: bool,
    },
}

impl Probe {
    /// Makes the result of a probe that has not been evaluated.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, weight: u32) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            passed: 0,
            total: 0,
            passed_counted: 0,
            counted: 0,
            score: Score::ZERO,
            weight,
            phases: Phases::default(),
            unevaluated: None,
            flaps: false,
            by_time: None,
            unmeasured: None,
            limit_ms: None,
            detected_after_ms: None,
            recovered_after_ms: None,
            samples: Vec::new(),
            late_ms: 0,
            samples_left_out: 0,
        }
    }

    /// Computes the score of the probe again: by time, or by the evaluations that count.
    pub fn computed_score(&self) -> Score {
        match (&self.unevaluated, &self.by_time) {
            (Some(_), _) => Score::ZERO,
            (None, Some(time)) => time.score(),
            (None, None) => Score::of_share(self.passed_counted, self.counted),
        }
    }

    /// Leaves out all samples but the last failure, whose reason every report tells. They stay counted.
    pub fn leave_out_samples(&mut self) {
        let before = self.samples.len();
        let last_failure = self.samples.iter().rposition(|sample| !sample.passed);
        self.samples = last_failure.map(|place| vec![self.samples.swap_remove(place)]).unwrap_or_default();
        let left_out = u64::try_from(before - self.samples.len()).unwrap_or(u64::MAX);
        self.samples_left_out = self.samples_left_out.saturating_add(left_out);
    }

    /// Returns the last failure with its reason: of an alarm that was measured by time, the last interval
    /// that was not in OK.
    pub fn last_failure_in_words(&self) -> Option<String> {
        let interval = self.by_time.as_ref().and_then(|time| time.not_ok.last());
        match interval.map(|last| (&last.state, &last.reason)) {
            Some((state, Some(reason))) => Some(format!("{state}: {reason}")),
            Some((state, None)) => Some(state.clone()),
            None => self.last_failure().map(str::to_owned),
        }
    }

    /// Returns the reason of the last failure.
    pub fn last_failure(&self) -> Option<&str> {
        let failed = self.samples.iter().rev().find(|sample| !sample.passed);
        failed.and_then(|sample| sample.reason.as_deref())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}
