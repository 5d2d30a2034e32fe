//! What goes wrong on every forge in the same way.

use std::time::Duration;

use faultgate::config::Secret;
use faultgate::forge::{Again, Forge, ForgeKind, StatusState, connect};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::*;

/// A status, a look for a comment, a new comment, an update: whether each may be tried again.
async fn agains(forge: &dyn Forge) -> [Again; 4] {
    let refusals = [
        forge.set_status(&status(StatusState::Pending)).await.unwrap_err(),
        forge.find_comment(MARKER).await.unwrap_err(),
        forge.create_comment("x").await.unwrap_err(),
        forge.update_comment("1", "x").await.unwrap_err(),
    ];
    refusals.map(|refusal| {
        told(&refusal);
        refusal.again
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
    // A port that was free a moment ago.
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
        // Nothing but the status is wanted of these.
        forge.create_comment("x").await.unwrap();
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
        assert_eq!(refusal.again, Again::Never);
    }
}

#[tokio::test]
async fn a_forge_that_speaks_no_tls_is_one_that_cannot_be_reached() {
    let stand = Stand::always(created()).await;
    let url = stand.url().replace("http:", "https:");
    let refusal = connected(subject(ForgeKind::Gitea, &url)).create_comment("x").await.unwrap_err();
    assert!(told(&refusal).contains("could not be reached"), "{}", told(&refusal));
    assert_eq!(refusal.again, Again::Soon);
}
