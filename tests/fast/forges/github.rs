//! Tests of GitHub and GitHub Enterprise: statuses and their rivals, comments, limits, and pull requests of
//! forks.

use std::time::Duration;

use faultgate_core::model::ForgeKind;
use faultgate_report::forge::{
    Again, CommitStatus, ForgeFailure, ForkBranch, PullRequest, StatusState, Subject,
};
use faultgate_testkit::forges::scripted::*;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

const STATUSES: &str = "/repos/shop/web/statuses/0123456789abcdef0123456789abcdef01234567";

fn on(stand: &Stand) -> Subject {
    subject(ForgeKind::GitHub, &stand.url())
}

fn comment(id: u64, body: &str) -> Value {
    json!({ "id": id, "body": body, "user": { "type": "Bot" }, "author_association": "NONE" })
}

fn page(number: u32) -> String {
    format!("/repos/shop/web/issues/7/comments?per_page=100&page={number}")
}

fn status_body(state: &str) -> Value {
    json!({
        "state": state,
        "context": "faultgate/az",
        "description": "score 83 of 100",
        "target_url": "https://ci.example/run/1",
    })
}

#[tokio::test]
async fn each_state_is_posted_in_githubs_words() {
    let states = [
        (StatusState::Pending, "pending"),
        (StatusState::Running, "pending"),
        (StatusState::Success, "success"),
        (StatusState::Failure, "failure"),
        (StatusState::Error, "error"),
        (StatusState::Cancelled, "error"),
    ];
    let steps = states.iter().map(|(_, word)| posted(STATUSES, status_body(word))).collect();
    let stand = Stand::new(steps).await;
    let forge = connected(on(&stand));
    for (state, _) in states {
        forge.set_status(&status(state)).await.unwrap();
    }
    for request in stand.verify().await {
        assert_eq!(header(&request, "authorization"), [format!("Bearer {TOKEN}")]);
        assert_eq!(header(&request, "x-github-api-version"), ["2022-11-28"]);
        assert_eq!(header(&request, "accept"), ["application/vnd.github+json, application/json"]);
        assert_eq!(header(&request, "content-type"), ["application/json"]);
        assert_eq!(header(&request, "user-agent").len(), 1);
        assert_eq!(header(&request, "content-length").len(), 1);
    }
}

#[tokio::test]
async fn enterprise_differs_by_its_url_alone() {
    let expected = format!("/api/v3{STATUSES}");
    let stand = Stand::new(vec![posted(&expected, status_body("success"))]).await;
    let forge = connected(subject(ForgeKind::GitHub, &format!("{}/api/v3", stand.url())));
    forge.set_status(&status(StatusState::Success)).await.unwrap();
    let requests = stand.verify().await;
    assert_eq!(header(&requests[0], "authorization"), [format!("Bearer {TOKEN}")]);
}

#[tokio::test]
async fn a_description_is_cut_by_characters_and_a_link_must_be_one() {
    for (letter, kept) in [("🦀", 139), ("界", 139), ("e", 139)] {
        let body = json!({
            "state": "success",
            "context": "faultgate/az",
            "description": format!("{}…", letter.repeat(kept)),
        });
        let stand = Stand::new(vec![posted(STATUSES, body)]).await;
        let status = CommitStatus {
            description: letter.repeat(500),
            target_url: Some("javascript:alert(1)".to_owned()),
            ..status(StatusState::Success)
        };
        connected(on(&stand)).set_status(&status).await.unwrap();
        stand.verify().await;
    }
}

#[tokio::test]
async fn the_head_of_a_pull_request_is_looked_up_once() {
    let head = answer(200, json!({ "head": { "sha": SHA }, "merge_commit_sha": "other" }));
    let stand = Stand::new(vec![
        get("/repos/shop/web/pulls/7", head),
        posted(STATUSES, status_body("pending")),
        posted(STATUSES, status_body("success")),
    ])
    .await;
    let forge = connected(Subject { commit: None, ..on(&stand) });
    forge.set_status(&status(StatusState::Pending)).await.unwrap();
    forge.set_status(&status(StatusState::Success)).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn without_a_commit_nothing_is_sent() {
    let stand = Stand::new(vec![]).await;
    let forge = connected(Subject { commit: None, pull_request: None, ..on(&stand) });
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "could not set commit statuses: it is not known of which commit | set `commit`"
    );
    assert_eq!(forge.no_comment().unwrap(), "the run belongs to no pull request");
    assert_eq!(forge.create_comment("x").await.unwrap_err().kind.again, Again::Never);
    stand.verify().await;
}

