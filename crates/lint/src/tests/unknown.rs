//! Tests of what a file does not tell, and of what would take for ever to find out.

use super::formats::{STACK, ids};
use super::*;

/// Returns the findings in the stack with `instead` in the place of a part of it. The notes on preconditions
/// are left out.
fn stack_with(part: &str, instead: &str) -> Vec<(&'static str, Level, String)> {
    assert!(STACK.contains(part), "{part}");
    let text = STACK.replace(part, instead).replace("MODE", "COUNT(1)").replace("DURATION", "PT5M");
    let mut found = found_in("stack.yml", &text);
    found.retain(|(id, ..)| *id != "precondition");
    found
}

const ACTION: &str = "          ActionId: aws:ecs:task-network-latency\n";
const TASKS: &str = "tasks: { ResourceType: aws:ecs:task, ResourceTags: { a: b }, SelectionMode: MODE }";

#[test]
fn whatever_is_not_known_is_told_in_a_note() {
    for (part, instead, told) in [
        (
            "aws:ecs:task-network-latency",
            "!If [x, a, b]",
            &["unknown-action", "irreversible", "harmless-only"][..],
        ),
        ("aws:ecs:task-network-latency", "'{{resolve:ssm:/id}}'", &["unknown-action"]),
        ("Targets: { Tasks: tasks }", "Targets: !If [x, {}, {}]", &["undefined-target"]),
        ("EmptyTargetResolutionMode: fail", "EmptyTargetResolutionMode: !Ref Bare", &["empty-targets"]),
        ("DURATION", "!Ref Bare", &["duration"]),
        ("DURATION", "'{{resolve:ssm:/d}}'", &["duration"]),
        (
            "delayMilliseconds: !FindInMap [Delays, small, Milliseconds]",
            "flowsPercent: !Ref Bare",
            &["small-share"],
        ),
        ("!GetAtt Alarm.Arn", "!Ref Bare", &["stop-condition"]),
        ("!GetAtt Alarm.Arn", "'{{resolve:ssm:/alarm}}'", &["stop-condition"]),
        ("{ environment: staging }", "!If [x, {}, {}]", &["tags"]),
        ("ResourceType: aws:ecs:task,", "ResourceType: !Ref Bare,", &["wrong-target"]),
        (
            "ResourceTags: { a: b }",
            "ResourceArns: !If [x, [], []], ResourceTags: !If [x, {}, {}]",
            &["target-selector"],
        ),
        (TASKS, "Fn::Transform: { Name: x }", &["undefined-target"]),
        (TASKS, "tasks: !If [x, {}, {}]", &["target-selector"]),
        (
            "{ LogSchemaVersion: 2, CloudWatchLogsConfiguration: { LogGroupArn: !GetAtt Log.Arn } }",
            "{ CloudWatchLogsConfiguration: !If [x, {}, {}] }",
            &["log"],
        ),
        (
            "{ Outputs: { ExperimentReportS3Configuration: { BucketName: !Ref Reports } } }",
            "!If [x, {}, {}]",
            &["report"],
        ),
    ] {
        let found = stack_with(part, instead);
        assert!(told.iter().all(|id| ids(&found).contains(id)), "{instead}: {found:?}");
        let is_open = |(_, level, message): &(_, Level, String)| {
            *level == Note && message.starts_with("cannot be judged")
        };
        assert!(found.iter().all(is_open), "{instead}: {found:?}");
    }
}

#[test]
fn what_is_not_known_hides_no_harm() {
    let part = "SelectionMode: MODE }\n      Actions:\n        latency:\n";
    let all = "SelectionMode: ALL }\n      Actions:\n        end: { ActionId: aws:ec2:terminate-instances, Targets: !If [x, {}, {}] }\n        latency:\n";
    let found = stack_with(part, all);
    let told =
        "whether what the target tasks takes is ended for good: the targets of the action end are !If x";
    assert!(
        found
            .iter()
            .any(|(id, level, message)| *id == "select-all" && *level == Note && message.contains(told)),
        "{found:?}"
    );
    assert!(found.iter().any(|(id, level, _)| *id == "select-all" && *level == Warning), "{found:?}");
    let stop = "          ActionId: aws:ec2:stop-instances\n          Start: x\n";
    let found = stack_with(ACTION, stop);
    assert!(found.iter().any(|(id, level, _)| *id == "restart" && *level == Warning), "{found:?}");
    let found = stack_with(
        "            delayMilliseconds: !FindInMap [Delays, small, Milliseconds]\n",
        "            startInstancesAfterDuration: !Ref Bare\n",
    );
    assert!(ids(&found).contains(&"duration"), "{found:?}");
}

