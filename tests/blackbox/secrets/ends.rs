//! Tests of every kind of end of a run, of every command, and of every way in which somebody may repeat a
//! secret.

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::forges::{ForgeStandIn, GitHubManners, GitLabManners, HEAD, TOKEN};
use faultgate_testkit::lives::{ENDLESS, FAILING, QUICK};

use super::{Echo, Manner, Marked};
use crate::stop::killed;

/// Returns a suite of probes that send secrets to `target` and expect an answer of this status.
fn suite(target: &str, status: u16) -> String {
    format!(
        r#"
version: 1
experiments:
  - name: az-latency
    fis: {{ template: {TEMPLATE_ID} }}
    probes:
      - name: shop answers
        http:
          url: "{target}/health?key=${{SHOP_QUERY}}"
          method: POST
          headers: {{ X-Api-Key: "${{SHOP_KEY}}", Authorization: "Bearer ${{SHOP_KEY}}" }}
          body: "${{SHOP_BODY}}"
          status: {status}
          contains: "${{SHOP_KEY}}"
          expect-headers: {{ X-Echo: "${{SHOP_KEY}}" }}
        when: [after]
      - name: sales
        prometheus:
          url: "{target}/${{SHOP_QUERY}}"
          query: "up{{key='${{SHOP_QUERY}}'}}"
          bearer-token: "${{SHOP_KEY}}"
          expect: "> 0"
        when: [after]
      - name: orders
        prometheus:
          {{ url: "{target}", query: up, username: chaos, password: "${{SHOP_PASSWORD}}", expect: "> 0" }}
        when: [after]
"#
    )
}

fn in_step(faultgate: Faultgate) -> Faultgate {
    faultgate
        .in_github("1")
        .named_file("GITHUB_STEP_SUMMARY", "step-summary", "")
        .named_file("GITHUB_ENV", "step-env", "")
        .env("FAULTGATE_COMMENT", "on")
        .env("FAULTGATE_COMMIT", HEAD)
        .env("FAULTGATE_PULL_REQUEST", "7")
}

/// Returns secrets with the token that the stand-ins want, which wins over the other tokens.
fn with_forge_token(variable: &str) -> Marked {
    let mut marked = Marked::new();
    marked.set(variable, TOKEN);
    marked
}

