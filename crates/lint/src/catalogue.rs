//! The catalogue of FIS actions, made of AWS's reference: what each action needs, on what it acts, and what
//! it leaves behind.
//!
//! Which ids there are, and which of them inject, is in `crates/engines/src/fis/actions.rs`. An action that is not listed
//! here is not known, and no rule judges it.

use std::time::Duration;

use super::template::{Held, TemplateAction};

const STOP_INSTANCES: &str = "aws:ec2:stop-instances";
const RESTART: &str = "startInstancesAfterDuration";

/// The known actions: the id, the type of the targets (empty if there is none), and the parameters that the
/// action cannot do without.
#[rustfmt::skip]
const ACTIONS: &[(&str, &str, &[&str])] = &[
    ("aws:arc:start-zonal-autoshift", "aws:arc:zonal-shift-managed-resource",
        &["duration", "availabilityZoneIdentifier", "managedResourceTypes"]),
    ("aws:cloudwatch:assert-alarm-state", "", &["alarmArns", "alarmStates"]),
    ("aws:dsql:cluster-connection-failure", "aws:dsql:cluster", &["duration", "percentage"]),
    ("aws:dynamodb:global-table-pause-replication", "aws:dynamodb:global-table", &["duration"]),
    ("aws:ebs:pause-volume-io", "aws:ec2:ebs-volume", &["duration"]),
    ("aws:ebs:volume-io-latency", "aws:ec2:ebs-volume", &["duration"]),
    ("aws:ec2:api-insufficient-instance-capacity-error", "aws:iam:role",
        &["duration", "availabilityZoneIdentifiers", "percentage"]),
    ("aws:ec2:asg-insufficient-instance-capacity-error", "aws:ec2:autoscaling-group",
        &["duration", "availabilityZoneIdentifiers"]),
    ("aws:ec2:reboot-instances", "aws:ec2:instance", &[]),
    ("aws:ec2:send-spot-instance-interruptions", "aws:ec2:spot-instance", &["durationBeforeInterruption"]),
    (STOP_INSTANCES, "aws:ec2:instance", &[]),
    ("aws:ec2:terminate-instances", "aws:ec2:instance", &[]),
    ("aws:ecs:drain-container-instances", "aws:ecs:cluster", &["drainagePercentage", "duration"]),
    ("aws:ecs:stop-task", "aws:ecs:task", &[]),
    ("aws:ecs:task-cpu-stress", "aws:ecs:task", &["duration"]),
    ("aws:ecs:task-io-stress", "aws:ecs:task", &["duration"]),
    ("aws:ecs:task-kill-process", "aws:ecs:task", &["processName"]),
    ("aws:ecs:task-network-blackhole-port", "aws:ecs:task", &["duration", "port", "trafficType"]),
    ("aws:ecs:task-network-latency", "aws:ecs:task", &["duration"]),
    ("aws:ecs:task-network-packet-loss", "aws:ecs:task", &["duration"]),
    ("aws:eks:inject-kubernetes-custom-resource", "aws:eks:cluster",
        &["kubernetesApiVersion", "kubernetesKind", "kubernetesNamespace", "kubernetesSpec", "maxDuration"]),
    ("aws:eks:pod-cpu-stress", "aws:eks:pod", &["duration", "kubernetesServiceAccount"]),
    ("aws:eks:pod-delete", "aws:eks:pod", &["kubernetesServiceAccount"]),
    ("aws:eks:pod-io-stress", "aws:eks:pod", &["duration", "kubernetesServiceAccount"]),
    ("aws:eks:pod-memory-stress", "aws:eks:pod", &["duration", "kubernetesServiceAccount"]),
    ("aws:eks:pod-network-blackhole-port", "aws:eks:pod",
        &["duration", "protocol", "trafficType", "port", "kubernetesServiceAccount"]),
    ("aws:eks:pod-network-latency", "aws:eks:pod", &["duration", "kubernetesServiceAccount"]),
    ("aws:eks:pod-network-packet-loss", "aws:eks:pod", &["duration", "kubernetesServiceAccount"]),
    ("aws:eks:terminate-nodegroup-instances", "aws:eks:nodegroup", &["instanceTerminationPercentage"]),
    ("aws:elasticache:replicationgroup-interrupt-az-power", "aws:elasticache:replicationgroup", &["duration"]),
    ("aws:fis:inject-api-internal-error", "aws:iam:role", &["duration", "service", "percentage", "operations"]),
    ("aws:fis:inject-api-throttle-error", "aws:iam:role", &["duration", "service", "percentage", "operations"]),
    ("aws:fis:inject-api-unavailable-error", "aws:iam:role", &["duration", "service", "percentage", "operations"]),
    ("aws:fis:wait", "", &["duration"]),
    ("aws:kinesis:stream-expired-iterator-exception", "aws:kinesis:stream", &["duration", "percentage"]),
    ("aws:kinesis:stream-provisioned-throughput-exception", "aws:kinesis:stream", &["duration", "percentage"]),
    ("aws:lambda:invocation-add-delay", "aws:lambda:function", &["duration"]),
    ("aws:lambda:invocation-error", "aws:lambda:function", &["duration", "preventExecution"]),
    ("aws:lambda:invocation-http-integration-response", "aws:lambda:function",
        &["duration", "contentTypeHeader", "preventExecution", "statusCode"]),
    ("aws:memorydb:multi-region-cluster-pause-replication", "aws:memorydb:multi-region-cluster", &["duration"]),
    ("aws:network:disrupt-connectivity", "aws:ec2:subnet", &["scope", "duration"]),
    ("aws:network:disrupt-vpc-endpoint", "aws:ec2:vpc-endpoint", &["duration"]),
    ("aws:network:route-table-disrupt-cross-region-connectivity", "aws:ec2:subnet", &["region", "duration"]),
    ("aws:network:transit-gateway-disrupt-cross-region-connectivity", "aws:ec2:transit-gateway",
        &["region", "duration"]),
    ("aws:rds:failover-db-cluster", "aws:rds:cluster", &[]),
    ("aws:rds:reboot-db-instances", "aws:rds:db", &[]),
    ("aws:s3:bucket-pause-replication", "aws:s3:bucket", &["duration"]),
    ("aws:ssm:send-command", "", &["documentArn", "duration"]),
    ("aws:ssm:start-automation-execution", "", &["documentArn", "maxDuration"]),
];

