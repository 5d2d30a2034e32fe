//! Tests of `faultgate plan`, and of runs by its items.

use std::collections::BTreeSet;

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::lives::QUICK;
use serde_json::{Value, json};

const SUITE: &str = "version: 1
gate: { each: 0 }
experiments:
  - { name: az, fis: { template: EXT1, region: eu-west-1, role-arn: \"arn:aws:iam::111122223333:role/chaos\" }, timeout: 1h }
  - { name: pod, fis: { template: 'EXT2\"$x', region: us-east-1 }, weight: 3 }
  - { name: cache, command: { run: [\"true\"] } }
";

fn plan(args: &[&str]) -> Faultgate {
    Faultgate::new(&["plan"]).args(args).file(".faultgate.yml", SUITE)
}

fn items(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_experiment_is_one_line() {
    let printed = plan(&["--format", "jsonl"]).in_github("7").finish().await;
    printed.assert_code(0, "jsonl");
    let items = items(&printed.stdout);
    assert_eq!(items.len(), 3);
    let suite = items[0]["suite"].as_str().unwrap();
    assert_eq!(
        items[0],
        json!({
            "experiment": "az", "engine": "fis", "template": "EXT1", "account": "111122223333", "region": "eu-west-1",
            "role_arn": "arn:aws:iam::111122223333:role/chaos", "weight": 10, "timeout_seconds": 3600,
            "run": "1234567890", "suite": suite, "suite_size": 3, "digest": items[0]["digest"],
        })
    );
    assert_ne!(items[0]["digest"], items[1]["digest"]);
    assert_eq!((&items[1]["account"], &items[1]["template"]), (&Value::Null, &json!("EXT2\"$x")));
    assert_eq!((&items[2]["template"], &items[2]["region"]), (&Value::Null, &Value::Null));
    assert!(!printed.path(Faultgate::REPORTS).exists(), "nothing is written");
    let table = plan(&[]).finish().await;
    let rows: Vec<&str> = table.stdout.lines().collect();
    assert!(rows[0].starts_with("EXPERIMENT  ENGINE   TEMPLATE"), "{}", table.stdout);
    assert!(rows[1].contains("111122223333  eu-west-1") && rows[1].ends_with("1h"), "{}", table.stdout);
    assert_eq!(rows[4], "3 experiments; nothing was launched");
}

/// A pipe stands for all that others read from, such as a device.
#[tokio::test]
async fn a_plan_takes_the_place_of_no_pipe_and_no_link() {
    let saving = plan(&["--save", "pipe"]);
    let made = std::process::Command::new("mkfifo").arg(saving.home().join("pipe")).status().unwrap();
    assert!(made.success());
    let refused = saving.finish().await;
    refused.assert_code(2, "a pipe");
    assert!(
        refused.stderr.contains("pipe cannot be replaced: it is a pipe, not a file"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--format jsonl"), "{}", refused.stderr);
    let there = std::fs::symlink_metadata(refused.path("pipe")).unwrap();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&there.file_type()));
    assert_eq!(refused.stdout, "");
    std::os::unix::fs::symlink("pipe", refused.path("link")).unwrap();
    let refused = plan(&["--save", "link"]).after(refused).finish().await;
    refused.assert_code(2, "a link");
    assert!(
        refused.stderr.contains("link cannot be replaced: it is a link, not a file"),
        "{}",
        refused.stderr
    );
    assert!(refused.path("link").is_symlink());
}

#[tokio::test]
async fn outside_of_a_ci_the_plan_has_an_id_of_its_own() {
    let (first, second) =
        (plan(&["--format", "jsonl"]).finish().await, plan(&["--format", "jsonl"]).finish().await);
    let run = |printed: &Finished| {
        let runs: BTreeSet<String> =
            items(&printed.stdout).iter().map(|item| item["run"].as_str().unwrap().to_owned()).collect();
        assert_eq!(runs.len(), 1);
        runs.into_iter().next().unwrap()
    };
    assert_ne!(run(&first), run(&second));
    let named = plan(&["--format", "jsonl", "--plan-run", "tuesday"]).finish().await;
    assert_eq!(run(&named), "tuesday");
    assert_eq!(items(&first.stdout)[0]["suite"], items(&second.stdout)[0]["suite"]);
}

#[tokio::test]
async fn a_matrix_is_one_line_whose_lists_can_be_handed_back() {
    let printed = plan(&["--format", "github", "--jobs", "2", "--save", "plan.jsonl"]).finish().await;
    printed.assert_code(0, "github");
    assert_eq!(printed.stdout.lines().count(), 1);
    let matrix: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(matrix, json!({ "include": [{ "job": 1, "only": "az" }, { "job": 2, "only": "cache,pod" }] }));
    assert_eq!(items(&printed.read("plan.jsonl")).len(), 3);
    let some = plan(&["--format", "jsonl", "--only", "cache,pod"]).finish().await;
    assert_eq!(
        items(&some.stdout).iter().map(|item| &item["experiment"]).collect::<Vec<_>>(),
        ["pod", "cache"]
    );
    let handed_back = plan(&["--format", "jsonl", "--only", some.stdout.trim()]).finish().await;
    assert_eq!(handed_back.stdout, some.stdout, "with the same run");
}

#[tokio::test]
async fn a_child_pipeline_ends_with_the_gate() {
    let printed = plan(&["--format", "gitlab", "--max-parallel", "2"])
        .env("GITLAB_CI", "true")
        .env("CI_PIPELINE_ID", "77")
        .env("CI_JOB_NAME", "plan it")
        .env("CI_JOB_IMAGE", "registry.example/faultgate:1")
        .finish()
        .await;
    printed.assert_code(0, "gitlab");
    let pipeline: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(pipeline["stages"], json!(["plan", "chaos", "gate"]));
    assert_eq!(pipeline["plan"]["needs"], json!([{ "pipeline": "77", "job": "plan it" }]));
    assert_eq!(pipeline[".faultgate-part"]["image"]["name"], "registry.example/faultgate:1");
    let groups: Vec<&Value> =
        (1..=3).map(|job| &pipeline[format!("chaos {job}/3")]["resource_group"]).collect();
    assert_eq!(groups, ["faultgate-77-1", "faultgate-77-2", "faultgate-77-1"]);
    // The child has another id than the pipeline that has planned, and its parts are of the plan all the same.
    for job in ["chaos 1/3", "chaos 3/3", "gate"] {
        assert_eq!(pipeline[job]["variables"]["FAULTGATE_PLAN_RUN"]["value"], "77", "{job}");
    }
    assert_eq!(
        pipeline["gate"]["script"],
        json!(["exec faultgate report --merge faultgate-parts --plan plan.jsonl"])
    );
    let own = plan(&["--format", "gitlab", "--include", "ci/part.yml"]).finish().await;
    let pipeline: Value = serde_json::from_str(&own.stdout).unwrap();
    assert_eq!(
        (&pipeline["include"], pipeline.get(".faultgate-part")),
        (&json!([{ "local": "ci/part.yml" }]), None)
    );
    assert_eq!(pipeline["plan"]["needs"][0]["pipeline"], "$PARENT_PIPELINE_ID");
}

#[tokio::test]
async fn rules_that_the_suite_itself_breaks_are_told() {
    let under = |policy: &str| {
        let policy = format!("version: 1\n{policy}\n");
        plan(&["--format", "jsonl", "--policy", "policy.yml"]).file("policy.yml", &policy)
    };
    let told = under(
        "allow: { engines: [fis], accounts: ['999999999999'] }\nrequire: { probes: true, stop-condition: true }\n\
         limits: { experiments: 2, targets: 3 }\nwindows: [{ deny: '2000-01-01..2100-01-01' }]",
    )
    .finish()
    .await;
    told.assert_code(3, "broken");
    assert_eq!(told.stdout, "");
    for rule in [
        "policy: limits.experiments: 3, at most 2",
        "policy: allow.engines: command, only fis (experiment cache)",
        "policy: allow.accounts: 111122223333, only 999999999999 (experiment az)",
        "policy: require.probes: none, at least one (experiments az, pod, cache)",
    ] {
        assert!(told.stderr.contains(rule), "{rule}\n{}", told.stderr);
    }
    // Rules that only FIS, a preview or the moment of the launch can judge are left to the run.
    for rule in ["stop-condition", "windows", "limits.targets"] {
        assert!(!told.stderr.contains(rule), "{rule}\n{}", told.stderr);
    }
    under("limits: { experiments: 3 }\nwindows: [{ deny: '2000-01-01..2100-01-01' }]")
        .finish()
        .await
        .assert_code(0, "kept");
}

#[tokio::test]
async fn mistakes_are_told_at_once_and_leave_nothing() {
    let told = plan(&["--format", "github", "--only", "cach", "--shard", "auto"]).finish().await;
    told.assert_code(2, "mistakes");
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("did you mean cache?"), "{}", told.stderr);
    assert!(told.stderr.contains("finds no engine that splits work over jobs"), "{}", told.stderr);
    assert!(told.stderr.contains("nothing was planned"), "{}", told.stderr);
    for args in [["--jobs", "0"], ["--jobs", "257"], ["--format", "xml"]] {
        plan(&args).finish().await.assert_code(2, args[1]);
    }
    let entries: String = (0..9_000)
        .map(|number| format!("  - {{ name: experiment-{number}, fis: {{ template: EXT1 }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let suite = format!("version: 1\nexperiments:\n{entries}");
    let large = plan(&["--format", "github", "--jobs", "1"]).file(".faultgate.yml", &suite).finish().await;
    large.assert_code(2, "one job");
    assert!(large.stderr.contains("allow more jobs"), "{}", large.stderr);
    let large = plan(&["--format", "github"]).file(".faultgate.yml", &suite).finish().await;
    let matrix: Value = serde_json::from_str(&large.stdout).unwrap();
    let jobs = matrix["include"].as_array().unwrap();
    let names: Vec<&str> = jobs.iter().flat_map(|job| job["only"].as_str().unwrap().split(',')).collect();
    assert_eq!((jobs.len(), names.len(), names.iter().collect::<BTreeSet<_>>().len()), (256, 9_000, 9_000));
}

/// The results of all items, whatever process carried them out, make the gate of the suite.
#[tokio::test]
async fn a_run_by_an_item_is_a_part_of_the_plan() {
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: one, fis: {{ template: {TEMPLATE_ID} }} }}\n  - {{ name: two, fis: {{ template: \
         {SECOND_TEMPLATE_ID} }} }}\n"
    );
    let in_suite = |run: Faultgate| run.file(".faultgate.yml", &suite);
    let planned = in_suite(Faultgate::new(&["plan", "--format", "jsonl"]));
    let planned = planned.env("AWS_REGION", "us-east-1").finish().await;
    planned.assert_code(0, "planned");
    let mut parts = Vec::new();
    for (item, name) in planned.stdout.lines().zip(["one", "two"]) {
        let account = EmbeddedAccount::living(QUICK).await;
        account.world.script(SECOND_TEMPLATE_ID, QUICK);
        let ran =
            in_suite(account.run()).without("FAULTGATE_EXPERIMENT_TEMPLATE_ID").env("FAULTGATE_ONLY", item);
        let ran = ran.finish().await;
        ran.assert_code(0, name);
        let result = ran.result();
        assert_eq!(result["experiments"].as_array().unwrap().len(), 1);
        assert_eq!(result["experiments"][0]["name"], name);
        assert_eq!(result["run"]["plan_run"], serde_json::from_str::<Value>(item).unwrap()["run"]);
        assert_eq!(result["plan"]["experiments"], json!(["one", "two"]));
        parts.push(ran.read("reports/result.json"));
    }
    let merge = Faultgate::new(&["report", "--merge", "1.json", "2.json"]);
    let merged = merge.file("1.json", &parts[0]).file("2.json", &parts[1]).finish().await;
    merged.assert_code(0, "merged");
    // The id of this use of the plan is another one for the merge than for its parts.
    let later = Faultgate::new(&["report", "--merge", "1.json", "2.json", "--plan-run", "tuesday"]);
    let later = later.file("1.json", &parts[0]).file("2.json", &parts[1]).finish().await;
    later.assert_code(2, "another use");
    assert!(later.stderr.contains("and this is the plan run tuesday"), "{}", later.stderr);
    let alone = Faultgate::new(&["report", "--merge", "1.json"]).file("1.json", &parts[0]).finish().await;
    alone.assert_code(2, "one is missing");
}

/// Outside of a CI nothing but the plan-run ties the commands of one run together.
#[tokio::test]
async fn one_plan_run_ties_shards_and_their_merge_where_there_is_no_ci() {
    let suite = format!(
        "version: 1\nexperiments: [{{ name: one, fis: {{ template: {TEMPLATE_ID} }} }}, {{ name: two, fis: {{ template: \
         {TEMPLATE_ID} }} }}]\n"
    );
    let run = async |plan_run: &str| {
        let command = |args: &[&str]| {
            Faultgate::new(args).file(".faultgate.yml", &suite).env("FAULTGATE_PLAN_RUN", plan_run)
        };
        let planned = command(&["plan", "--save", "plan.jsonl"]).finish().await;
        let mut merge = command(&["report", "--merge", "parts", "--plan", "plan.jsonl"]).folder("parts");
        merge = merge.file("plan.jsonl", &planned.read("plan.jsonl"));
        for shard in ["1/2", "2/2"] {
            let account = EmbeddedAccount::living(QUICK).await;
            let part = account.run().without("FAULTGATE_EXPERIMENT_TEMPLATE_ID").args(&["--shard", shard]);
            let part = part.file(".faultgate.yml", &suite).env("FAULTGATE_PLAN_RUN", plan_run).finish().await;
            part.assert_code(0, shard);
            merge = merge.file(&format!("parts/{}.json", &shard[..1]), &part.read("reports/result.json"));
        }
        merge.finish().await
    };
    run("night-7").await.assert_code(0, "night-7");
    let refused = run("").await;
    refused.assert_code(2, "nothing ties them together");
    let told = "give faultgate plan, each job and the merge the same plan-run (FAULTGATE_PLAN_RUN)";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
}

/// A plan is kept and used again: results that another run of the CI has left do not count for this one.
#[tokio::test]
async fn a_plan_that_is_used_again_takes_no_results_of_another_run() {
    let suite = format!("version: 1\nexperiments: [{{ name: one, fis: {{ template: {TEMPLATE_ID} }} }}]\n");
    let planned = Faultgate::new(&["plan", "--format", "jsonl"]).file(".faultgate.yml", &suite);
    let planned = planned.env("AWS_REGION", "us-east-1").finish().await;
    let account = EmbeddedAccount::living(QUICK).await;
    let ran = account.run().file(".faultgate.yml", &suite).without("FAULTGATE_EXPERIMENT_TEMPLATE_ID");
    let ran = ran.env("FAULTGATE_ONLY", planned.stdout.trim()).in_github("1").finish().await;
    ran.assert_code(0, "ran");
    let result = ran.read("reports/result.json");
    let merge = |run: &str| {
        Faultgate::new(&["report", "--merge", "1.json", "--plan", "plan.jsonl"])
            .file("1.json", &result)
            .file("plan.jsonl", &planned.stdout)
            .in_github("1")
            .env("GITHUB_RUN_ID", run)
    };
    merge("1234567890").finish().await.assert_code(0, "the same run");
    let refused = merge("2").finish().await;
    refused.assert_code(2, "another run");
    assert!(
        refused.stderr.contains("1.json is of the run 1234567890 of github-actions"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn a_dry_run_that_the_jobs_would_not_know_of_is_not_planned() {
    let refused = plan(&["--format", "jsonl", "--dry-run"]).finish().await;
    refused.assert_code(2, "dry run");
    assert!(refused.stderr.contains("set FAULTGATE_DRY_RUN in every job"), "{}", refused.stderr);
}
