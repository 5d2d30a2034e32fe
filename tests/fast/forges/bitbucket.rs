//! Tests of Bitbucket Cloud: build statuses, comments with their pages, and refusals.

use faultgate_core::model::ForgeKind;
use faultgate_report::forge::{Again, CommitStatus, StatusState, Subject};
use faultgate_testkit::forges::scripted::*;
use serde_json::{Value, json};

const MARK: &str = "[//]: # (faultgate az)";
const COMMENTS: &str = "/2.0/repositories/shop/web/pullrequests/7/comments";

fn on(stand: &Stand) -> Subject {
    subject(ForgeKind::Bitbucket, &format!("{}/2.0", stand.url()))
}

fn statuses() -> String {
    format!("/2.0/repositories/shop/web/commit/{SHA}/statuses/build")
}

fn body(state: &str) -> Value {
    json!({
        "key": "faultgate/az",
        "name": "faultgate/az",
        "state": state,
        "description": "score 83 of 100",
        "url": "https://ci.example/run/1",
    })
}

fn comment(id: u64, raw: &str, deleted: bool) -> Value {
    json!({ "id": id, "deleted": deleted, "content": { "raw": raw, "html": "<p>" } })
}

#[tokio::test]
async fn each_state_is_posted_in_bitbuckets_words() {
    let states = [
        (StatusState::Pending, "INPROGRESS"),
        (StatusState::Running, "INPROGRESS"),
        (StatusState::Success, "SUCCESSFUL"),
        (StatusState::Failure, "FAILED"),
        (StatusState::Error, "FAILED"),
        (StatusState::Cancelled, "STOPPED"),
    ];
    let look_up = get(
        "/2.0/repositories/shop/web/pullrequests/7",
        answer(200, json!({ "source": { "commit": { "hash": SHA } } })),
    );
    let mut steps = vec![look_up];
    steps.extend(states.iter().map(|(_, word)| posted(&statuses(), body(word))));
    let stand = Stand::new(steps).await;
    let forge = connected(Subject { commit: None, ..on(&stand) });
    for (state, _) in states {
        forge.set_status(&status(state)).await.unwrap();
    }
    for request in stand.verify().await {
        assert_eq!(header(&request, "authorization"), [format!("Bearer {TOKEN}")]);
    }
}

#[tokio::test]
async fn a_status_always_has_a_link_and_a_key_that_fits() {
    let long = format!("faultgate/{}", "é".repeat(60));
    let stand = Stand::echoing().await;
    let forge = connected(on(&stand));
    for context in [long.clone(), format!("{long}2"), long.clone()] {
        let status = CommitStatus { context, target_url: None, ..status(StatusState::Success) };
        forge.set_status(&status).await.unwrap();
    }
    let bodies: Vec<Value> = stand
        .requests()
        .await
        .iter()
        .map(|r| faultgate_testkit::forges::scripted::body(r).unwrap())
        .collect();
    assert_eq!(bodies[0]["url"], format!("https://bitbucket.org/shop/web/commits/{SHA}"));
    assert_eq!(bodies[0]["name"], long.as_str());
    assert_eq!(bodies[0]["key"].as_str().unwrap().chars().count(), 40);
    assert_ne!(bodies[0]["key"], bodies[1]["key"]);
    assert_eq!(bodies[0]["key"], bodies[2]["key"], "the same in every run");
}

#[tokio::test]
async fn a_comment_is_found_on_the_third_page() {
    let server = Stand::always(created()).await;
    // The server is started first, since its pages hold its address.
    let next = |page: &str| format!("{}{COMMENTS}?page={page}", server.url());
    let first = json!({ "values": [comment(1, "other", false)], "next": next("b%3D2") });
    let second = json!({ "values": [comment(2, "[//]: # (faultgate az-2)", false)], "next": next("3") });
    let third = json!({ "values": [comment(3, &format!("a\n\n{MARK}"), false), comment(4, MARK, true)] });
    let (url, steps) = (server.url(), [first, second, third]);
    let stand = server.replaced(steps.map(|body| answer(200, body)).into()).await;
    let forge = connected(subject(ForgeKind::Bitbucket, &format!("{url}/2.0")));
    assert_eq!(forge.marker("faultgate az"), MARK);
    assert_eq!(forge.find_comment(MARK).await.unwrap().as_deref(), Some("3"));
    let paths: Vec<_> = stand.requests().await.iter().map(path).collect();
    let expected = ["?pagelen=100", "?page=b%3D2", "?page=3"].map(|query| format!("{COMMENTS}{query}"));
    assert_eq!(paths, expected);
}

#[tokio::test]
async fn the_token_goes_to_no_other_host() {
    let elsewhere = Stand::always(answer(200, json!({ "values": [] }))).await;
    for next in
        [format!("{}{COMMENTS}", elsewhere.url()), "/2.0/x".to_owned(), "file:///etc/passwd".to_owned()]
    {
        let stand = Stand::always(answer(200, json!({ "values": [], "next": next }))).await;
        let refusal = connected(on(&stand)).find_comment(MARK).await.unwrap_err();
        assert!(told(&refusal).contains("gave a next page that is not its own"), "{}", told(&refusal));
        assert_eq!(refusal.kind.again, Again::Never);
        assert_eq!(stand.requests().await.len(), 1);
    }
    assert!(elsewhere.requests().await.is_empty());
}

#[tokio::test]
async fn a_comment_is_created_and_updated() {
    let body = json!({ "content": { "raw": "# Report" } });
    let stand = Stand::new(vec![
        post(COMMENTS, body.clone(), created()),
        step("PUT", &format!("{COMMENTS}/12"), Some(body), answer(200, json!({ "id": 12 }))),
    ])
    .await;
    let forge = connected(on(&stand));
    forge.create_comment("# Report").await.unwrap();
    forge.update_comment("12", "# Report").await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn refusals_name_the_scope() {
    let error = json!({ "type": "error", "error": {
        "message": "Your credentials lack one or more required privilege scopes.",
        "detail": { "granted": ["repository"], "required": ["repository:write"] },
    } });
    let stand = Stand::always(answer(403, error)).await;
    let forge = connected(on(&stand));
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    insta::assert_snapshot!(told(&refusal), @"could not set commit status faultgate/az on Bitbucket: HTTP 403: Your credentials lack one or more required privilege scopes.; granted: repository; required: repository:write | give `bitbucket-token` a repository access token with the scope `repository:write`");
    let refusal = forge.create_comment("x").await.unwrap_err();
    assert!(told(&refusal).contains("`pullrequest:write`"));
    assert_eq!(forge.update_comment("1", "x").await.unwrap_err().kind.again, Again::Anew);
}
