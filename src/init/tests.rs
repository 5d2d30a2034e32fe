//! Tests of the files that are written, for all combinations of platform, engine and answers.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::*;
use faultgate_config::{EngineKind, Platform, QUESTIONS};
use faultgate_policy::Policy;

fn answers(platform: Platform, engine: EngineKind, all: bool) -> Answers {
    let asked = QUESTIONS.iter().filter(|question| question.engine.is_none_or(|of| of == engine));
    let mut answers = Answers { platform, engine, values: BTreeMap::new() };
    for question in asked {
        if all || question.need(&answers) == faultgate_config::Need::Needed {
            answers.values.insert(question.name, question.example().unwrap().to_owned());
        }
    }
    answers
}

/// Checks the files of every platform and engine, with all answers and with those alone that are needed.
fn each(mut check: impl FnMut(&Answers, &[NewFile])) {
    let dir = tempfile::tempdir().unwrap();
    for platform in Platform::ALL {
        for engine in EngineKind::ALL {
            for all in [true, false] {
                let answers = answers(platform, engine, all);
                let files =
                    make_files(&answers, dir.path()).expect("the templates have what is changed in them");
                check(&answers, &files);
            }
        }
    }
}

fn content<'a>(files: &'a [NewFile], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap().content
}

fn yaml(text: &str) -> Value {
    use ::config::{Config, File, FileFormat};
    let source = File::from_str(text, FileFormat::Yaml);
    Config::builder().add_source(source).build().unwrap().try_deserialize().unwrap()
}

#[test]
fn every_platform_gets_a_pipeline_a_suite_and_a_policy() {
    each(|answers, files| {
        let paths: Vec<_> = files.iter().map(|file| file.path).collect();
        let pipelines: &[&str] = match answers.platform {
            Platform::GitHub => &[".github/workflows/chaos.yml"],
            Platform::GitLab => &[".gitlab/chaos.gitlab-ci.yml", ".gitlab-ci.yml"],
            Platform::CodeBuild | Platform::CodePipeline => &["buildspec.chaos.yml"],
        };
        assert_eq!(paths, [pipelines, &[".faultgate.yml", "faultgate-policy.yml"]].concat());
    });
}

/// A template that is changed must not lead to a pipeline that names another experiment than the suite does.
#[test]
fn a_pipeline_runs_the_suite_and_holds_no_answer() {
    each(|answers, files| {
        let pipeline = &files[0].content;
        for other in ["TEMPLATE_ID", "template-id", "FIS_", "ACCOUNT_ID", "ROLE_ARN", "role-arn:", "scripts/"]
        {
            assert!(!pipeline.contains(other), "{other} in\n{pipeline}");
        }
        for answer in answers.values.values() {
            assert!(!pipeline.contains(answer.as_str()), "{answer} in\n{pipeline}");
        }
        let is_fis = answers.engine == EngineKind::Fis;
        let (token, secret) = match answers.platform {
            Platform::GitHub => ("id-token: write", "secrets."),
            Platform::GitLab => ("FAULTGATE_AWS_ID_TOKEN", "masked"),
            Platform::CodeBuild | Platform::CodePipeline => ("", "secrets-manager:"),
        };
        assert_eq!(pipeline.contains(token), is_fis || token.is_empty(), "{pipeline}");
        if answers.platform != Platform::GitLab {
            let has_secret = matches!(answers.engine, EngineKind::Harness | EngineKind::Litmus);
            assert_eq!(pipeline.contains(secret), has_secret, "{pipeline}");
        }
        yaml(pipeline);
    });
}

#[test]
fn the_workflow_checks_the_suite_out_and_may_do_so() {
    let dir = tempfile::tempdir().unwrap();
    for engine in EngineKind::ALL {
        let files = make_files(&answers(Platform::GitHub, engine, true), dir.path()).unwrap();
        let job = &yaml(&files[0].content)["jobs"]["chaos"];
        assert_eq!(job["permissions"]["contents"], "read");
        let uses: Vec<_> =
            job["steps"].as_array().unwrap().iter().map(|step| step["uses"].as_str().unwrap()).collect();
        let names: Vec<_> = uses.iter().map(|uses| uses.split('@').next().unwrap()).collect();
        assert_eq!(names, ["actions/checkout", "faultgate/faultgate", "actions/upload-artifact"]);
        assert_eq!(job["steps"][1]["with"]["comment"], "on-failure");
    }
}

