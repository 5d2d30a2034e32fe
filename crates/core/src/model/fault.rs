//! The faults of an experiment whose engine weighs and judges each of them.

use serde::{Deserialize, Serialize};

use super::Score;

/// One fault of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub name: String,
    /// Its share of the engine's score, against those of the other faults.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weight: Option<u32>,
    /// The engine's own word.
    pub verdict: String,
    /// The share of its probes that passed; None where the engine does not say.
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

/// One of the engine's own probes, as it was when the fault was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultProbe {
    pub name: String,
    /// Such as `httpProbe`.
    pub kind: String,
    /// When it looks, such as `Continuous`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    /// The engine's own word.
    pub verdict: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}
