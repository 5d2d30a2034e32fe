//! Tests of policies: what breaks a rule is refused before anything but reading was asked of anybody.

use faultgate_rehearsal::{ACCOUNT, SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::QUICK;
use serde_json::{Value, json};

/// A window that is open all the time, and one that never is.
const ALWAYS: &str = "mon-sun 00:00-24:00";

fn reasons(ended: &Finished) -> Vec<String> {
    let result = ended.result();
    let reasons = result["gate"]["reasons"].as_array().unwrap().iter();
    reasons.map(|reason| reason.as_str().unwrap().to_owned()).collect()
}

/// Asserts that a run was refused by its policy, and that nothing but reads was asked of AWS.
fn assert_refused(account: &EmbeddedAccount, ended: &Finished, want: &[&str], context: &str) {
    ended.assert_code(3, context);
    let result = ended.result();
    assert_eq!(result["gate"]["verdict"], "errored", "{context}");
    assert_eq!(reasons(ended), want, "{context}");
    for experiment in result["experiments"].as_array().unwrap() {
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.starts_with("not launched: policy: "), "{context}: {reason}");
    }
    assert_only_read(account, context);
}

fn assert_only_read(account: &EmbeddedAccount, context: &str) {
    const READS: [&str; 4] =
        ["GetExperimentTemplate", "GetSafetyLever", "DescribeAlarms", "ListTargetAccountConfigurations"];
    for request in account.world.requests() {
        assert!(READS.contains(&request.operation.as_str()), "{context}: {}", request.operation);
    }
    account.assert_nothing_left(context);
}

fn under(run: Faultgate, policy: &str) -> Faultgate {
    run.file("policy.yml", &format!("version: 1\n{policy}\n")).env("FAULTGATE_POLICY", "policy.yml")
}

#[tokio::test]
async fn each_rule_refuses_before_anything_is_changed() {
    let accounts = format!("policy: allow.accounts: {ACCOUNT}, only 111122223333");
    let cases = [
        ("allow: { engines: [command] }", "policy: allow.engines: fis, only command"),
        ("allow: { accounts: ['111122223333'] }", accounts.as_str()),
        ("allow: { regions: [eu-west-1] }", "policy: allow.regions: us-east-1, only eu-west-1"),
        ("allow: { templates: ['EXT1*'] }", "policy: allow.templates: EXTrehearsal, only EXT1*"),
        (
            "deny: { actions: ['aws:ecs:*'] }",
            "policy: deny.actions: aws:ecs:task-network-latency, denied: aws:ecs:*",
        ),
        ("require: { probes: true }", "policy: require.probes: none, at least one"),
        ("require: { logs: true }", "policy: require.logs: none, a log configuration"),
        (
            "require: { tags: { Name: staging, team: shop } }",
            "policy: require.tags.Name: rehearsal, only staging",
        ),
        ("limits: { duration: 90s }", "policy: limits.duration: 2m, at most 1m30s"),
    ];
    at_once(cases, |(policy, reason)| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        let ended = under(account.run(), policy).finish().await;
        let second: &[&str] =
            if policy.contains("team") { &["policy: require.tags.team: none, only shop"] } else { &[] };
        assert_refused(&account, &ended, &[&[reason], second].concat(), policy);
        assert_result(&ended.result(), 3);
        assert!(ended.stdout.contains(reason), "{}", ended.stdout);
        assert!(ended.summary().replace('\\', "").contains(reason), "{}", ended.summary());
    })
    .await;
}

#[tokio::test]
async fn rules_of_the_run_and_windows_refuse() {
    let account = EmbeddedAccount::living(QUICK).await;
    let list = format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID}");
    let policy = format!("limits: {{ parallel: 1, experiments: 1 }}\nwindows: [{{ deny: '{ALWAYS}' }}]");
    let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list).env("FAULTGATE_PARALLEL", "2");
    let ended = under(run, &policy).finish().await;
    ended.assert_code(3, "rules of the run");
    let told = reasons(&ended);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(
        told[..2],
        ["policy: limits.parallel: 2, at most 1", "policy: limits.experiments: 2, at most 1"]
    );
    assert!(told[2].starts_with("policy: windows[0].deny: "), "{told:?}");
    assert_only_read(&account, "rules of the run");
}

#[tokio::test]
async fn a_rule_that_several_break_is_told_once_with_their_names() {
    let account = EmbeddedAccount::living(QUICK).await;
    let list = format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID}");
    let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list);
    let ended = under(run, "require: { probes: true }").finish().await;
    ended.assert_code(3, "several");
    let [reason] = reasons(&ended).try_into().unwrap();
    assert!(reason.starts_with("policy: require.probes: none, at least one (experiments "), "{reason}");
}