#[test]
fn the_workflow_is_called_after_the_deployment_and_never_by_a_push() {
    let dir = tempfile::tempdir().unwrap();
    for engine in EngineKind::ALL {
        let answers = answers(Platform::GitHub, engine, true);
        let files = make_files(&answers, dir.path()).unwrap();
        let workflow = yaml(&files[0].content);
        let on: Vec<_> = workflow["on"].as_object().unwrap().keys().collect();
        assert_eq!(on, ["workflow_call", "workflow_dispatch"]);
        let job = &workflow["jobs"]["chaos"];
        assert!(job["if"].as_str().unwrap().ends_with("== github.event.repository.default_branch"), "{job}");
        assert!(!files[0].content.contains("main"), "{}", files[0].content);
        // The caller has to give the workflow every permission and secret that it takes.
        let step = &list_steps(&answers, dir.path(), false)[1];
        let caller = yaml(step.split('`').nth(1).unwrap());
        assert_eq!(caller["chaos"]["permissions"], job["permissions"]);
        let secrets = |of: &Value| of.as_object().map(|secrets| secrets.keys().cloned().collect::<Vec<_>>());
        assert_eq!(
            secrets(&caller["chaos"]["secrets"]),
            secrets(&workflow["on"]["workflow_call"]["secrets"])
        );
    }
}

#[test]
fn the_role_is_told_whom_to_trust() {
    let dir = tempfile::tempdir().unwrap();
    let step = |platform| list_steps(&answers(platform, EngineKind::Fis, true), dir.path(), false)[0].clone();
    assert!(step(Platform::GitHub).contains("sub repo:OWNER/NAME:ref:refs/heads/BRANCH"));
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    let config = "[remote \"origin\"]\n\turl = https://github.com/octo/shop\n";
    std::fs::write(dir.path().join(".git/config"), config).unwrap();
    assert!(step(Platform::GitHub).contains("sub repo:octo/shop:ref:refs/heads/BRANCH"));
    assert!(step(Platform::GitLab).contains("sub project_path:octo/shop:ref_type:branch:ref:BRANCH"));
}

#[test]
fn a_fault_that_nothing_undoes_is_told_in_the_suite() {
    let dir = tempfile::tempdir().unwrap();
    let mut answers = answers(Platform::GitLab, EngineKind::Command, true);
    answers.values.insert("stop", "none".to_owned());
    let files = make_files(&answers, dir.path()).unwrap();
    let suite = content(&files, ".faultgate.yml");
    assert!(suite.contains("# Nothing undoes the fault") && !suite.contains("stop:"), "{suite}");
    assert_eq!(yaml(suite)["experiments"][0]["command"]["injected"]["output"], "1 container paused");
    hold(&schema(include_str!("../../docs/suite.schema.json")), &yaml(suite), suite);
}

#[test]
fn the_suite_and_the_policy_keep_to_their_schemas() {
    let (suites, policies) = (schema(include_str!("../../docs/suite.schema.json")), policies());
    each(|answers, files| {
        let (suite, policy) = (content(files, ".faultgate.yml"), content(files, "faultgate-policy.yml"));
        assert!(suite.starts_with("# yaml-language-server: $schema=https://"), "{suite}");
        assert!(policy.starts_with("# yaml-language-server: $schema=https://"), "{policy}");
        assert!(policy.contains("FAULTGATE_POLICY"), "{policy}");
        // The reader of policies has to take all that the schema allows.
        assert!(Policy::parse("faultgate-policy.yml", policy).is_ok(), "{policy}");
        hold(&suites, &yaml(suite), suite);
        hold(&policies, &yaml(policy), policy);
        // A policy that refuses the suite beside it would be no start for anybody.
        assert_eq!(
            yaml(policy)["require"]["probes"] == json!(true),
            yaml(suite)["experiments"][0]["probes"].is_array()
        );
        assert_eq!(yaml(policy)["allow"]["engines"], json!([answers.engine.as_str()]));
        // The lines that are commented out have to be valid as well.
        let with_example: String = uncommented(policy);
        assert!(yaml(&with_example)["windows"].is_array(), "{with_example}");
        assert!(Policy::parse("faultgate-policy.yml", &with_example).is_ok(), "{with_example}");
        hold(&policies, &yaml(&with_example), &with_example);
    });
}

