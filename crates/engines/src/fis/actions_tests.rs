//! Tests of the list of actions, and of the documents that follow it.

use super::*;

/// The catalogue of the user guide: `F` injects a fault, `W` waits, `A` asserts, `R` recovers.
#[rustfmt::skip]
const CATALOGUE: &[(char, &str)] = &[
    ('W', "aws:fis:wait"), ('A', "aws:cloudwatch:assert-alarm-state"), ('R', "aws:arc:start-zonal-autoshift"),
    ('F', "aws:fis:inject-api-internal-error"), ('F', "aws:fis:inject-api-throttle-error"),
    ('F', "aws:fis:inject-api-unavailable-error"),
    ('F', "aws:ec2:api-insufficient-instance-capacity-error"),
    ('F', "aws:ec2:asg-insufficient-instance-capacity-error"), ('F', "aws:ec2:reboot-instances"),
    ('F', "aws:ec2:stop-instances"), ('F', "aws:ec2:terminate-instances"),
    ('F', "aws:ec2:send-spot-instance-interruptions"),
    ('F', "aws:ebs:pause-volume-io"), ('F', "aws:ebs:volume-io-latency"),
    ('F', "aws:ecs:drain-container-instances"), ('F', "aws:ecs:stop-task"), ('F', "aws:ecs:task-cpu-stress"),
    ('F', "aws:ecs:task-io-stress"), ('F', "aws:ecs:task-kill-process"), ('F', "aws:ecs:task-network-blackhole-port"),
    ('F', "aws:ecs:task-network-latency"), ('F', "aws:ecs:task-network-packet-loss"),
    ('F', "aws:eks:inject-kubernetes-custom-resource"), ('F', "aws:eks:pod-cpu-stress"), ('F', "aws:eks:pod-delete"),
    ('F', "aws:eks:pod-io-stress"), ('F', "aws:eks:pod-memory-stress"), ('F', "aws:eks:pod-network-blackhole-port"),
    ('F', "aws:eks:pod-network-latency"), ('F', "aws:eks:pod-network-packet-loss"),
    ('F', "aws:eks:terminate-nodegroup-instances"),
    ('F', "aws:lambda:invocation-add-delay"), ('F', "aws:lambda:invocation-error"),
    ('F', "aws:lambda:invocation-http-integration-response"),
    ('F', "aws:network:disrupt-connectivity"), ('F', "aws:network:disrupt-vpc-endpoint"),
    ('F', "aws:network:route-table-disrupt-cross-region-connectivity"),
    ('F', "aws:network:transit-gateway-disrupt-cross-region-connectivity"),
    ('F', "aws:dynamodb:global-table-pause-replication"), ('F', "aws:s3:bucket-pause-replication"),
    ('F', "aws:memorydb:multi-region-cluster-pause-replication"), ('F', "aws:dsql:cluster-connection-failure"),
    ('F', "aws:elasticache:replicationgroup-interrupt-az-power"),
    ('F', "aws:kinesis:stream-provisioned-throughput-exception"),
    ('F', "aws:kinesis:stream-expired-iterator-exception"),
    ('F', "aws:rds:failover-db-cluster"), ('F', "aws:rds:reboot-db-instances"),
    ('F', "aws:directconnect:virtual-interface-disconnect"),
    ('F', "aws:ssm:send-command"), ('F', "aws:ssm:start-automation-execution"),
];

fn action(id: &str, targets: &[&str]) -> Action {
    Action {
        name: "a".to_owned(),
        action_id: id.to_owned(),
        effect: effect(id),
        state: "completed".to_owned(),
        reason: None,
        started_at: None,
        ended_at: None,
        targets: targets.iter().map(ToString::to_string).collect(),
    }
}

fn target(name: &str, resolved: Option<u64>) -> Target {
    Target {
        name: name.to_owned(),
        resource_type: "t".to_owned(),
        resolved,
        has_more: false,
        resources: Vec::new(),
    }
}

#[test]
fn every_action_of_the_catalogue_is_known_for_what_it_does() {
    for (kind, id) in CATALOGUE {
        let expected = match kind {
            'W' => Effect::Waits,
            'A' => Effect::Asserts,
            'R' => Effect::Recovers,
            _ => Effect::Injects,
        };
        assert_eq!(effect(id), expected, "{id}");
        assert_eq!(purpose(id).is_some(), *kind != 'F', "{id}");
        assert_eq!(is_known_to_inject(id), *kind == 'F', "{id}");
    }
    let injecting: usize = INJECTING.iter().map(|(_, names)| names.len()).sum();
    assert_eq!(injecting + HARMLESS.len(), CATALOGUE.len(), "an action that the catalogue does not have");
}

#[test]
fn an_unknown_action_counts_only_where_its_targets_resolved() {
    let unknown = |targets: &[&str]| action("aws:new:thing", targets);
    assert_eq!(find_targets(&unknown(&["t"]), &[target("t", Some(1))]), FoundTargets::Resources);
    assert!(matches!(find_targets(&unknown(&["t"]), &[target("t", None)]), FoundTargets::Nothing(_)));
    assert!(matches!(find_targets(&unknown(&["t"]), &[target("t", Some(0))]), FoundTargets::Nothing(_)));
    assert!(matches!(find_targets(&unknown(&[]), &[]), FoundTargets::Nothing(_)));
}

#[test]
fn an_action_finds_something_where_each_of_its_targets_does() {
    let stop = |targets: &[&str]| action("aws:ec2:stop-instances", targets);
    let some = target("a", Some(2));
    assert_eq!(find_targets(&stop(&["a"]), std::slice::from_ref(&some)), FoundTargets::Resources);
    assert_eq!(find_targets(&stop(&["a"]), &[target("a", None)]), FoundTargets::Unread);
    assert!(matches!(
        find_targets(&stop(&["a", "b"]), &[some.clone(), target("b", Some(0))]),
        FoundTargets::Nothing(_)
    ));
    assert!(matches!(
        find_targets(&stop(&["a", "gone"]), std::slice::from_ref(&some)),
        FoundTargets::Nothing(_)
    ));
    assert!(matches!(find_targets(&stop(&[]), &[some]), FoundTargets::Nothing(_)));
    assert_eq!(
        find_targets(&action("aws:ssm:start-automation-execution", &[]), &[]),
        FoundTargets::Resources
    );
}

/// The Step Functions template that runs without faultgate has the same list.
#[test]
fn the_state_machine_without_a_container_has_the_same_lists() {
    let template = include_str!("../../../../ci-templates/step-functions/no-container.yml");
    let listed = |name: &str| -> Vec<&str> {
        let line = template.lines().find_map(|line| line.trim().strip_prefix(name));
        let list = line.unwrap_or_else(|| panic!("the template has no {name}"));
        list.split('\'').skip(1).step_by(2).collect()
    };
    let harmless: Vec<&str> = HARMLESS.iter().map(|(id, ..)| *id).collect();
    assert_eq!(listed("harmless:"), harmless);
    assert_eq!(listed("targetless:"), TARGETLESS);
}

#[test]
fn the_page_on_fis_lists_each_with_its_reason() {
    let page = include_str!("../../../../docs/fis.md");
    for (id, _, purpose) in HARMLESS {
        assert!(page.contains(&format!("| `{id}` | {purpose} |")), "docs/fis.md lacks {id}: {purpose}");
    }
    for id in TARGETLESS {
        assert!(page.contains(&format!("`{id}`")), "docs/fis.md lacks {id}");
    }
}