#[test]
fn the_ref_of_an_alarm_is_its_name() {
    let found = stack_with("!GetAtt Alarm.Arn", "!Ref Alarm");
    let told = "a stop condition names !Ref Alarm, which is not the ARN of a CloudWatch alarm";
    assert_eq!(found, [("stop-condition", Error, told.to_owned())]);
    let arn = "!Sub 'arn:aws:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${Alarm}'";
    assert_eq!(stack_with("!GetAtt Alarm.Arn", arn), []);
}

#[test]
fn what_is_not_in_the_file_is_told() {
    let template = "{ Type: AWS::FIS::ExperimentTemplate, Properties: { Description: d } }";
    for (more, is_told) in [
        (format!("  Fn::ForEach::Many: [N, [a, b], {{ 'E${{N}}': {template} }}]\n"), true),
        ("  Fn::ForEach::Many: [N, [a, b], { 'E${N}': { Type: AWS::S3::Bucket } }]\n".to_owned(), false),
        ("  Fn::Transform: { Name: AWS::Include, Parameters: { Location: s3://a/b } }\n".to_owned(), true),
    ] {
        let found = stack_with("Resources:\n", &format!("Resources:\n{more}"));
        assert_eq!(ids(&found) == ["unread"], is_told, "{more}: {found:?}");
    }
    let mut lint = Lint::new(None, Vec::new());
    let plan = json!({"format_version": "1.0", "values": {"root_module": {"resources": [
        {"address": "a.b", "mode": "managed", "type": "awscc_fis_experiment_template", "values": {}},
    ]}}});
    lint.take_file("plan.json", plan.to_string().as_bytes()).unwrap();
    lint.take_unread("EXT9", "it is not there");
    let judgement = lint.judge();
    assert_eq!(judgement.findings.len(), 1);
    assert!(
        text(&judgement).ends_with("in 0 templates; 2 not read, and so not judged"),
        "{}",
        text(&judgement)
    );
    let json: Value = serde_json::from_str(&json(&judgement)).unwrap();
    assert_eq!(json["unread"][1], json!({"subject": "EXT9", "template": null, "why": "it is not there"}));
}

/// Each of these functions would take longer than anybody lives if the work had no bound.
#[test]
fn functions_in_functions_end() {
    let many = "${a}".repeat(60);
    let sub = |inner: &str| format!("!Sub [\"{many}\", {{ a: {inner} }}]");
    let nested = (0..15).fold(sub("!GetAtt A.B"), |inner, _| sub(&inner));
    assert_eq!(stack_with("!Sub \"latency in ${AWS::StackName}\"", &nested), []);
    let long = format!("{many}{{{{resolve:ssm:/x}}}}{}", "x".repeat(500_000));
    let read_often = format!("!Sub [\"{}\", {{ a: !Other \"{long}\" }}]", "${a}".repeat(50_000));
    assert_eq!(stack_with("!Sub \"latency in ${AWS::StackName}\"", &read_often), []);
}

#[test]
fn a_key_is_there_once() {
    let told = refused(br#"{"actions": {"a": {}}, "targets": {}, "actions": {}}"#);
    assert!(told.contains("has the key actions twice") && told.contains("line 1"), "{told}");
}

#[test]
fn a_text_may_look_like_the_language_of_terraform() {
    let text = "|\n        This is made as\n        resource \"aws_x\" \"y\" {}";
    assert_eq!(stack_with("!Sub \"latency in ${AWS::StackName}\"", text), []);
}
