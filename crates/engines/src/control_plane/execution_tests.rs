use proptest::prelude::*;
use serde_json::json;

use super::*;

fn of(data: Value) -> Execution {
    read(&RunDetails { execution: Some(data), ..RunDetails::default() })
}

/// Execution data as a Litmus agent tells it.
fn told() -> Value {
    json!({
        "experimentType": "experiment", "phase": "Completed_With_Probe_Failure", "message": "",
        "startedAt": "1795000000", "finishedAt": "1795000130",
        "nodes": {
            "root": {"name": "shop", "phase": "Succeeded", "type": "Steps", "startedAt": "1795000000",
                     "finishedAt": "1795000130", "children": ["a", "b"]},
            "b": {"name": "pod-delete", "phase": "Completed_With_Probe_Failure", "type": "ChaosEngine",
                  "startedAt": "1795000060", "finishedAt": "1795000120", "chaosData": {
                "engineName": "pod-delete-x7k", "experimentName": "pod-delete", "experimentVerdict": "Fail",
                "probeSuccessPercentage": "50", "failStep": "HTTP_PROBE_FAILURE : status 503",
                "chaosResult": {"status": {
                    "experimentStatus": {"phase": "Completed", "verdict": "Fail",
                                         "errorOutput": {"errorCode": "HTTP_PROBE_FAILURE", "reason": "status 503"}},
                    "probeStatuses": [
                        {"name": "answers", "type": "httpProbe", "mode": "Continuous",
                         "status": {"verdict": "Failed", "description": "status 503"}},
                        {"name": "ready", "type": "k8sProbe", "mode": "EOT", "status": {"verdict": "Passed"}}],
                    "history": {"targets": [
                        {"name": "shop-1", "kind": "pod", "chaosStatus": "reverted"},
                        {"name": "shop-2", "kind": "pod", "chaosStatus": "injected"},
                        {"name": "node-1", "kind": "node"}]}}}}},
            "a": {"name": "latency", "phase": "Succeeded", "type": "ChaosEngine", "startedAt": "1795000001",
                  "finishedAt": "", "chaosData": {"engineName": "latency-a1", "experimentName": "latency",
                  "experimentVerdict": "Pass", "probeSuccessPercentage": "100", "failStep": "N/A"}},
        },
    })
}

#[test]
fn faults_probes_targets_and_times_are_read() {
    let weights = vec![("latency".to_owned(), 10), ("pod-delete".to_owned(), 5), ("not-run".to_owned(), 1)];
    let execution = read(&RunDetails { execution: Some(told()), weights, probes: Vec::new() });
    assert_eq!(execution.unreadable, None);
    let [latency, delete, other] = execution.told.as_slice() else { panic!("{:#?}", execution.told) };
    assert_eq!((latency.name.as_str(), &latency.course), ("latency", &FaultCourse::Acted));
    assert_eq!((delete.course.clone(), delete.counted.as_deref()), (FaultCourse::Acted, Some("Fail")));
    assert_eq!(
        (other.course.clone(), &other.counted),
        (FaultCourse::Idle("tells no data".to_owned()), &None)
    );
    assert_eq!(execution.started_at.unwrap().as_second(), 1_795_000_000);
    let [latency, delete, other] = execution.faults.as_slice() else { panic!("{:#?}", execution.faults) };
    assert_eq!((latency.weight, latency.probe_success), (Some(10), Some(Score::FULL)));
    assert_eq!(latency.fail_step, None, "N/A is no step");
    assert_eq!((delete.weight, delete.verdict.as_str()), (Some(5), "Fail"));
    assert_eq!(delete.error_code.as_deref(), Some("HTTP_PROBE_FAILURE"));
    assert_eq!(delete.probes[0].verdict, "Failed");
    assert_eq!(delete.probes[1].mode.as_deref(), Some("EOT"));
    assert_eq!((other.name.as_str(), other.weight, other.verdict.as_str()), ("not-run", Some(1), ""));
    assert_eq!(execution.count_evaluated(), 2);
    assert_eq!(execution.worth, Score::new(78.12).map(Worth::Mean), "(100 × 10 + 50 × 5) / 16");
    let [first, second] = execution.actions.as_slice() else { panic!("a step is no action") };
    assert_eq!((first.state.as_str(), first.ended_at), ("completed", None));
    assert_eq!(second.ended_at.unwrap().as_second(), 1_795_000_120);
    let [pods, node] = execution.targets.as_slice() else { panic!("two kinds") };
    assert_eq!((pods.resource_type.as_str(), pods.resolved), ("pod", Some(2)));
    assert_eq!(pods.resources, ["shop-1 (reverted)", "shop-2 (injected)"]);
    assert_eq!(node.resources, ["node-1"]);
    assert_eq!(execution.unreverted, ["pod shop-2"]);
}

