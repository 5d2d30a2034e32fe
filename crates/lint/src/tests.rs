//! Tests of the lint as a whole: its templates, its properties, and the files below for formats, rules and
//! what is not known.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use faultgate_core::model::Level::{Error, Note, Warning};

mod formats;
mod rules;
mod unknown;

/// Returns a template in which no rule finds anything.
fn good() -> Value {
    json!({
        "id": "EXT1",
        "description": "Stop a part of the shop's instances",
        "roleArn": "arn:aws:iam::111122223333:role/fis",
        "stopConditions": [{
            "source": "aws:cloudwatch:alarm",
            "value": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop",
        }],
        "targets": {"instances": {
            "resourceType": "aws:ec2:instance",
            "resourceTags": {"chaos": "allowed"},
            "selectionMode": "COUNT(1)",
        }},
        "actions": {
            "stop": {
                "actionId": "aws:ec2:stop-instances",
                "parameters": {"startInstancesAfterDuration": "PT3M"},
                "targets": {"Instances": "instances"},
            },
            "settle": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT2M"}, "startAfter": ["stop"]},
        },
        "logConfiguration": {"logSchemaVersion": 2, "cloudWatchLogsConfiguration": {"logGroupArn": "arn:aws:logs:x"}},
        "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
        "experimentReportConfiguration": {"outputs": {"s3Configuration": {"bucketName": "reports"}}},
        "tags": {"environment": "staging"},
    })
}

/// Returns the rule, the level and the message of each finding.
fn found_by(lint: &Lint) -> Vec<(&'static str, Level, String)> {
    lint.judge()
        .findings
        .into_iter()
        .map(|finding| (finding.rule.id, finding.level, finding.message))
        .collect()
}

fn found_in(name: &str, text: &str) -> Vec<(&'static str, Level, String)> {
    let mut lint = Lint::new(None, Vec::new());
    lint.take_file(name, text.as_bytes()).unwrap();
    found_by(&lint)
}

fn refused(text: &[u8]) -> String {
    let mistakes = Lint::new(None, Vec::new()).take_file("t.yml", text).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Makes any value that JSON can hold. Some of its keys and texts mean something in a template.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "ALL",
        "PERCENT(100)",
        "none",
        "aws:cloudwatch:alarm",
        "aws:ec2:stop-instances",
        "aws:ssm:send-command",
        "aws:fis:wait",
        "PT5M",
        "P",
        "${",
        "${AWS::Region}",
        "Ref",
        "a",
        "known after apply",
        "skip",
        "::error::x\n",
        "\u{1b}[2J",
        "AWS::FIS::ExperimentTemplate",
        "aws_fis_experiment_template",
    ]);
    let keys = prop::sample::select(vec![
        "experimentTemplate",
        "actions",
        "Actions",
        "targets",
        "stopConditions",
        "source",
        "value",
        "roleArn",
        "actionId",
        "parameters",
        "duration",
        "documentArn",
        "startAfter",
        "resourceArns",
        "resourceTags",
        "filters",
        "selectionMode",
        "Resources",
        "Type",
        "Properties",
        "Metadata",
        "faultgate",
        "ignore",
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::FindInMap",
        "Fn::If",
        "Parameters",
        "Mappings",
        "Default",
        "format_version",
        "values",
        "root_module",
        "resources",
        "child_modules",
        "type",
        "address",
        "resource_changes",
        "change",
        "after",
        "after_unknown",
        "stop_condition",
        "action",
        "name",
        "key",
        "parameter",
        "a",
        "b",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

/// Asserts that each text of a finding is one line which speaks to no terminal and to no CI.
fn assert_told(text: &[u8]) {
    let mut lint = Lint::new(Some(Duration::from_secs(60)), Vec::new());
    if let Err(mistakes) = lint.take_file("t.json", text) {
        assert!(!mistakes.is_empty());
        return;
    }
    let judgement = lint.judge();
    for finding in &judgement.findings {
        for text in [&finding.message, &finding.template, &finding.remedy] {
            assert!(!text.contains(['\n', '\r', '\u{1b}']), "{text:?}");
        }
    }
    assert!(!output::text(&judgement).lines().any(|line| line.starts_with("::")));
    assert!(serde_json::from_str::<Value>(&json(&judgement)).is_ok());
}

proptest! {
    #[test]
    fn whatever_json_says_is_judged_or_refused(json in any_json()) {
        assert_told(json.to_string().as_bytes());
        // The same value is also judged as a part of a good template.
        for key in ["actions", "targets", "stopConditions", "tags"] {
            let mut template = good();
            template[key] = json.clone();
            assert_told(template.to_string().as_bytes());
        }
        let stack = json!({"Resources": {"T": {"Type": "AWS::FIS::ExperimentTemplate", "Properties": json}}});
        assert_told(stack.to_string().as_bytes());
        let change = json!({"type": "aws_fis_experiment_template", "change": {"after": json, "after_unknown": json}});
        assert_told(json!({"format_version": "1.2", "resource_changes": [change]}).to_string().as_bytes());
    }

    #[test]
    fn whatever_bytes_there_are_is_judged_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        assert_told(&bytes);
    }
}

#[test]
fn of_each_file_the_errors_come_first_wherever_they_stand() {
    let mut template = good();
    template["stopConditions"] = json!([{ "source": "none" }]);
    template["tags"] = json!({});
    template.as_object_mut().unwrap().remove("logConfiguration");
    let text = serde_json::to_string_pretty(&template).unwrap();
    let mut lint = Lint::new(None, Vec::new());
    for name in ["a.json", "b.json"] {
        lint.take_file(name, text.as_bytes()).unwrap();
    }
    let findings = lint.judge().findings;
    for name in ["a.json", "b.json"] {
        let of_file: Vec<_> = findings.iter().filter(|finding| finding.subject == name).collect();
        assert!(of_file.windows(2).all(|pair| pair[0].level >= pair[1].level), "{of_file:#?}");
        let height = |finding: &&LintFinding| finding.place.as_ref().map(|place| place.line);
        assert!(
            !of_file.iter().is_sorted_by_key(height),
            "an error stands below another finding: {of_file:#?}"
        );
    }
    assert!(findings.is_sorted_by_key(|finding| finding.subject.clone()), "file by file");
}
