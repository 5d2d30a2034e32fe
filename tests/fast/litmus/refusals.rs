//! Tests of answers that do not grant a request, and of the kind of trouble that each of them is.

use std::time::Duration;

use faultgate_engines::control_plane::litmus::Litmus;
use faultgate_engines::control_plane::{Asked, Manager, TroubleKind};
use faultgate_testkit::litmus::{EXPERIMENT, LitmusStandIn, Mishap};
use wiremock::ResponseTemplate;

use super::support::*;

const RUN: &str = "RunChaosExperiment";
/// Size of an answer in bytes that is more than is read.
const TOO_MANY_BYTES: usize = 17 * 1024 * 1024;

fn page(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw("<html><title>Litmus</title></html>", "text/html")
}

/// Returns the kind of trouble of a launch with this answer, and the words for it.
async fn launched(answer: ResponseTemplate) -> (TroubleKind, String) {
    let center = LitmusStandIn::start().await;
    center.mishap(Mishap::on(RUN, answer));
    let litmus = litmus(&center);
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(center.asked_for(RUN).len(), 1, "sent once");
    (trouble.kind, told(&litmus, &trouble, Asked::Launch))
}

#[tokio::test]
async fn statuses_have_their_kinds() {
    let kinds = [
        (401, TroubleKind::Unauthenticated, "make a new API token"),
        (403, TroubleKind::Denied, "Owner or Executor"),
        (404, TroubleKind::Missing, "check litmus-url"),
        (405, TroubleKind::Refused, "check litmus-url"),
        (429, TroubleKind::Limited, "no remedy"),
        (500, TroubleKind::Unanswered, "no remedy"),
        (502, TroubleKind::Unanswered, "no remedy"),
        (504, TroubleKind::Unanswered, "no remedy"),
        (200, TroubleKind::Unanswered, "check litmus-url"),
    ];
    for (status, kind, remedy) in kinds {
        let (is, told) = launched(page(status)).await;
        assert_eq!(is, kind, "{status} {told}");
        assert!(told.contains(remedy) && !told.contains("<html>"), "{status} {told}");
    }
}

#[tokio::test]
async fn errors_within_http_200_have_their_kinds() {
    let kinds = [
        ("experiment re-run failed due to inactive infra", TroubleKind::Refused, "subscriber"),
        (
            "could not get experiment run, error: mongo: no documents in result",
            TroubleKind::Missing,
            "litmus-experiment-id",
        ),
        (
            "permission_denied: rpc error: code = Unknown desc = auth gRPC - Unauthorized",
            TroubleKind::Denied,
            "member of project",
        ),
        (
            "permission_denied: rpc error: code = Unknown desc = token contains an invalid number of segments",
            TroubleKind::Unauthenticated,
            "API token",
        ),
        ("no revisions found", TroubleKind::Refused, "no remedy"),
        // The next answers mean that something behind the server is out of order.
        ("internal system error", TroubleKind::Unanswered, "no remedy"),
        ("DB aggregate stage error: server selection timeout", TroubleKind::Unanswered, "no remedy"),
        (
            "permission_denied: rpc error: code = Unavailable desc = connection error",
            TroubleKind::Unanswered,
            "no remedy",
        ),
    ];
    for (message, kind, remedy) in kinds {
        let center = LitmusStandIn::start().await;
        center.mishap(Mishap::errors(RUN, message));
        let litmus = litmus(&center);
        let trouble = litmus.launch(&plan()).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{message}");
        let told = told(&litmus, &trouble, Asked::Launch);
        assert!(told.contains(message) && told.contains(remedy), "{told}");
    }
}

#[tokio::test]
async fn a_run_whose_infrastructure_is_gone_is_not_a_run_that_is_gone() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus(&center);
    let run = litmus.launch(&plan()).await.unwrap();
    center.mishap(Mishap::errors("GetExperimentRun", "no matching infra found for given experiment run"));
    assert!(read(&litmus, &run).await.is_err());
    center.mishap(Mishap::errors("GetExperimentRun", "no matching experiment run"));
    assert_eq!(read(&litmus, &run).await, Ok(None));
}

