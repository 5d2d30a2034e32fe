//! The fault window, and the faults of an experiment whose engine weighs and judges each of them, as Harness
//! and LitmusChaos do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Score;

/// The fault window: the time in which a fault was in the system, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultWindow {
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One fault of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub name: String,
    /// Weight of the fault in the engine's score, relative to those of the other faults.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weight: Option<u32>,
    /// Verdict in the engine's own word.
    pub verdict: String,
    /// Share of the fault's probes that passed, 0 to 100. None if the engine does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probe_success: Option<Score>,
    /// The step that failed, in the engine's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fail_step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_code: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub probes: Vec<FaultProbe>,
}

/// One of the engine's own probes, as it was at the end of the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultProbe {
    pub name: String,
    /// Kind of the probe, such as `httpProbe`.
    pub kind: String,
    /// Time at which the probe is evaluated, in the engine's word, such as `Continuous`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    /// Verdict in the engine's own word.
    pub verdict: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}
