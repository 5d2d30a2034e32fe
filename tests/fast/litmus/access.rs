//! Tests of the way into a ChaosCenter: tokens, logins, origins.

use std::time::Duration;

use faultgate_core::model::LitmusProject;
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::litmus::{Litmus, LitmusCredentials};
use faultgate_engines::control_plane::{Asked, Manager, TroubleKind};
use faultgate_testkit::litmus::{CenterVersion, LitmusStandIn, Mishap, PASSWORD, TOKEN, TokenStanding, USER};

use super::support::*;

const LOGIN: &str = "/auth/login";

#[tokio::test]
async fn every_request_has_its_token_and_its_origin() {
    for prefix in ["", "/chaos/center"] {
        let center = LitmusStandIn::of(CenterVersion::V3_31, prefix).await;
        // The address has a slash too many, which is forgiven.
        let litmus = Litmus::new(
            project(&format!("{}/", center.url())),
            login(),
            client_within(Duration::from_secs(20)),
        );
        litmus.check(&[&plan()]).await;
        litmus.launch(&plan()).await.unwrap();
        let origin = center.url().replace(prefix, "");
        for asked in center.asked() {
            assert_eq!(asked.origin.as_deref(), Some(origin.as_str()));
            assert!(!asked.path.contains("//"), "{}", asked.path);
            let expected =
                (asked.operation != format!("{prefix}{LOGIN}")).then(|| format!("Bearer {TOKEN}.of-login-1"));
            assert_eq!(asked.authorization, expected);
        }
        center.assert_no_faults();
    }
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_explained() {
    let center = LitmusStandIn::start().await;
    center.look(|center| center.origins = vec!["https://litmus.example".to_owned()]);
    for credentials in [token(), login()] {
        let litmus = litmus_as(&center, credentials);
        let trouble = litmus.launch(&plan()).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Denied);
        let told = told(&litmus, &trouble, Asked::Launch);
        assert!(told.contains("litmus-origin") && told.contains("ALLOWED_ORIGINS"), "{told}");
    }
    let origin = Some("https://litmus.example/".to_owned());
    let project = LitmusProject { origin, ..project(&center.url()) };
    let litmus = Litmus::new(project, login(), client_within(Duration::from_secs(20)));
    litmus.launch(&plan()).await.unwrap();
}

#[tokio::test]
async fn a_login_is_made_when_it_is_needed_and_shared() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus_as(&center, login());
    assert_eq!(center.asked().len(), 0);
    let keys: Vec<_> = (0..8).map(|at| key(&format!("n{at}"), None)).collect();
    litmus.read(&keys).await;
    assert_eq!(center.asked_for(LOGIN).len(), 1);
    // All requests are refused at once, and one login is enough again.
    center.look(|center| center.end_tokens(TokenStanding::Expired));
    for read in litmus.read(&keys).await {
        assert_eq!(read, Ok(None));
    }
    assert_eq!(center.asked_for(LOGIN).len(), 2);
    assert_eq!(litmus.calls()["Login"], 2);
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_replaced_where_there_is_a_password() {
    for standing in [TokenStanding::Expired, TokenStanding::Revoked] {
        let center = LitmusStandIn::start().await;
        let litmus = litmus_as(&center, login());
        let run = litmus.launch(&plan()).await.unwrap();
        center.look(|center| center.end_tokens(standing));
        assert_eq!(seen(&litmus, &run).await.phase, "Queued");
        center.look(|center| center.end_tokens(standing));
        litmus.launch(&plan()).await.unwrap();
        assert_eq!(center.look(|center| (center.logins, center.runs.len())), (3, 2), "one launch each");
    }
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_told() {
    for standing in [TokenStanding::Expired, TokenStanding::Revoked] {
        let center = LitmusStandIn::start().await;
        let litmus = litmus(&center);
        let run = litmus.launch(&plan()).await.unwrap();
        center.look(|center| center.end_tokens(standing));
        let trouble = read(&litmus, &run).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Unauthenticated);
        let told = told(&litmus, &trouble, Asked::Read);
        assert!(told.contains("make a new API token") && told.contains("logs in again"), "{told}");
        assert_eq!(center.asked_for("GetExperimentRun").len(), 1);
    }
}