#[test]
fn a_text_is_as_good_as_an_object() {
    let once = Value::String(told().to_string());
    let twice = Value::String(once.to_string());
    assert_eq!(of(once), of(told()));
    assert_eq!(of(twice), of(told()));
}

#[test]
fn what_is_missing_or_garbage_is_said_and_makes_nothing_up() {
    for data in [json!(null), json!(""), json!("{"), json!("[]"), json!(7), json!([told()]), json!("null")] {
        let execution = of(data.clone());
        assert!(execution.unreadable.is_some(), "{data}");
        assert!(execution.told.is_empty() && execution.faults.is_empty(), "{data}");
    }
    assert!(read(&RunDetails::default()).unreadable.is_some());
    let weights = vec![("pod-delete".to_owned(), 10)];
    let without_faults = Some(json!({"nodes": {"a": {"type": "Steps", "name": "x"}}, "phase": "Queued"}));
    let execution = read(&RunDetails { execution: without_faults, weights, probes: Vec::new() });
    assert_eq!(execution.unreadable.as_deref(), Some("executionData tells of no fault"));
    assert_eq!((execution.told, execution.faults.len()), (Vec::new(), 1), "what became of it is not known");
}

#[test]
fn what_the_control_plane_does_of_its_own_injects_nothing() {
    let node = |kind: &str, data: Value| json!({"type": kind, "name": kind, "phase": "Completed", "chaosData": data});
    let execution = of(json!({"nodes": [
        node("ChaosEngine", json!({"experimentName": "x", "experimentVerdict": "Pass"})),
        node("PROBE", json!({"probeData": {"name": "answers"}})),
        node("ACTION", json!({"actionData": {"type": "customScript"}})),
        node("Suspend", Value::Null),
        node("LinuxTask", json!({"actionData": {"type": "delay"}})),
        node("Steps", Value::Null), node("Pod", Value::Null),
        node("SomethingNew", Value::Null), node("SomethingElse", json!({"experimentName": "y"})),
    ]}));
    let effects: Vec<(&str, Effect)> =
        execution.actions.iter().map(|action| (action.name.as_str(), action.effect)).collect();
    assert_eq!(effects.iter().filter(|(_, effect)| *effect == Effect::Injects).count(), 2, "{effects:?}");
    for step in [
        ("PROBE", Effect::Asserts),
        ("ACTION", Effect::Waits),
        ("Suspend", Effect::Waits),
        ("LinuxTask", Effect::Waits),
    ] {
        assert!(effects.contains(&step), "{effects:?}");
    }
    let told: Vec<&str> = execution.told.iter().map(|told| told.name.as_str()).collect();
    assert_eq!((told, execution.actions.len()), (vec!["x", "y"], 6));
}

#[test]
fn a_fault_is_in_from_the_first_start_to_the_last_end_of_those_that_were() {
    let node = |name: &str, verdict: &str, from: &str, to: &str| {
        let data = json!({"experimentName": name, "experimentVerdict": verdict});
        json!({"type": "ChaosEngine", "name": name, "startedAt": from, "finishedAt": to, "chaosData": data})
    };
    let window = |nodes: Vec<Value>| {
        let execution = of(json!({"nodes": nodes, "startedAt": "1795000000", "finishedAt": "1795000900"}));
        execution.fault(execution.ended_at)
    };
    let at = |second: i64| Timestamp::from_second(1_795_000_000 + second).unwrap();
    let within = |from, to| FaultTimes::In(FaultWindow { started_at: at(from), ended_at: Some(at(to)) });
    let (a, b) =
        (node("a", "Pass", "1795000100", "1795000200"), node("b", "Pass", "1795000150", "1795000300"));
    let idle = node("c", "Awaited", "1795000001", "1795000800");
    assert_eq!(window(vec![a.clone(), b, idle.clone()]), within(100, 300));
    assert_eq!(window(vec![a.clone(), node("b", "Pass", "1795000150", "")]), within(100, 900));
    assert_eq!(window(vec![a, node("b", "Pass", "", "1795000300")]), FaultTimes::Untold);
    assert_eq!(window(vec![idle]), FaultTimes::Never);
    assert_eq!(window(vec![node("b", "Fail", "1795000150", "1795000300")]), FaultTimes::Untold);
    assert_eq!(window(Vec::new()), FaultTimes::Untold);
}

