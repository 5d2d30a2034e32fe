//! Tests of Gitea and Forgejo, which share one API.

use faultgate_core::model::ForgeKind;
use faultgate_report::forge::{Again, CommitStatus, StatusState, Subject};
use faultgate_testkit::forges::scripted::*;
use serde_json::{Value, json};

const KINDS: [ForgeKind; 2] = [ForgeKind::Gitea, ForgeKind::Forgejo];
const COMMENTS: &str = "/api/v1/repos/shop/web/issues/7/comments";

fn on(kind: ForgeKind, stand: &Stand) -> Subject {
    subject(kind, &format!("{}/api/v1", stand.url()))
}

fn page(number: u32) -> String {
    format!("{COMMENTS}?limit=50&page={number}")
}

fn comments(ids: std::ops::Range<u64>) -> Vec<Value> {
    ids.map(|id| json!({ "id": id, "body": "other" })).collect()
}

#[tokio::test]
async fn statuses_have_their_words_and_the_token_its_scheme() {
    let words = [
        (StatusState::Pending, "pending"),
        (StatusState::Running, "pending"),
        (StatusState::Success, "success"),
        (StatusState::Failure, "failure"),
        (StatusState::Error, "error"),
        (StatusState::Cancelled, "error"),
    ];
    for kind in KINDS {
        let path = format!("/api/v1/repos/shop/web/statuses/{SHA}");
        let body = |word: &str| json!({ "state": word, "context": "faultgate/az", "description": "score 83 of 100" });
        let mut steps =
            vec![get("/api/v1/repos/shop/web/pulls/7", answer(200, json!({ "head": { "sha": SHA } })))];
        steps.extend(words.iter().map(|(_, word)| posted(&path, body(word))));
        let stand = Stand::new(steps).await;
        let forge = connected(Subject { commit: None, ..on(kind, &stand) });
        assert_eq!(forge.kind(), kind);
        for (state, _) in words {
            let status = CommitStatus { target_url: Some("data:,x".to_owned()), ..status(state) };
            forge.set_status(&status).await.unwrap();
        }
        for request in stand.verify().await {
            assert_eq!(header(&request, "authorization"), [format!("token {TOKEN}")]);
            assert_eq!(header(&request, "accept"), ["application/json"]);
        }
    }
}

#[tokio::test]
async fn a_comment_is_found_on_the_third_page() {
    let stand = Stand::new(vec![
        get(&page(1), answer(200, json!(comments(0..50)))),
        get(&page(2), answer(200, json!(comments(50..100)))),
        get(&page(3), answer(200, json!([{ "id": 100, "body": format!("text\n{MARKER}") }]))),
    ])
    .await;
    let found = connected(on(ForgeKind::Gitea, &stand)).find_comment(MARKER).await.unwrap();
    assert_eq!(found.as_deref(), Some("100"));
    stand.verify().await;
}

#[tokio::test]
async fn a_server_without_pages_is_not_asked_for_ever() {
    // The first server gives just as many comments as were asked for, and the same again. The second gives
    // more.
    let same = || answer(200, json!(comments(0..50)));
    let stand = Stand::new(vec![get(&page(1), same()), get(&page(2), same())]).await;
    assert_eq!(connected(on(ForgeKind::Forgejo, &stand)).find_comment(MARKER).await.unwrap(), None);
    stand.verify().await;
    let stand = Stand::new(vec![get(&page(1), answer(200, json!(comments(0..80))))]).await;
    assert_eq!(connected(on(ForgeKind::Gitea, &stand)).find_comment(MARKER).await.unwrap(), None);
    stand.verify().await;
}

#[tokio::test]
async fn a_comment_is_created_and_updated() {
    let body = json!({ "body": "# Report" });
    let stand = Stand::new(vec![
        post(COMMENTS, body.clone(), created()),
        step(
            "PATCH",
            "/api/v1/repos/shop/web/issues/comments/12",
            Some(body),
            answer(200, json!({ "id": 12 })),
        ),
    ])
    .await;
    let forge = connected(on(ForgeKind::Gitea, &stand));
    forge.create_comment("# Report").await.unwrap();
    forge.update_comment("12", "# Report").await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn refusals_name_the_scope() {
    let scope = "token does not have at least one of required scope(s): [write:repository]";
    let stand = Stand::always(answer(403, json!({ "message": scope, "url": "https://x/api/swagger" }))).await;
    let forge = connected(on(ForgeKind::Gitea, &stand));
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        format!(
            "could not set commit status faultgate/az on Gitea: HTTP 403: {scope} | the token needs the scope \
             `write:repository`, and its user the right to write there"
        )
    );
    let refusal = forge.create_comment("x").await.unwrap_err();
    assert!(told(&refusal).contains("`write:issue`"));
    assert_eq!(refusal.kind.again, Again::Never);
    assert_eq!(forge.update_comment("1", "x").await.unwrap_err().kind.again, Again::Anew);
}
