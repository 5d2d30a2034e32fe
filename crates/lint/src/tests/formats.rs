//! Tests of each format in which a template may be written.

use super::*;

pub(super) fn ids(found: &[(&'static str, Level, String)]) -> Vec<&'static str> {
    found.iter().map(|(id, ..)| *id).collect()
}

pub(super) const STACK: &str = r#"
Parameters:
  Minutes: { Type: Number, Default: 5 }
  Mode: { Type: String, Default: COUNT(1) }
  Secret: { Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/mode }
  Bare: { Type: String }
Mappings:
  Delays: { small: { Milliseconds: 100 } }
Resources:
  Alarm: { Type: AWS::CloudWatch::Alarm }
  Experiment:
    Type: AWS::FIS::ExperimentTemplate
    Properties:
      Description: !Sub "latency in ${AWS::StackName}"
      RoleArn: !GetAtt Role.Arn
      Tags: { environment: staging }
      ExperimentOptions: { AccountTargeting: single-account, EmptyTargetResolutionMode: fail }
      ExperimentReportConfiguration: { Outputs: { ExperimentReportS3Configuration: { BucketName: !Ref Reports } } }
      LogConfiguration: { LogSchemaVersion: 2, CloudWatchLogsConfiguration: { LogGroupArn: !GetAtt Log.Arn } }
      StopConditions: [{ Source: aws:cloudwatch:alarm, Value: !GetAtt Alarm.Arn }]
      Targets:
        tasks: { ResourceType: aws:ecs:task, ResourceTags: { a: b }, SelectionMode: MODE }
      Actions:
        latency:
          ActionId: aws:ecs:task-network-latency
          Parameters:
            duration: DURATION
            delayMilliseconds: !FindInMap [Delays, small, Milliseconds]
          Targets: { Tasks: tasks }
"#;

fn stack(mode: &str, duration: &str) -> Vec<(&'static str, Level, String)> {
    let text = STACK.replace("MODE", mode).replace("DURATION", duration);
    let mut found = found_in("stack.yml", &text);
    found.retain(|(id, ..)| *id != "precondition");
    found
}

#[test]
fn the_functions_of_cloudformation_come_to_what_the_template_tells() {
    for (mode, duration) in [
        ("COUNT(1)", "PT5M"),
        ("!Ref Mode", "!Sub PT${Minutes}M"),
        ("{ Ref: Mode }", "{ Fn::Sub: 'PT${Minutes}M' }"),
        (
            "!Sub ['COUNT(${N})', { N: !Ref Minutes }]",
            "!Sub ['PT${M}M', { M: !FindInMap [Delays, small, Milliseconds] }]",
        ),
        ("!Join ['', [COUNT(, 2, ')']]", "!Join ['', [PT, !Ref Minutes, M]]"),
        ("{ Fn::Join: ['', [COUNT(, 2, ')']] }", "PT1H"),
    ] {
        assert_eq!(stack(mode, duration), [], "{mode} {duration}");
    }
    let found = stack("!Ref Mode", "!Sub ${Minutes}m");
    assert_eq!(
        found,
        [(
            "duration",
            Error,
            "duration of the action latency is 5m, which is not a duration of ISO 8601".to_owned()
        )]
    );
}

#[test]
fn what_is_not_known_is_neither_good_nor_bad() {
    for mode in [
        "!Ref Bare",
        "!Ref Secret",
        "!If [x, ALL, COUNT(1)]",
        "{ Fn::ImportValue: x }",
        "!Sub 'PERCENT(${Bare})'",
        "!Ref AWS::Region",
    ] {
        let found = stack(mode, "PT5M");
        assert_eq!(ids(&found), ["select-all"], "{mode}");
        assert!(found[0].1 == Note && found[0].2.starts_with("cannot be judged: "), "{found:?}");
    }
    assert_eq!(ids(&stack("!Ref AWS::NoValue", "PT5M")), ["selection-mode"]);
    let conditions = STACK.replace("MODE", "COUNT(1)").replace("DURATION", "PT5M");
    let unknown =
        conditions.replace("[{ Source: aws:cloudwatch:alarm, Value: !GetAtt Alarm.Arn }]", "!If [x, [], []]");
    let found = found_in("stack.yml", &unknown);
    assert!(
        found.contains(&(
            "stop-condition",
            Note,
            "cannot be judged: the stop conditions are !If x".to_owned()
        )),
        "{found:?}"
    );
}

#[test]
fn documents_of_fis_are_known_in_every_partition_and_region() {
    let latency = STACK.replace("MODE", "COUNT(1)").replace("DURATION", "PT5M");
    let document = |arn: &str| {
        let text = latency.replace("aws:ecs:task-network-latency", "aws:ssm:send-command");
        let text = text.replace("aws:ecs:task", "aws:ec2:instance");
        let text = text.replace(
            "delayMilliseconds: !FindInMap [Delays, small, Milliseconds]",
            &format!("documentArn: {arn}"),
        );
        let mut found = found_in("stack.yml", &text);
        found.retain(|(id, ..)| *id == "ssm-document");
        found.into_iter().map(|(_, _, message)| message).collect::<Vec<_>>()
    };
    assert_eq!(
        document("!Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}::document/AWSFIS-Run-CPU-Stress'"),
        [""; 0]
    );
    let joined =
        "!Join [':', [arn, !Ref AWS::Partition, ssm, !Ref AWS::Region, '', document/AWSFIS-Run-CPU-Stress]]";
    assert_eq!(document(joined), [""; 0]);
    let own = document("!Sub 'arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:document/chaos'");
    assert_eq!(own, ["the action latency runs the document chaos of your own"]);
    assert!(document("!GetAtt Document.Arn")[0].starts_with("cannot be judged"));
}

#[test]
fn findings_have_the_place_of_what_they_are_about() {
    let mut lint = Lint::new(None, Vec::new());
    let text = STACK.replace("MODE", "ALL").replace("DURATION", "PT5M");
    lint.take_file("stack.yml", text.as_bytes()).unwrap();
    let finding = lint.judge().findings.into_iter().find(|finding| finding.rule.id == "select-all").unwrap();
    let place = finding.place.unwrap();
    assert_eq!(
        text.lines().nth(place.line - 1).unwrap()[place.column - 1..].get(..13),
        Some("SelectionMode")
    );
    assert_eq!((finding.template.as_str(), finding.add), ("Experiment", Some("SelectionMode: COUNT(1)")));
}

#[test]
fn a_resource_says_which_rules_are_left_out_of_it() {
    let text = STACK.replace("MODE", "ALL").replace("DURATION", "PT5M");
    let leaving = |rules: &str| {
        text.replace(
            "    Properties:\n",
            &format!("    Metadata: {{ faultgate: {{ ignore: {rules} }} }}\n    Properties:\n"),
        )
    };
    let mut lint = Lint::new(None, Vec::new());
    lint.take_file("stack.yml", leaving("[select-all, precondition]").as_bytes()).unwrap();
    let judgement = lint.judge();
    assert_eq!((judgement.findings.len(), judgement.ignored), (0, 2), "{:?}", judgement.findings);
    let told = refused(leaving("[selectall]").as_bytes());
    assert!(
        told.contains("the rule selectall, which there is not") && told.contains("did you mean select-all?"),
        "{told}"
    );
}

#[test]
fn fis_json_is_read_inside_and_outside_of_its_wrapper_and_as_yaml() {
    for text in [good().to_string(), json!({"experimentTemplate": good()}).to_string()] {
        assert_eq!(found_in("t.json", &text), []);
    }
    let pretty = serde_json::to_string_pretty(&good()).unwrap();
    assert_eq!(found_in("t.json", &pretty), []);
    assert_eq!(found_in("t.json", &format!("\u{feff}{}", pretty.replace("  ", "\t"))), []);
    let found = found_in("t.yml", "description: d\nstopConditions: [{ source: none }]\nactions: {}\n");
    for id in ["log", "required-field", "report", "stop-condition"] {
        assert!(ids(&found).contains(&id), "{id}: {found:?}");
    }
}

fn plan() -> Value {
    json!({
        "format_version": "1.2",
        "resource_changes": [{
            "address": "module.chaos.aws_fis_experiment_template.stop[0]",
            "mode": "managed",
            "type": "aws_fis_experiment_template",
            "change": {
                "actions": ["create"],
                "after": {
                    "description": "stop",
                    "stop_condition": [{"source": "aws:cloudwatch:alarm"}],
                    "target": [{
                        "name": "instances", "resource_type": "aws:ec2:instance", "selection_mode": "COUNT(1)",
                        "resource_arns": null, "parameters": null, "filter": [],
                        "resource_tag": [{"key": "chaos", "value": "allowed"}],
                    }],
                    "action": [{
                        "name": "stop", "action_id": "aws:ec2:stop-instances", "start_after": null,
                        "parameter": [{"key": "startInstancesAfterDuration", "value": "PT3M"}],
                        "target": [{"key": "Instances", "value": "instances"}],
                    }],
                    "log_configuration": [{"log_schema_version": 2, "s3_configuration": [], "cloudwatch_logs_configuration": [{}]}],
                    "experiment_options": [{"empty_target_resolution_mode": "fail"}],
                    "experiment_report_configuration": [{}],
                    "tags": {"environment": "staging"},
                },
                "after_unknown": {
                    "id": true,
                    "role_arn": true,
                    "stop_condition": [{"value": true}],
                    "log_configuration": [{"cloudwatch_logs_configuration": [{"log_group_arn": true}]}],
                },
            },
        }],
    })
}

#[test]
fn a_plan_of_terraform_is_read_with_what_is_known_after_the_apply() {
    let after = |change: fn(&mut Value)| {
        let mut plan = plan();
        change(&mut plan["resource_changes"][0]["change"]);
        let mut found = found_in("plan.json", &plan.to_string());
        // The same plan makes the alarm, so its ARN is not known and there is always this note.
        found.retain(|(_, _, message)| !message.contains("the alarm of a stop condition is known after"));
        found
    };
    assert_eq!(after(|_| ()), []);
    let told = found_in("plan.json", &plan().to_string());
    assert!(told.len() == 1 && told[0].1 == Note, "{told:?}");
    let found = after(|change| {
        change["after"]["target"][0]["selection_mode"] = json!("ALL");
        change["after"]["action"][0]["target"] = json!(null);
        change["after_unknown"]["action"] = json!([{"target": true}]);
    });
    assert_eq!(ids(&found), ["select-all", "undefined-target", "unused-target"]);
    assert!(found.iter().all(|(_, level, _)| *level == Note), "{found:?}");
    let found = after(|change| {
        let again = change["after"]["action"][0].clone();
        change["after"]["action"].as_array_mut().unwrap().push(again);
    });
    assert!(found.contains(&("shape", Error, "actions is not a table of names".to_owned())), "{found:?}");
    let found = after(|change| {
        change["after"]["action"][0]["action_id"] = json!(null);
        change["after_unknown"]["action"] = json!([{"action_id": true}]);
    });
    assert!(
        ["unknown-action", "irreversible", "harmless-only"].iter().all(|id| ids(&found).contains(id)),
        "{found:?}"
    );
    let found = after(|change| change["after"]["action"][0]["parameter"] = json!([]));
    assert_eq!(ids(&found), ["restart"]);
    let found = after(|change| {
        change["after"]["experiment_options"][0]["empty_target_resolution_mode"] = json!("skip");
    });
    assert_eq!(ids(&found), ["empty-targets"]);
    let found = after(|change| {
        change["after"]["stop_condition"] = json!([{"source": "none"}]);
        change["after_unknown"]["stop_condition"] = json!([{}]);
    });
    assert_eq!(ids(&found), ["stop-condition"]);
    let found = after(|change| {
        change["after"]["target"][0]["selection_mode"] = json!(null);
        change["after_unknown"]["target"] = json!([{"selection_mode": true}]);
    });
    assert_eq!(
        found,
        [(
            "select-all",
            Note,
            "cannot be judged: the selection mode of the target instances is known after apply".to_owned()
        )]
    );
    // A resource that the plan destroys is not judged.
    let mut gone = plan();
    gone["resource_changes"][0]["change"]["after"] = json!(null);
    assert!(refused(gone.to_string().as_bytes()).contains("holds no FIS experiment template"));
}

#[test]
fn a_state_of_terraform_is_read_with_its_modules() {
    let mut values = plan()["resource_changes"][0]["change"]["after"].clone();
    values["role_arn"] = json!("arn:aws:iam::111122223333:role/fis");
    values["stop_condition"] = json!([{"source": "none", "value": ""}]);
    let resource =
        json!({"address": "a.b", "mode": "managed", "type": "aws_fis_experiment_template", "values": values});
    let module =
        json!({"resources": [{"type": "aws_instance"}], "child_modules": [{"resources": [resource]}]});
    let found = found_in(
        "state.json",
        &json!({"format_version": "1.0", "values": {"root_module": module}}).to_string(),
    );
    assert_eq!(ids(&found), ["stop-condition"]);
}

#[test]
fn what_is_no_template_is_refused_with_what_to_name() {
    for (text, told) in [
        (&b"Resources: { A: { Type: AWS::S3::Bucket } }"[..], "holds no FIS experiment template"),
        (b"a: 1", "is no FIS experiment template"),
        (b"", "is no FIS experiment template"),
        (b"[]", "is no FIS experiment template"),
        (b"{\"experimentTemplates\": []}", "holds a list"),
        (b"{\"format_version\": \"1.0\", \"values\": {}}", "holds no FIS"),
        (b"resource \"aws_fis_experiment_template\" \"x\" {\n}\n", "terraform show -json"),
        (b"a: [1", "does not parse"),
        (b"{\"a\": ", "does not parse"),
        (b"a: \xff", "is not valid UTF-8 at line 1"),
    ] {
        let shown = refused(text);
        assert!(shown.contains(told) && shown.contains("t.yml"), "{told}: {shown}");
    }
    assert!(refused("[".repeat(100_000).as_bytes()).contains("recursion limit"));
    assert!(
        refused(format!("a: &x {}\nb: [{}]", "y".repeat(1000), "*x,".repeat(5000)).as_bytes())
            .contains("aliases")
    );
}

#[test]
fn texts_that_are_put_together_stay_small() {
    let many = "${Big}".repeat(100_000);
    let text = format!(
        "Parameters: {{ Big: {{ Type: String, Default: {} }} }}\n{}",
        "y".repeat(2_000),
        STACK
            .split_once("Mappings")
            .unwrap()
            .1
            .replace(":\n  Delays", "Mappings:\n  Delays")
            .replacen("MODE", &format!("!Sub '{many}'"), 1)
            .replace("DURATION", "PT5M"),
    );
    let found = found_in("stack.yml", &text);
    assert!(found.iter().any(|(id, level, _)| *id == "select-all" && *level == Note), "{found:?}");
}
