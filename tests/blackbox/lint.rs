//! Tests of `faultgate lint`: exit codes, formats, and ids whose templates are read.

use faultgate_rehearsal::{FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::lives::QUICK;
use serde_json::Value;

const STACK: &str = "\
Resources:
  Experiment:
    Type: AWS::FIS::ExperimentTemplate
    Properties:
      Description: restart a task
      RoleArn: !GetAtt Role.Arn
      StopConditions: [{ Source: CONDITION, Value: !GetAtt Alarm.Arn }]
      Targets: { tasks: { ResourceType: aws:ecs:task, ResourceTags: { a: b }, SelectionMode: COUNT(1) } }
      Actions: { stop: { ActionId: aws:ecs:stop-task, Targets: { Tasks: tasks } } }
      LogConfiguration: { LogSchemaVersion: 2, S3Configuration: { BucketName: !Ref Logs } }
";

const JSON: &str = r#"{"experimentTemplate": {"id": "EXT7", "description": "d", "roleArn": "arn:aws:iam::1:role/r",
    "stopConditions": [{"source": "none"}], "targets": {}, "actions": {"w\n::error::x": {"actionId": "aws:fis:wait",
    "parameters": {"duration": "PT1M"}}}}}"#;

const PLAN: &str = r#"{"format_version": "1.2", "resource_changes": [{"address": "aws_fis_experiment_template.a",
    "type": "aws_fis_experiment_template", "change": {"after": {"description": "d", "role_arn": "arn:aws:iam::1:role/r",
    "stop_condition": [{"source": "none"}], "action": [{"name": "w", "action_id": "aws:fis:wait"}]}}}]}"#;

fn stack(condition: &str) -> String {
    STACK.replace("CONDITION", condition)
}

fn lint(args: &[&str]) -> Faultgate {
    Faultgate::new(&["lint"])
        .args(args)
        .file("good.yml", &stack("aws:cloudwatch:alarm"))
        .file("bad.yml", &stack("none"))
        .file("bad.json", JSON)
        .file("plan.json", PLAN)
        .file("none.yml", "a: 1\n")
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_worst_finding() {
    for (args, code) in [
        (&["good.yml"][..], 0),
        (&["bad.yml"], 1),
        (&["good.yml", "bad.yml", "bad.json", "plan.json"], 1),
        (&["bad.yml", "--ignore", "stop-condition"], 0),
        (&["good.yml", "--fail-on", "warning"], 0),
        (&["good.yml", "--fail-on", "note"], 1),
        (&["bad.json", "--ignore", "stop-condition,harmless-only"], 0),
        (&["bad.json", "--ignore", "stop-condition", "--ignore", "harmless-only", "--fail-on", "warning"], 1),
        (&["bad.json", "--ignore", "stop-condition,harmless-only", "--timeout", "59s"], 1),
    ] {
        lint(args).finish().await.assert_code(code, &format!("{args:?}"));
    }
}

#[tokio::test]
async fn each_finding_has_its_place_and_what_to_do() {
    let ended = lint(&["bad.yml", "bad.json", "plan.json"]).finish().await;
    for part in [
        "error[stop-condition]: nothing stops the experiment when it does harm: its stop condition is none",
        "--> bad.yml:7:24 (Experiment)",
        "StopConditions: [{ Source: aws:cloudwatch:alarm, Value: !GetAtt Alarm.Arn }]",
        "--> bad.json:2:24 (EXT7)",
        "\"stopConditions\": [{\"source\": \"aws:cloudwatch:alarm\"",
        "--> plan.json (aws_fis_experiment_template.a)",
        "stop_condition {",
        "error[harmless-only]: no action injects a fault: w ::error::x lets time pass between other actions",
        "in 3 templates",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
    assert_eq!(ended.files().len(), 5, "nothing is written: {:?}", ended.files());
}

#[tokio::test]
async fn programs_get_json_and_github_its_annotations() {
    let ended = lint(&["bad.yml", "bad.json", "--format", "json"]).finish().await;
    ended.assert_code(1, "json");
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["schema_version"], &json["templates"]), (&1.into(), &2.into()));
    let findings = json["findings"].as_array().unwrap();
    let condition =
        findings.iter().find(|finding| finding["subject"] == "bad.yml" && finding["level"] == "error");
    let condition = condition.unwrap();
    assert_eq!((&condition["rule"], &condition["line"]), (&"stop-condition".into(), &7.into()));

    let ended = lint(&["bad.yml", "bad.json", "--format", "github"]).finish().await;
    ended.assert_code(1, "github");
    let commands: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert!(commands[0].starts_with("::error file=bad.json,line="), "{commands:?}");
    assert!(
        commands
            .iter()
            .any(|line| line.starts_with("::error file=bad.yml,line=7,col=24,title=stop-condition"))
    );
    assert!(commands.iter().all(|line| {
        ["::error file", "::warning file", "::notice file"].iter().any(|own| line.starts_with(own))
    }));
}

