//! Tests of a suite that is split over jobs and merged into one gate, and of reports that are rendered again.

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::contract::{assert_result, hide_moments};
use faultgate_testkit::lives::{ALARMING, QUICK};
use serde_json::{Value, json};

use crate::kept_results::plan_of;

/// Runs a shard of a suite of three, of which the last experiment finds a weakness.
async fn part(shard: Option<&str>) -> Finished {
    // Each run has an account of its own, since the alarm of a run that was stopped goes on.
    let account = account().await;
    let list = format!("{TEMPLATE_ID},{TEMPLATE_ID},{SECOND_TEMPLATE_ID}");
    let run = account.run().in_github("1").env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", list);
    let run = match shard {
        Some(shard) => run.env("FAULTGATE_SHARD", shard),
        None => run,
    };
    run.finish().await
}

async fn account() -> EmbeddedAccount {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script(SECOND_TEMPLATE_ID, ALARMING);
    account
}

fn report(args: &[&str], files: &[(&str, &str)]) -> Faultgate {
    files.iter().fold(Faultgate::new(args), |command, (name, content)| command.file(name, content))
}

#[tokio::test]
async fn the_shards_of_a_suite_make_the_gate_of_the_whole() {
    let whole = part(None).await;
    let (first, second) = (part(Some("1/2")).await, part(Some("2/2")).await);
    whole.assert_code(1, "unsplit");
    first.assert_code(1, "the first part");
    second.assert_code(0, "the second part");
    assert_eq!(second.result()["run"]["shard"], "2/2");
    let (first, second) = (first.read("reports/result.json"), second.read("reports/result.json"));
    let files = [("1.json", first.as_str()), ("2.json", second.as_str())];
    let merged = report(&["report", "--merge", "2.json", "1.json"], &files).in_github("1").finish().await;
    merged.assert_code(1, "merged");
    let (merged_result, whole_result) = (merged.result(), whole.result());
    assert_result(&merged_result, 1);
    let told = |result: &Value| {
        let experiments = result["experiments"].as_array().unwrap().iter();
        let names: Vec<Value> = experiments.map(|e| json!([e["name"], e["verdict"], e["score"]])).collect();
        hide_moments(&json!([names, result["gate"]]).to_string())
    };
    assert_eq!(told(&merged_result), told(&whole_result));
    assert_eq!(merged_result["run"].get("shard"), None);
    let (outputs, expected) = (merged.outputs(), whole.outputs());
    for name in ["verdict", "resilience-score", "reason", "state"] {
        assert_eq!(hide_moments(&outputs[name]), hide_moments(&expected[name]), "{name}");
    }
    for name in ["summary.md", "junit.xml", "faultgate.env", "annotations.json", "report.html"] {
        assert!(merged.path(&format!("reports/{name}")).exists(), "{name}");
    }
    assert!(merged.stdout.contains("FAILED: resilience score 66.66"), "{}", merged.stdout);
    let alone = report(&["report", "--merge", "2.json"], &files).finish().await;
    alone.assert_code(2, "a shard is missing");
    assert!(alone.stderr.contains("shard 1/2 missing"), "{}", alone.stderr);
    assert!(
        alone.stderr.contains("the experiments extrehearsal, extrehearsal2 of the suite are in none"),
        "{}",
        alone.stderr
    );
    assert!(!alone.path("reports").exists());
}

/// Returns the results of a part that failed and of one that passed, and the plan of both.
async fn both_parts() -> (String, String, String) {
    let (first, second) = (part(Some("1/2")).await, part(Some("2/2")).await);
    first.assert_code(1, "the first part");
    let (_, plan) = plan_of(&first.result());
    (first.read("reports/result.json"), second.read("reports/result.json"), plan)
}

/// A part that failed lies in the report folder, and the report folder below what is merged.
#[tokio::test]
async fn no_merge_takes_one_of_its_parts_away() {
    let (first, second, plan) = both_parts().await;
    let merging = |source: &str, more: &[&str]| {
        let args = ["report", "--plan", "plan.jsonl", "--tolerate", "70%", "--merge", source];
        Faultgate::new(&[&args[..], more].concat()).in_github("1")
    };
    let there = |merging: Faultgate| {
        let merging = merging.folder("reports").file("reports/result.json", &first);
        merging.file("2.json", &second).file("plan.jsonl", &plan)
    };
    let elsewhere = there(merging("/", &[]));
    let name = elsewhere.home().file_name().unwrap().to_str().unwrap().to_owned();
    let absolute = elsewhere.home().to_str().unwrap().to_owned();
    let mut ended = elsewhere.args(&["--help"]).finish().await;
    let around = format!("../{name}");
    for source in [".", "./", "reports", &absolute, &around] {
        ended = merging(source, &[]).after(ended).finish().await;
        ended.assert_code(2, source);
        let told = "is to be merged, and the merged result would take its place";
        assert!(ended.stderr.contains(told) && ended.stderr.contains("--report-dir"), "{}", ended.stderr);
        assert_eq!(ended.read("reports/result.json"), first, "{source}");
    }
    // A merge may be repeated, and the merged result is no part of the next one.
    let note = "it was merged itself, so it is no part";
    for (folder, is_tolerant, noted) in
        [("merged", true, false), ("merged", true, false), ("other", false, true)]
    {
        let strict = ["report", "--plan", "plan.jsonl", "--merge", ".", "--report-dir", folder];
        let again = if is_tolerant {
            merging(".", &["--report-dir", folder])
        } else {
            Faultgate::new(&strict).in_github("1")
        };
        ended = again.after(ended).finish().await;
        ended.assert_code(1, folder);
        let result: Value = serde_json::from_str(&ended.read(&format!("{folder}/result.json"))).unwrap();
        assert_eq!(
            (result["merged"].as_bool(), result["gate"]["verdict"].as_str()),
            (Some(true), Some("failed"))
        );
        assert_eq!(result["findings"].to_string().contains(note), noted, "{result}");
    }
    // The experiments that it says have failed would be tolerated as missing.
    ended = merging(".", &["--report-dir", "third"]).after(ended).finish().await;
    ended.assert_code(2, "tolerant of what a merged result says");
    assert!(ended.stderr.contains(note) && ended.stderr.contains("leave --tolerate out"), "{}", ended.stderr);
    assert_eq!(ended.read("reports/result.json"), first);
    // The merged result takes the place of a file that is named, and is no part after that.
    for (code, told) in [(1, "score "), (2, note)] {
        let again = merging("reports/result.json", &["2.json"]).after(ended);
        ended = again.finish().await;
        ended.assert_code(code, told);
        assert!((ended.stdout.clone() + &ended.stderr).contains(told), "{}", ended.stderr);
    }
    // A merge that is refused leaves no merged result of an earlier one.
    ended = merging(".", &["missing.json", "--report-dir", "merged"]).after(ended).finish().await;
    ended.assert_code(2, "refused");
    assert!(!ended.path("merged/result.json").exists());
}