#[tokio::test]
async fn a_policy_that_is_kept_changes_no_request() {
    let free = EmbeddedAccount::living(QUICK).await;
    free.run().finish().await.assert_code(0, "no policy");
    let account = EmbeddedAccount::living(QUICK).await;
    let policy = format!(
        "allow: {{ engines: [fis], accounts: ['{ACCOUNT}'], regions: [us-east-1], templates: ['EXT*'] }}
deny: {{ actions: ['aws:rds:*'] }}
require: {{ stop-condition: true, tags: {{ Name: rehearsal }} }}
limits: {{ duration: 2m, parallel: 1, experiments: 1 }}
windows: [{{ allow: '{ALWAYS}', zone: Europe/Berlin }}]"
    );
    let ended = under(account.run(), &policy).finish().await;
    ended.assert_code(0, "a policy that is kept");
    assert_eq!(account.fis_operations(), free.fis_operations());
    let findings = ended.result()["findings"].clone();
    let allowed = json!({"level": "ok", "subject": "policy", "message": "policy.yml allows this run"});
    assert!(findings.as_array().unwrap().contains(&allowed), "{findings:#}");
}

#[tokio::test]
async fn flag_and_variables_add_up() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = under(account.run(), "require: { logs: true }")
        .file("flag.json", r#"{"version": 1, "require": {"probes": true}}"#)
        .file("input.yml", "version: 1\nlimits: { duration: 1m }\n")
        .env("INPUT_POLICY", "input.yml")
        .args(&["--policy", "flag.json"])
        .finish()
        .await;
    let want = [
        "policy: require.logs: none, a log configuration",
        "policy: limits.duration: 2m, at most 1m",
        "policy: require.probes: none, at least one",
    ];
    assert_refused(&account, &ended, &want, "three policies");
    let loosened = under(account.run(), "require: { logs: true }")
        .file("empty.yml", "version: 1\n")
        .args(&["--policy", "empty.yml"])
        .finish()
        .await;
    assert_refused(&account, &loosened, &want[..1], "a flag loosens nothing");
}

#[tokio::test]
async fn what_is_not_permitted_to_be_read_breaks_the_rules_that_need_it() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.deny("GetExperimentTemplate", "fis:GetExperimentTemplate");
    let ended = under(account.run(), "require: { logs: true }").finish().await;
    ended.assert_code(3, "an unread template");
    let told = reasons(&ended);
    assert_eq!(told[0], "policy: require.logs: not known (access denied), a log configuration");
    assert!(told[1].starts_with("not launched: template EXTrehearsal: "), "{told:?}");
    assert_only_read(&account, "an unread template");
}

fn configuration(id: &str) -> Value {
    json!({"accountId": id, "roleArn": format!("arn:aws:iam::{id}:role/target")})
}

