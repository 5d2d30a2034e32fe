//! Tests of missing permissions: nothing is launched without a subscription, and what cannot be removed is
//! named.

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::at_once;
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::QUICK;
use serde_json::Value;

#[tokio::test]
async fn what_cannot_be_removed_is_named_and_the_verdict_stands() {
    let cases = [
        ("DeleteQueue", "sqs:DeleteQueue", "queue", "aws sqs delete-queue"),
        ("DeleteRule", "events:DeleteRule", "rule", "aws events delete-rule"),
        ("RemoveTargets", "events:RemoveTargets", "rule", "aws events remove-targets"),
    ];
    at_once(cases, |(operation, action, kind, command)| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        account.deny(operation, action);
        let ended = account.run().in_github("1").finish().await;
        ended.assert_code(0, operation);
        let result = ended.result();
        assert_result(&result, 0);
        assert_eq!(result["gate"]["verdict"], "passed");
        let subscription = &result["subscriptions"][0];
        let name = subscription["name"].as_str().unwrap();
        let [leftover] = subscription["leftovers"].as_array().unwrap().as_slice() else {
            panic!("one leftover: {subscription:#}");
        };
        let leftover = leftover.as_str().unwrap();
        for part in [&format!("{kind} {name}"), command, action] {
            assert!(leftover.contains(part), "{operation}: {leftover}");
            assert!(ended.stdout.contains(part), "{operation}: {}", ended.stdout);
        }
        let summary = ended.summary();
        assert!(summary.contains("### Not removed"), "{summary}");
        assert!(summary.contains(&format!("{kind} {name}")), "{summary}");
        assert_eq!(account.left(), [format!("{kind} {name}")]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_made_is_not_launched_on() {
    let cases = [
        ("PutRule", "events:PutRule"),
        ("CreateQueue", "sqs:CreateQueue"),
        ("PutTargets", "events:PutTargets"),
        ("PutEvents", "events:PutEvents"),
    ];
    at_once(cases, |(operation, action)| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        account.deny(operation, action);
        let ended = account.run().finish().await;
        ended.assert_code(3, operation);
        let result = ended.result();
        assert_result(&result, 3);
        assert!(account.requests_of("StartExperiment").is_empty(), "{operation}");
        assert!(account.world.inventory().experiments.is_empty());
        assert_statement(&ended.stdout, action);
        let reason = result["experiments"][0]["reason"].as_str().unwrap();
        assert_statement(reason, action);
        account.assert_nothing_left(operation);
    })
    .await;
}

#[tokio::test]
async fn a_template_that_may_not_be_read_stops_the_run_and_a_lever_does_not() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("GetSafetyLever", "fis:GetSafetyLever");
    account.deny("DescribeAlarms", "cloudwatch:DescribeAlarms");
    let ended = account.run().finish().await;
    ended.assert_code(0, "optional looks");
    let result = ended.result();
    let findings = result["findings"].as_array().unwrap();
    let notes = findings.iter().filter(|finding| finding["level"] == "note");
    assert_eq!(notes.count(), 2, "{findings:#?}");
    for action in ["fis:GetSafetyLever", "cloudwatch:DescribeAlarms"] {
        assert!(ended.stdout.contains(action), "{}", ended.stdout);
    }

    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("GetExperimentTemplate", "fis:GetExperimentTemplate");
    let ended = account.run().finish().await;
    ended.assert_code(3, "GetExperimentTemplate");
    assert_result(&ended.result(), 3);
    assert_statement(&ended.stdout, "fis:GetExperimentTemplate");
    assert!(account.requests_of("CreateQueue").is_empty());
}

#[tokio::test]
async fn resolved_targets_that_may_not_be_read_are_told() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("ListExperimentResolvedTargets", "fis:ListExperimentResolvedTargets");
    let ended = account.run().finish().await;
    // The states of the actions have to do instead of the targets.
    ended.assert_code(0, "ListExperimentResolvedTargets");
    assert_statement(&ended.stdout, "fis:ListExperimentResolvedTargets");
    assert!(ended.result()["experiments"][0]["targets"][0]["resolved"].is_null());
}

/// Asserts that an IAM statement is printed which can be pasted, and which allows the action.
#[track_caller]
fn assert_statement(text: &str, action: &str) {
    let statements = text.match_indices("add this statement").map(|(place, _)| {
        let json = &text[place..];
        let json = &json[json.find('{').expect("a statement follows")..];
        let mut parsed = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        parsed.next().expect("a statement").expect("valid JSON")
    });
    let allows = |statement: &Value| {
        let actions = statement["Action"].as_array().cloned().unwrap_or_default();
        statement["Effect"] == "Allow" && actions.iter().any(|allowed| allowed == action)
    };
    assert!(statements.into_iter().any(|statement| allows(&statement)), "no statement for {action}: {text}");
}
