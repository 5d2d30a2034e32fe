//! Tests of provenance: a state or a result of another run, commit or repository turns no run green.

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished};
use faultgate_testkit::lives::{ENDLESS, QUICK};
use serde_json::Value;

use crate::stop::STATE;

const NEXT_RUN: (&str, &str) = ("GITHUB_RUN_ID", "1234567891");
const NEXT_COMMIT: (&str, &str) = ("GITHUB_SHA", "fedcba9876543210fedcba9876543210fedcba98");

type Change = fn(&mut Value);

/// The steps of a run in jobs of GitHub.
trait InGithub {
    async fn launched_in_github(&self) -> Finished;
    /// Returns a step with the state file of an earlier one.
    fn in_github_after(&self, step: &str, earlier: &Finished) -> Faultgate;
}

impl InGithub for EmbeddedAccount {
    async fn launched_in_github(&self) -> Finished {
        let launch = self.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
        let launched = launch.in_github("1").finish().await;
        launched.assert_code(0, "launch");
        launched
    }

    fn in_github_after(&self, step: &str, earlier: &Finished) -> Faultgate {
        let state = earlier.read(STATE);
        self.faultgate(&[step]).folder(Faultgate::REPORTS).file(STATE, &state).in_github("2")
    }
}

fn rehearsed() -> Faultgate {
    Faultgate::new(&["rehearse"]).in_github("1")
}

/// Returns a `faultgate report` of this result.
fn report(result: &Value) -> Faultgate {
    Faultgate::new(&["report", "old.json"]).file("old.json", &result.to_string())
}

#[tokio::test]
async fn a_state_of_another_run_or_commit_is_neither_monitored_nor_scored() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let launched = account.launched_in_github().await;
    account.until_running().await;
    let asked = account.world.requests().len();
    let of_run =
        "is of the run 1234567890 of github-actions, and this is the run 1234567891 of github-actions";
    let of_commit = "and this is the commit fedcba9876543210fedcba9876543210fedcba98";
    let of_repository = "is of the repository shop/web, and this is the repository shop/api";
    for step in ["monitor", "score"] {
        for ((name, value), told) in
            [(NEXT_RUN, of_run), (NEXT_COMMIT, of_commit), (("GITHUB_REPOSITORY", "shop/api"), of_repository)]
        {
            let ended = account.in_github_after(step, &launched).env(name, value).finish().await;
            ended.assert_code(2, name);
            assert!(ended.stderr.contains(told), "{step}: {}", ended.stderr);
            assert!(ended.stderr.contains("faultgate stop"), "it says what to do: {}", ended.stderr);
        }
    }
    assert_eq!(account.world.requests().len(), asked, "nobody is asked");
    // A stop is always safe, so it asks for no provenance.
    let (name, value) = NEXT_RUN;
    let stop = account.in_github_after("stop", &launched).env(name, value).finish().await;
    stop.assert_code(0, "stop");
    account.assert_nothing_left("stop");
}

#[tokio::test]
async fn a_settled_state_turns_no_other_commit_green() {
    let account = EmbeddedAccount::living(QUICK).await;
    let launched = account.launched_in_github().await;
    // Another attempt of the same run goes on with the state.
    let monitored = account.in_github_after("monitor", &launched).finish().await;
    monitored.assert_code(0, "monitor");
    let scored = account.in_github_after("score", &monitored).finish().await;
    scored.assert_code(0, "score");
    assert_eq!(scored.result()["run"]["pipeline"], "1234567890");
    for (name, value) in [NEXT_RUN, NEXT_COMMIT] {
        for step in ["monitor", "score"] {
            let again = account.in_github_after(step, &monitored).env(name, value).finish().await;
            again.assert_code(2, step);
            assert_eq!(again.outputs()["verdict"], "errored");
        }
    }
}

#[tokio::test]
async fn a_result_is_rendered_in_its_own_run_and_outside_of_any_ci() {
    let result = rehearsed().finish().await.result();
    report(&result).finish().await.assert_code(0, "on a laptop");
    report(&result).in_github("2").finish().await.assert_code(0, "another attempt");
    for (name, value) in [NEXT_RUN, NEXT_COMMIT] {
        let ended = report(&result).in_github("1").env(name, value).finish().await;
        ended.assert_code(2, name);
        assert!(ended.stderr.contains("old.json is of the"), "{}", ended.stderr);
        assert!(!ended.path("reports").exists());
    }
    // A commit that the user names has to be the one of the result.
    let wrong = report(&result).args(&["--commit", "fedcba9"]).finish().await;
    wrong.assert_code(2, "another commit");
    let right = report(&result).env("FAULTGATE_COMMIT", "0123456").args(&["--repository", "shop/web"]);
    right.finish().await.assert_code(0, "its own commit");
    // A result that does not tell its run may be of any other run of the commit.
    let mut untold = result;
    untold["run"].as_object_mut().unwrap().remove("pipeline");
    untold.as_object_mut().unwrap().remove("plan");
    let refused = report(&untold).in_github("1").finish().await;
    refused.assert_code(2, "of a run that is not known");
    assert!(
        refused.stderr.contains("old.json is of a run of github-actions that is not known"),
        "{}",
        refused.stderr
    );
    report(&untold).finish().await.assert_code(0, "an older version, on a laptop");
}

