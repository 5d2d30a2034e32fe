//! Tests of forges that refuse, hang, or are not there at all.

use super::arrivals::{Case, cases};
use super::*;

#[tokio::test]
async fn a_forge_that_refuses_is_told_of_with_what_to_do_and_the_verdict_stands() {
    let cases = [
        (401, "Bad credentials", "github-token"),
        (403, "Resource not accessible by integration", "statuses: write"),
        (404, "Not Found", "repository"),
        (422, "Validation Failed", "Validation Failed"),
    ];
    at_once(cases, |(status, message, helps)| async move {
        let forge = ForgeStandIn::start(GITHUB).await;
        // A forge, or a proxy before it, may tell the token back.
        forge.refuse(status, json!({ "message": format!("{message} {TOKEN}") }));
        let ended = github(&forge, "").finish().await;
        ended.assert_code(0, message);
        assert_hidden(&ended, message);
        let result = ended.result();
        for sink in ["commit status", "comment"] {
            let reported = reported(&result, sink);
            assert_eq!(reported["outcome"], "failed", "{reported}");
            assert!(reported["detail"].as_str().unwrap().contains(message), "{reported}");
        }
        let detail = reported(&result, "commit status")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(helps), "{detail}");
        assert!(ended.stdout.contains("warning: commit status"), "{}", ended.stdout);
    })
    .await;
}

#[tokio::test]
async fn with_reporting_fail_a_refusal_is_no_pass_in_any_report() {
    let forge = ForgeStandIn::start(GITHUB).await;
    forge.refuse(403, json!({ "message": "Resource not accessible by integration" }));
    let ended = github(&forge, "").env("FAULTGATE_REPORTING", "fail").finish().await;
    ended.assert_code(3, "must be reported");
    let result = ended.result();
    assert_eq!(result["gate"]["verdict"], "errored");
    assert_eq!(ended.outputs()["verdict"], "errored");
    assert!(ended.summary().contains("Chaos gate: errored"), "{}", ended.summary());
    assert!(ended.read("reports/faultgate.env").contains("FAULTGATE_VERDICT=errored\n"));
    assert!(ended.read("reports/junit.xml").contains("<error"));
}

/// Somebody answers with success in the place of the forge, by a page or by JSON of another kind.
#[tokio::test]
async fn a_sign_in_page_is_no_posted_report_on_any_forge() {
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let answer = ResponseTemplate::new(200);
    for answer in [
        answer.clone().set_body_raw("<html>Welcome to the guest network</html>", "text/html"),
        answer.clone().set_body_json(json!({ "status": "ok" })),
        answer.set_body_json(json!([])),
    ] {
        let portal = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&portal).await;
        let portal = &portal.uri();
        at_once(cases().await, |case| async move {
            let Case { name, faultgate, .. } = case;
            let run = faultgate.env("FAULTGATE_FORGE_API_URL", portal).env("FAULTGATE_REPORTING", "fail");
            let ended = run.finish().await;
            ended.assert_code(3, name);
            let result = ended.result();
            for sink in result["reporting"].as_array().unwrap() {
                let is_posted =
                    ["commit status", "comment", "code insights"].contains(&sink["sink"].as_str().unwrap());
                assert!(!is_posted || sink["outcome"] != "written", "{name}: {sink}");
            }
            let told = reported(&result, "comment");
            assert_eq!(told["outcome"], "failed", "{name}: {told}");
            assert!(told["detail"].as_str().unwrap().contains("could not"), "{name}: {told}");
        })
        .await;
    }
}

/// The forge takes connections and never answers.
#[tokio::test]
async fn a_forge_that_hangs_ends_in_a_failed_report_and_the_verdict_stands() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let forge = ForgeStandIn::start(GITHUB).await;
    let ended = github(&forge, "").env("GITHUB_API_URL", &url).finish().await;
    ended.assert_code(0, "hangs");
    let result = ended.result();
    for sink in ["commit status", "comment"] {
        assert_eq!(reported(&result, sink)["outcome"], "failed", "{sink}");
    }
    let experiment = &result["experiments"][0];
    assert_eq!(experiment["monitor"]["reconciliations"], 0, "the end was learned by its event: {experiment}");
    drop(listener);
}