/// The loss that an action leaves behind when an experiment is over or stopped. The text completes "the
/// action NAME".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing brings back what is lost.
    ForGood(&'static str),
    /// The service itself brings back what is lost.
    MadeUpFor(&'static str),
}

/// The losses that actions leave behind, by the ids of the actions.
#[rustfmt::skip]
const LOSSES: &[(&str, Loss)] = &[
    ("aws:ec2:terminate-instances", Loss::ForGood("terminates instances")),
    ("aws:ec2:send-spot-instance-interruptions", Loss::ForGood("ends Spot Instances")),
    ("aws:eks:terminate-nodegroup-instances", Loss::ForGood("terminates nodes")),
    ("aws:ec2:reboot-instances", Loss::MadeUpFor("reboots instances")),
    ("aws:ecs:stop-task", Loss::MadeUpFor("stops tasks, for which a service starts others")),
    ("aws:ecs:task-kill-process", Loss::MadeUpFor("ends a process")),
    ("aws:eks:pod-delete", Loss::MadeUpFor("deletes pods, for which a controller starts others")),
    ("aws:rds:failover-db-cluster", Loss::MadeUpFor("fails the cluster over")),
    ("aws:rds:reboot-db-instances", Loss::MadeUpFor("reboots databases")),
];

/// The preconditions of actions: how the ids begin, and what must be there, which completes "NAME needs". The
/// first line that fits an id counts.
#[rustfmt::skip]
const PRECONDITIONS: &[(&str, &str)] = &[
    ("aws:lambda:", "the FIS extension as a layer of the function, with its configuration bucket, and invocations while \
        the fault is in"),
    ("aws:eks:pod-", "a Kubernetes service account with the role and binding that FIS documents, and an access entry for \
        the experiment's role"),
    ("aws:eks:inject-", "Chaos Mesh or Litmus in the cluster, and one cluster by its ARN"),
    ("aws:ecs:task-", "the SSM agent as a sidecar of the task, and for network faults and killed processes pidMode task"),
    ("aws:ec2:asg-", "Auto Scaling groups with launch templates, which launch while the fault is in"),
    ("aws:ec2:api-", "calls of RunInstances or the like by the role while the fault is in"),
    ("aws:fis:inject-api-", "calls of the operations by the role while the fault is in"),
    ("aws:ssm:send-command", "instances that Systems Manager manages"),
];

fn entry(id: &str) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
    ACTIONS.iter().find(|(known, ..)| *known == id)
}