#[tokio::test]
async fn a_comment_is_found_on_the_third_page() {
    let other = "<!-- faultgate az-2 -->\ntext";
    let quoted = format!("> {MARKER}\nlook at that");
    let link =
        |n: u32| format!("<https://api.github.com/x?page={n}>; rel=\"next\", <https://x>; rel=\"last\"");
    let stand = Stand::new(vec![
        get(&page(1), answer(200, json!([comment(1, MARKER)])).append_header("link", link(2))),
        get(&page(2), answer(200, json!([comment(2, "other")])).append_header("link", link(3))),
        get(
            &page(3),
            answer(
                200,
                json!([comment(3, &format!("{MARKER}\r\nold")), comment(4, other), comment(5, &quoted)]),
            )
            .append_header("link", link(4)),
        ),
        get(&page(4), answer(200, json!([])).append_header("link", "<https://x>; rel=\"first\"")),
    ])
    .await;
    assert_eq!(connected(on(&stand)).find_comment(MARKER).await.unwrap().unwrap(), "3");
    stand.verify().await;
}

#[tokio::test]
async fn without_links_a_full_page_has_a_next_one() {
    let full: Vec<_> = (0..100).map(|id| comment(id, "other")).collect();
    let stand =
        Stand::new(vec![get(&page(1), answer(200, json!(full))), get(&page(2), answer(200, json!([])))])
            .await;
    assert_eq!(connected(on(&stand)).find_comment(MARKER).await.unwrap(), None);
    stand.verify().await;
}

#[tokio::test]
async fn the_newest_comment_that_can_be_ours_is_taken() {
    let by = |id: u64, kind: &str, association: &str| json!({ "id": id, "body": MARKER, "user": { "type": kind }, "author_association": association });
    let comments = json!([
        by(1, "Bot", "NONE"),
        by(2, "User", "MEMBER"),
        by(3, "User", "NONE"),
        by(4, "User", "CONTRIBUTOR"),
        { "id": 5, "body": null, "user": null },
    ]);
    for (token, id) in [("ghs_app", "1"), ("ghp_person", "2")] {
        let stand = Stand::new(vec![get(&page(1), answer(200, comments.clone()))]).await;
        let found = connected_with(on(&stand), token).find_comment(MARKER).await.unwrap();
        assert_eq!(found.as_deref(), Some(id), "{token}");
    }
}

#[tokio::test]
async fn a_comment_is_created_and_updated() {
    let body = json!({ "body": "# Report" });
    let stand = Stand::new(vec![
        post("/repos/shop/base/issues/7/comments", body.clone(), created()),
        step("PATCH", "/repos/shop/base/issues/comments/12", Some(body), answer(200, json!({ "id": 12 }))),
    ])
    .await;
    let pull_request = Some(PullRequest { number: 7, repository: Some("shop/base".to_owned()) });
    let forge = connected(Subject { pull_request, ..on(&stand) });
    forge.create_comment("# Report").await.unwrap();
    forge.update_comment("12", "# Report").await.unwrap();
    stand.verify().await;
}

async fn refused_status(answer: ResponseTemplate) -> ForgeFailure {
    let stand = Stand::always(answer).await;
    connected(on(&stand)).set_status(&status(StatusState::Pending)).await.unwrap_err()
}

fn saying(status: u16, message: &str) -> ResponseTemplate {
    answer(status, json!({ "message": message, "documentation_url": "https://docs" }))
}

#[tokio::test]
async fn a_missing_permission_is_named_for_what_was_tried() {
    let stand = Stand::always(saying(403, "Resource not accessible by integration")).await;
    let forge = connected(on(&stand));
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    insta::assert_snapshot!(told(&refusal), @"could not set commit status faultgate/az on GitHub: HTTP 403: Resource not accessible by integration | give the job `permissions: { statuses: write }` beside the scopes it has, for those that are not named become none; a token of your own needs `repo:status` or, fine-grained, Commit statuses: write; the token of a pull request from a fork may only read");
    assert_eq!(refusal.kind.again, Again::Never);
    let refusal = forge.create_comment("x").await.unwrap_err();
    insta::assert_snapshot!(told(&refusal), @"could not create the comment of pull request 7 on GitHub: HTTP 403: Resource not accessible by integration | give the job `permissions: { pull-requests: write }` beside the scopes it has, for those that are not named become none; a token of your own needs `repo` or, fine-grained, Pull requests: write; the token of a pull request from a fork may only read");
    assert_eq!(refusal.kind.again, Again::Never);
    let forge = connected(Subject { commit: None, ..on(&stand) });
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    assert!(told(&refusal).contains("`permissions: { pull-requests: read }`"), "{}", told(&refusal));
}