#[test]
fn probes_that_are_told_apart_come_to_their_faults() {
    let probe = |name: &str, verdict: &str| FaultProbe {
        name: name.to_owned(),
        kind: "httpProbe".to_owned(),
        mode: None,
        verdict: verdict.to_owned(),
        description: None,
    };
    let probes = vec![
        ("pod-delete".to_owned(), probe("answers", "Passed")),
        ("pod-delete-x7k".to_owned(), probe("more", "Passed")),
        (String::new(), probe("whole", "Failed")),
    ];
    let execution = read(&RunDetails { execution: Some(told()), weights: Vec::new(), probes });
    assert!(execution.has_probes_of_its_own());
    let delete = &execution.faults[1];
    assert_eq!(delete.probes.len(), 3, "one was known: {delete:#?}");
    assert_eq!(delete.probes[0].verdict, "Failed", "what the agent says of it stays");
    assert_eq!(execution.faults[2].name, WHOLE_EXPERIMENT);
}

#[test]
fn times_come_in_many_forms() {
    for value in [
        json!("1795000000"),
        json!(1_795_000_000),
        json!(1_795_000_000_000_i64),
        json!("2026-11-18T11:06:40Z"),
    ] {
        assert_eq!(time(&value).map(Timestamp::as_second), Some(1_795_000_000), "{value}");
    }
    for value in [json!(""), json!("0"), json!(-5), json!(null), json!("soon"), json!(i64::MAX), json!({})] {
        assert_eq!(time(&value), None, "{value}");
    }
}

#[test]
fn much_is_cut_and_outside_text_is_plain() {
    let nodes: serde_json::Map<String, Value> = (0..2_000)
        .map(|number| {
            let probes =
                vec![json!({"name": "p\n::error::x", "type": "t", "status": {"verdict": "Passed"}}); 150];
            let chaos = json!({"experimentName": format!("\u{1b}[31m{number}{}", "x".repeat(500)),
                "experimentVerdict": "Pass", "probeStatuses": probes});
            (number.to_string(), json!({"type": "ChaosEngine", "chaosData": chaos}))
        })
        .collect();
    let execution = of(json!({"nodes": nodes}));
    assert_eq!((execution.faults.len(), execution.faults[0].probes.len()), (MAX_NODES, MAX_PROBES));
    assert!(
        execution.faults[0].name.chars().count() <= MAX_NAME_CHARS
            && !execution.faults[0].name.contains('\u{1b}')
    );
    assert!(!execution.faults[0].probes[0].name.contains('\n'));
}

/// A strategy for any JSON, with the words of execution data in the places of its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let words = "nodes|chaosData|type|phase|experimentVerdict|probeSuccessPercentage|chaosResult|status|name|\
                 experimentStatus|probeStatuses|history|targets|failStep|errorOutput|startedAt|message|kind";
    let text = prop_oneof!["ChaosEngine|Pass|Fail|Awaited|100|-1|1e400|NaN|1795000000|", ".{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((words, inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_told_is_too_strange(
        data in any_json(),
        weights in proptest::collection::vec((".{0,5}", any::<u32>()), 0..4),
        as_text in any::<bool>(),
    ) {
        let nodes = json!({"nodes": {"a": {"type": "ChaosEngine", "chaosData": data.clone()}, "b": data.clone()}});
        for data in [data, nodes] {
            let data = if as_text { Value::String(data.to_string()) } else { data };
            let execution = read(&RunDetails { execution: Some(data), weights: weights.clone(), probes: Vec::new() });
            prop_assert!(execution.told.len() <= execution.faults.len());
        }
    }
}
