//! The peculiarities of the scenarios with a policy.

use faultgate_rehearsal::Snapshot;
use serde_json::Value;

/// Asserts what makes each scenario with a policy what it is.
pub(crate) fn guarded(name: &str, experiment: &Value, seen: &Snapshot) {
    let number = |value: &Value| value.as_u64().unwrap();
    let says = |words: &str| {
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{name}: {reason}");
    };
    match name {
        "refused" => {
            says("policy: deny.actions: aws:ecs:task-network-latency, denied: aws:ecs:*");
            says("policy: require.logs: none, a log configuration");
            assert_eq!(seen.count("StartExperiment") + seen.count("CreateQueue"), 0);
        }
        "too-many-targets" => {
            says("policy: limits.targets: 2, at most 1");
            assert_eq!(number(&experiment["preview"]["total"]), 2);
            assert!(experiment["id"].is_null());
            assert_eq!(seen.count("StartExperiment"), 1, "the preview alone");
        }
        "grows-after-preview" => {
            says("resolved to 3 resources at the launch, and to 2 in the preview");
            assert_eq!(number(&experiment["preview"]["total"]), 2);
            assert_eq!(experiment["stop"]["confirmed"], true);
            assert_eq!((seen.count("StartExperiment"), seen.count("StopExperiment")), (2, 1));
        }
        "busy-account" => {
            assert!(seen.count("ListExperiments") >= 2, "it has waited");
            assert_eq!(seen.inventory.experiments.len(), 2);
            assert_eq!(seen.inventory.most_active, 1);
        }
        "never-alone" => {
            says("policy: limits.alone: EXP");
            says("did not end within queue-timeout, 3s");
            assert_eq!(seen.count("StartExperiment") + seen.count("StopExperiment"), 0);
        }
        other => panic!("the scenario {other} has no peculiarity here: add it"),
    }
}
