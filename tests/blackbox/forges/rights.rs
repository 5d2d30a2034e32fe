//! Tests of tokens that may not do everything, or are not there.

use super::*;

/// Returns a run that may only read by default: of a pull request from a fork, or of Dependabot.
fn read_only(forge: &ForgeStandIn, why: &str) -> Faultgate {
    let run = github(forge, "").env("FAULTGATE_REPORTING", "fail");
    match why {
        "fork" => run.file("event.json", &pull_request("stranger/web")),
        _ => run.env("GITHUB_ACTOR", "dependabot[bot]"),
    }
}

#[tokio::test]
async fn a_token_that_may_only_read_is_tried_and_what_it_may_not_is_skipped() {
    let refusal = json!({ "message": "Resource not accessible by integration" });
    at_once(["fork", "Dependabot"], |why| {
        let refusal = refusal.clone();
        async move {
            let forge = ForgeStandIn::start(GITHUB).await;
            forge.refuse(403, refusal);
            let ended = read_only(&forge, why).finish().await;
            ended.assert_code(0, why);
            assert!(forge.requests() > 0, "{why}: it is tried");
            let result = ended.result();
            for sink in ["commit status", "comment"] {
                let reported = reported(&result, sink);
                assert_eq!(reported["outcome"], "skipped", "{reported}");
                let detail = reported["detail"].as_str().unwrap();
                assert!(detail.contains(why) && detail.contains("403"), "{reported}");
            }
            assert!(ended.stdout.contains("note: commit status was skipped"), "{}", ended.stdout);
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_of_dependabots_that_was_let_to_write_writes() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let ended = read_only(&forge, "Dependabot").finish().await;
    ended.assert_code(0, "permissions: { statuses: write }");
    for sink in ["commit status", "comment"] {
        assert_eq!(reported(&ended.result(), sink)["outcome"], "written");
    }
    assert_eq!(forge.told().last().unwrap().1, "success");
}

/// A report that is refused for another reason, to another token or to another run is not excused.
#[tokio::test]
async fn with_reporting_fail_only_what_a_reading_token_may_not_is_excused() {
    let forbidden = "Resource not accessible by integration";
    let cases = [
        ("fork", TOKEN, 403, "Unable to create comment because issue is locked."),
        ("fork", TOKEN, 404, "Not Found"),
        ("fork", "ghp_a_persons", 403, forbidden),
        ("Dependabot", "github_pat_a_persons", 403, forbidden),
    ];
    at_once(cases, |(why, token, status, message)| async move {
        let forge = ForgeStandIn::start(GITHUB).await;
        forge.refuse(status, json!({ "message": message }));
        let ended = read_only(&forge, why).env("INPUT_GITHUB-TOKEN", token).finish().await;
        ended.assert_code(3, message);
    })
    .await;
}

/// The run is in somebody's shell, or in a CI that is not known.
#[tokio::test]
async fn a_token_without_a_place_to_report_to_is_told_before_and_after() {
    let ended = Faultgate::new(&["rehearse"])
        .env("FAULTGATE_FORGE", "gitlab")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
        .env("FAULTGATE_REPORTING", "fail")
        .finish()
        .await;
    ended.assert_code(3, "nothing can be posted");
    let reported = reported(&ended.result(), "commit status").clone();
    assert_eq!(reported["outcome"], "failed", "{reported}");
    for input in ["`repository`", "`commit`", "`forge`"] {
        assert!(reported["detail"].as_str().unwrap().contains(input), "{reported}");
    }
    let warned = ended.stdout.find("no commit status and no comment can be posted").unwrap();
    assert!(warned < ended.stdout.find("ERRORED").unwrap(), "{}", ended.stdout);
    assert_hidden(&ended, "no CI");

    let checked = Faultgate::new(&["check"])
        .env("FAULTGATE_REHEARSAL", "completed")
        .env("FAULTGATE_FORGE", "gitlab")
        .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
        .finish()
        .await;
    checked.assert_code(0, "a run would go on");
    let told = checked.stdout.lines().find(|line| line.contains("no commit status and no comment"));
    assert!(
        told.is_some_and(|line| line.starts_with("warning") && line.contains("reports")),
        "{}",
        checked.stdout
    );

    let ended = Faultgate::new(&["rehearse"]).env("FAULTGATE_REPORTING", "fail").finish().await;
    ended.assert_code(0, "nobody asked for a report");
}

#[tokio::test]
async fn a_job_token_of_gitlabs_is_told_before_the_launch() {
    let forge = ForgeStandIn::start(GitLabManners { commit: HEAD, git_ref: "faster-checkout" }).await;
    let ended = gitlab(&forge).env("CI_JOB_TOKEN", TOKEN).finish().await;
    ended.assert_code(0, "reports only warn");
    assert_eq!(forge.requests(), 0);
    assert!(
        ended.stdout.contains("CI_JOB_TOKEN, which can post neither statuses nor notes"),
        "{}",
        ended.stdout
    );
    let result = ended.result();
    assert_eq!(reported(&result, "commit status")["outcome"], "failed");
    assert_hidden(&ended, "job token");

    let ended = gitlab(&forge).env("CI_JOB_TOKEN", "another").finish().await;
    ended.assert_code(0, "a project's token");
    assert_eq!(reported(&ended.result(), "commit status")["outcome"], "written");
}

#[tokio::test]
async fn without_a_token_or_a_wish_nothing_is_asked() {
    let forge = ForgeStandIn::start(GITHUB).await;
    let ended = github(&forge, "").without("INPUT_GITHUB-TOKEN").finish().await;
    ended.assert_code(0, "no token");
    let result = ended.result();
    let status = reported(&result, "commit status");
    assert_eq!(status["outcome"], "skipped");
    assert!(status["detail"].as_str().unwrap().contains("github-token"), "{status}");
    let check = in_pull_request(Faultgate::new(&["check"]), &forge, "").without("INPUT_GITHUB-TOKEN");
    let checked = check.env("FAULTGATE_REHEARSAL", "completed").env("FAULTGATE_COMMENT", "on").finish().await;
    checked.assert_code(0, "a run would go on");
    let told = checked.stdout.lines().find(|line| line.contains("no token for GitHub")).unwrap();
    assert!(told.starts_with("note    reports: no commit status and no comment can be posted"), "{told}");

    let ended = github(&forge, "")
        .env("FAULTGATE_COMMIT_STATUS", "false")
        .env("FAULTGATE_COMMENT", "off")
        .finish()
        .await;
    ended.assert_code(0, "not wished");
    assert_eq!(forge.requests(), 0);
}