#[tokio::test]
async fn nothing_is_left_out_of_a_long_list() {
    let resource = stack("none").replace("Resources:\n", "");
    let many: String =
        (0..900).map(|number| resource.replace("Experiment:", &format!("T{number}:"))).collect();
    let asked = lint(&["many.yml", "--format", "json"]).file("many.yml", &format!("Resources:\n{many}"));
    let ended = asked.finish().await;
    assert!(ended.stdout.len() > 1 << 20, "{}", ended.stdout.len());
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["templates"], &json["errors"]), (&900.into(), &900.into()));
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_and_nothing_is_judged() {
    let link = |at: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", at.join("endless")).unwrap();
    let asked = lint(&["bad.yml", "none.yml", "nowhere.yml", ".", "endless"]);
    link(asked.home());
    let ended = asked.finish().await;
    ended.assert_code(2, "mistakes");
    for part in [
        "none.yml is no FIS experiment template",
        "nowhere.yml is not there",
        ". is not a file",
        "endless is not a file",
        "aws fis get-experiment-template",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    lint(&["good.yml", "--ignore", "stopcondition"]).finish().await.assert_code(2, "no such rule");
    lint(&[]).finish().await.assert_code(2, "nothing to judge");
    // The standard input is empty.
    lint(&["-"]).finish().await.assert_code(2, "an empty standard input");
}

#[tokio::test]
async fn ids_are_read_and_nothing_else_is_asked() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.faultgate(&["lint", TEMPLATE_ID]).finish().await;
    ended.assert_code(0, "the template of a rehearsal");
    assert!(ended.stdout.contains(&format!("--> {TEMPLATE_ID} ({TEMPLATE_ID})")), "{}", ended.stdout);
    assert!(ended.stdout.contains("warning[log]"), "{}", ended.stdout);
    assert_eq!(account.fis_operations(), ["GetExperimentTemplate"]);
    assert_eq!(account.world.requests().len(), 1);
}

#[tokio::test]
async fn an_id_that_cannot_be_read_is_no_success() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.faultgate(&["lint", "EXTnowhere", TEMPLATE_ID]).finish().await;
    ended.assert_code(3, "no such template");
    assert!(
        ended.stderr.contains("EXTnowhere") && ended.stderr.contains("list-experiment-templates"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains(TEMPLATE_ID), "the other is judged: {}", ended.stdout);
    assert!(ended.stdout.trim_end().ends_with("1 not read, and so not judged"), "{}", ended.stdout);
    let ended = account.faultgate(&["lint", "EXTnowhere", TEMPLATE_ID, "--format", "json"]).finish().await;
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["unread"][0]["subject"], "EXTnowhere");

    // A broken rule goes before a template that cannot be read.
    let asked = account.faultgate(&["lint", "EXTnowhere", "bad.yml"]).file("bad.yml", &stack("none"));
    asked.finish().await.assert_code(1, "a rule is broken");

    account.deny("GetExperimentTemplate", "fis:GetExperimentTemplate");
    let ended = account.faultgate(&["lint", TEMPLATE_ID]).finish().await;
    ended.assert_code(3, "denied");
    assert!(ended.stderr.contains("\"fis:GetExperimentTemplate\""), "{}", ended.stderr);

    let ended = account.faultgate(&["lint", TEMPLATE_ID, "--aws-region", "Ireland"]).finish().await;
    ended.assert_code(2, "no Region");
}

#[tokio::test]
async fn no_region_and_no_credentials_are_needed_for_files() {
    lint(&["good.yml"]).env("AWS_ENDPOINT_URL", "no url").finish().await.assert_code(0, "files alone");
}

/// A reader of an output that is cut off would take it for the whole.
#[tokio::test]
async fn what_cannot_be_written_is_no_success() {
    let ended = lint(&["good.yml"]).finish().await;
    let (full, file) = (std::fs::File::create("/dev/full").unwrap(), ended.path("good.yml"));
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_faultgate"))
        .args(["lint".as_ref(), file.as_os_str()])
        .stdout(full)
        .output();
    let output = program.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && told.contains("could not be written"), "{told}");
}

#[tokio::test]
async fn a_signal_ends_it() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.inject(FaultRule::on("GetExperimentTemplate", FaultEffect::Hang));
    let running = account.faultgate(&["lint", TEMPLATE_ID]).spawn();
    account.until_asked("GetExperimentTemplate").await;
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "SIGTERM");
}
