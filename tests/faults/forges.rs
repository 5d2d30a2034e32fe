//! Reports to forges. A report that fails changes no verdict except where reporting must succeed, makes
//! nothing pass, and holds nothing up past its limit.

use std::time::Duration;

use faultgate_rehearsal::FaultRule;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::forges::{
    BitbucketManners, CodeCommitManners, ForgeStandIn, GitHubManners, GitLabManners, HEAD, MERGE, Manners,
    TOKEN,
};
use faultgate_testkit::invariants;
use serde_json::json;
use tokio::time::Instant;

use crate::between::Between;
use crate::matrix::{LONGEST, Matrix, result};

/// Time for all reporting after the end, as documented, and for a busy machine to start a process and to end
/// it.
const REPORTING: Duration = Duration::from_secs(20 + 15);

/// A function that tells a run where its forge is.
type Setting = fn(Faultgate, &str) -> Faultgate;

fn github(run: Faultgate, url: &str) -> Faultgate {
    let of = |sha: &str| json!({ "sha": sha, "repo": { "full_name": "shop/web" } });
    let request = json!({ "number": 7, "head": of(HEAD), "base": of(MERGE) });
    let event = json!({ "number": 7, "pull_request": request }).to_string();
    run.in_github("1")
        .env("GITHUB_API_URL", url)
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_SHA", MERGE)
        .named_file("GITHUB_EVENT_PATH", "event.json", &event)
        .env("INPUT_GITHUB-TOKEN", TOKEN)
}

fn gitlab(run: Faultgate, url: &str) -> Faultgate {
    run.env("GITLAB_CI", "true")
        .env("CI_API_V4_URL", format!("{url}/api/v4"))
        .env("CI_SERVER_URL", url)
        .env("CI_PROJECT_ID", "278964")
        .env("CI_PROJECT_PATH", "shop/web")
        .env("CI_PIPELINE_ID", "5150")
        .env("CI_JOB_ID", "42")
        .env("CI_JOB_NAME", "chaos")
        .env("CI_COMMIT_SHA", HEAD)
        .env("CI_COMMIT_REF_NAME", "faster-checkout")
        .env("CI_MERGE_REQUEST_IID", "7")
        .env("CI_MERGE_REQUEST_PROJECT_ID", "278964")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
}

fn bitbucket(run: Faultgate, url: &str) -> Faultgate {
    run.env("BITBUCKET_BUILD_NUMBER", "12")
        .env("BITBUCKET_COMMIT", HEAD)
        .env("BITBUCKET_REPO_FULL_NAME", "shop/web")
        .env("BITBUCKET_PR_ID", "7")
        .env("FAULTGATE_FORGE_API_URL", format!("{url}/2.0"))
        .env("FAULTGATE_BITBUCKET_TOKEN", TOKEN)
}

fn codecommit(run: Faultgate, url: &str) -> Faultgate {
    run.env("CODEBUILD_BUILD_ID", "chaos:0a1b2c3d-0000-4000-8000-000000000000")
        .env("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:111122223333:build/chaos:0a1b2c3d")
        .env("CODEBUILD_SOURCE_REPO_URL", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD)
        .env("AWS_REGION", "eu-west-1")
        .env("FAULTGATE_FORGE_API_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
}

/// A scenario, its exit code, and `true` if reports must succeed.
#[derive(Clone, Copy)]
struct Played(&'static str, u8, bool);

const PASSES: Played = Played("completed", 0, false);
const MUST_REPORT: Played = Played("completed", 0, true);
const FAILS: Played = Played("stop-condition", 1, true);

async fn play(
    manners: impl Manners,
    setting: Setting,
    Played(scenario, code, must): Played,
    fault: Option<FaultRule>,
) -> Vec<String> {
    let forge = ForgeStandIn::start(manners).await;
    let about_status = fault.as_ref().is_some_and(|fault| fault.operation.contains("status"));
    let between = Between::before(&forge.url(""), fault).await;
    let run = Faultgate::new(&["rehearse", "--scenario", scenario])
        .env("CI", "true")
        .env("FAULTGATE_COMMENT", "on")
        .env("FAULTGATE_REPORTING", if must { "fail" } else { "warn" });
    let begun = Instant::now();
    let ended = setting(run, &between.url).spawn().ended_within(LONGEST).await;
    let took = begun.elapsed();
    let result = result(&ended);
    let reports = ended.result()["reporting"].clone();
    let outcomes = reports.as_array().unwrap().iter().map(|report| report["outcome"].as_str().unwrap());
    let missing = outcomes.filter(|outcome| *outcome == "failed").count();
    let expected = if code == 0 && must && missing > 0 { 3 } else { code };
    ended.assert_code(expected, &format!("{missing} reports are missing: {reports:#}"));
    assert_eq!(result.gate.exit_code, expected);
    let ran = result.ended_at.duration_since(result.started_at).unsigned_abs();
    invariants::in_time(took, ran + REPORTING);
    let last = forge.told().pop();
    if let Some((context, state)) = last.filter(|_| expected != 0 && !about_status) {
        assert!(
            !["success", "SUCCESSFUL"].contains(&&*state),
            "{context} is {state}, and the run has not passed"
        );
    }
    between.asked()
}

const GITHUB: GitHubManners = GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" };
const GITLAB: GitLabManners = GitLabManners { commit: HEAD, git_ref: "faster-checkout" };

#[tokio::test]
async fn a_report_that_fails_changes_no_verdict_but_where_it_must_not_fail() {
    let (matrix, passes, fails) = (Matrix::usual(), Matrix::brief(), Matrix::brief());
    tokio::join!(
        matrix.run("GitHub", |fault| play(GITHUB, github, MUST_REPORT, fault)),
        passes.run("GitHub, reporting: warn", |fault| play(GITHUB, github, PASSES, fault)),
        fails.run("GitHub, a weakness", |fault| play(GITHUB, github, FAILS, fault)),
        matrix.run("GitLab", |fault| play(GITLAB, gitlab, MUST_REPORT, fault)),
        matrix.run("Bitbucket", |fault| play(BitbucketManners, bitbucket, MUST_REPORT, fault)),
        matrix.run("CodeCommit", |fault| play(CodeCommitManners, codecommit, MUST_REPORT, fault)),
    );
}
