//! Tests of CodeCommit, whose client speaks to a stand-in.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SystemTimeSource;
use faultgate_core::model::ForgeKind;
use faultgate_net::aws::http_client;
use faultgate_net::http::HttpSettings;
use faultgate_report::forge::{Again, Forge, StatusState, Subject, connect};
use faultgate_testkit::forges::scripted::*;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

const MARK: &str = "[//]: # (faultgate az)";

fn sdk(url: Option<&str>) -> SdkConfig {
    let credentials = Credentials::new("id", TOKEN, None, None, "test");
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(&HttpSettings::default()).unwrap())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new());
    builder.set_endpoint_url(url.map(str::to_owned));
    builder.build()
}

/// A source that has no credentials.
#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no profile")))
    }
}

fn on(stand: &Stand, tweak: impl FnOnce(&mut Subject)) -> Box<dyn Forge> {
    let mut subject = subject(ForgeKind::CodeCommit, "https://codecommit.eu-west-1.amazonaws.com");
    "web".clone_into(&mut subject.repository);
    tweak(&mut subject);
    connect(subject, None, client(), Some(&sdk(Some(&stand.url())))).unwrap()
}

fn no_pull_request(subject: &mut Subject) {
    subject.pull_request = None;
}

/// Returns the operation of a request, and its parameters.
fn call(request: &Request) -> (String, Value) {
    let target = header(request, "x-amz-target")[0].replace("CodeCommit_20150413.", "");
    (target, body(request).unwrap())
}

async fn calls(stand: &Stand) -> Vec<(String, Value)> {
    stand.requests().await.iter().map(call).collect()
}

async fn scripted(answers: Vec<Value>) -> Stand {
    let answers = answers.into_iter().map(|body| answer(200, body)).collect();
    Stand::always(created()).await.replaced(answers).await
}

fn error(code: &str) -> ResponseTemplate {
    answer(400, json!({ "__type": code, "message": "said CodeCommit" }))
}

fn comment(id: &str, content: &str, date: u32, deleted: bool) -> Value {
    json!({ "commentId": id, "content": content, "creationDate": date, "deleted": deleted })
}

/// Returns the answer to a comment that has been created or updated.
fn done() -> Value {
    json!({ "comment": { "commentId": "a" } })
}

#[tokio::test]
async fn an_answer_that_speaks_of_no_comment_is_no_comment() {
    for answer in [json!({}), json!({ "comment": {} }), json!({ "ok": true })] {
        let stand = Stand::always(faultgate_testkit::forges::scripted::answer(200, answer)).await;
        for refusal in [
            on(&stand, no_pull_request).create_comment("x").await.unwrap_err(),
            on(&stand, no_pull_request).update_comment("a", "x").await.unwrap_err(),
        ] {
            assert!(told(&refusal).contains("the answer speaks of no comment"), "{}", told(&refusal));
            assert_eq!(refusal.kind.again, Again::Never);
        }
    }
}

#[tokio::test]
async fn a_denial_that_is_written_down_has_no_remedy() {
    let message = "User: arn:aws:sts::111122223333:assumed-role/ci/x is not authorized to perform: \
                   codecommit:UpdateComment with an explicit deny in a service control policy";
    let body = json!({ "__type": "AccessDeniedException", "message": message });
    let stand = Stand::always(answer(400, body)).await;
    let refusal = on(&stand, |_| {}).update_comment("a", "x").await.unwrap_err();
    assert_eq!(refusal.remedy, None, "{}", told(&refusal));
}

fn pull_request() -> Value {
    json!({ "pullRequest": { "pullRequestId": "7", "pullRequestTargets": [
        { "repositoryName": "web", "sourceCommit": SHA, "destinationCommit": "base" }
    ] } })
}

#[tokio::test]
async fn a_comment_takes_the_place_of_statuses() {
    let stand = scripted(vec![]).await;
    let forge = on(&stand, |_| {});
    assert!(!forge.has_statuses());
    let refusal = forge.set_status(&status(StatusState::Success)).await.unwrap_err();
    assert_eq!(refusal.to_string(), "could not set commit statuses on CodeCommit: its commits have none");
    let nowhere = on(&stand, |subject| {
        subject.pull_request = None;
        subject.commit = None;
    });
    assert_eq!(nowhere.no_comment().unwrap(), "neither a pull request nor a commit is known");
    assert_eq!(on(&stand, no_pull_request).no_comment(), None);
    assert!(calls(&stand).await.is_empty());
}

