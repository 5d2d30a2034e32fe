//! Tests of statuses and comments, as they arrive at the forge under each CI.

mod arrivals;
mod builds;
mod rights;
mod scale;
mod troubles;

use faultgate_rehearsal::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;

use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::forges::{
    BitbucketManners, CodeCommitManners, ForgeStandIn, GitHubManners, GitLabManners, HEAD, MERGE, TOKEN,
};

use faultgate_testkit::lives::QUICK;
use serde_json::{Value, json};

/// The context of the experiment in a rehearsal that names none.
const CONTEXT: &str = "faultgate rehearsal/rehearsal";
const GITHUB: GitHubManners = GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" };

const ENTERPRISE: GitHubManners = GitHubManners { base: "/api/v3", ..GITHUB };
const GITEA: GitHubManners = GitHubManners { base: "/api/v1", scheme: "token ", ..GITHUB };

fn rehearsal() -> Faultgate {
    Faultgate::new(&["rehearse"]).env("FAULTGATE_COMMENT", "on").env("CI", "true")
}

/// Returns the event of a pull request whose merge commit is checked out. The head is another commit.
fn pull_request(from: &str) -> String {
    let head = json!({ "sha": HEAD, "repo": { "full_name": from } });
    let base = json!({ "sha": MERGE, "repo": { "full_name": "shop/web" } });
    json!({ "number": 7, "pull_request": { "number": 7, "head": head, "base": base } }).to_string()
}

/// Returns a step of a workflow of GitHub, of a forge that speaks its language, or of an Enterprise Server.
fn github(forge: &ForgeStandIn, api: &str) -> Faultgate {
    in_pull_request(rehearsal(), forge, api)
}

pub(crate) fn in_pull_request(faultgate: Faultgate, forge: &ForgeStandIn, api: &str) -> Faultgate {
    faultgate
        .in_github("1")
        .env("GITHUB_API_URL", forge.url(api))
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_SHA", MERGE)
        .env("GITHUB_RUN_NUMBER", "12")
        .named_file("GITHUB_EVENT_PATH", "event.json", &pull_request("shop/web"))
        .env("INPUT_GITHUB-TOKEN", TOKEN)
}

fn gitlab(forge: &ForgeStandIn) -> Faultgate {
    rehearsal()
        .env("GITLAB_CI", "true")
        .env("CI_API_V4_URL", forge.url("/api/v4"))
        .env("CI_SERVER_URL", forge.url(""))
        .env("CI_PROJECT_ID", "278964")
        .env("CI_PROJECT_PATH", "shop/web")
        .env("CI_PIPELINE_ID", "5150")
        .env("CI_JOB_ID", "42")
        .env("CI_JOB_NAME", "chaos")
        .env("CI_JOB_URL", "https://gitlab.example.com/shop/web/-/jobs/42")
        .env("CI_COMMIT_SHA", HEAD)
        .env("CI_COMMIT_REF_NAME", "faster-checkout")
        .env("CI_MERGE_REQUEST_IID", "7")
        .env("CI_MERGE_REQUEST_PROJECT_ID", "278964")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
}

fn codebuild(source: &str) -> Faultgate {
    rehearsal()
        .env("CODEBUILD_BUILD_ID", "chaos:0a1b2c3d-0000-4000-8000-000000000000")
        .env("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:111122223333:build/chaos:0a1b2c3d")
        .env("CODEBUILD_SOURCE_REPO_URL", source)
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD)
        .env("AWS_REGION", "eu-west-1")
}

/// Asserts that the token is in no output and no file but the one that the test itself wrote.
#[track_caller]
fn assert_hidden(ended: &Finished, context: &str) {
    assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN), "{context}: the token is shown");
    for path in ended.files() {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains(TOKEN),
            "{context}: the token is in {}",
            path.display()
        );
    }
}

fn reported<'r>(result: &'r Value, sink: &str) -> &'r Value {
    let reporting = result["reporting"].as_array().unwrap();
    reporting
        .iter()
        .find(|reported| reported["sink"] == sink)
        .unwrap_or_else(|| panic!("{sink}: {reporting:#?}"))
}

#[tokio::test]
async fn a_comment_is_found_over_all_pages_and_updated_in_place() {
    let forge = ForgeStandIn::start(GITHUB).await;
    forge.look(|kept| {
        for number in 0..250 {
            kept.comment(&format!("no marker, {number}"));
        }
    });
    for round in ["creates", "updates"] {
        let ended = github(&forge, "").env("FAULTGATE_REHEARSAL", "completed").finish().await;
        ended.assert_code(0, round);
    }
    forge.assert_no_faults();
    forge.look(|kept| {
        assert_eq!(kept.comments.len(), 251);
        let created =
            kept.asked.iter().filter(|asked| asked.method == "POST" && asked.path.ends_with("/comments"));
        assert_eq!(created.count(), 1);
    });
}