fn uncommented(policy: &str) -> String {
    let (head, rest) = policy.split_once("# windows:").unwrap();
    let head = head.replace("  # targets", "  targets");
    format!("{head}windows:{}", rest.replace("\n# ", "\n"))
}

fn schema(text: &str) -> Validator {
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn policies() -> Validator {
    schema(include_str!("../../docs/policy.schema.json"))
}

#[track_caller]
fn hold(schema: &Validator, value: &Value, text: &str) {
    let problems: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?} in\n{text}");
}

#[test]
fn the_schema_of_policies_takes_every_key() {
    let schema = policies();
    for good in [
        json!({ "version": 1 }),
        json!({
            "version": 1,
            "allow": { "engines": ["fis", "command"], "accounts": ["111122223333"], "regions": ["eu-west-1"], "templates": ["EXT*"] },
            "deny": { "actions": ["aws:rds:*", "aws:network:disrupt-connectivity"] },
            "require": { "stop-condition": true, "probes": true, "logs": true, "tags": { "environment": "staging" } },
            "limits": { "targets": 10, "duration": "30m", "parallel": 2, "experiments": 20, "alone": true },
            "windows": [
                { "allow": "mon-thu 09:00-16:00", "zone": "Europe/Berlin" },
                { "allow": "22:00-02:00" },
                { "deny": "2026-12-20..2027-01-05" },
            ],
        }),
    ] {
        hold(&schema, &good, "");
    }
}

#[test]
fn the_schema_of_policies_refuses_what_is_no_policy() {
    let schema = policies();
    for (key, bad) in [
        ("version", json!(2)),
        ("version", json!(null)),
        ("alow", json!({})),
        ("allow", json!({ "engine": ["fis"] })),
        ("allow", json!({ "engines": ["gremlin"] })),
        ("allow", json!({ "accounts": [111_122_223_333_u64] })),
        ("allow", json!({ "accounts": ["1111"] })),
        ("allow", json!({ "regions": ["eu-west-1a"] })),
        ("allow", json!({ "regions": [] })),
        ("deny", json!({ "templates": ["EXT*"] })),
        ("require", json!({ "stop-condition": "yes" })),
        ("require", json!({ "tags": { "environment": 1 } })),
        ("limits", json!({ "targets": -1 })),
        ("limits", json!({ "duration": "30" })),
        ("limits", json!({ "duration": "" })),
        ("limits", json!({ "parallel": 0 })),
        ("limits", json!({ "experiments": 1.5 })),
        ("windows", json!([{ "zone": "UTC" }])),
        ("windows", json!([{ "allow": "mon", "deny": "tue" }])),
        ("windows", json!([{ "allow": "09:00-24:30" }])),
        ("windows", json!([{ "allow": "monday 09:00-16:00" }])),
        ("windows", json!([{ "deny": "2026-13-01..2027-01-05" }])),
        ("windows", json!([{ "deny": "mon", "zone": "a zone" }])),
    ] {
        let mut policy = json!({ "version": 1 });
        policy[key] = bad;
        assert!(!schema.is_valid(&policy), "{policy}");
    }
    assert!(!schema.is_valid(&json!({ "limits": { "targets": 1 } })), "it has no version");
    assert!(!schema.is_valid(&json!(null)), "an empty file");
}

#[test]
fn a_gitlab_pipeline_that_is_there_is_told_what_to_include() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".gitlab-ci.yml"), "stages: [build]\n").unwrap();
    let answers = answers(Platform::GitLab, EngineKind::Fis, true);
    let files = make_files(&answers, dir.path()).unwrap();
    assert!(files.iter().all(|file| file.path != ".gitlab-ci.yml"));
    assert!(
        list_steps(&answers, dir.path(), true)[1]
            .contains("include: [{ local: .gitlab/chaos.gitlab-ci.yml }]")
    );
    assert!(!list_steps(&answers, dir.path(), false)[1].contains("include"));
}

#[test]
fn commands_to_copy_hold_answers_as_words() {
    let mut answers = answers(Platform::GitHub, EngineKind::Fis, true);
    answers.values.insert("experiment-template-id", "EXT;reboot".to_owned());
    let dir = tempfile::tempdir().unwrap();
    let step = &list_steps(&answers, dir.path(), false)[0];
    let command = "faultgate iam --template 'EXT;reboot' --region eu-west-1 --account 111122223333";
    assert!(step.contains(command), "{step}");
}
