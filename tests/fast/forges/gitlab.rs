//! Tests of GitLab: pipelines, the state machine of statuses, and notes.

use faultgate_core::model::ForgeKind;
use faultgate_report::forge::{Again, CommitStatus, Pipeline, PullRequest, StatusState, Subject};
use faultgate_testkit::forges::scripted::*;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

const STATUSES: &str = "/projects/shop%2Fweb/statuses/0123456789abcdef0123456789abcdef01234567";
const NOTES: &str = "/projects/shop%2Fweb/merge_requests/7/notes";

fn on(stand: &Stand) -> Subject {
    let pipeline = Pipeline {
        id: 42,
        git_ref: Some("refs/merge-requests/7/head".to_owned()),
        job: Some("chaos".to_owned()),
    };
    Subject { pipeline: Some(pipeline), ..subject(ForgeKind::GitLab, &stand.url()) }
}

fn body(state: &str) -> Value {
    json!({
        "state": state,
        "name": "faultgate/az",
        "description": "score 83 of 100",
        "target_url": "https://ci.example/run/1",
        "pipeline_id": 42,
        "ref": "refs/merge-requests/7/head",
    })
}

fn without(mut body: Value, names: &[&str]) -> Value {
    for name in names {
        body.as_object_mut().unwrap().remove(*name);
    }
    body
}

fn saying(status: u16, message: &str) -> ResponseTemplate {
    answer(status, json!({ "message": message }))
}

fn page(number: u32) -> String {
    format!("{NOTES}?per_page=100&order_by=created_at&sort=asc&page={number}")
}

#[tokio::test]
async fn each_state_is_posted_in_gitlabs_words_to_the_pipeline() {
    let states = [
        (StatusState::Pending, "pending"),
        (StatusState::Running, "running"),
        (StatusState::Success, "success"),
        (StatusState::Failure, "failed"),
        (StatusState::Error, "failed"),
        (StatusState::Cancelled, "canceled"),
    ];
    for (state, word) in states {
        let stand = Stand::new(vec![posted(STATUSES, body(word))]).await;
        connected(on(&stand)).set_status(&status(state)).await.unwrap();
        let requests = stand.verify().await;
        assert_eq!(header(&requests[0], "private-token"), [TOKEN]);
        assert!(header(&requests[0], "authorization").is_empty());
    }
}

#[tokio::test]
async fn a_state_is_sent_once_and_only_a_correction_after_the_final_one() {
    use StatusState::{Error, Failure, Pending, Running, Success};
    let stand = Stand::new(vec![
        posted(STATUSES, body("pending")),
        posted(STATUSES, body("running")),
        posted(STATUSES, body("success")),
        posted(STATUSES, body("failed")),
    ])
    .await;
    let forge = connected(on(&stand));
    for state in [Pending, Pending, Running, Running, Success, Pending, Success, Error, Failure, Running] {
        forge.set_status(&status(state)).await.unwrap();
    }
    stand.verify().await;
}