/// Returns the parameters that the action cannot do without, as far as they are known.
pub(super) fn list_needed(id: &str) -> &'static [&'static str] {
    entry(id).map_or(&[], |(.., needed)| needed)
}

/// Returns the type of resource on which the action acts, where there is just one.
pub(super) fn resource_type(id: &str) -> Option<&'static str> {
    entry(id).map(|(_, kind, _)| *kind).filter(|kind| !kind.is_empty())
}

pub(super) fn loss(id: &str) -> Option<Loss> {
    LOSSES.iter().find(|(known, _)| *known == id).map(|(_, loss)| *loss)
}

/// Says whether an action stops instances which nothing starts again. The error says what is not known.
pub(super) fn stops_for_good(action: &TemplateAction) -> Result<bool, String> {
    let name = &action.name;
    if let Some(written) = action.id.get_unknown() {
        return Err(format!("the id of the action {name} is {written}"));
    }
    if action.known_id() != STOP_INSTANCES {
        return Ok(false);
    }
    if let Some(written) = action.parameters.get_unknown() {
        return Err(format!("the parameters of the action {name} are {written}"));
    }
    match action.parameter(RESTART).map(|value| &value.held) {
        Some(Held::Unknown(written)) => Err(format!("{RESTART} of the action {name} is {written}")),
        Some(Held::Known(text)) => Ok(text.is_empty()),
        Some(Held::Missing) | None => Ok(true),
    }
}

/// Says whether the targets of an action are gone for good after it, or stay stopped. The error says what is
/// not known.
pub(super) fn destroys(action: &TemplateAction) -> Result<bool, String> {
    if matches!(loss(action.known_id()), Some(Loss::ForGood(_))) { Ok(true) } else { stops_for_good(action) }
}

/// Returns the shortest duration that FIS takes of an action whose id is known.
pub(super) fn shortest(id: &str) -> Option<Duration> {
    match id.split(':').nth(1)? {
        "ebs" => Some(Duration::from_secs(1)),
        "directconnect" => Some(Duration::from_mins(10)),
        _ => entry(id).map(|_| Duration::from_mins(1)),
    }
}

/// Returns what must be there before the action can have an effect, as a fragment behind "NAME needs".
pub(super) fn precondition(id: &str) -> Option<&'static str> {
    PRECONDITIONS.iter().find(|(start, _)| id.starts_with(start)).map(|(_, need)| *need)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_engines::fis::known_ids;

    #[test]
    fn every_id_is_one_that_the_engine_knows() {
        let known: Vec<String> = known_ids().collect();
        let listed = ACTIONS.iter().map(|(id, ..)| id).chain(LOSSES.iter().map(|(id, _)| id));
        for id in listed {
            assert!(known.iter().any(|known| known == id), "{id}");
        }
        for (start, _) in PRECONDITIONS {
            assert!(known.iter().any(|known| known.starts_with(start)), "{start}");
        }
    }

    #[test]
    fn every_known_action_but_one_is_described() {
        let left: Vec<String> = known_ids().filter(|id| entry(id).is_none()).collect();
        assert_eq!(left, ["aws:directconnect:virtual-interface-disconnect"]);
    }
}
