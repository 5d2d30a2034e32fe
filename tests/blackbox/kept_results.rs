//! Tests of results that are kept in S3, and of their merge: by many jobs, held against a plan, and posted.

use faultgate_rehearsal::{FaultEffect, FaultRule, SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::forges::{ForgeStandIn, GitHubManners, HEAD};
use faultgate_testkit::lives::{ALARMING, ENDLESS, QUICK};
use serde_json::{Value, json};

use crate::forges::in_pull_request;

const GITHUB: GitHubManners = GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" };
const RESULTS: &str = "s3://results/chaos/";
/// The folder of the run in the bucket.
const FOLDER: &str = "chaos/1234567890";
/// Number of results of a large run: a page of a list has 1,000.
const MORE_THAN_A_PAGE: usize = 1_050;

async fn account() -> EmbeddedAccount {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.make_bucket("results", "eu-west-1");
    account
}

/// Runs a shard of a suite of three.
async fn shard(account: &EmbeddedAccount, shard: &str) -> Finished {
    let list = format!("{TEMPLATE_ID},{SECOND_TEMPLATE_ID},{SECOND_TEMPLATE_ID}");
    let run = account.run().in_github("1").env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list);
    run.env("FAULTGATE_COMMIT", HEAD)
        .env("FAULTGATE_SHARD", shard)
        .env("FAULTGATE_RESULTS", RESULTS)
        .finish()
        .await
}

fn merge(account: &EmbeddedAccount, arguments: &[&str]) -> Faultgate {
    account
        .faultgate(&[&["report", "--merge"], arguments].concat())
        .env("FAULTGATE_RESULTS", RESULTS)
        .env("FAULTGATE_COMMIT", HEAD)
}

fn keys(account: &EmbeddedAccount) -> Vec<String> {
    account.world.objects("results").into_keys().collect()
}

#[tokio::test]
async fn what_shards_keep_in_s3_makes_one_gate_that_is_posted() {
    let account = account().await;
    for number in ["1/2", "2/2"] {
        let ended = shard(&account, number).await;
        ended.assert_code(0, number);
        let result = ended.result();
        let kept = result["reporting"].as_array().unwrap().iter().find(|kept| kept["sink"] == "results");
        assert_eq!(kept.unwrap()["outcome"], "written", "{result}");
    }
    let shards =
        ["shard-0001-of-0002.json", "shard-0002-of-0002.json"].map(|name| format!("{FOLDER}/{name}"));
    assert_eq!(keys(&account), shards);
    let forge = ForgeStandIn::start(GITHUB).await;
    // Two merges of one run do not fight: the second says the same in the same places.
    for _ in 0..2 {
        let merging = in_pull_request(merge(&account, &[RESULTS]), &forge, "");
        let merged = merging.env("FAULTGATE_COMMENT", "on").finish().await;
        merged.assert_code(0, "merged");
        assert_eq!(merged.result()["experiments"].as_array().unwrap().len(), 3);
        assert_eq!(merged.outputs()["verdict"], "passed");
        for name in ["summary.md", "junit.xml", "faultgate.env", "report.html"] {
            assert!(merged.path(&format!("reports/{name}")).exists(), "{name}");
        }
    }
    forge.look(|kept| {
        let told: Vec<_> = kept.statuses.iter().map(|status| (&*status.context, &*status.state)).collect();
        assert!(told.iter().all(|told| *told == ("faultgate", "success")) && !told.is_empty(), "{told:?}");
        assert_eq!(kept.comments.len(), 1, "{:?}", kept.comments);
    });
    forge.assert_no_faults();
    assert_eq!(keys(&account), [&[format!("{FOLDER}/_merged.json")], &shards[..]].concat());
}

#[tokio::test]
async fn the_attempt_that_began_last_counts_and_none_is_lost() {
    let account = account().await;
    account.world.script(TEMPLATE_ID, ALARMING);
    shard(&account, "1/1").await.assert_code(1, "the first attempt");
    let second = EmbeddedAccount::living(QUICK).await;
    second.world.make_bucket("results", "us-east-1");
    for (key, content) in account.world.objects("results") {
        second.world.put_object("results", &key, &content);
    }
    shard(&second, "1/1").await.assert_code(0, "the second attempt");
    let shards =
        ["shard-0001-of-0001.2.json", "shard-0001-of-0001.json"].map(|name| format!("{FOLDER}/{name}"));
    assert_eq!(keys(&second), shards);
    let merged = merge(&second, &[RESULTS]).in_github("2").finish().await;
    merged.assert_code(0, "merged");
    let told = merged.result()["findings"].to_string();
    assert!(told.contains("an earlier attempt was failed"), "{told}");
}