#[tokio::test]
async fn a_status_that_failed_is_sent_again() {
    let stand = Stand::new(vec![
        post(STATUSES, body("pending"), saying(409, "Another update to this commit status is in progress")),
        posted(STATUSES, body("pending")),
    ])
    .await;
    let forge = connected(on(&stand));
    let refusal = forge.set_status(&status(StatusState::Pending)).await.unwrap_err();
    assert_eq!(refusal.kind.again, Again::Soon, "{}", told(&refusal));
    forge.set_status(&status(StatusState::Pending)).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn a_pipeline_of_another_commit_is_let_go_and_that_is_remembered() {
    let no_pipeline = || saying(404, "404 Pipeline for pipeline_id, sha and ref Not Found");
    let stand = Stand::new(vec![
        post(STATUSES, body("pending"), no_pipeline()),
        post(STATUSES, without(body("pending"), &["ref"]), no_pipeline()),
        posted(STATUSES, without(body("pending"), &["ref", "pipeline_id"])),
        posted(STATUSES, without(body("running"), &["ref", "pipeline_id"])),
    ])
    .await;
    let forge = connected(on(&stand));
    forge.set_status(&status(StatusState::Pending)).await.unwrap();
    forge.set_status(&status(StatusState::Running)).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn a_ref_that_the_pipeline_does_not_have_is_left_out() {
    let stand = Stand::new(vec![
        post(STATUSES, body("pending"), saying(404, "404 References for commit Not Found")),
        posted(STATUSES, without(body("pending"), &["ref"])),
        posted(STATUSES, without(body("success"), &["ref"])),
    ])
    .await;
    let forge = connected(on(&stand));
    forge.set_status(&status(StatusState::Pending)).await.unwrap();
    forge.set_status(&status(StatusState::Success)).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn a_project_or_commit_that_is_unknown_is_asked_for_once() {
    for message in ["404 Project Not Found", "404 Commit Not Found"] {
        let stand = Stand::new(vec![post(STATUSES, body("pending"), saying(404, message))]).await;
        let refusal = connected(on(&stand)).set_status(&status(StatusState::Pending)).await.unwrap_err();
        assert!(
            told(&refusal).contains(&format!("HTTP 404: {message} | check `repository`")),
            "{}",
            told(&refusal)
        );
        assert_eq!(refusal.kind.again, Again::Never);
        stand.verify().await;
    }
}

#[tokio::test]
async fn a_transition_to_where_it_is_is_no_failure() {
    let cases = [
        (
            StatusState::Pending,
            "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot …)",
        ),
        (StatusState::Running, "Cannot transition status via :run from :running"),
        (StatusState::Running, "Cannot transition status via :run from :success"),
        (StatusState::Failure, "Cannot transition status via :drop from :failed"),
    ];
    for (state, message) in cases {
        let stand = Stand::always(saying(400, message)).await;
        let forge = connected(on(&stand));
        forge.set_status(&status(state)).await.unwrap();
        // The state is known from then on, so nothing is sent.
        forge.set_status(&status(state)).await.unwrap();
        assert_eq!(stand.requests().await.len(), 1);
    }
    let stand = Stand::always(saying(400, "Cannot transition status via :drop from :success")).await;
    let refusal = connected(on(&stand)).set_status(&status(StatusState::Failure)).await.unwrap_err();
    assert_eq!(refusal.kind.again, Again::Never, "a failure that is shown as success is not told of");
}

#[tokio::test]
async fn the_running_jobs_name_is_stepped_aside_from() {
    let mut expected = body("pending");
    expected["name"] = "chaos/gate".into();
    let stand = Stand::new(vec![posted(STATUSES, expected)]).await;
    let status = CommitStatus { context: "chaos".to_owned(), ..status(StatusState::Pending) };
    connected(on(&stand)).set_status(&status).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn a_link_that_is_too_long_is_left_out_and_a_description_is_one_line() {
    let mut expected = without(body("pending"), &["target_url"]);
    expected["description"] = format!("a {}…", "界".repeat(252)).into();
    let stand = Stand::new(vec![posted(STATUSES, expected)]).await;
    let status = CommitStatus {
        description: format!("a\n{}", "界".repeat(300)),
        target_url: Some(format!("https://ci.example/{}", "x".repeat(240))),
        ..status(StatusState::Pending)
    };
    connected(on(&stand)).set_status(&status).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn without_a_pipeline_the_head_of_the_merge_request_is_looked_up() {
    let expected = without(body("success"), &["ref", "pipeline_id"]);
    let stand = Stand::new(vec![
        get("/projects/99/merge_requests/7", answer(200, json!({ "sha": SHA }))),
        posted(STATUSES, expected),
    ])
    .await;
    let pull_request = Some(PullRequest { number: 7, repository: Some("99".to_owned()) });
    let subject = Subject { commit: None, pipeline: None, pull_request, ..on(&stand) };
    connected(subject).set_status(&status(StatusState::Success)).await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn notes_are_found_created_and_updated_where_the_merge_request_is() {
    let target = |path: &str| path.replace("shop%2Fweb", "shop%2Fgroup%2Fbase");
    let note = |id: u64, body: &str| json!({ "id": id, "body": body, "system": false });
    let text = json!({ "body": "# Report" });
    let stand = Stand::new(vec![
        get(&target(&page(1)), answer(200, json!([note(1, MARKER)])).append_header("x-next-page", "2")),
        get(
            &target(&page(2)),
            answer(200, json!([note(2, "<!-- faultgate az-2 -->")])).append_header("x-next-page", "3"),
        ),
        get(
            &target(&page(3)),
            answer(
                200,
                json!([
                    note(3, MARKER),
                    { "id": 4, "body": MARKER, "system": true },
                    note(5, "<!-- faultgate az-2 -->"),
                ]),
            )
            .append_header("x-next-page", ""),
        ),
        post(&target(NOTES), text.clone(), created()),
        step("PUT", &target(&format!("{NOTES}/3")), Some(text), answer(200, json!({ "id": 3 }))),
    ])
    .await;
    let pull_request = Some(PullRequest { number: 7, repository: Some("shop/group/base".to_owned()) });
    let forge = connected(Subject { pull_request, ..on(&stand) });
    assert_eq!(forge.find_comment(MARKER).await.unwrap().as_deref(), Some("3"));
    forge.create_comment("# Report").await.unwrap();
    forge.update_comment("3", "# Report").await.unwrap();
    stand.verify().await;
}

#[tokio::test]
async fn what_gitlab_does_not_take_is_told_in_its_words() {
    let cases = [
        (saying(401, "401 Unauthorized"), "401 Unauthorized | give `gitlab-token` a token that is valid"),
        (
            answer(403, json!({ "error": "insufficient_scope", "error_description": "Needs api" })),
            "HTTP 403: insufficient_scope; Needs api | give `gitlab-token` a token with the scope `api`",
        ),
        (
            saying(403, "403 Forbidden"),
            "403 Forbidden | the token needs the role Developer and the scope `api`; on a protected",
        ),
        (
            answer(400, json!({ "message": { "name": ["has already been taken"] } })),
            "HTTP 400: name: has already been taken | set `status-context` to something that no CI job",
        ),
        (
            answer(400, json!({ "error": "state does not have a valid value" })),
            "does not have a valid value | no remedy",
        ),
    ];
    for (answer, expected) in cases {
        let stand = Stand::always(answer).await;
        let refusal = connected(on(&stand)).set_status(&status(StatusState::Pending)).await.unwrap_err();
        assert!(told(&refusal).contains(expected), "{}", told(&refusal));
        assert_eq!(refusal.kind.again, Again::Never);
        assert_eq!(stand.requests().await.len(), 1);
    }
    let stand = Stand::always(saying(403, "403 Forbidden")).await;
    let refusal = connected(on(&stand)).update_comment("1", "x").await.unwrap_err();
    assert_eq!(refusal.kind.again, Again::Anew);
    let forge = connected(Subject { pull_request: None, ..on(&stand) });
    assert_eq!(forge.no_comment().unwrap(), "the run belongs to no merge request");
}

#[tokio::test]
async fn a_status_that_another_job_has_ended_is_a_rivals() {
    let standing = |id: u64, status: &str| json!({ "id": id, "name": "faultgate/az", "status": status });
    let path =
        format!("/projects/shop%2Fweb/repository/commits/{SHA}/statuses?name=faultgate%2Faz&per_page=100");
    // The status that we have posted has the id 1, and is running.
    let table = [
        (json!([]), None),
        (json!([standing(1, "running")]), None),
        (json!([standing(1, "pending")]), None),
        (json!([standing(1, "failed")]), Some(true)),
        (json!([standing(2, "failed"), standing(1, "running")]), Some(true)),
        (json!([standing(2, "success")]), Some(false)),
        (json!([{ "id": 2, "name": "other", "status": "failed" }]), None),
    ];
    for (statuses, expected) in table {
        let stand =
            Stand::new(vec![posted(STATUSES, body("running")), get(&path, answer(200, statuses.clone()))])
                .await;
        let forge = connected(on(&stand));
        assert_eq!(forge.rival("faultgate/az").await.unwrap(), None, "it may be an earlier try of this job");
        forge.set_status(&status(StatusState::Running)).await.unwrap();
        let rival = forge.rival("faultgate/az").await.unwrap();
        assert_eq!(rival.map(|rival| rival.has_failed), expected, "{statuses}");
        stand.verify().await;
    }
}