#[tokio::test]
async fn a_pull_request_gets_a_comment_that_is_created_once() {
    let stand = scripted(vec![pull_request(), done(), done(), done()]).await;
    let forge = on(&stand, |_| {});
    forge.create_comment("# Report").await.unwrap();
    forge.create_comment("# Report").await.unwrap();
    forge.create_comment("# Another").await.unwrap();
    let calls = calls(&stand).await;
    assert_eq!(calls[0], ("GetPullRequest".to_owned(), json!({ "pullRequestId": "7" })));
    let token = calls[1].1["clientRequestToken"].clone();
    let expected = json!({
        "pullRequestId": "7",
        "repositoryName": "web",
        "beforeCommitId": "base",
        "afterCommitId": SHA,
        "content": "# Report",
        "clientRequestToken": token,
    });
    assert_eq!(calls[1], ("PostCommentForPullRequest".to_owned(), expected));
    assert_eq!(calls[2], calls[1], "the same again is the same request");
    assert_ne!(calls[3].1["clientRequestToken"], token);
    assert_eq!(calls.len(), 4, "the pull request is looked up once");
}

#[tokio::test]
async fn the_newest_comment_is_found_on_any_page_and_updated() {
    let threads = |comments: Vec<Value>| json!([{ "pullRequestId": "7", "comments": comments }]);
    let stand = scripted(vec![
        json!({ "commentsForPullRequestData": threads(vec![comment("a", MARK, 10, false)]), "nextToken": "2" }),
        json!({ "commentsForPullRequestData": threads(vec![
            comment("b", &format!("text\n\n{MARK}"), 30, false),
            comment("c", MARK, 40, true),
            comment("d", "[//]: # (faultgate az-2)", 50, false),
        ]), "nextToken": "3" }),
        json!({ "commentsForPullRequestData": threads(vec![comment("e", MARK, 20, false)]) }),
        done(),
    ])
    .await;
    let forge = on(&stand, |_| {});
    assert_eq!(forge.marker("faultgate az"), MARK);
    let found = forge.find_comment(MARK).await.unwrap().unwrap();
    forge.update_comment(&found, "# Report").await.unwrap();
    let get = |body: Value| ("GetCommentsForPullRequest".to_owned(), body);
    assert_eq!(
        calls(&stand).await,
        [
            get(json!({ "pullRequestId": "7" })),
            get(json!({ "pullRequestId": "7", "nextToken": "2" })),
            get(json!({ "pullRequestId": "7", "nextToken": "3" })),
            ("UpdateComment".to_owned(), json!({ "commentId": "b", "content": "# Report" })),
        ]
    );
}

#[tokio::test]
async fn without_a_pull_request_the_commit_is_commented_on() {
    let stand = scripted(vec![
        json!({ "commentsForComparedCommitData": [{ "comments": [comment("a", MARK, 1, false)] }] }),
        done(),
    ])
    .await;
    let forge = on(&stand, no_pull_request);
    assert_eq!(forge.find_comment(MARK).await.unwrap().as_deref(), Some("a"));
    forge.create_comment("# Report").await.unwrap();
    let calls = calls(&stand).await;
    let expected = json!({ "repositoryName": "web", "afterCommitId": SHA });
    assert_eq!(calls[0], ("GetCommentsForComparedCommit".to_owned(), expected));
    assert_eq!(calls[1].0, "PostCommentForComparedCommit");
    let mut body = calls[1].1.clone();
    body.as_object_mut().unwrap().remove("clientRequestToken").unwrap();
    assert_eq!(body, json!({ "repositoryName": "web", "afterCommitId": SHA, "content": "# Report" }));
}

