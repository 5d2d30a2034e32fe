//! The outcome of a judgement: the rules that are broken, and notes.

use std::fmt;

use faultgate_core::mistake;

/// A rule that a run breaks. It displays in the words of a reason of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRule {
    /// The policy file, as the user knows it.
    pub policy: String,
    /// Path of the rule in the file, such as `limits.targets`.
    pub rule: String,
    /// Name of the experiment that breaks it; `None` for a rule on the run as a whole.
    pub experiment: Option<String>,
    /// The value that breaks the rule: `14`, or `not known` and why.
    pub is: String,
    /// The values that the rule allows: `at most 10`.
    pub may_be: String,
}

impl BrokenRule {
    /// Returns the rule with the experiment that breaks it, for runs with several.
    pub fn with_experiment(&self) -> String {
        match &self.experiment {
            Some(name) => format!("{self} (experiment {})", mistake::key(name)),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy: {}: {}, {}", self.rule, self.is, self.may_be)
    }
}

/// The outcome of a judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruling {
    /// Every rule that is broken. The run may be launched only if there is none.
    pub broken: Vec<BrokenRule>,
    /// Notes that are worth telling and refuse nothing.
    pub notes: Vec<String>,
}
