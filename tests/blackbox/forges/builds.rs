//! Tests of builds of CodeBuild, of matrices and of workflows that follow others.

use super::*;

/// Returns a build that a step of GitHub Actions started. The step handed over all of its variables, without
/// the files that they name.
fn started_by_github(forge: &ForgeStandIn) -> Faultgate {
    codebuild("https://github.com/shop/web.git")
        .env("CODEBUILD_SOURCE_VERSION", HEAD)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "shop/web")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", "/home/runner/work/_temp/_github_workflow/event.json")
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_SHA", MERGE)
        .env("GITHUB_RUN_ID", "1658821493")
        .env("GITHUB_OUTPUT", "/home/runner/work/_temp/_runner_file_commands/set_output_1")
        .env("GITHUB_STEP_SUMMARY", "/home/runner/work/_temp/_runner_file_commands/step_summary_1")
        .env("FAULTGATE_FORGE_API_URL", forge.url(""))
        .env("FAULTGATE_GITHUB_TOKEN", TOKEN)
        .env("FAULTGATE_REPORTING", "fail")
}

#[tokio::test]
async fn a_build_that_a_step_of_github_started_speaks_codebuild_and_stays_passed() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let ended = started_by_github(&forge).finish().await;
    ended.assert_code(0, "the files are on another machine");
    let result = ended.result();
    for sink in ["step outputs", "job summary"] {
        assert_eq!(reported(&result, sink)["outcome"], "skipped", "{result:#}");
    }
    assert_eq!(result["run"]["ci"], "codebuild");
    assert!(!ended.stdout.contains("::group::") && !ended.stdout.contains("::notice"), "{}", ended.stdout);
    forge.assert_no_faults();
    forge.look(|kept| {
        assert!(kept.statuses.iter().all(|status| status.commit == HEAD), "{:#?}", kept.statuses);
        assert_eq!(kept.comments.len(), 1, "on the pull request of the step");
    });

    let ended = started_by_github(&forge).env("FAULTGATE_TIMEOUT", "soon").finish().await;
    ended.assert_code(2, "a mistake");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("::error") && !told.contains("step outputs"), "{told}");
}

/// HEAD is the head, and MERGE merges it on trial. A comment goes to pull request 7.
#[tokio::test]
async fn codebuild_reports_to_the_head_of_the_pull_request_that_it_merges_on_trial() {
    let head = format!("refs/pull/7/head^{{{HEAD}}}");
    let cases =
        [("refs/pull/7/merge", MERGE), (head.as_str(), HEAD), ("refs/pull/7/head", HEAD), ("pr/7", HEAD)];
    at_once(cases, |(version, resolved)| async move {
        let forge = ForgeStandIn::start(GITHUB).await;
        let ended = codebuild("https://github.com/shop/web.git")
            .env("CODEBUILD_SOURCE_VERSION", version)
            .env("CODEBUILD_RESOLVED_SOURCE_VERSION", resolved)
            .env("FAULTGATE_FORGE_API_URL", forge.url(""))
            .env("FAULTGATE_GITHUB_TOKEN", TOKEN)
            .finish()
            .await;
        ended.assert_code(0, version);
        forge.assert_no_faults();
        forge.look(|kept| {
            assert!(!kept.statuses.is_empty(), "{version}");
            assert!(
                kept.statuses.iter().all(|status| status.commit == HEAD),
                "{version}: {:#?}",
                kept.statuses
            );
            assert_eq!(kept.comments.len(), 1, "{version}");
        });
    })
    .await;
}

/// The jobs are those of a matrix that is not told, so that their statuses have the same names.
#[tokio::test]
async fn a_job_that_passes_does_not_hide_the_failure_of_its_sibling() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let failed = github(&forge, "").args(&["--scenario", "stop-condition"]).finish().await;
    failed.assert_code(1, "the first job");
    let passed = github(&forge, "").env("FAULTGATE_REPORTING", "fail").finish().await;
    passed.assert_code(0, "the second job has passed");
    assert_eq!(forge.told().last().unwrap(), &(CONTEXT.to_owned(), "failure".to_owned()));
    let result = passed.result();
    let status = reported(&result, "commit status");
    assert_eq!(status["outcome"], "skipped", "{status}");
    assert!(status["detail"].as_str().unwrap().contains("`matrix`"), "{status}");
    forge.assert_no_faults();

    // A job that is told apart, or that runs in the next attempt, says what it has to say.
    let context = format!("{CONTEXT} (blue)");
    let apart = github(&forge, "").env("INPUT_MATRIX", "{ \"color\": \"blue\" }").finish().await;
    apart.assert_code(0, "a job of a matrix");
    assert_eq!(forge.told().last().unwrap(), &(context, "success".to_owned()));
    let again = github(&forge, "").env("GITHUB_RUN_ATTEMPT", "2").finish().await;
    again.assert_code(0, "the second attempt");
    assert_eq!(forge.told().last().unwrap(), &(CONTEXT.to_owned(), "success".to_owned()));
}

#[tokio::test]
async fn a_workflow_that_follows_a_forks_reports_to_its_head_and_its_pull_request() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let run = json!({
        "head_sha": HEAD,
        "head_branch": "retry",
        "head_repository": { "full_name": "stranger/web" },
        "pull_requests": [],
    });
    let ended = github(&forge, "")
        .env("GITHUB_EVENT_NAME", "workflow_run")
        .env("GITHUB_REF", "refs/heads/main")
        .file("event.json", &json!({ "workflow_run": run }).to_string())
        .env("FAULTGATE_REPORTING", "fail")
        .finish()
        .await;
    ended.assert_code(0, "workflow_run");
    forge.assert_no_faults();
    forge.look(|kept| {
        assert!(kept.statuses.iter().all(|status| status.commit == HEAD), "{:#?}", kept.statuses);
        assert_eq!(kept.comments.len(), 1, "on the fork's pull request");
    });
}
