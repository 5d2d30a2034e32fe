//! The targets of an experiment.

use serde::{Deserialize, Serialize};

/// A target of an experiment, and the resources that it resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub name: String,
    pub resource_type: String,
    /// Number of resources that the target resolved to. None if the engine could not be asked.
    pub resolved: Option<u64>,
    /// `true` if there are more resources than `resolved` says, which were not read.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub has_more: bool,
    /// Some of the resources, by ARN or by the engine's description.
    pub resources: Vec<String>,
}

impl Target {
    /// Returns the number of resources as a text, such as `2 resources`. None if it is not known.
    pub fn count(&self) -> Option<String> {
        let count = self.resolved?;
        let noun = if count == 1 && !self.has_more { "resource" } else { "resources" };
        let least = if self.has_more { "at least " } else { "" };
        Some(format!("{least}{count} {noun}"))
    }
}
