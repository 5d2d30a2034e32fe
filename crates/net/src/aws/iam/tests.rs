//! Tests of the list of calls, and of the policies and the page that are made of it.

use serde_json::{Value, json};

use super::*;

fn any() -> PolicyTarget {
    PolicyTarget::of("aws", "*", "*")
}

#[test]
fn the_templates_are_up_to_date() {
    for (mode, file) in [
        (Use::Events, include_str!("../../../../../ci-templates/iam/events.json")),
        (Use::Queue, include_str!("../../../../../ci-templates/iam/queue.json")),
        (Use::Poll, include_str!("../../../../../ci-templates/iam/poll.json")),
        (Use::Sweep, include_str!("../../../../../ci-templates/iam/sweep.json")),
        (Use::StopAll, include_str!("../../../../../ci-templates/iam/stop-all.json")),
    ] {
        assert!(file == policy(&[mode], &any()), "ci-templates/iam/{}.json: make docs", mode.as_str());
    }
    assert!(
        include_str!("../../../../../docs/iam.md") == reference(),
        "docs/iam.md is not what it should be: make docs"
    );
}

#[test]
fn resources_are_those_that_were_named() {
    let target = PolicyTarget {
        templates: vec!["EXT1".to_owned(), "EXT2".to_owned()],
        queue: "fis-events".to_owned(),
        ..PolicyTarget::of("aws-cn", "cn-north-1", "123456789012")
    };
    let policy: Value = serde_json::from_str(&policy(&[Use::Queue], &target)).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let resources =
        |sid: &str| statements.iter().find(|each| each["Sid"] == sid).unwrap()["Resource"].clone();
    let fis = "arn:aws-cn:fis:cn-north-1:123456789012";
    assert_eq!(
        resources("Templates"),
        json!([format!("{fis}:experiment-template/EXT1"), format!("{fis}:experiment-template/EXT2")])
    );
    assert_eq!(resources("Experiments"), json!([format!("{fis}:experiment/*")]));
    assert_eq!(resources("EventQueue"), json!(["arn:aws-cn:sqs:cn-north-1:123456789012:fis-events"]));
    assert_eq!(
        policy.to_string().matches("\"events:").count(),
        3,
        "PutEvents for handshakes, and no rule is made"
    );
}

#[test]
fn a_statement_for_an_error_names_actions_and_resources_of_the_place() {
    let told =
        statements("StartExperiment", &PolicyTarget::of("aws-cn", "cn-north-1", "123456789012")).unwrap();
    let parts: Vec<Value> = told.split(" and ").map(|part| serde_json::from_str(part).unwrap()).collect();
    let [launch, tags] = parts.as_slice() else { panic!("{told}") };
    assert_eq!(launch["Action"], json!(["fis:StartExperiment"]));
    assert_eq!(launch["Resource"][1], "arn:aws-cn:fis:cn-north-1:123456789012:experiment/*");
    assert_eq!(tags["Action"], json!(["fis:TagResource"]));
    assert_eq!(statements("DeleteBucket", &any()), None);
}

#[test]
fn nothing_is_left_to_fill_in() {
    let everything: Vec<Use> = Use::MODES.into_iter().chain(Use::OTHERS).collect();
    let policy = policy(&everything, &any());
    for placeholder in
        ["{partition}", "{region}", "{account}", "{template}", "{queue}", "{repository}", "{role}"]
    {
        assert!(!policy.contains(placeholder), "{placeholder}");
    }
}

#[test]
fn statements_have_names_of_their_own() {
    let everything: Vec<Use> = Use::MODES.into_iter().chain(Use::OTHERS).collect();
    let policy: Value = serde_json::from_str(&policy(&everything, &any())).unwrap();
    let mut names: Vec<_> =
        policy["Statement"].as_array().unwrap().iter().map(|each| each["Sid"].clone()).collect();
    let all = names.len();
    names.sort_by_key(ToString::to_string);
    names.dedup();
    assert_eq!(names.len(), all);
}