#[tokio::test]
async fn no_later_attempt_hides_what_it_has_not_undone() {
    let (failed, passed, plan) = both_parts().await;
    let errored = |result: &str, place: usize, is_left: bool| {
        let mut result: Value = serde_json::from_str(result).unwrap();
        let experiment = &mut result["experiments"][place];
        (experiment["verdict"], experiment["score"]) = (json!("errored"), Value::Null);
        if is_left {
            experiment["fault_may_be_in"] = json!(true);
            experiment["reason"] = json!("the fault may still be in: undo it by `./undo.sh`");
        }
        (result["gate"]["verdict"], result["gate"]["exit_code"]) = (json!("errored"), json!(3));
        result.to_string()
    };
    let merging = |files: [(&str, &str); 3]| {
        let args = ["report", "--merge", "parts", "--plan", "plan.jsonl", "--tolerate", "70%"];
        let merging = Faultgate::new(&args).in_github("1").folder("parts").file("plan.jsonl", &plan);
        let merging = files
            .iter()
            .fold(merging, |merging, (name, content)| merging.file(&format!("parts/{name}"), content));
        merging.finish()
    };
    let retried = errored(&failed, 1, false);
    let merged = merging([("a.json", &failed), ("a.2.json", &retried), ("b.json", &passed)]).await;
    merged.assert_code(1, "a failure that no attempt has undone");
    assert!(merged.result().to_string().contains("the attempt parts/a.json counts"), "{}", merged.result());
    let left = errored(&passed, 0, true);
    let merged = merging([("a.json", &retried), ("b.json", &left), ("b.2.json", &passed)]).await;
    merged.assert_code(3, "a fault that may be in");
    let result = merged.result();
    let reasons = &result["gate"]["reasons"];
    assert_eq!(reasons[0], json!("the fault may still be in: extrehearsal-2"), "{reasons}");
    assert!(reasons[1].as_str().unwrap().contains("undo it by `./undo.sh`"), "{reasons}");
    assert!(result["experiments"].to_string().contains("\"fault_may_be_in\":true"), "{result}");
}

#[tokio::test]
async fn a_report_is_rendered_again_and_exits_as_the_run_did() {
    let ended = part(None).await;
    let result = ended.read("reports/result.json");
    let again = report(&["report", "old.json"], &[("old.json", &result)]).finish().await;
    again.assert_code(1, "again");
    for name in ["junit.xml", "annotations.json", "report.html"] {
        let (old, new) = (ended.read(&format!("reports/{name}")), again.read(&format!("reports/{name}")));
        // The page tells of the reports that were written before it, of which there are more now.
        let told = |page: &str| page.split("class=\"diagnostics\"").next().unwrap().to_owned();
        assert_eq!(told(&old), told(&new), "{name}");
    }
    assert!(!again.path("reports/result.json").exists(), "it is read, and not written");
    assert!(again.stdout.contains("FAILED: "), "{}", again.stdout);
}

#[tokio::test]
async fn what_is_no_result_is_a_mistake() {
    let files = [
        ("broken.json", "{"),
        ("other.json", "{\"schema_version\": 2}"),
        ("none.json", "[1]"),
        ("half.json", "{\"schema_version\": 1}"),
    ];
    let names = ["missing.json", "broken.json", "other.json", "none.json", "half.json"];
    let all = report(&[&["report", "--merge"][..], &names].concat(), &files).finish().await;
    all.assert_code(2, "all");
    for (name, why) in names.iter().zip([
        "is not there",
        "is no result of faultgate: EOF",
        "has schema_version 2; this faultgate reads 1",
        "it has no schema_version",
        "missing field",
    ]) {
        let told =
            all.stderr.lines().any(|line| line.contains(why) && line.contains(&format!("(from {name})")));
        assert!(told, "{name}: {}", all.stderr);
    }
    let default = report(&["report"], &[]).finish().await;
    default.assert_code(2, "nothing there");
    assert!(default.stderr.contains("(from reports/result.json)"), "{}", default.stderr);
}
