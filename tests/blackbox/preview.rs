//! Tests of previews: what would be hit is counted before anything is launched, and again at the launch.

use faultgate_rehearsal::{ACCOUNT, Recorded, SECOND_TEMPLATE_ID, Scenario, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::forges::{ForgeStandIn, GitHubManners};
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::json;

use crate::forges::in_pull_request;

const BOTH: &str = "EXTrehearsal,EXTrehearsal2";

pub(crate) fn limited(run: Faultgate, most: u64) -> Faultgate {
    run.file("policy.yml", &format!("version: 1\nlimits: {{ targets: {most} }}\n"))
        .env("FAULTGATE_POLICY", "policy.yml")
}

pub(crate) fn previewing(account: &EmbeddedAccount) -> Faultgate {
    account.run().env("FAULTGATE_PREVIEW", "true")
}

fn is_preview(start: &Recorded) -> bool {
    start.input["experimentOptions"]["actionsMode"] == "skip-all"
}

/// Returns the requests that began something: previews, and others.
pub(crate) fn begun(account: &EmbeddedAccount) -> (Vec<Recorded>, Vec<Recorded>) {
    account.requests_of("StartExperiment").into_iter().partition(is_preview)
}

pub(crate) fn reason(ended: &Finished) -> String {
    ended.result()["gate"]["reasons"][0].as_str().unwrap().to_owned()
}

/// Asserts that previews were made, nothing else was begun, and nothing is left.
pub(crate) fn assert_not_launched(account: &EmbeddedAccount, context: &str) {
    let (previews, launches) = begun(account);
    assert!(!previews.is_empty(), "{context}: no preview");
    assert!(launches.is_empty(), "{context}: {launches:?}");
    account.assert_nothing_left(context);
}

/// Returns the states of the experiments, those of previews first.
pub(crate) fn states(account: &EmbeddedAccount) -> Vec<(bool, String)> {
    let all = account.world.inventory().experiments.into_iter();
    let mut states: Vec<_> =
        all.map(|one| (!one.tags.contains_key("faultgate:preview"), one.status)).collect();
    states.sort();
    states
}

pub(crate) fn state(is_launch: bool, status: &str) -> (bool, String) {
    (is_launch, status.to_owned())
}

#[tokio::test]
async fn below_the_limit_it_is_launched_and_the_reports_tell_what_was_counted() {
    at_once(["events", "poll"], |monitor| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        let ended = limited(account.run(), 2).env("FAULTGATE_MONITOR", monitor).finish().await;
        ended.assert_code(0, monitor);
        let result = ended.result();
        assert_result(&result, 0);
        let (previews, launches) = begun(&account);
        assert_eq!((previews.len(), launches.len()), (1, 1), "{monitor}");
        assert_ne!(previews[0].input["clientToken"], launches[0].input["clientToken"]);
        assert!(previews[0].at < launches[0].at);
        assert_eq!(states(&account), [state(false, "completed"), state(true, "completed")]);
        let experiment = &result["experiments"][0];
        let preview = &experiment["preview"];
        let target =
            json!({"name": "tasks", "type": "aws:ecs:task", "account": ACCOUNT, "region": "us-east-1", "count": 2});
        assert_eq!((&preview["total"], &preview["targets"]), (&json!(2), &json!([target])), "{preview:#}");
        assert!(preview["took_ms"].as_u64().is_some_and(|took| took > 0), "{preview:#}");
        assert_ne!(preview["experiment_id"], experiment["id"]);
        let id = preview["experiment_id"].as_str().unwrap();
        let told = format!("would hit 2 resources: 2 aws:ecs:task (preview {id})");
        assert!(ended.stdout.contains(&told), "{}", ended.stdout);
        let summary = ended.summary().replace('\\', "");
        assert!(summary.contains("Blast radius: 2 resources: 2 aws:ecs:task (preview"), "{summary}");
        assert!(summary.contains(&format!("| {ACCOUNT} | us-east-1 | 2 |")), "{summary}");
        assert!(ended.read("reports/report.html").contains("Blast radius"));
        let junit = ended.read("reports/junit.xml");
        assert!(junit.contains(r#"name="previewed-resources" value="2""#), "{junit}");
        account.assert_nothing_left(monitor);
    })
    .await;
}

#[tokio::test]
async fn above_the_limit_nothing_is_launched_and_all_counts_are_told() {
    let account = EmbeddedAccount::living(QUICK).await;
    let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", BOTH);
    let ended = limited(run, 1).finish().await;
    ended.assert_code(3, "above the limit");
    let result = ended.result();
    let reasons = result["gate"]["reasons"].as_array().unwrap();
    let told = reasons[0].as_str().unwrap();
    assert!(told.starts_with("policy: limits.targets: 2, at most 1 (experiments "), "{reasons:?}");
    for experiment in result["experiments"].as_array().unwrap() {
        assert_eq!(experiment["preview"]["total"], 2, "{experiment:#}");
        assert_eq!(experiment["verdict"], "errored");
        assert!(experiment["id"].is_null());
    }
    assert_not_launched(&account, "above the limit");
    assert_eq!(begun(&account).0.len(), 2);
}

#[tokio::test]
async fn the_other_rules_are_judged_before_any_preview() {
    let account = EmbeddedAccount::living(QUICK).await;
    let run = account
        .run()
        .file("logs.yml", "version: 1\nrequire: { logs: true }\n")
        .args(&["--policy", "logs.yml"]);
    let ended = limited(run, 1).finish().await;
    ended.assert_code(3, "no log");
    assert_eq!(reason(&ended), "policy: require.logs: none, a log configuration");
    assert!(account.requests_of("StartExperiment").is_empty());
}

#[tokio::test]
async fn a_target_that_finds_nothing_is_refused_unless_that_is_accepted() {
    let nothing = Scenario::find("nothing-injected").unwrap();
    let account = EmbeddedAccount::of(nothing).await;
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "nothing found");
    let told = reason(&ended);
    assert!(told.contains("preview of extrehearsal: the target tasks resolves to no resource"), "{told}");
    assert!(told.contains("allow-empty-targets"), "{told}");
    assert_not_launched(&account, "nothing found");
    let account = EmbeddedAccount::of(nothing).await;
    let ended = previewing(&account).env("FAULTGATE_ALLOW_EMPTY_TARGETS", "true").finish().await;
    ended.assert_code(0, "nothing found, and accepted");
    assert_eq!(ended.result()["experiments"][0]["preview"]["total"], 0);
}

#[tokio::test]
async fn more_than_was_previewed_is_stopped_at_once() {
    at_once(
        [("limits: { targets: 3 }", 4), ("limits: { targets: 10 }", 3)],
        |(policy, at_launch)| async move {
            let account = EmbeddedAccount::living(ENDLESS).await;
            account.world.set_found(2, at_launch);
            let run = account.run().file("policy.yml", &format!("version: 1\n{policy}\n"));
            let ended = run.env("FAULTGATE_POLICY", "policy.yml").finish().await;
            ended.assert_code(3, policy);
            let want = match at_launch {
                4 => "policy: limits.targets: 4 at the launch and 2 in the preview, at most 3",
                _ => "the target tasks resolved to 3 resources at the launch, and to 2 in the preview",
            };
            assert_eq!(reason(&ended), want);
            assert_eq!(states(&account), [state(false, "completed"), state(true, "stopped")]);
            assert_eq!(ended.result()["experiments"][0]["stop"]["confirmed"], true);
            account.assert_nothing_left(policy);
        },
    )
    .await;
}

/// The experiment is over before anybody could count: it has hit more than was previewed all the same.
#[tokio::test]
async fn more_than_was_previewed_never_passes() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.set_found(1, 2);
    let ended = previewing(&account).finish().await;
    ended.assert_code(3, "grown and over");
    assert!(reason(&ended).contains("resolved to 2 resources at the launch, and to 1"), "{}", reason(&ended));
}