#[tokio::test]
async fn reports_to_a_forge_hold_no_secret() {
    at_once([(QUICK, 200, 1), (FAILING, 500, 3)], |(beats, status, code)| async move {
        let account = EmbeddedAccount::living(beats).await;
        let forge =
            ForgeStandIn::start(GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" }).await;
        let target = Echo::by(Manner::Refuse(500)).await;
        let marked = with_forge_token("FAULTGATE_GITHUB_TOKEN");
        let run = in_step(account.run().without("FAULTGATE_EXPERIMENT_TEMPLATE_ID"))
            .env("GITHUB_API_URL", forge.url(""))
            .file(".faultgate.yml", &suite(&target.url(), status));
        let ended = marked.put(run).finish().await;
        ended.assert_code(code, "GitHub");
        marked.assert_hidden(&ended, "GitHub");
        forge.assert_no_faults();
        assert!(forge.requests() >= 3, "statuses and a comment");
        forge.look(|kept| {
            for asked in &kept.asked {
                marked
                    .assert_not_in(&format!("{} {} {}", asked.path, asked.query, asked.body), "to the forge");
            }
        });
        target.assert_only(&marked.marks, &["SHOP_KEY", "SHOP_BODY", "SHOP_QUERY", "SHOP_PASSWORD"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_forge_that_repeats_its_token_is_not_repeated() {
    let other = Echo::by(Manner::Grant).await;
    let manners =
        [401, 403, 422].map(Manner::Refuse).into_iter().chain([Manner::Redirect(other.url()), Manner::Grant]);
    at_once(manners, |manner| async move {
        for (forge, api) in
            [("github", ""), ("gitlab", "/api/v4"), ("gitea", "/api/v1"), ("bitbucket", "/2.0")]
        {
            let account = EmbeddedAccount::living(QUICK).await;
            let echo = Echo::by(manner.clone()).await;
            let marked = Marked::new();
            let run = in_step(account.run())
                .env("FAULTGATE_FORGE", forge)
                .env("FAULTGATE_REPOSITORY", "shop/web")
                .env("FAULTGATE_FORGE_API_URL", format!("{}{api}", echo.url()))
                .env("FAULTGATE_REPORTING", "fail");
            let ended = marked.put(run).finish().await;
            marked.assert_hidden(&ended, forge);
            assert!(!echo.requests().await.is_empty(), "{forge} was asked: {}", ended.stdout);
            echo.assert_only(
                &marked.marks,
                &["FAULTGATE_GITHUB_TOKEN", "FAULTGATE_GITLAB_TOKEN", "FAULTGATE_BITBUCKET_TOKEN"],
            )
            .await;
        }
    })
    .await;
    assert_eq!(other.requests().await, [""; 0], "a token has gone to another host");
}

#[tokio::test]
async fn an_account_that_repeats_credentials_is_not_repeated() {
    let other = Echo::by(Manner::Grant).await;
    // Answers that are worth a second attempt are left out, since they take their time.
    let manners = [Manner::Refuse(400), Manner::Refuse(403), Manner::Redirect(other.url())];
    at_once(manners, |manner| async move {
        let echo = Echo::by(manner).await;
        let stop = &["stop", "--experiment-id", "EXP1", "--aws-region", "us-east-1"];
        for command in [&["run"][..], &["check"], stop] {
            for format in ["text", "json"] {
                let account = EmbeddedAccount::living(QUICK).await;
                let marked = Marked::new();
                let mut faultgate = account.faultgate(command).env("AWS_ENDPOINT_URL", echo.url());
                if command[0] != "stop" {
                    faultgate = in_step(faultgate)
                        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
                        .env("FAULTGATE_COMMIT_STATUS", "false")
                        .env("FAULTGATE_COMMENT", "off");
                }
                let faultgate = marked.put(faultgate).env("FAULTGATE_LOG_FORMAT", format);
                let ended = faultgate.finish().await;
                ended.assert_code(3, command[0]);
                marked.assert_hidden(&ended, command[0]);
            }
        }
        let marked = Marked::new();
        echo.assert_only(&marked.marks, &["AWS_SESSION_TOKEN"]).await;
    })
    .await;
    assert_eq!(other.requests().await, [""; 0], "credentials have gone to another host");
}

#[tokio::test]
async fn codecommit_and_cloudwatch_that_repeat_credentials_are_not_repeated() {
    let account = EmbeddedAccount::living(QUICK).await;
    let echo = Echo::by(Manner::Refuse(403)).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - name: one\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: alarm, cloudwatch-alarm: {{ name: a }}, when: [before] }}\n"
    );
    let marked = Marked::new();
    let run = account
        .run()
        .without("FAULTGATE_EXPERIMENT_TEMPLATE_ID")
        .env("AWS_ENDPOINT_URL_CODECOMMIT", echo.url())
        .env("AWS_ENDPOINT_URL_CLOUDWATCH", echo.url())
        .env("CODEBUILD_BUILD_ID", "chaos:0a1b2c3d-0000-4000-8000-000000000000")
        .env("CODEBUILD_SOURCE_REPO_URL", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop")
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD)
        .env("FAULTGATE_COMMENT", "on")
        .file(".faultgate.yml", &suite);
    let ended = marked.put(run).finish().await;
    ended.assert_code(3, "not steady");
    marked.assert_hidden(&ended, "CloudWatch and CodeCommit");
    let asked = echo.requests().await.concat();
    assert!(asked.contains("CodeCommit") && asked.contains("DescribeAlarms"), "{asked}");
}

#[tokio::test]
async fn a_cancelled_run_and_a_stop_after_a_killed_one_hold_no_secret() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let marked = with_forge_token("FAULTGATE_GITLAB_TOKEN");
    let forge = ForgeStandIn::start(GitLabManners { commit: HEAD, git_ref: "main" }).await;
    let run = |account: &EmbeddedAccount| {
        let run = account
            .run()
            .env("GITLAB_CI", "true")
            .env("CI_API_V4_URL", forge.url("/api/v4"))
            .env("CI_SERVER_URL", forge.url(""))
            .env("CI_PROJECT_ID", "278964")
            .env("CI_PROJECT_PATH", "shop/web")
            .env("CI_COMMIT_SHA", HEAD)
            .env("CI_COMMIT_REF_NAME", "main")
            .env("CI_JOB_URL", "https://gitlab.example.com/shop/web/-/jobs/42");
        marked.put(run)
    };
    let running = run(&account).spawn();
    account.until_running().await;
    running.signal("TERM").await;
    let ended = running.ended().await;
    ended.assert_code(143, "cancelled");
    marked.assert_hidden(&ended, "cancelled");

    let account = EmbeddedAccount::living(ENDLESS).await;
    let running = run(&account).spawn();
    account.until_running().await;
    let ended = killed(running).await;
    marked.assert_hidden(&ended, "killed");
    let mut stop = account.faultgate(&["stop"]);
    for (name, value) in &marked.env {
        stop = stop.env(name, value);
    }
    let ended = stop.after(ended).finish().await;
    ended.assert_code(0, "stop");
    marked.assert_hidden(&ended, "stop");
    forge.look(|kept| {
        for asked in &kept.asked {
            marked.assert_not_in(&asked.body.to_string(), "to the forge");
        }
    });
}

#[tokio::test]
async fn a_report_of_earlier_results_holds_no_secret() {
    let account = EmbeddedAccount::living(QUICK).await;
    let marked = with_forge_token("FAULTGATE_GITHUB_TOKEN");
    let forge = Echo::by(Manner::Refuse(403)).await;
    let first: Finished =
        marked.put(in_step(account.run())).env("FAULTGATE_COMMIT_STATUS", "false").finish().await;
    std::fs::copy(first.path("reports/result.json"), first.path("first.json")).unwrap();
    let mut report = Faultgate::new(&["report", "--merge", "first.json"]).env("FAULTGATE_REPORTING", "fail");
    for (name, value) in &marked.env {
        report = report.env(name, value);
    }
    let ended = in_step(report).env("GITHUB_API_URL", forge.url()).after(first).finish().await;
    ended.assert_code(3, "report");
    marked.assert_hidden(&ended, "report");
    // The file is no result and holds a secret, so no message may quote it.
    let mut other = Marked::new();
    let secret = other.marks.plain("the file");
    let ended = Faultgate::new(&["report", "--merge", "token"]).file("token", &secret).finish().await;
    assert_ne!(ended.code, Some(0));
    other.assert_hidden(&ended, "not a result");
}
