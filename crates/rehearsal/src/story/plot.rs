//! The plots: what the templates are made of that a world has from the beginning.

use serde_json::{Value, json};

/// Name of a target that never resolves to a resource.
pub(crate) const NOTHING: &str = "standby-databases";

/// The content of the templates that a world has from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// One fault, and a wait for the service to settle.
    Latency,
    /// No fault: traffic is moved away from an Availability Zone.
    Recovery,
    /// Two faults, of which one finds no target.
    TwoFaults,
    /// A wait, one fault, and another wait.
    Waits,
}

impl Plot {
    /// Returns the targets and the actions. Actions start in the order of their names, those with
    /// `startAfter` after the others.
    pub(crate) fn parts(self) -> (Value, Value) {
        let by_tag = |kind: &str| json!({"resourceType": kind, "resourceTags": {"service": "checkout"}, "selectionMode": "ALL"});
        let tasks = by_tag("aws:ecs:task");
        let latency = json!({
            "actionId": "aws:ecs:task-network-latency",
            "description": "delay what the tasks send",
            "parameters": {"duration": "PT1M", "delayMilliseconds": "200"},
            "targets": {"Tasks": "tasks"},
        });
        let wait = |why: &str, after: &[&str]| {
            let mut wait =
                json!({"actionId": "aws:fis:wait", "description": why, "parameters": {"duration": "PT1M"}});
            if !after.is_empty() {
                wait["startAfter"] = json!(after);
            }
            wait
        };
        let settle = |after| wait("let the service settle", &[after]);
        match self {
            Self::Latency => {
                (json!({"tasks": tasks}), json!({"latency": latency, "settle": settle("latency")}))
            }
            Self::Recovery => {
                let shift = json!({
                    "actionId": "aws:arc:start-zonal-autoshift",
                    "description": "move traffic away from a zone",
                    "parameters": {"duration": "PT1M", "availabilityZoneIdentifier": "use1-az1"},
                    "targets": {"ManagedResources": "balancers"},
                });
                let balancers = by_tag("aws:arc:zonal-shift-managed-resource");
                (json!({"balancers": balancers}), json!({"shift": shift, "settle": settle("shift")}))
            }
            Self::TwoFaults => {
                let failover = json!({
                    "actionId": "aws:rds:reboot-db-instances",
                    "description": "reboot the standby databases",
                    "targets": {"DBInstances": NOTHING},
                });
                let targets = json!({"tasks": tasks, NOTHING: by_tag("aws:rds:db")});
                (targets, json!({"latency": latency, "reboot": failover, "settle": settle("latency")}))
            }
            Self::Waits => {
                let mut outage = latency;
                outage["startAfter"] = json!(["warm-up"]);
                let warm_up = wait("let the service warm up", &[]);
                (
                    json!({"tasks": tasks}),
                    json!({"warm-up": warm_up, "outage": outage, "settle": settle("outage")}),
                )
            }
        }
    }

    /// Returns `true` if one of the targets finds nothing, which must then be no failure of the experiment.
    pub(crate) fn finds_nothing(self) -> bool {
        self == Self::TwoFaults
    }
}