#[tokio::test]
async fn fewer_than_were_previewed_are_no_reason_to_stop() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.set_found(3, 2);
    previewing(&account).finish().await.assert_code(0, "fewer");
}

#[tokio::test]
async fn no_more_previews_than_max_active_are_in_one_place() {
    let account = EmbeddedAccount::living(QUICK).await;
    let names: Vec<String> =
        (0..20).map(|n| format!("  - {{ name: e{n}, fis: {{ template: {TEMPLATE_ID} }} }}\n")).collect();
    let head = "version: 1\nparallel: 20\nmax-active: 3\npreview: true";
    let suite = format!("{head}\nexperiments:\n{}", names.concat());
    let ended = account.faultgate(&["run"]).file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(0, "20 previews");
    let (previews, launches) = begun(&account);
    assert_eq!((previews.len(), launches.len()), (20, 20));
    assert_eq!(account.world.inventory().most_active, 3);
    assert!(previews.iter().map(|one| one.at).max() < launches.iter().map(|one| one.at).min());
}

#[tokio::test]
async fn the_steps_of_a_split_run_hand_the_preview_over() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let launched = limited(launch, 2).finish().await;
    launched.assert_code(0, "launch");
    let monitored = account.faultgate(&["monitor"]).after(launched).finish().await;
    monitored.assert_code(0, "monitor");
    let scored = account.faultgate(&["score"]).after(monitored).finish().await;
    scored.assert_code(0, "score");
    assert_eq!(scored.result()["experiments"][0]["preview"]["total"], 2);
    assert_eq!(begun(&account).0.len(), 1, "one preview for all steps");
    account.assert_nothing_left("three steps");
}

