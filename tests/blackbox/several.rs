//! Tests of several experiments, several Regions, and runs in which nothing is to be injected.

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, Scenario, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ALARMING, ENDLESS, FAILING, QUICK};
use serde_json::Value;

fn words<'a>(result: &'a Value, name: &str) -> Vec<&'a str> {
    let experiments = result["experiments"].as_array().unwrap();
    experiments.iter().map(|e| e[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_of_templates_runs_one_after_the_other_on_one_subscription() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script(SECOND_TEMPLATE_ID, QUICK);
    let list = format!(" {TEMPLATE_ID},\n{SECOND_TEMPLATE_ID} ,{TEMPLATE_ID}");
    let ended = account.run().in_github("1").env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list).finish().await;
    ended.assert_code(0, "a list");
    let result = ended.result();
    assert_result(&result, 0);
    assert_eq!(words(&result, "source"), [TEMPLATE_ID, SECOND_TEMPLATE_ID, TEMPLATE_ID]);
    let ids = words(&result, "id");
    assert_eq!(ended.outputs()["experiment-ids"], ids.join(","));
    let mut different = words(&result, "name");
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 3, "names are unique");
    assert_eq!(account.requests_of("CreateQueue").len(), 1);
    assert_eq!(account.requests_of("PutRule").len(), 1);
    // The experiments run one at a time: each is known to have ended before the next begins.
    let order: Vec<String> = account.fis_operations();
    let order: Vec<&str> = order
        .iter()
        .map(String::as_str)
        .filter(|operation| ["StartExperiment", "GetExperiment"].contains(operation))
        .collect();
    assert_eq!(order, ["StartExperiment", "GetExperiment"].repeat(3));
    account.assert_nothing_left("a list");
}

#[tokio::test]
async fn parallel_experiments_run_at_the_same_time() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.script(SECOND_TEMPLATE_ID, ENDLESS);
    let running = account
        .run()
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID}"))
        .env("FAULTGATE_PARALLEL", "2")
        .spawn();
    account
        .until("both run", |seen| {
            let experiments = &seen.inventory.experiments;
            experiments.iter().filter(|e| e.status == "running").count() == 2
        })
        .await;
    running.signal("TERM").await;
    let ended = running.ended().await;
    ended.assert_code(143, "two at once");
    assert_result(&ended.result(), 143);
    assert_eq!(words(&ended.result(), "raw_state"), ["stopped", "stopped"]);
    assert_eq!(account.requests_of("StopExperiment").len(), 2);
    account.assert_nothing_left("two at once");
}

#[tokio::test]
async fn the_weightiest_verdict_wins() {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script("EXTfails", FAILING);
    account.world.script("EXTalarms", ALARMING);
    account.world.script("EXTendless", ENDLESS);
    let run = |templates: &str| {
        account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", templates).env("FAULTGATE_TIMEOUT", "1s")
    };
    let ended = run(&format!("EXTfails,{TEMPLATE_ID},EXTendless")).finish().await;
    ended.assert_code(4, "timed-out before errored before passed");
    let result = ended.result();
    assert_result(&result, 4);
    assert_eq!(words(&result, "verdict"), ["errored", "passed", "timed-out"]);
    assert!(result["gate"]["resilience_score"].is_null(), "not all are known");

    // The alarm stays, so this comes last.
    let ended = run(&format!("{TEMPLATE_ID},EXTendless,EXTalarms")).finish().await;
    ended.assert_code(1, "failed before timed-out");
    assert_eq!(words(&ended.result(), "verdict"), ["passed", "timed-out", "failed"]);

    // The alarm is found now before anything is launched.
    let before = account.requests_of("StartExperiment").len();
    let ended = run(TEMPLATE_ID).finish().await;
    ended.assert_code(3, "not steady");
    let reason = ended.result()["experiments"][0]["reason"].to_string();
    assert!(reason.contains("ALARM"), "{reason}");
    assert_eq!(account.requests_of("StartExperiment").len(), before);
    account.assert_nothing_left("three runs");
}

#[tokio::test]
async fn a_suite_spans_regions_with_a_subscription_in_each() {
    let suite = format!(
        "version: 1\nexperiments:\n\
         \x20 - {{ name: virginia, weight: 3, fis: {{ template: {SECOND_TEMPLATE_ID} }} }}\n\
         \x20 - {{ name: ireland, fis: {{ template: {TEMPLATE_ID}, region: eu-west-1 }} }}\n"
    );
    let account = EmbeddedAccount::living(ENDLESS).await;
    account.world.script(SECOND_TEMPLATE_ID, QUICK);
    let running = account.faultgate(&[]).file(".faultgate.yml", &suite).spawn();
    account
        .until("the second experiment runs", |seen| {
            let mut experiments = seen.inventory.experiments.iter();
            experiments.any(|e| e.region == "eu-west-1" && e.status == "running")
        })
        .await;
    let there = account.world.inventory();
    let mut places: Vec<&str> = there.queues.iter().map(|queue| queue.region.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["eu-west-1", "us-east-1"]);
    assert_eq!(there.rules.len(), 2);
    running.signal("INT").await;
    let ended = running.ended().await;
    ended.assert_code(130, "two Regions");
    let result = ended.result();
    assert_result(&result, 130);
    assert_eq!(words(&result, "name"), ["virginia", "ireland"]);
    assert_eq!(words(&result, "region"), ["us-east-1", "eu-west-1"]);
    assert_eq!(words(&result, "verdict"), ["passed", "cancelled"]);
    assert_eq!(result["experiments"][0]["weight"], 3);
    assert_eq!(result["subscriptions"].as_array().unwrap().len(), 2);
    account.assert_nothing_left("two Regions");
}

#[tokio::test]
async fn empty_targets_are_accepted_where_that_is_asked_for() {
    let scenario = Scenario::find("nothing-injected").unwrap();
    let account = EmbeddedAccount::of(scenario).await;
    account.world.script(TEMPLATE_ID, QUICK);
    let ended = account.run().env("FAULTGATE_ALLOW_EMPTY_TARGETS", "true").finish().await;
    ended.assert_code(0, "allow-empty-targets");
    let result = ended.result();
    assert_result(&result, 0);
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("allow-empty-targets"), "{reason}");
}

#[tokio::test]
async fn a_dry_run_skips_all_actions_and_is_judged_by_its_targets() {
    for (scenario, code) in [("completed", 0), ("nothing-injected", 3)] {
        let account = EmbeddedAccount::of(Scenario::find(scenario).unwrap()).await;
        account.world.script(TEMPLATE_ID, QUICK);
        let ended = account.run().env("FAULTGATE_DRY_RUN", "true").finish().await;
        ended.assert_code(code, scenario);
        let result = ended.result();
        assert_result(&result, code);
        let request = &account.requests_of("StartExperiment")[0].input;
        assert_eq!(request["experimentOptions"]["actionsMode"], "skip-all");
        let actions = result["experiments"][0]["actions"].as_array().unwrap();
        assert!(actions.iter().all(|action| action["state"] == "skipped"));
        assert!(result["gate"]["resilience_score"].is_null());
        let reason = result["experiments"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("dry run"), "{reason}");
        account.assert_nothing_left(scenario);
    }
    let account = EmbeddedAccount::living(QUICK).await;
    account.run().finish().await.assert_code(0, "not a dry run");
    let request = &account.requests_of("StartExperiment")[0].input;
    assert!(request["experimentOptions"].is_null(), "{request}");
}
