//! The context of every answer: the moment, the Region, and what is to happen once the lock is released.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::forms::{uuid, whole_seconds};
use crate::place::WorldPlace;
use crate::services::buses::BusName;
use crate::story::plot::Plot;

/// Something that the world does after its state was changed, outside its lock.
#[derive(Debug)]
pub(crate) enum Consequence {
    /// FIS announces a change of state.
    Announce(Value),
    /// `CloudWatch` tells that an alarm has changed its state.
    TellOfAlarm(Value),
    /// `PutEvents` accepted an event for this bus.
    Put { event: Value, bus: BusName },
    /// An experiment begins to follow its script.
    Live { place: WorldPlace, experiment: String },
    /// An experiment that is stopping becomes stopped after this time.
    Finish { place: WorldPlace, experiment: String, after: Duration, reason: String },
    /// A safety lever that is engaging is engaged after this time.
    Engage { place: WorldPlace, after: Duration },
}

/// The data that a service needs to answer a request, besides its own state.
#[derive(Debug)]
pub(crate) struct ServiceContext {
    pub(crate) place: WorldPlace,
    /// Ids of the templates that a new Region has from the beginning.
    pub(crate) templates: Vec<String>,
    pub(crate) now: Timestamp,
    pub(crate) instant: Instant,
    /// Time for which an experiment is `stopping`.
    pub(crate) stopping: Duration,
    /// Time for which a safety lever is `engaging`.
    pub(crate) engaging: Duration,
    /// Number of experiments that FIS runs at once, if its quota limits them.
    pub(crate) active_quota: Option<usize>,
    /// Number of rules that a bus takes, if its quota limits them.
    pub(crate) rule_quota: Option<usize>,
    /// `true` if targets resolve to resources.
    pub(crate) targets_resolve: bool,
    /// Number of resources that a target finds: in a preview, and at a launch.
    pub(crate) found: (usize, usize),
    /// Content of the templates that a new Region has.
    pub(crate) plot: Plot,
    /// Time after `PutTargets` in which a target receives nothing.
    pub(crate) rule_latency: Duration,
    /// `true` if clients may put events that only AWS may put.
    pub(crate) allow_aws_sources: bool,
    /// Things that the world does after the answer.
    pub(crate) consequences: Vec<Consequence>,
}

impl ServiceContext {
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let WorldPlace { account, region } = &self.place;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }

    /// Puts the envelope of `EventBridge` around an event.
    pub(crate) fn event(&self, source: &str, detail_type: &str, resources: &Value, detail: &Value) -> Value {
        serde_json::json!({
            "version": "0",
            "id": uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": self.place.account,
            "time": whole_seconds(self.now),
            "region": self.place.region,
            "resources": resources,
            "detail": detail,
        })
    }
}