/// FIS tells at the end of more than it told the process that launched.
#[tokio::test]
async fn a_monitor_holds_the_last_record_against_the_preview() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let launched = limited(launch, 2).finish().await;
    launched.assert_code(0, "launch");
    account.world.resolve_more(3);
    let monitored = account.faultgate(&["monitor"]).after(launched).finish().await;
    monitored.assert_code(3, "monitor");
    let scored = account.faultgate(&["score"]).after(monitored).finish().await;
    scored.assert_code(3, "score");
    let told = "the target tasks resolved to 5 resources at the launch, and to 2 in the preview";
    assert_eq!(reason(&scored), told);
    account.assert_nothing_left("three steps");
}

#[tokio::test]
async fn a_split_launch_counts_before_it_hands_over() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.set_found(1, 2);
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let ended = limited(launch, 9).finish().await;
    ended.assert_code(3, "launch");
    assert_eq!(states(&account), [state(false, "completed"), state(true, "stopped")]);
    account.assert_nothing_left("launch");
}

#[tokio::test]
async fn a_check_makes_no_preview_and_says_that_only_one_tells() {
    let account = EmbeddedAccount::living(QUICK).await;
    let check = account.faultgate(&["check"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let ended = limited(check, 1).finish().await;
    ended.assert_code(0, "check");
    let note = "note    policy: limits.targets: at most 1; only the preview tells that a run makes first";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
    assert!(account.requests_of("StartExperiment").is_empty());
}

#[tokio::test]
async fn a_dry_run_is_its_own_preview() {
    for (most, code) in [(2, 0), (1, 3)] {
        let account = EmbeddedAccount::living(QUICK).await;
        let ended = limited(account.run(), most).env("FAULTGATE_DRY_RUN", "true").finish().await;
        ended.assert_code(code, "a dry run");
        let (previews, launches) = begun(&account);
        assert_eq!((previews.len(), launches.len()), (1, 0), "one experiment that skips its actions");
        assert_eq!(ended.result()["experiments"][0]["preview"]["total"], 2);
        if code == 3 {
            assert_eq!(reason(&ended), "policy: limits.targets: 2, at most 1");
        }
    }
}

#[tokio::test]
async fn the_pull_request_is_told_before_anything_is_launched() {
    let forge =
        ForgeStandIn::start(GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" }).await;
    let account = EmbeddedAccount::living(ENDLESS).await;
    let run = in_pull_request(previewing(&account), &forge, "")
        .env("FAULTGATE_COMMENT", "on")
        .env("FAULTGATE_COMMENT_ACCOUNTS", "show");
    let running = run.spawn();
    account.until("the launch", |seen| seen.count("StartExperiment") == 2).await;
    let comments = forge.look(|kept| kept.comments.clone());
    let [(id, before)] = comments.as_slice() else { panic!("{comments:?}") };
    assert!(before.contains("faultgate is about to launch"), "{before}");
    assert!(before.contains(&format!("| {ACCOUNT} | us-east-1 | 2 |")), "{before}");
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "the end");
    let comments = forge.look(|kept| kept.comments.clone());
    assert_eq!((comments.len(), comments[0].0), (1, *id), "the same comment");
    assert!(comments[0].1.contains("Chaos gate: cancelled"), "{}", comments[0].1);
}

#[tokio::test]
async fn a_forge_that_refuses_holds_no_launch_up() {
    let forge =
        ForgeStandIn::start(GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" }).await;
    forge.look(|kept| kept.refuse = Some((404, json!({ "message": "Not Found" }))));
    let account = EmbeddedAccount::living(QUICK).await;
    let ended =
        in_pull_request(previewing(&account), &forge, "").env("FAULTGATE_COMMENT", "on").finish().await;
    ended.assert_code(0, "a forge that refuses");
    assert!(ended.stdout.contains("the pull request was not told before the launch"), "{}", ended.stdout);
}

/// Each template is asked for once, although the policy is applied twice.
#[tokio::test]
async fn the_second_judgement_asks_for_nothing_again() {
    let account = EmbeddedAccount::living(QUICK).await;
    let run = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", SECOND_TEMPLATE_ID);
    limited(run, 2).finish().await.assert_code(0, "two judgements");
    for operation in ["GetExperimentTemplate", "GetSafetyLever", "DescribeAlarms"] {
        assert_eq!(account.requests_of(operation).len(), 1, "{operation}");
    }
}