/// Makes a template that acts in other accounts, and returns its id.
async fn make_multi_account(account: &EmbeddedAccount, configurations: &[Value]) -> String {
    let template = json!({
        "clientToken": "once", "description": "in several accounts",
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/chaos"),
        "stopConditions": [{"source": "none"}],
        "actions": {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}},
        "experimentOptions": {"accountTargeting": "multi-account"},
        "targetAccountConfigurations": configurations,
    });
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20261127/us-east-1/fis/aws4_request, \
                         SignedHeaders=host, Signature=00";
    let answer = reqwest::Client::new()
        .post(format!("{}/experimentTemplates", account.url()))
        .header("authorization", authorization)
        .header("content-type", "application/json")
        .body(template.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["experimentTemplate"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn target_accounts_are_asked_for_only_where_a_rule_needs_them() {
    let account = EmbeddedAccount::living(QUICK).await;
    let configurations = [configuration(ACCOUNT), configuration("999988887777")];
    let template = make_multi_account(&account, &configurations).await;
    let made = account.world.requests().len();
    let check = |policy: &str| {
        let check = account.faultgate(&["check"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", &template);
        under(check, policy).finish()
    };
    let ended = check("allow: { regions: [us-east-1] }").await;
    ended.assert_code(0, "no rule needs the accounts");
    assert!(account.requests_of("ListTargetAccountConfigurations").is_empty());
    let policy = format!("allow: {{ accounts: ['{ACCOUNT}'] }}\nrequire: {{ stop-condition: true }}");
    let ended = check(&policy).await;
    ended.assert_code(3, "a target account");
    let want = format!("allow.accounts: 999988887777 as a target account, only {ACCOUNT}");
    for told in [want.as_str(), "require.stop-condition: none, at least one", "not ready"] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
    assert_eq!(account.requests_of("ListTargetAccountConfigurations").len(), 1);
    account.deny("ListTargetAccountConfigurations", "fis:ListTargetAccountConfigurations");
    let ended = check(&policy).await;
    ended.assert_code(3, "target accounts that may not be read");
    assert!(ended.stdout.contains("allow.accounts: not known (access denied)"), "{}", ended.stdout);
    assert!(account.world.requests()[made..].iter().all(|request| request.operation != "StartExperiment"));
}

/// FIS would try to act in such an account, or act in fewer than the template says.
#[tokio::test]
async fn target_accounts_that_are_not_configured_in_full_are_not_known() {
    let only = format!("only {ACCOUNT}, 999988887777");
    let cases = [
        (
            vec![configuration(ACCOUNT), json!({"accountId": "999988887777"})],
            "the target account 999988887777 has no role",
        ),
        (vec![], "it acts in several accounts, and no target account is configured"),
    ];
    for (configurations, why) in cases {
        let account = EmbeddedAccount::living(QUICK).await;
        let template = make_multi_account(&account, &configurations).await;
        let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", &template);
        let policy = format!("allow: {{ accounts: ['{ACCOUNT}', '999988887777'] }}");
        let ended = under(run, &policy).finish().await;
        ended.assert_code(3, why);
        assert_eq!(reasons(&ended)[0], format!("policy: allow.accounts: not known ({why}), {only}"));
        assert!(account.requests_of("StartExperiment").is_empty(), "{why}");
    }
}

#[tokio::test]
async fn mistakes_in_a_policy_are_told_with_those_in_the_settings() {
    let account = EmbeddedAccount::living(QUICK).await;
    let cases = [
        ("", "is empty"),
        ("version: 1\nlimits: { target: 10 }\n", "policy.yml:2:11"),
        ("version: 2\n", "version"),
        ("version: 1\nallow: [", "does not parse"),
    ];
    for (policy, want) in cases {
        for command in ["run", "check", "launch"] {
            let ended = account
                .faultgate(&[command, "--timeout", "30 parsecs"])
                .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
                .file("policy.yml", policy)
                .env("FAULTGATE_POLICY", "policy.yml")
                .finish()
                .await;
            ended.assert_code(2, policy);
            let told = format!("{}{}", ended.stdout, ended.stderr);
            assert!(told.contains(want) && told.contains("30 parsecs"), "{policy}: {told}");
        }
    }
    for (variable, by) in [("FAULTGATE_POLICY", "FAULTGATE_POLICY"), ("INPUT_POLICY", "INPUT_POLICY")] {
        let ended = account.run().env(variable, "nowhere.yml").finish().await;
        ended.assert_code(2, "a missing file");
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(told.contains("\"nowhere.yml\" is not there") && told.contains(by), "{told}");
    }
    assert!(account.world.requests().is_empty());
}

#[tokio::test]
async fn a_suite_names_no_policy() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite = format!(
        "version: 1\npolicy: mine.yml\nexperiments: [{{ name: one, fis: {{ template: {TEMPLATE_ID} }} }}]\n"
    );
    let ended = account
        .faultgate(&["run"])
        .file(".faultgate.yml", &suite)
        .file("mine.yml", "version: 1\n")
        .finish()
        .await;
    ended.assert_code(2, "a policy in the suite");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("policy: cannot be set in the suite file itself"), "{told}");
    assert!(told.contains("--policy or FAULTGATE_POLICY"), "{told}");
}

#[tokio::test]
async fn a_launch_is_refused_too_and_a_stop_needs_no_policy() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let ended = under(launch, "require: { probes: true }").finish().await;
    assert_refused(&account, &ended, &["policy: require.probes: none, at least one"], "launch");
    let stopped =
        account.faultgate(&["stop"]).env("FAULTGATE_POLICY", "nowhere.yml").after(ended).finish().await;
    stopped.assert_code(0, "stop");
}

#[tokio::test]
async fn a_rehearsal_keeps_the_policy_and_a_command_answers_for_no_account() {
    let ended = under(Faultgate::new(&["rehearse"]), "require: { logs: true }").finish().await;
    ended.assert_code(3, "rehearse");
    assert_eq!(reasons(&ended)[0], "policy: require.logs: none, a log configuration");
    let suite = "version: 1\nexperiments: [{ name: one, command: { run: [touch, made] } }]\n";
    let run = Faultgate::new(&["run"]).file(".faultgate.yml", suite);
    let ended = under(run, "allow: { accounts: ['111122223333'] }\nrequire: { logs: true }").finish().await;
    ended.assert_code(3, "a command");
    assert_eq!(
        reasons(&ended),
        ["policy: allow.accounts: not known (the engine command does not tell), only 111122223333"]
    );
    assert!(!ended.path("made").exists());
}
