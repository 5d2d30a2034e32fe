//! The records that a world keeps for its observers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// Service: `fis`, `events`, `sqs`, `cloudwatch`, or the signing name of a service that a world does not
    /// have.
    pub service: String,
    pub operation: String,
    /// Account whose keys the request was signed with.
    pub account: String,
    pub at: Timestamp,
    /// Members of the body, labels of the path and parameters of the query, together.
    pub input: Value,
    /// Status of the answer. None until the request is answered, and for good if the answer was lost.
    pub status: Option<u16>,
}

/// One event that reached the bus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// Time at which the event was put.
    pub at: Timestamp,
    pub event: Value,
    /// `true` if a fault kept the event from every rule.
    pub lost: bool,
}

/// The resources that exist in all accounts and Regions.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Inventory {
    pub rules: Vec<RuleEntry>,
    pub queues: Vec<QueueEntry>,
    pub experiments: Vec<ExperimentEntry>,
    /// Most experiments that were active at once in one account and Region.
    pub most_active: usize,
}

/// A rule of `EventBridge`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleEntry {
    pub name: String,
    pub account: String,
    pub region: String,
    pub pattern: String,
    /// ARNs of the rule's targets.
    pub targets: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

/// A queue of SQS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueEntry {
    pub name: String,
    pub account: String,
    pub region: String,
    pub url: String,
    pub tags: BTreeMap<String, String>,
    /// Bodies of all messages in the queue, received or not.
    pub messages: Vec<String>,
}

/// An experiment of FIS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentEntry {
    pub id: String,
    pub account: String,
    pub region: String,
    pub template: String,
    pub status: String,
    pub tags: BTreeMap<String, String>,
    pub client_token: String,
    /// `true` for a preview, which injects nothing.
    pub skips_actions: bool,
}

/// All records at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Snapshot {
    pub requests: Vec<Recorded>,
    pub events: Vec<Published>,
    pub inventory: Inventory,
}

impl Snapshot {
    /// Returns the number of requests of an operation that arrived.
    pub fn count(&self, operation: &str) -> usize {
        self.requests.iter().filter(|r| r.operation == operation).count()
    }
}
