//! Tests of what goes wrong on every forge in the same way.

use std::time::Duration;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_report::forge::{Again, Forge, StatusState, connect};
use faultgate_testkit::forges::scripted::*;
use serde_json::json;
use wiremock::ResponseTemplate;

/// Returns whether a status, a look for a comment, a new comment and an update may be tried again. All must
/// be refused.
async fn agains(forge: &dyn Forge) -> [Again; 4] {
    let refusals = [
        forge.set_status(&status(StatusState::Pending)).await.unwrap_err(),
        forge.find_comment(MARKER).await.unwrap_err(),
        forge.create_comment("x").await.unwrap_err(),
        forge.update_comment("1", "x").await.unwrap_err(),
    ];
    refusals.map(|refusal| {
        told(&refusal);
        refusal.kind.again
    })
}

#[tokio::test]
async fn a_comment_is_never_created_twice() {
    use Again::{Never, Soon};
    let minute = Again::After(Duration::from_secs(60));
    for kind in WITH_TOKEN {
        for (answered, expected) in [
            (500, [Soon, Soon, Never, Soon]),
            (503, [Soon, Soon, Never, Soon]),
            (408, [Soon, Soon, Never, Soon]),
            (409, [Soon, Soon, Soon, Soon]),
            (429, [minute, minute, minute, minute]),
            (400, [Never, Never, Never, Never]),
            (404, [Never, Never, Never, Again::Anew]),
        ] {
            let stand = Stand::always(ResponseTemplate::new(answered)).await;
            let forge = connected(subject(kind, &stand.url()));
            assert_eq!(agains(&*forge).await, expected, "{kind:?} {answered}");
        }
    }
}

#[tokio::test]
async fn a_forge_that_hangs_is_left_within_the_clients_limit() {
    for kind in WITH_TOKEN {
        let stand = Stand::always(created().set_delay(Duration::from_secs(600))).await;
        let http = client_within(Duration::from_millis(50));
        let forge = connect(subject(kind, &stand.url()), Some(&Secret::new(TOKEN)), http, None).unwrap();
        let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
        assert!(told(&refusal).contains("127.0.0.1 did not answer in time"), "{}", told(&refusal));
        assert_eq!(agains(&*forge).await, [Again::Soon, Again::Soon, Again::Never, Again::Soon], "{kind:?}");
    }
}

#[tokio::test]
async fn a_forge_that_is_not_there_can_be_tried_again() {
    // The port was free a moment ago, so nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for kind in WITH_TOKEN {
        let forge = connected(subject(kind, &format!("http://127.0.0.1:{port}")));
        let refusal = forge.create_comment("x").await.unwrap_err();
        assert!(
            told(&refusal).contains("127.0.0.1 could not be reached: Connection refused"),
            "{}",
            told(&refusal)
        );
        assert_eq!(agains(&*forge).await, [Again::Soon; 4], "{kind:?}: nothing was sent");
    }
}

#[tokio::test]
async fn a_redirect_says_what_to_set() {
    for kind in WITH_TOKEN {
        let elsewhere = Stand::always(created()).await;
        let moved = ResponseTemplate::new(301).append_header("location", format!("{}/x", elsewhere.url()));
        let stand = Stand::always(moved).await;
        let forge = connected(subject(kind, &stand.url()));
        let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
        let told = told(&refusal);
        assert!(
            told.contains("HTTP 301: it has moved to http") && told.contains("`forge-api-url`"),
            "{told}"
        );
        assert_eq!(agains(&*forge).await, [Again::Never; 4]);
        assert!(elsewhere.requests().await.is_empty(), "the token is not carried on");
    }
}

