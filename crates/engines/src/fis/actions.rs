//! The list of FIS's actions, which says of each if it injects a fault, and the rule by which an action of an
//! experiment did. The outcome, the fault window, `faultgate lint`, docs/fis.md and the Step Functions
//! template without a container follow this one list.

use faultgate_core::model::{Action, Effect, Target};

/// Actions that inject nothing, each with its effect and with what it does instead, in words that complete
/// "an action that …".
#[rustfmt::skip]
pub(super) const HARMLESS: &[(&str, Effect, &str)] = &[
    ("aws:fis:wait", Effect::Waits, "lets time pass between other actions"),
    ("aws:cloudwatch:assert-alarm-state", Effect::Asserts,
        "looks at alarms, and fails if they are not in the state that it expects"),
    ("aws:arc:start-zonal-autoshift", Effect::Recovers,
        "moves traffic away from an impaired Availability Zone: AWS calls it a recovery action"),
];

/// Actions that act although FIS knows no target for them.
pub(super) const TARGETLESS: &[&str] = &["aws:ssm:start-automation-execution"];

/// Actions that inject a fault, by service. FIS may have more of them by now: [`find_targets`] decides about
/// those.
#[rustfmt::skip]
const INJECTING: &[(&str, &[&str])] = &[
    ("directconnect", &["virtual-interface-disconnect"]),
    ("dsql", &["cluster-connection-failure"]),
    ("dynamodb", &["global-table-pause-replication"]),
    ("ebs", &["pause-volume-io", "volume-io-latency"]),
    ("ec2", &["api-insufficient-instance-capacity-error", "asg-insufficient-instance-capacity-error",
        "reboot-instances", "send-spot-instance-interruptions", "stop-instances", "terminate-instances"]),
    ("ecs", &["drain-container-instances", "stop-task", "task-cpu-stress", "task-io-stress", "task-kill-process",
        "task-network-blackhole-port", "task-network-latency", "task-network-packet-loss"]),
    ("eks", &["inject-kubernetes-custom-resource", "pod-cpu-stress", "pod-delete", "pod-io-stress", "pod-memory-stress",
        "pod-network-blackhole-port", "pod-network-latency", "pod-network-packet-loss",
        "terminate-nodegroup-instances"]),
    ("elasticache", &["replicationgroup-interrupt-az-power"]),
    ("fis", &["inject-api-internal-error", "inject-api-throttle-error", "inject-api-unavailable-error"]),
    ("kinesis", &["stream-expired-iterator-exception", "stream-provisioned-throughput-exception"]),
    ("lambda", &["invocation-add-delay", "invocation-error", "invocation-http-integration-response"]),
    ("memorydb", &["multi-region-cluster-pause-replication"]),
    ("network", &["disrupt-connectivity", "disrupt-vpc-endpoint", "route-table-disrupt-cross-region-connectivity",
        "transit-gateway-disrupt-cross-region-connectivity"]),
    ("rds", &["failover-db-cluster", "reboot-db-instances"]),
    ("s3", &["bucket-pause-replication"]),
    ("ssm", &["send-command", "start-automation-execution"]),
];

/// Returns the effect of an action by its id. An unknown action counts as one that injects.
pub fn effect(action_id: &str) -> Effect {
    HARMLESS.iter().find(|(id, ..)| *id == action_id).map_or(Effect::Injects, |(_, effect, _)| *effect)
}

/// Returns what a harmless action does, in words that complete "an action that …"; None for any other action.
pub fn purpose(action_id: &str) -> Option<&'static str> {
    HARMLESS.iter().find(|(id, ..)| *id == action_id).map(|(.., purpose)| *purpose)
}

/// Returns `true` if the action is known to need targets.
pub fn needs_target(action_id: &str) -> bool {
    is_known_to_inject(action_id) && !TARGETLESS.contains(&action_id)
}

/// Returns the ids of all known actions.
pub fn known_ids() -> impl Iterator<Item = String> {
    let injecting = INJECTING
        .iter()
        .flat_map(|(service, names)| names.iter().map(move |name| format!("aws:{service}:{name}")));
    HARMLESS.iter().map(|(id, ..)| (*id).to_owned()).chain(injecting)
}

/// Returns `true` if the action is on the list of those that inject.
pub fn is_known_to_inject(action_id: &str) -> bool {
    let mut parts = action_id.splitn(3, ':');
    let (Some("aws"), Some(service), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    INJECTING.iter().any(|(known, names)| *known == service && names.contains(&name))
}

/// The resources that an action found to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FoundTargets {
    /// The action needs no target, or each of its targets resolved to a resource.
    Resources,
    /// The resources that its targets resolved to could not be read, or not to the end.
    Unread,
    /// The action found nothing; the text is the end of a sentence that begins with the action's name.
    Nothing(String),
}

/// Tells what an action found to act on. Where the resources could not be read, an action that is known to
/// inject may be judged by its state, since FIS skips an action that finds no target. An unknown action has
/// then found nothing: FIS may treat it in another way.
pub(super) fn find_targets(action: &Action, targets: &[Target]) -> FoundTargets {
    if action.targets.is_empty() {
        return if TARGETLESS.contains(&action.action_id.as_str()) {
            FoundTargets::Resources
        } else {
            FoundTargets::Nothing("has no target".to_owned())
        };
    }
    let mut unread = false;
    for name in &action.targets {
        match targets.iter().find(|target| target.name == *name).map(|target| target.resolved) {
            None => {
                return FoundTargets::Nothing(format!(
                    "acts on the target {name}, which the experiment does not have"
                ));
            }
            Some(Some(0)) => {
                return FoundTargets::Nothing(format!("found no resource for the target {name}"));
            }
            Some(None) => unread = true,
            Some(Some(_)) => {}
        }
    }
    match unread {
        false => FoundTargets::Resources,
        true if is_known_to_inject(&action.action_id) => FoundTargets::Unread,
        true => FoundTargets::Nothing(format!(
            "is an action that faultgate does not know ({}), and what its targets resolved to could not be read",
            action.action_id
        )),
    }
}

#[cfg(test)]
#[path = "actions_tests.rs"]
mod tests;