#[tokio::test]
async fn a_new_token_that_is_refused_as_well_ends_it() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus_as(&center, login());
    for _ in 0..3 {
        let expired = "permission_denied: rpc error: code = Unknown desc = Token is expired";
        center.mishap(Mishap::errors("RunChaosExperiment", expired));
    }
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unauthenticated);
    assert_eq!((center.asked_for(LOGIN).len(), center.asked_for("RunChaosExperiment").len()), (2, 2));
}

#[tokio::test]
async fn a_login_that_is_refused_is_explained() {
    let center = LitmusStandIn::start().await;
    let wrong = "n0t-the-pa55word";
    let credentials = LitmusCredentials::Login { username: USER.to_owned(), password: Secret::new(wrong) };
    let litmus = litmus_as(&center, credentials);
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unauthenticated);
    assert_eq!(trouble.why, "the login of robot failed: HTTP 401: invalid_credentials: Invalid Credentials");
    let told = told(&litmus, &trouble, Asked::Launch);
    assert!(told.contains("check the user and the password") && told.contains("first password"), "{told}");
    assert!(!told.contains(wrong));
    assert_eq!(center.asked().len(), 1, "no request goes out without a token");
}

#[tokio::test]
async fn a_login_without_an_answer_is_no_launch_without_one() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus_as(&center, login());
    center.mishap(Mishap::on(LOGIN, wiremock::ResponseTemplate::new(503)));
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(
        (trouble.kind, trouble.why.as_str()),
        (TroubleKind::Unsent, "the login of robot failed: HTTP 503")
    );
    let empty = wiremock::ResponseTemplate::new(200).set_body_json(serde_json::json!({ "type": "Bearer" }));
    center.mishap(Mishap::on(LOGIN, empty));
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.why.as_str()), (TroubleKind::Refused, "its login gave no token"));
    litmus.launch(&plan()).await.unwrap();
}

#[tokio::test]
async fn a_project_that_is_not_the_users_is_explained_by_the_one_that_is() {
    let center = LitmusStandIn::start().await;
    let elsewhere = LitmusProject { project: "other".to_owned(), ..project(&center.url()) };
    let of =
        |credentials| Litmus::new(elsewhere.clone(), credentials, client_within(Duration::from_secs(20)));
    let litmus = of(login());
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Denied);
    let said = told(&litmus, &trouble, Asked::Launch);
    assert!(
        said.contains("member of project other") && said.ends_with("own project is project-of-robot"),
        "{said}"
    );

    // An account that has not changed its first password owns no project yet.
    center.look(|center| center.own_project.clear());
    let litmus = of(login());
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    let said = told(&litmus, &trouble, Asked::Launch);
    assert!(said.contains("owns no project") && said.contains("first password"), "{said}");

    let litmus = of(token());
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert!(told(&litmus, &trouble, Asked::Launch).ends_with("as Owner or Executor"));
}

#[tokio::test]
async fn no_secret_is_told_even_if_the_server_repeats_it() {
    let center = LitmusStandIn::start().await;
    let of_login = format!("{TOKEN}.of-login-1");
    for (credentials, secrets) in [(token(), vec![TOKEN]), (login(), vec![PASSWORD, of_login.as_str()])] {
        let litmus = litmus_as(&center, credentials);
        let run = litmus.launch(&plan()).await.unwrap();
        // The secrets stand once where they are shown whole, and once where the text is cut off.
        let (secrets, filler) = (secrets.join(" or "), "x".repeat(385));
        for said in [format!("no {secrets} here"), format!("{filler} {secrets}")] {
            center.mishap(Mishap::errors("GetExperimentRun", &said));
            let status = wiremock::ResponseTemplate::new(400).set_body_string(&*said);
            center.mishap(Mishap::on("GetExperimentRun", status));
            for _ in 0..2 {
                let trouble = read(&litmus, &run).await.unwrap_err();
                let said = told(&litmus, &trouble, Asked::Read);
                // The beginning of a secret is not shown either.
                assert!(!said.contains(&TOKEN[..8]) && !said.contains(&PASSWORD[..5]), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_that_repeats_the_password_is_not_repeated() {
    let center = LitmusStandIn::start().await;
    let litmus = litmus_as(&center, login());
    let said = format!("{PASSWORD} is not it");
    center.mishap(Mishap::on(LOGIN, wiremock::ResponseTemplate::new(400).set_body_string(said)));
    let trouble = litmus.launch(&plan()).await.unwrap_err();
    assert!(told(&litmus, &trouble, Asked::Launch).contains("*** is not it"));
}