#[tokio::test]
async fn what_may_not_be_kept_is_told_with_the_statement() {
    let account = account().await;
    account.deny("PutObject", "s3:PutObject");
    let ended = shard(&account, "1/1").await;
    ended.assert_code(0, "the gate stands");
    let result = ended.result();
    let kept = result["reporting"].as_array().unwrap().iter().find(|kept| kept["sink"] == "results").unwrap();
    assert_eq!(kept["outcome"], "failed");
    let detail = kept["detail"].as_str().unwrap();
    assert!(detail.contains("AccessDenied") && detail.contains("arn:aws:s3:::results/*"), "{detail}");
}

/// Returns the plan of these experiments, of the suite `SUITE`.
fn plan(names: &[&str]) -> String {
    let item = |name: &&str| {
        let item = json!({
            "experiment": name, "engine": "fis", "template": TEMPLATE_ID, "account": null, "region": null,
            "role_arn": null, "weight": 10, "timeout_seconds": 60, "run": "1234567890", "suite": "SUITE",
        });
        format!("{item}\n")
    };
    names.iter().map(item).collect()
}

/// Returns the names of all experiments of the suite of a result, and the plan of them.
pub(crate) fn plan_of(result: &Value) -> (Vec<String>, String) {
    let suite = &result["plan"];
    let names: Vec<&str> =
        suite["experiments"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let plan = plan(&names).replace("SUITE", suite["digest"].as_str().unwrap());
    (names.into_iter().map(str::to_owned).collect(), plan)
}

#[tokio::test]
async fn a_plan_says_what_is_missing() {
    let account = account().await;
    let first = shard(&account, "1/2").await;
    let (names, plan) = plan_of(&first.result());
    account.world.put_object("results", "chaos/plan.jsonl", &plan);
    let missing = names[1].as_str();
    // A part that is missing is no gate where no plan names it, and nothing is posted.
    let forge = ForgeStandIn::start(GITHUB).await;
    let refused = in_pull_request(merge(&account, &[RESULTS]), &forge, "").finish().await;
    refused.assert_code(2, "refused");
    assert!(refused.stderr.contains("shard 2/2 missing"), "{}", refused.stderr);
    assert_eq!(forge.requests(), 0);
    let with_plan = ["--plan", "s3://results/chaos/plan.jsonl"];
    let errored = merge(&account, &[&[RESULTS], &with_plan[..]].concat()).in_github("1").finish().await;
    errored.assert_code(3, "errored");
    let result = errored.result();
    assert_eq!(result["experiments"][1]["name"], missing);
    assert_eq!(result["experiments"][1]["verdict"], "errored");
    let tolerant = [&[RESULTS], &with_plan[..], &["--tolerate", "34%"]].concat();
    let tolerated = merge(&account, &tolerant).in_github("1").finish().await;
    tolerated.assert_code(0, "tolerated");
    assert!(tolerated.result()["gate"]["reasons"].to_string().contains("tolerated: 1 of 3"));
    // The merged result can be read again.
    let again = Faultgate::new(&["report"])
        .after(tolerated)
        .in_github("1")
        .env("FAULTGATE_COMMIT", HEAD)
        .finish()
        .await;
    again.assert_code(0, "again");
}

/// A report folder has files of these names, and a bucket only results.
#[tokio::test]
async fn experiments_that_are_named_as_files_of_reports_count() {
    let account = account().await;
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: state, fis: {{ template: {TEMPLATE_ID} }} }}\n  \
         - {{ name: annotations, fis: {{ template: {TEMPLATE_ID} }} }}\n"
    );
    for name in ["state", "annotations"] {
        let run = account.faultgate(&["run", "--only", name]).file(".faultgate.yml", &suite).in_github("1");
        let ended = run.env("FAULTGATE_COMMIT", HEAD).env("FAULTGATE_RESULTS", RESULTS).finish().await;
        ended.assert_code(0, name);
    }
    let merged = merge(&account, &[RESULTS]).in_github("1").finish().await;
    merged.assert_code(0, "both");
    assert_eq!(merged.result()["experiments"].as_array().unwrap().len(), 2);
}