#[tokio::test]
async fn the_region_is_the_repositorys_own() {
    let stand = scripted(vec![json!({})]).await;
    on(&stand, |_| {}).find_comment(MARK).await.unwrap();
    let requests = stand.requests().await;
    assert!(header(&requests[0], "authorization")[0].contains("/eu-west-1/codecommit/"));
    // An endpoint that names no Region is used as it is, with the SDK's own Region.
    let stand = scripted(vec![json!({})]).await;
    let subject = subject(ForgeKind::CodeCommit, &stand.url());
    connect(subject, None, client(), Some(&sdk(None))).unwrap().find_comment(MARK).await.unwrap();
    let requests = stand.requests().await;
    assert!(header(&requests[0], "authorization")[0].contains("/us-east-1/codecommit/"));
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_and_sent_nowhere() {
    let stand = scripted(vec![]).await;
    let sdk = sdk(Some(&stand.url())).into_builder();
    let sdk = sdk.credentials_provider(SharedCredentialsProvider::new(NoCredentials)).build();
    let subject = subject(ForgeKind::CodeCommit, "https://codecommit.eu-west-1.amazonaws.com");
    let forge = connect(subject, None, client(), Some(&sdk)).unwrap();
    let refusal = forge.update_comment("a", "x").await.unwrap_err();
    let told = told(&refusal);
    assert!(told.contains("no profile | give the job AWS credentials that are valid"), "{told}");
    assert!(stand.requests().await.is_empty());
}

#[tokio::test]
async fn a_refusal_that_repeats_the_session_token_is_told_without_it() {
    let session = "a-session-token-of-some-length";
    let body = json!({ "message": format!("canonical request: x-amz-security-token:{session}") });
    let refused = answer(400, body).insert_header("x-amzn-errortype", "InvalidSignatureException:http://x");
    let stand = Stand::always(refused).await;
    let credentials = Credentials::new("id", TOKEN, Some(session.to_owned()), None, "test");
    let sdk = sdk(Some(&stand.url())).into_builder();
    let sdk = sdk.credentials_provider(SharedCredentialsProvider::new(credentials)).build();
    let subject = subject(ForgeKind::CodeCommit, "https://codecommit.eu-west-1.amazonaws.com");
    let forge = connect(subject, None, client(), Some(&sdk)).unwrap();
    let told = told(&forge.update_comment("a", "x").await.unwrap_err());
    assert!(
        told.contains("InvalidSignatureException: canonical request: x-amz-security-token:***"),
        "{told}"
    );
    assert_eq!(header(&stand.requests().await[0], "x-amz-security-token"), [session]);
}

#[tokio::test]
async fn a_missing_permission_is_told_as_a_statement() {
    let stand = Stand::always(error("AccessDeniedException")).await;
    let refusal = on(&stand, |_| {}).create_comment("x").await.unwrap_err();
    insta::assert_snapshot!(told(&refusal), @r#"could not look up pull request 7 on CodeCommit: AccessDeniedException: said CodeCommit | allow it: {"Effect": "Allow", "Action": ["codecommit:GetPullRequest", "codecommit:GetCommentsForPullRequest", "codecommit:PostCommentForPullRequest", "codecommit:UpdateComment"], "Resource": "arn:aws:codecommit:eu-west-1:*:web"}"#);
    assert_eq!(refusal.kind.again, Again::Never);
    let refusal = on(&stand, no_pull_request).find_comment(MARK).await.unwrap_err();
    insta::assert_snapshot!(told(&refusal), @r#"could not look for the comment of commit 0123456789abcdef0123456789abcdef01234567 on CodeCommit: AccessDeniedException: said CodeCommit | allow it: {"Effect": "Allow", "Action": ["codecommit:GetCommentsForComparedCommit", "codecommit:PostCommentForComparedCommit", "codecommit:UpdateComment"], "Resource": "arn:aws:codecommit:eu-west-1:*:web"}"#);
}

#[tokio::test]
async fn refusals_say_whether_to_try_again() {
    let cases = [
        ("CommentNotCreatedByCallerException", Again::Anew, "no remedy"),
        ("CommentDoesNotExistException", Again::Anew, "no remedy"),
        ("CommentDeletedException", Again::Anew, "no remedy"),
        ("CommentContentSizeLimitExceededException", Again::Never, "no remedy"),
        ("RepositoryDoesNotExistException", Again::Never, "that the Region is eu-west-1"),
        ("ExpiredTokenException", Again::Never, "credentials that are valid"),
        ("PullRequestDoesNotExistException", Again::Never, "`pull-request`"),
    ];
    for (code, again, expected) in cases {
        let stand = Stand::always(error(code)).await;
        let refusal = on(&stand, |_| {}).update_comment("a", "x").await.unwrap_err();
        let told = told(&refusal);
        assert_eq!(refusal.kind.again, again, "{told}");
        assert!(told.contains(&format!("{code}: said CodeCommit")) && told.contains(expected), "{told}");
        assert_eq!(stand.requests().await.len(), 1);
    }
}

#[tokio::test]
async fn a_service_that_fails_is_asked_twice_at_most() {
    let stand = Stand::always(ResponseTemplate::new(500)).await;
    let refusal = on(&stand, |_| {}).update_comment("a", "x").await.unwrap_err();
    assert_eq!((refusal.kind.again, stand.requests().await.len()), (Again::Soon, 2), "{}", told(&refusal));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_left_in_time() {
    let stand = Stand::always(created().set_delay(Duration::from_secs(600))).await;
    let started = tokio::time::Instant::now();
    let refusal = on(&stand, |_| {}).update_comment("a", "x").await.unwrap_err();
    assert_eq!(refusal.kind.again, Again::Soon, "{}", told(&refusal));
    assert!(started.elapsed() < Duration::from_secs(6));
}