#[tokio::test]
async fn the_exit_code_follows_from_the_verdict_and_a_contradiction_is_refused() {
    let result = rehearsed().finish().await.result();
    let changes: [(Change, &str); 4] = [
        (|result| result["gate"]["verdict"] = "errored".into(), "errored, is 3, and it says 0"),
        (|result| result["gate"]["exit_code"] = 3.into(), "passed, is 0, and it says 3"),
        (
            |result| result["experiments"][0]["verdict"] = "failed".into(),
            "that of its experiment rehearsal is failed",
        ),
        (|result| result["gate"]["resilience_score"] = 40.into(), "40 is below the expected 100"),
    ];
    for (change, told) in changes {
        let mut untrue = result.clone();
        change(&mut untrue);
        let ended = report(&untrue).finish().await;
        ended.assert_code(2, told);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        assert!(!ended.path("reports").exists());
    }
}

/// Returns a part of a suite of two, as a job of the run leaves it.
async fn part(shard: &str, env: &[(&str, &str)]) -> String {
    let suite = "version: 1\nexperiments:\n  - { name: az, fis: { template: EXTrehearsal } }\n  - { name: pods, fis: { template: EXTrehearsal2 } }\n";
    let run = rehearsed().file(".faultgate.yml", suite).env("FAULTGATE_SHARD", shard);
    let run = env.iter().fold(run, |run, (name, value)| run.env(name, value));
    let ended = run.finish().await;
    ended.assert_code(0, shard);
    ended.read("reports/result.json")
}

fn merge(first: &str, second: &str) -> Faultgate {
    let merge = Faultgate::new(&["report", "--merge", "1.json", "2.json"]);
    merge.file("1.json", first).file("2.json", second)
}

#[tokio::test]
async fn only_the_parts_of_one_run_and_one_suite_are_merged() {
    let first = part("1/2", &[]).await;
    let second = part("2/2", &[("GITHUB_RUN_ATTEMPT", "2"), ("GITHUB_JOB", "again")]).await;
    let noted: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(noted["plan"]["experiments"], serde_json::json!(["az", "pods"]));
    let merged = merge(&first, &second).in_github("1").env("GITHUB_JOB", "gate").finish().await;
    merged.assert_code(0, "merged");
    assert_eq!(merged.result()["plan"], noted["plan"]);
    merge(&first, &second).finish().await.assert_code(0, "outside of any CI");
    let (name, value) = NEXT_RUN;
    let elsewhere = merge(&first, &second).in_github("1").env(name, value).finish().await;
    elsewhere.assert_code(2, "in another run");
    let told = |file| format!("{file}.json is of the run 1234567890 of github-actions");
    assert!(["1", "2"].iter().all(|file| elsewhere.stderr.contains(&told(file))), "{}", elsewhere.stderr);
    for (env, told) in [
        (NEXT_RUN, "the other of the run 1234567891 of github-actions"),
        (NEXT_COMMIT, "the other of the commit fedcba98"),
        (("FAULTGATE_ALLOW_EMPTY_TARGETS", "true"), "are not of one suite"),
        (("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "50"), "the other of 50"),
    ] {
        let foreign = part("2/2", &[env]).await;
        let refused = merge(&first, &foreign).finish().await;
        refused.assert_code(2, told);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        assert!(!refused.path("reports").exists());
    }
}

#[tokio::test]
async fn what_one_job_writes_for_the_next_lowers_no_floor() {
    let low = rehearsed().env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "50").finish().await;
    low.assert_code(0, "the first job");
    let named = "settings from the environment: FAULTGATE_EXPECTED_RESILIENCE_SCORE, FAULTGATE_REPORT_DIR\n";
    assert!(low.stdout.contains(named), "{}", low.stdout);
    // A later job of GitLab inherits the variables of the dotenv report of an earlier one.
    let suite = "version: 1\ngate: { expected-resilience-score: 95 }\n";
    let inherited = low.read("reports/faultgate.env");
    let next = Faultgate::new(&["rehearse"]).file(".faultgate.yml", suite).without("FAULTGATE_REPORT_DIR");
    let next = inherited.lines().fold(next, |next, line| {
        let (name, value) = line.split_once('=').unwrap();
        next.env(name, value)
    });
    let next = next.finish().await;
    next.assert_code(0, "the next job");
    assert!(!next.stdout.contains("settings from the environment"), "{}", next.stdout);
    let result: Value = serde_json::from_str(&next.read("faultgate-report/result.json")).unwrap();
    assert_eq!(result["gate"]["expected_resilience_score"], 95.0);
}