#[tokio::test]
async fn an_experiment_without_an_agent_is_not_launched() {
    let center = LitmusStandIn::start().await;
    let infra = Some(("staging".to_owned(), false));
    center.look(|center| center.experiments.get_mut(EXPERIMENT).unwrap().infra = infra);
    let litmus = litmus(&center);
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert!(told(&litmus, &trouble, Asked::Launch).contains("subscriber"));
    let trouble = litmus.launch(&plan_of("another")).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Missing);
    assert_eq!(center.look(|center| center.runs.len()), 0);
}

#[tokio::test]
async fn answers_that_make_no_sense_may_have_taken_effect() {
    let answers = [
        ResponseTemplate::new(200),
        ResponseTemplate::new(200).set_body_string("{"),
        ResponseTemplate::new(200).set_body_string("null"),
        ResponseTemplate::new(200).set_body_string("{}"),
        ResponseTemplate::new(200).set_body_string(r#"{"data":null}"#),
        ResponseTemplate::new(200).set_body_string(r#"{"data":{"runChaosExperiment":{"notifyID":7}}}"#),
        ResponseTemplate::new(200).set_body_bytes(vec![0xff; 64]),
        ResponseTemplate::new(200).set_body_string(" ".repeat(TOO_MANY_BYTES) + r#"{"data":null}"#),
        ResponseTemplate::new(503).set_body_string("x".repeat(TOO_MANY_BYTES)),
    ];
    for answer in answers {
        let (kind, told) = launched(answer).await;
        assert_eq!(kind, TroubleKind::Unanswered, "{told}");
        assert!(told.len() < 1000, "{}", told.len());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_none() {
    let center = LitmusStandIn::start().await;
    center.mishap(Mishap::hanging(RUN).after_its_effect());
    let litmus = Litmus::new(project(&center.url()), token(), client_within(Duration::from_millis(300)));
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unanswered, "{trouble:?}");
    assert!(!trouble.why.contains("127.0.0.1"), "{trouble:?}");
    assert_eq!(center.look(|center| center.runs.len()), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for credentials in [token(), login()] {
        let litmus = Litmus::new(project(&url), credentials, client_within(Duration::from_secs(20)));
        let trouble = litmus.launch(&plan()).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Unsent);
        let told = told(&litmus, &trouble, Asked::Launch);
        assert!(told.contains(&format!("check that {url} is ChaosCenter's address")), "{told}");
    }
}

#[tokio::test]
async fn a_token_follows_no_redirect() {
    let (center, elsewhere) = (LitmusStandIn::start().await, LitmusStandIn::start().await);
    let away = format!("{}/api/query", elsewhere.url());
    center.mishap(Mishap::on(RUN, ResponseTemplate::new(307).insert_header("location", away)));
    let litmus = litmus(&center);
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Refused);
    assert!(told(&litmus, &trouble, Asked::Launch).contains("HTTP 307 | check litmus-url"));
    assert_eq!(elsewhere.asked().len(), 0);
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_passed_on() {
    let center = LitmusStandIn::start().await;
    center.mishap(Mishap::on(RUN, ResponseTemplate::new(429).insert_header("retry-after", "7")));
    assert_eq!(litmus(&center).launch(&plan()).await.unwrap_err().wait, Some(Duration::from_secs(7)));
    center.mishap(Mishap::on("/auth/login", ResponseTemplate::new(429).insert_header("retry-after", "7")));
    let trouble = litmus_as(&center, login()).launch(&plan()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.wait), (TroubleKind::Limited, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn what_servers_say_is_shown_as_text() {
    let (_, told) =
        launched(ResponseTemplate::new(400).set_body_string("::error::\u{1b}[31mred\u{202e}")).await;
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told}");
}