#[tokio::test]
async fn on_failure_a_comment_appears_with_the_failure_and_is_updated_by_the_next_pass() {
    let forge = ForgeStandIn::start(GITHUB).await;
    for (scenario, code, comments, says) in [
        ("completed", 0, 0, ""),
        ("stop-condition", 1, 1, "Chaos gate: failed"),
        ("completed", 0, 1, "Chaos gate: passed"),
    ] {
        let ended = github(&forge, "")
            .args(&["--scenario", scenario])
            .env("FAULTGATE_COMMENT", "on-failure")
            .finish()
            .await;
        ended.assert_code(code, scenario);
        forge.look(|kept| {
            assert_eq!(kept.comments.len(), comments, "{scenario}");
            assert!(kept.comments.iter().all(|(_, text)| text.contains(says)), "{:?}", kept.comments);
        });
    }
    forge.assert_no_faults();
}

#[tokio::test]
async fn several_experiments_have_a_status_each_and_the_run_has_one() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let suite = "version: 1\nexperiments:\n  - { name: az-latency, fis: { template: EXTrehearsal } }\n  - { name: pod-delete, fis: { template: EXTrehearsal2 } }\n";
    let ended = github(&forge, "").file(".faultgate.yml", suite).finish().await;
    ended.assert_code(0, "several");
    forge.assert_no_faults();
    let told = forge.told();
    let run = "faultgate rehearsal";
    for context in [run.to_owned(), format!("{run}/az-latency"), format!("{run}/pod-delete")] {
        let states: Vec<&str> =
            told.iter().filter(|(name, _)| *name == context).map(|(_, state)| state.as_str()).collect();
        assert_eq!((states.first(), states.last()), (Some(&"pending"), Some(&"success")), "{context}");
        assert!(states[1..states.len() - 1].iter().all(|state| *state == "pending"), "{context}: {states:?}");
    }
    assert!(forge.requests() <= (4 + 2) * 3 + 3, "{:#?}", forge.look(|kept| kept.asked.clone()));
}

/// Returns the contexts that a run of a suite of two posts to, and the marker of its comment.
async fn posted(run: impl FnOnce(Faultgate) -> Faultgate) -> (Vec<String>, String) {
    let account = EmbeddedAccount::living(QUICK).await;
    account.world.script(SECOND_TEMPLATE_ID, QUICK);
    let forge = ForgeStandIn::start(GITHUB).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - {{ name: az, fis: {{ template: {TEMPLATE_ID} }} }}\n  - {{ name: pods, fis: {{ template: {SECOND_TEMPLATE_ID} }} }}\n"
    );
    let faultgate = account.faultgate(&["run"]).env("FAULTGATE_COMMENT", "on").file(".faultgate.yml", &suite);
    let ended = run(in_pull_request(faultgate, &forge, "")).finish().await;
    ended.assert_code(0, "posted");
    forge.assert_no_faults();
    let mut contexts: Vec<String> = forge.told().into_iter().map(|(context, _)| context).collect();
    contexts.sort();
    contexts.dedup();
    let comment = forge.look(|kept| kept.comments[0].1.clone());
    (contexts, comment.lines().next().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_tried_out_and_what_is_a_part_have_names_of_their_own() {
    let (plain, of_plain) = posted(|run| run).await;
    assert_eq!(plain, ["faultgate", "faultgate/az", "faultgate/pods"]);
    let (dry, of_dry) = posted(|run| run.env("FAULTGATE_DRY_RUN", "true")).await;
    assert_eq!(dry, ["faultgate dry run", "faultgate dry run/az", "faultgate dry run/pods"]);
    let (rehearsed, of_rehearsal) = posted(|run| run.env("FAULTGATE_REHEARSAL", "completed")).await;
    assert_eq!(rehearsed, ["faultgate rehearsal", "faultgate rehearsal/az", "faultgate rehearsal/pods"]);
    let (part, of_part) = posted(|run| run.env("FAULTGATE_SHARD", "2/2")).await;
    assert_eq!(part, ["faultgate 2/2", "faultgate/pods"]);
    let markers = std::collections::BTreeSet::from([of_plain, of_dry, of_rehearsal, of_part]);
    assert_eq!(markers.len(), 4, "none takes the comment of another: {markers:?}");
}

#[tokio::test]
async fn a_verdict_that_is_not_passed_is_told_as_what_it_is() {
    let cases = [("stop-condition", 1, "failure", "failed"), ("failed", 3, "error", "errored")];
    at_once(cases, |(scenario, code, state, verdict)| async move {
        let forge = ForgeStandIn::start(GITHUB).await;
        let ended = github(&forge, "").args(&["--scenario", scenario]).finish().await;
        ended.assert_code(code, scenario);
        let last = forge.look(|kept| kept.statuses.last().cloned()).unwrap();
        assert_eq!(last.state, state);
        assert!(last.description.contains(verdict), "{}", last.description);
        forge.assert_no_faults();
    })
    .await;
}
