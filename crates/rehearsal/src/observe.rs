//! What a world lets its observers see.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One request, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// `fis`, `events`, `sqs`, `cloudwatch`, or the signing name of a service that is not here.
    pub service: String,
    pub operation: String,
    pub at: Timestamp,
    /// Body, path labels and query parameters together.
    pub input: Value,
    /// None until it is answered, and for good where the answer was lost.
    pub status: Option<u16>,
}

/// One event that reached the bus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// When it was put.
    pub at: Timestamp,
    pub event: Value,
    /// A fault kept it from every rule.
    pub lost: bool,
}

/// What exists in all Regions.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Inventory {
    pub rules: Vec<RuleEntry>,
    pub queues: Vec<QueueEntry>,
    pub experiments: Vec<ExperimentEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleEntry {
    pub name: String,
    pub region: String,
    pub pattern: String,
    /// The ARNs of its targets.
    pub targets: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueEntry {
    pub name: String,
    pub region: String,
    pub url: String,
    pub tags: BTreeMap<String, String>,
    /// The bodies of all messages in it, received or not.
    pub messages: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentEntry {
    pub id: String,
    pub region: String,
    pub template: String,
    pub status: String,
    pub tags: BTreeMap<String, String>,
    pub client_token: String,
}

/// All of it at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Snapshot {
    pub requests: Vec<Recorded>,
    pub events: Vec<Published>,
    pub inventory: Inventory,
}

impl Snapshot {
    /// How many requests of an operation arrived.
    pub fn count(&self, operation: &str) -> usize {
        self.requests.iter().filter(|r| r.operation == operation).count()
    }
}
