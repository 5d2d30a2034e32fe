//! The facts about an FIS experiment template by which those who own the platform judge it.

use std::collections::BTreeMap;

/// The facts about an experiment template, as FIS tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFacts {
    pub actions: Vec<ActionFacts>,
    /// Number of alarms that stop an experiment of the template.
    pub stop_alarms: usize,
    /// `true` if there is a log configuration.
    pub has_logs: bool,
    pub tags: BTreeMap<String, String>,
}

/// The parameters of actions that hold durations. The first one that an action has says how long it lasts.
pub const DURATION_PARAMETERS: [&str; 4] =
    ["duration", "maxDuration", "startInstancesAfterDuration", "durationBeforeInterruption"];

/// The facts about one action of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionFacts {
    pub name: String,
    /// Id of the kind of action, such as `aws:ec2:stop-instances`.
    pub id: String,
    pub parameters: BTreeMap<String, String>,
    /// Names of the actions after which it starts.
    pub start_after: Vec<String>,
}