#[tokio::test]
async fn what_github_does_not_take_is_told_in_its_words() {
    let cases = [
        (
            saying(401, "Bad credentials"),
            "HTTP 401: Bad credentials | give `github-token` a token that is valid",
        ),
        (saying(404, "Not Found"), "HTTP 404: Not Found | check `repository`, `commit`"),
        (saying(422, "No commit found for SHA: 0123"), "No commit found for SHA: 0123 | set `commit`"),
        (
            answer(
                422,
                json!({ "message": "Validation Failed", "errors": [
                    { "message": "This SHA and context has reached the maximum number of statuses." }
                ] }),
            ),
            "Validation Failed; This SHA and context has reached the maximum number of statuses. | GitHub keeps 1000",
        ),
        (
            answer(
                422,
                json!({ "message": "Validation Failed", "errors": [
                    { "resource": "Status", "field": "description", "code": "custom" }
                ] }),
            ),
            "HTTP 422: Validation Failed; code: custom; field: description; resource: Status | no remedy",
        ),
    ];
    for (answer, expected) in cases {
        let refusal = refused_status(answer).await;
        assert!(told(&refusal).contains(expected), "{}", told(&refusal));
        assert_eq!(refusal.kind.again, Again::Never);
    }
}

#[tokio::test]
async fn a_limit_says_how_long_it_lasts() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let limit = || saying(403, "API rate limit exceeded for installation");
    let cases = [
        (saying(429, "slow down").append_header("retry-after", "17"), 17),
        (saying(403, "Forbidden").append_header("retry-after", "9"), 9),
        (saying(429, "slow down").append_header("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), 30),
        (
            limit()
                .append_header("x-ratelimit-remaining", "0")
                .append_header("x-ratelimit-reset", "784111817"),
            40,
        ),
        // The limit is over already by the forge's own clock.
        (limit().append_header("x-ratelimit-remaining", "0").append_header("x-ratelimit-reset", "1"), 1),
        (saying(403, "You have exceeded a secondary rate limit."), 60),
        (saying(429, ""), 60),
        (saying(429, "x").append_header("retry-after", "18446744073709551615"), 86400),
        (saying(429, "x").append_header("retry-after", "soon"), 60),
    ];
    for (answer, seconds) in cases {
        // The server sets a date of its own unless there is one.
        let refusal = refused_status(answer.insert_header("date", date)).await;
        assert_eq!(refusal.kind.again, Again::After(Duration::from_secs(seconds)), "{}", told(&refusal));
        assert_eq!(refusal.remedy, None);
    }
}

#[tokio::test]
async fn a_limit_holds_for_comments_too_and_a_comment_of_another_lets_a_new_one_be_made() {
    let cases = [
        (saying(403, "Must have admin rights to Repository."), Again::Anew),
        (saying(404, "Not Found"), Again::Anew),
        (saying(403, "secondary rate limit"), Again::After(Duration::from_secs(60))),
        (saying(502, "Bad Gateway"), Again::Soon),
        (saying(422, "Body is too long (maximum is 65536 characters)"), Again::Never),
    ];
    for (answer, again) in cases {
        let stand = Stand::always(answer).await;
        let refusal = connected(on(&stand)).update_comment("1", "x").await.unwrap_err();
        assert_eq!(refusal.kind.again, again, "{}", told(&refusal));
    }
}

fn of_fork(stand: &Stand) -> Subject {
    let fork = ForkBranch { owner: "mona".to_owned(), branch: "fix/#1".to_owned() };
    Subject { pull_request: None, fork: Some(fork), ..on(stand) }
}

const OF_HEAD: &str = "/repos/shop/web/pulls?state=all&head=mona%3Afix%2F%231&per_page=100";

fn pull(number: u64, state: &str, sha: &str) -> Value {
    json!({ "number": number, "state": state, "head": { "sha": sha } })
}

#[tokio::test]
async fn the_pull_request_of_a_fork_is_found_by_its_head_once() {
    let other = SHA.replace('0', "f");
    let table = [
        (json!([pull(9, "closed", SHA), pull(8, "open", &other), pull(7, "open", SHA)]), "7"),
        (json!([pull(9, "closed", SHA), pull(8, "closed", SHA)]), "9"),
    ];
    for (found, number) in table {
        let comments = format!("/repos/shop/web/issues/{number}/comments");
        let body = json!({ "body": "x" });
        let stand = Stand::new(vec![
            get(OF_HEAD, answer(200, found)),
            post(&comments, body.clone(), created()),
            posted(STATUSES, status_body("success")),
        ])
        .await;
        let forge = connected(of_fork(&stand));
        forge.find_pull_request().await.unwrap();
        forge.find_pull_request().await.unwrap();
        assert_eq!(forge.no_comment(), None);
        forge.create_comment("x").await.unwrap();
        forge.set_status(&status(StatusState::Success)).await.unwrap();
        stand.verify().await;
    }
}

#[tokio::test]
async fn another_head_on_the_same_branch_is_another_pull_request() {
    let found = json!([pull(9, "open", &SHA.replace('0', "f"))]);
    let stand = Stand::new(vec![get(OF_HEAD, answer(200, found))]).await;
    let forge = connected(of_fork(&stand));
    forge.find_pull_request().await.unwrap();
    assert_eq!(forge.no_comment().unwrap(), "the run belongs to no pull request");
    stand.verify().await;

    let stand = Stand::always(saying(403, "Resource not accessible by integration")).await;
    let refusal = connected(of_fork(&stand)).find_pull_request().await.unwrap_err();
    assert!(told(&refusal).contains("`permissions: { pull-requests: read }`"), "{}", told(&refusal));
}

const STANDING: &str =
    "/repos/shop/web/commits/0123456789abcdef0123456789abcdef01234567/statuses?per_page=100";

fn standing(id: u64, state: &str, context: &str) -> Value {
    json!({ "id": id, "state": state, "context": context, "description": "d", "target_url": null })
}

/// Other contexts have filled the first page.
#[tokio::test]
async fn a_rival_behind_a_full_page_is_found_and_pages_are_read_once() {
    let others = |ids: std::ops::RangeInclusive<u64>| -> Vec<Value> {
        ids.rev().map(|id| standing(id, "success", &format!("faultgate/{id}"))).collect()
    };
    let second = format!("{STANDING}&page=2");
    let stand = Stand::new(vec![
        get(STANDING, answer(200, others(101..=200).into())),
        get(&second, answer(200, json!([standing(100, "failure", "faultgate/az")]))),
        get(STANDING, answer(200, others(150..=249).into())),
    ])
    .await;
    let forge = connected(on(&stand));
    assert!(forge.rival("faultgate/az").await.unwrap().is_some_and(|rival| rival.has_failed));
    assert!(forge.rival("faultgate/249").await.unwrap().is_some_and(|rival| !rival.has_failed));
    stand.verify().await;
}

#[tokio::test]
async fn the_newest_status_of_a_name_that_is_not_ours_is_a_rivals() {
    let table = [
        (json!([]), None, None),
        (json!([standing(9, "failure", "faultgate/other")]), None, None),
        (
            json!([standing(9, "failure", "Faultgate/AZ"), standing(8, "success", "faultgate/az")]),
            Some(true),
            Some(true),
        ),
        (json!([standing(9, "success", "faultgate/az")]), Some(false), Some(false)),
        // The id of the status that we have posted is 1.
        (json!([standing(1, "pending", "faultgate/az")]), Some(false), None),
        (json!([standing(0, "error", "faultgate/az")]), Some(true), None),
    ];
    for (statuses, before, after) in table {
        let stand = Stand::new(vec![
            get(STANDING, answer(200, statuses.clone())),
            posted(STATUSES, status_body("pending")),
            get(STANDING, answer(200, statuses.clone())),
        ])
        .await;
        let forge = connected(on(&stand));
        let first = forge.rival("faultgate/az").await.unwrap();
        assert_eq!(first.as_ref().map(|rival| rival.has_failed), before, "{statuses}");
        assert!(first.is_none_or(|rival| !rival.is_newer));
        forge.set_status(&status(StatusState::Pending)).await.unwrap();
        let second = forge.rival("faultgate/az").await.unwrap();
        assert_eq!(second.as_ref().map(|rival| rival.has_failed), after, "{statuses}");
        assert!(second.is_none_or(|rival| rival.is_newer));
        stand.verify().await;
    }
}