/// A merge that can read nothing knows nothing, and neither does one that finds nothing.
#[tokio::test]
async fn a_merge_without_results_is_errored() {
    let account = account().await;
    let first = shard(&account, "1/2").await;
    let (names, plan) = plan_of(&first.result());
    account.world.put_object("results", "plans/plan.jsonl", &plan);
    let with_plan = ["--plan", "plan.jsonl", "--tolerate", "100%"];
    for source in ["s3://results/nothing/", "nothing"] {
        let merging = |more: &[&str]| {
            let merging = merge(&account, &[&[source], more].concat()).in_github("1");
            merging.folder("nothing").file("plan.jsonl", &plan).finish()
        };
        let errored = merging(&with_plan).await;
        errored.assert_code(3, source);
        let result = errored.result();
        assert_eq!(result["experiments"].as_array().unwrap().len(), names.len(), "{result}");
        assert_eq!(
            (&result["gate"]["verdict"], errored.outputs()["verdict"].as_str()),
            (&json!("errored"), "errored")
        );
        assert!(errored.summary().contains(&names[0]));
        let again = Faultgate::new(&["report"]).after(errored).finish().await;
        again.assert_code(3, "the result can be read again");
        merging(&[]).await.assert_code(2, "nobody knows what is missing");
    }
    let unavailable = FaultEffect::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: "out of order".into(),
        retry_after: None,
    };
    let in_s3 = [RESULTS, "--plan", "s3://results/plans/plan.jsonl"];
    for (operation, arguments) in
        [("ListObjectsV2", &in_s3[..1]), ("GetObject", &in_s3[..1]), ("GetObject", &in_s3)]
    {
        account.world.inject(FaultRule::on(operation, unavailable.clone()).times(5));
        let merging =
            merge(&account, arguments).env("FAULTGATE_COMPARE_TO", "reports/result.json").in_github("1");
        let merging =
            merging.folder("reports").file("reports/result.json", &first.read("reports/result.json"));
        let broken = merging.finish().await;
        broken.assert_code(3, operation);
        let told = "the results could not be read, so there is no gate:\n  - could not";
        assert!(broken.stderr.contains(told) && broken.stderr.contains("HTTP 503"), "{}", broken.stderr);
        assert!(!broken.stderr.contains("mistake"), "{}", broken.stderr);
        assert_eq!(broken.outputs()["verdict"], "errored");
        assert!(!broken.path("reports/result.json").exists(), "the earlier result is gone");
    }
}

#[tokio::test]
async fn a_folder_is_merged_and_what_is_no_result_in_it_is_named() {
    let account = account().await;
    let (first, second) = (shard(&account, "1/2").await, shard(&account, "2/2").await);
    let merging = |more: Option<&str>| {
        let merging = Faultgate::new(&["report", "--merge", "parts"]).folder("parts").folder("parts/1");
        let merging = merging.file("parts/1/result.json", &first.read("reports/result.json"));
        let merging = merging
            .file("parts/1/state.json", "{}")
            .file("parts/2.json", &second.read("reports/result.json"));
        match more {
            Some(name) => merging.file(name, "{}"),
            None => merging,
        }
    };
    merging(None).finish().await.assert_code(0, "merged");
    let refused = merging(Some("parts/1/other.json")).finish().await;
    refused.assert_code(2, "refused");
    assert!(refused.stderr.contains("parts/1/other.json"), "{}", refused.stderr);
}

/// Returns what a run of one experiment has kept.
fn kept(account: &EmbeddedAccount) -> Value {
    let objects = account.world.objects("results");
    assert_eq!(objects.len(), 1, "{:?}", objects.keys());
    serde_json::from_str(objects.values().next().unwrap()).unwrap()
}

#[tokio::test]
async fn a_result_is_kept_after_a_signal() {
    let account = account().await;
    account.world.script(TEMPLATE_ID, ENDLESS);
    let run = account.run().in_github("1").env("FAULTGATE_COMMIT", HEAD).env("FAULTGATE_RESULTS", RESULTS);
    let running = run.spawn();
    account.until_running().await;
    running.signal("TERM").await;
    running.ended().await.assert_code(143, "SIGTERM");
    assert_eq!(kept(&account)["gate"]["verdict"], "cancelled");
}

#[tokio::test]
async fn a_result_is_kept_after_a_panic() {
    at_once(["wait:5", "wait:15", "request:6", "sink:8"], |place| async move {
        let account = account().await;
        let run = account.run().in_github("1").env("FAULTGATE_COMMIT", HEAD);
        let ended = run.env("FAULTGATE_RESULTS", RESULTS).env("PANIC_AT", place).finish().await;
        ended.assert_code(3, place);
        let kept = kept(&account);
        assert_eq!(kept["gate"]["verdict"], "errored", "{place}");
        assert_eq!(kept["gate"]["reasons"], ended.result()["gate"]["reasons"], "{place}");
    })
    .await;
}

#[tokio::test]
async fn more_results_than_a_page_has_room_for_take_one_request_each() {
    let account = account().await;
    let run = account.run().in_github("1").env("FAULTGATE_COMMIT", HEAD);
    let mut result = run.finish().await.result();
    let names: Vec<String> = (0..MORE_THAN_A_PAGE).map(|number| format!("e{number}")).collect();
    result["plan"]["experiments"] = json!(names);
    for name in &names {
        result["experiments"][0]["name"] = json!(name);
        account.world.put_object("results", &format!("{FOLDER}/{name}.json"), &result.to_string());
    }
    let merged = merge(&account, &[RESULTS]).in_github("1").finish().await;
    merged.assert_code(0, "merged");
    assert_eq!(merged.result()["experiments"].as_array().unwrap().len(), MORE_THAN_A_PAGE);
    let asked = |operation: &str| {
        account.world.requests().iter().filter(|request| request.operation == operation).count()
    };
    // The first list is told in which Region the bucket is, and then come two pages.
    assert_eq!((asked("ListObjectsV2"), asked("GetObject")), (3, MORE_THAN_A_PAGE));
}
