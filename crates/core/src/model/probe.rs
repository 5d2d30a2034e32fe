//! Probes: repeated checks of the steady state, and what came of them.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Check, Score};

/// When a probe is evaluated, seen from the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the launch: if it fails, nothing is launched.
    Before,
    /// While the experiment runs, at an interval.
    During,
    /// When the experiment has ended.
    After,
}

/// A probe as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbePlan {
    pub name: String,
    pub check: Check,
    /// Not empty, in order.
    pub when: Vec<Phase>,
    /// From the beginning of one evaluation to the beginning of the next.
    pub every: Duration,
    pub weight: u32,
    /// How long after the end of the experiment the probe may still fail, as long as it passes at last.
    pub recovers_within: Option<Duration>,
    /// Failures in a row, 1 or more, that stop the experiment while its fault is in.
    pub aborts_after: Option<u32>,
}

impl ProbePlan {
    /// False of a probe that only looks before the launch: it has to pass, and has no part in the score.
    pub fn is_scored(&self) -> bool {
        self.when.iter().any(|phase| *phase != Phase::Before)
    }
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub name: String,
    /// `http`, `tcp`, …
    pub kind: String,
    /// Looks that passed, of all that there were, whether or not they count.
    pub passed: u64,
    pub total: u64,
    /// Looks that passed, of those that count: the looks that began while the fault was in, and the evaluation after
    /// the end. All attempts of a recovery are one evaluation, which passed if the last attempt did.
    #[serde(default)]
    pub passed_counted: u64,
    #[serde(default)]
    pub counted: u64,
    /// The share of the looks that count and passed, 0 to 100; 0 where a phase is `unevaluated`.
    pub score: Score,
    /// 0 for a probe that only looks before the launch.
    pub weight: u32,
    /// All looks, divided by when they began.
    #[serde(default)]
    pub phases: Phases,
    /// The first phase that the probe was to look in and that has no look: nothing is known of the system in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unevaluated: Option<Phase>,
    /// From the start of the fault on, the probe failed, passed and failed again, so that its last pass is no recovery.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub flaps: bool,
    /// The latency that makes it fail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_ms: Option<u64>,
    /// From the start of the fault to the first sample that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detected_after_ms: Option<u64>,
    /// From the end of the fault to the first sample of the last unbroken pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovered_after_ms: Option<u64>,
    pub samples: Vec<Sample>,
    /// The longest that a look began after its time: more than a moment says that its schedule was not kept.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub late_ms: u64,
    /// Samples that were counted and not kept, since there were too many.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub samples_left_out: u64,
}

/// The looks of a probe, divided by when they began: before the fault, while it was in, and after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    pub before: PhaseLooks,
    pub during: PhaseLooks,
    pub after: PhaseLooks,
}

/// The looks of one phase. The latencies are those of all looks that have one; None where none has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseLooks {
    pub total: u64,
    pub passed: u64,
    /// The median, the 95th percentile and the maximum, in milliseconds.
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    pub max_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When the look began.
    pub at: Timestamp,
    pub phase: Phase,
    pub passed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency_ms: Option<u64>,
    /// Why it failed, or what it saw. Mostly the same again and again, and then shared.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "shared")]
    pub reason: Option<Arc<str>>,
}

/// As the text that it is.
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

/// How a probe turns from one sample to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    Fails {
        reason: Option<Arc<str>>,
    },
    Passes {
        /// From the first sample that failed to this one.
        failed_for: SignedDuration,
    },
    /// It turns so often that only the report tells what follows.
    Flaps,
}

impl Probe {
    /// A probe that has not looked.
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
            limit_ms: None,
            detected_after_ms: None,
            recovered_after_ms: None,
            samples: Vec::new(),
            late_ms: 0,
            samples_left_out: 0,
        }
    }

    /// Why it failed last.
    pub fn last_failure(&self) -> Option<&str> {
        let failed = self.samples.iter().rev().find(|sample| !sample.passed);
        failed.and_then(|sample| sample.reason.as_deref())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}
