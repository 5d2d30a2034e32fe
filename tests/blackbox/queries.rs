//! Tests of suites that find their experiments by a query: of tags, of accounts in a file, and of a unit.

use faultgate_rehearsal::{FaultEffect, FaultRule, ORGANIZATION_ROOT};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::lives::QUICK;
use serde_json::{Value, json};

/// A suite whose one entry finds the two templates that each place of a world has.
const FLEET: &str = "version: 1
experiments:
  - name: nightly
    fis:
      templates: { tags: { Name: rehearsal } }
      regions: [us-east-1, eu-west-1]
      accounts: { unit: r-root, role: chaos }
";

async fn account() -> EmbeddedAccount {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script(faultgate_rehearsal::SECOND_TEMPLATE_ID, QUICK);
    account.world.organize(
        ORGANIZATION_ROOT,
        &[("000000000001", "ACTIVE"), ("000000000002", "SUSPENDED")],
        &[],
    );
    account
}

fn plan(account: &EmbeddedAccount, suite: &str) -> Faultgate {
    account.faultgate(&["plan", "--format", "jsonl"]).file(".faultgate.yml", suite)
}

fn items(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn one_entry_is_one_experiment_for_each_template_account_and_region() {
    let account = account().await;
    let printed = plan(&account, FLEET).finish().await;
    printed.assert_code(0, "plan");
    let items = items(&printed.stdout);
    // Two accounts of three are active, and each has two templates in each of two Regions.
    assert_eq!(items.len(), 8, "{}", printed.stdout);
    assert_eq!(items[0]["experiment"], "nightly-extrehearsal-000000000001-eu-west-1");
    assert_eq!(items[0]["role_arn"], "arn:aws:iam::000000000001:role/chaos");
    assert_eq!(items[7]["experiment"], "nightly-extrehearsal2-123456789012-us-east-1");
    for request in account.world.requests() {
        let reads = ["ListAccountsForParent", "ListChildren", "ListExperimentTemplates", "AssumeRole"];
        assert!(reads.contains(&request.operation.as_str()), "{}", request.operation);
    }
    assert_eq!(account.requests_of("ListExperimentTemplates").len(), 4);
    let again = plan(&account, FLEET).finish().await;
    let names = |printed: &str| items_names(printed);
    assert_eq!(names(&again.stdout), names(&printed.stdout));
}

fn items_names(printed: &str) -> Vec<String> {
    items(printed).iter().map(|item| item["experiment"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_item_is_run_in_its_account_and_nobody_is_asked_again() {
    let account = account().await;
    let planned = plan(&account, FLEET).finish().await;
    let item = planned.stdout.lines().nth(1).unwrap();
    let asked = account.requests_of("ListExperimentTemplates").len();
    let ran =
        account.faultgate(&["run"]).file(".faultgate.yml", FLEET).env("FAULTGATE_ONLY", item).finish().await;
    ran.assert_code(0, "run");
    let result = ran.result();
    let digest = &serde_json::from_str::<Value>(item).unwrap()["suite"];
    assert_eq!(result["plan"], json!({ "digest": digest, "experiments": [] }));
    assert_eq!(result["experiments"][0]["name"], "nightly-extrehearsal2-000000000001-eu-west-1");
    assert_eq!(account.requests_of("ListExperimentTemplates").len(), asked);
    let launches = account.requests_of("StartExperiment");
    assert_eq!((launches.len(), launches[0].account.as_str()), (1, "000000000001"));
}

#[tokio::test]
async fn a_whole_run_asks_and_so_does_a_launch_whose_monitor_need_not() {
    let account = account().await;
    let suite = "version: 1\nparallel: 2\nexperiments:\n  - { name: here, fis: { templates: { tags: { Name: rehearsal } } } }\n";
    let checked = account.faultgate(&["check"]).file(".faultgate.yml", suite).finish().await;
    checked.assert_code(0, "check");
    let ran = account.faultgate(&["run"]).file(".faultgate.yml", suite).finish().await;
    ran.assert_code(0, "run");
    let names: Vec<Value> =
        ran.result()["experiments"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["here-extrehearsal", "here-extrehearsal2"]);
    let launched = account.faultgate(&["launch"]).file(".faultgate.yml", suite).finish().await;
    launched.assert_code(0, "launch");
    let asked = account.requests_of("ListExperimentTemplates").len();
    let monitored = account.faultgate(&["monitor"]).after(launched).finish().await;
    monitored.assert_code(0, "monitor");
    account.faultgate(&["score"]).after(monitored).finish().await.assert_code(0, "score");
    assert_eq!((asked, account.requests_of("ListExperimentTemplates").len()), (3, 3));
    account.assert_nothing_left("a query");
    let rehearsed = Faultgate::new(&["rehearse"]).file(".faultgate.yml", suite).finish().await;
    rehearsed.assert_code(0, "a rehearsal asks nobody");
}

#[tokio::test]
async fn all_that_cannot_be_read_is_told_at_once() {
    let account = account().await;
    account
        .world
        .inject(FaultRule::on("ListExperimentTemplates", FaultEffect::denied("fis:ListExperimentTemplates")));
    let suite = FLEET.replace("unit: r-root", "file: accounts.txt");
    let of_file = |suite: &str| plan(&account, suite).file("accounts.txt", "000000000001\n000000000002\n");
    let told = of_file(&suite).finish().await;
    told.assert_code(2, "denied");
    assert_eq!(told.stdout, "");
    for place in [
        "000000000001 in us-east-1",
        "000000000001 in eu-west-1",
        "000000000002 in us-east-1",
        "000000000002 in eu-west-1",
    ] {
        assert!(told.stderr.contains(place), "{place}\n{}", told.stderr);
    }
    assert!(told.stderr.contains("\"fis:ListExperimentTemplates\""), "{}", told.stderr);
    account.world.heal();
    let none = of_file(&suite.replace("Name: rehearsal", "Name: rehearsal, chaos: nightly")).finish().await;
    none.assert_code(2, "none found");
    let want =
        "nightly: no template has the tags Name: rehearsal, chaos: nightly, in 000000000001 in us-east-1";
    assert!(none.stderr.contains(want), "{}", none.stderr);
    account.deny("ListChildren", "organizations:ListChildren");
    let unit = plan(&account, FLEET).finish().await;
    unit.assert_code(2, "no organization");
    assert!(unit.stderr.contains("could not list the accounts of r-root"), "{}", unit.stderr);
    assert!(unit.stderr.contains("\"organizations:ListChildren\""), "{}", unit.stderr);
    let unknown = plan(&account, &FLEET.replace("r-root", "ou-root-nobodyhere")).finish().await;
    assert!(unknown.stderr.contains("ParentNotFoundException"), "{}", unknown.stderr);
    account.world.close_account("000000000001");
    let closed = of_file(&suite).finish().await;
    closed.assert_code(2, "an account that lets nobody in");
    assert!(closed.stderr.contains("arn:aws:iam::000000000001:role/chaos"), "{}", closed.stderr);
    let mistaken = of_file(&suite.replace("version: 1", "version: 1\ntimeot: 5m")).finish().await;
    assert!(mistaken.stderr.contains("did you mean timeout?"), "{}", mistaken.stderr);
}

#[tokio::test]
async fn a_matrix_of_found_experiments_hands_their_items_on() {
    let account = account().await;
    let printed = account
        .faultgate(&["plan", "--format", "github", "--jobs", "2"])
        .file(".faultgate.yml", FLEET)
        .finish()
        .await;
    let matrix: Value = serde_json::from_str(&printed.stdout).unwrap();
    let only = matrix["include"][0]["only"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Vec<Value>>(only).unwrap().len(), 4);
    let asked = account.requests_of("ListExperimentTemplates").len();
    let again = plan(&account, FLEET).env("FAULTGATE_ONLY", only).finish().await;
    again.assert_code(0, "handed back");
    assert_eq!(
        (items(&again.stdout).len(), account.requests_of("ListExperimentTemplates").len()),
        (4, asked)
    );
}