#[tokio::test]
async fn a_token_that_the_forge_repeats_is_not_shown() {
    let hidden: String = TOKEN.chars().flat_map(|c| [c, '\u{200b}']).collect();
    let said = format!("\u{1b}[31mno {TOKEN} {hidden}\n::error::x ##[error]y");
    let bodies = [
        answer(401, json!({ "message": said, "errors": [{ TOKEN: said }] })),
        answer(403, json!({ "error": { "message": "no", "detail": said } })),
        ResponseTemplate::new(400).set_body_raw(said.clone(), "text/plain; charset=utf-8"),
        ResponseTemplate::new(302).append_header("location", format!("https://x/{TOKEN}")),
        ResponseTemplate::new(502).set_body_raw(said.clone(), "text/html"),
        answer(422, json!({ "message": "x".repeat(590) + TOKEN })),
    ];
    for kind in WITH_TOKEN {
        for body in &bodies {
            let stand = Stand::always(body.clone()).await;
            let forge = connected(subject(kind, &stand.url()));
            let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
            let told = told(&refusal);
            assert!(!told.contains("s3cr3t") && !told.contains('\n') && !told.contains("##["), "{told}");
            agains(&*forge).await;
        }
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_a_bound() {
    for kind in WITH_TOKEN {
        let large =
            |status: u16, bytes: usize| ResponseTemplate::new(status).set_body_bytes(vec![b' '; bytes]);
        let stand = Stand::always(large(200, (8 << 20) + 1)).await;
        let forge = connected(subject(kind, &stand.url()));
        let refusal = forge.find_comment(MARKER).await.unwrap_err();
        assert!(told(&refusal).contains("gave an answer of more than 8 MiB"), "{}", told(&refusal));
        let refusal = forge.create_comment("x").await.unwrap_err();
        assert!(told(&refusal).contains("gave an answer of more than 8 MiB"), "{}", told(&refusal));
        let stand = Stand::always(large(400, 1 << 20)).await;
        let refusal = connected(subject(kind, &stand.url())).create_comment("x").await.unwrap_err();
        assert!(told(&refusal).ends_with("HTTP 400 | no remedy"), "{}", told(&refusal));
    }
}

#[tokio::test]
async fn what_no_forge_says_is_not_taken_for_an_answer() {
    for kind in WITH_TOKEN {
        let stand =
            Stand::always(ResponseTemplate::new(200).set_body_raw("<html>Log in</html>", "text/html")).await;
        let refusal = connected(subject(kind, &stand.url())).find_comment(MARKER).await.unwrap_err();
        assert!(told(&refusal).contains("`forge-api-url`"), "{}", told(&refusal));
        assert_eq!(refusal.kind.again, Again::Never);
    }
}

#[tokio::test]
async fn a_forge_that_speaks_no_tls_is_one_that_cannot_be_reached() {
    let stand = Stand::always(created()).await;
    let url = stand.url().replace("http:", "https:");
    let refusal = connected(subject(ForgeKind::Gitea, &url)).create_comment("x").await.unwrap_err();
    assert!(told(&refusal).contains("could not be reached"), "{}", told(&refusal));
    assert_eq!(refusal.kind.again, Again::Soon);
}

/// A sign-in page, like anything else that is not the forge, answers with success too.
#[tokio::test]
async fn a_success_that_does_not_speak_of_what_was_posted_is_none() {
    let html = |status: u16| ResponseTemplate::new(status).set_body_raw("<html>Log in</html>", "text/html");
    let answers = [
        html(200),
        html(201),
        ResponseTemplate::new(204),
        answer(200, json!({})),
        answer(200, json!({ "ok": true })),
        answer(200, json!([])),
        answer(201, json!({ "id": null })),
    ];
    for kind in WITH_TOKEN {
        for answer in &answers {
            let stand = Stand::always(answer.clone()).await;
            let forge = connected(subject(kind, &stand.url()));
            for refusal in [
                forge.set_status(&status(StatusState::Success)).await.unwrap_err(),
                forge.create_comment("x").await.unwrap_err(),
                forge.update_comment("1", "x").await.unwrap_err(),
            ] {
                assert!(told(&refusal).contains("gave no answer of"), "{kind:?}: {}", told(&refusal));
                assert_eq!(refusal.kind.again, Again::Never);
            }
        }
    }
}

#[tokio::test]
async fn a_status_must_be_the_one_that_was_posted() {
    let said = |field: &str, name: &str, state: &str| json!({ "id": 1, field: name, "state": state });
    for (kind, field, state) in [
        (ForgeKind::GitHub, "context", "success"),
        (ForgeKind::Gitea, "context", "success"),
        (ForgeKind::GitLab, "name", "success"),
        (ForgeKind::Bitbucket, "key", "SUCCESSFUL"),
    ] {
        for (told_back, taken) in [
            (said(field, "faultgate/az", state), true),
            (said(field, "Faultgate/AZ", state), true),
            (json!({ "id": 1, field: "faultgate/az", "status": state }), true),
            (said(field, "faultgate/other", state), false),
            (said(field, "faultgate/az", "pending"), false),
            (json!({ "id": 1, "state": state }), false),
            (json!({ "id": 1, field: "faultgate/az" }), false),
        ] {
            let stand = Stand::always(answer(201, told_back.clone())).await;
            let set = connected(subject(kind, &stand.url())).set_status(&status(StatusState::Success)).await;
            assert_eq!(set.is_ok(), taken, "{kind:?}: {told_back}");
        }
    }
}

/// The messages are in the words of the platforms. No permission of the token changes any of what they say.
#[tokio::test]
async fn a_remedy_that_cannot_help_is_not_given() {
    let closed = [
        "Unable to create comment because issue is locked.",
        "Repository was archived so is read-only.",
        "Although you appear to have the correct authorization credentials, the `shop` organization has an IP allow \
         list enabled, and your IP address is not permitted to access this resource.",
        "Although you appear to have the correct authorization credentials, the `shop` organization has enabled OAuth \
         App access restrictions.",
        "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this \
         organization.",
        "This installation has been suspended",
        "Sorry. Your account was suspended.",
        "Repository access blocked",
        "`shop` forbids access via a personal access token (classic).",
        "403 Forbidden - Your account has been blocked.",
        "You cannot perform write operations on a read-only instance",
        "To access this repository, an admin must whitelist your IP.",
    ];
    for kind in WITH_TOKEN {
        for message in closed {
            let stand = Stand::always(answer(403, json!({ "message": message }))).await;
            let forge = connected(subject(kind, &stand.url()));
            for refusal in [
                forge.set_status(&status(StatusState::Pending)).await.unwrap_err(),
                forge.create_comment("x").await.unwrap_err(),
            ] {
                assert_eq!(
                    (refusal.remedy.as_deref(), refusal.kind.lacks_permission),
                    (None, false),
                    "{message}"
                );
            }
        }
        let stand = Stand::always(answer(403, json!({ "message": "Forbidden" }))).await;
        let refusal = connected(subject(kind, &stand.url())).create_comment("x").await.unwrap_err();
        assert!(refusal.remedy.is_some() && refusal.kind.lacks_permission, "{kind:?}");
    }
}
