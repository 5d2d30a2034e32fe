//! Tests of roles against an OpenID endpoint and an STS of their own: who vouches, and renewal.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_async::time::TimeSource;
use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::claims::tests::jwt;
use super::*;
use crate::aws::credentials::AGAIN_AFTER;
use crate::aws::{connect_embedded, credentials_failure_in};
use crate::http::HttpSettings;
use faultgate_core::environment::Environment;
use faultgate_core::secret::Secret;

mod refusals;

const ROLE: &str = "arn:aws:iam::123456789012:role/ci/chaos";
const NOW: i64 = 1_800_000_000;

/// A clock that the test moves.
#[derive(Debug, Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    fn forward(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_secs()).unwrap(), Ordering::SeqCst);
    }

    fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(self.seconds()).unwrap())
    }
}

/// An OpenID endpoint and an STS on one server. The nth session has the key `AKID<n>`.
struct World {
    server: MockServer,
    clock: Clock,
}

struct Sessions {
    clock: Clock,
    given: AtomicUsize,
    lasting: i64,
}

impl Respond for Sessions {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body = String::from_utf8_lossy(&request.body);
        let action =
            if body.contains("WithWebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let end = jiff::Timestamp::from_second(self.clock.seconds() + self.lasting).unwrap();
        ResponseTemplate::new(200).set_body_string(format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
             <AccessKeyId>AKID{number}</AccessKeyId><SecretAccessKey>k3y</SecretAccessKey>\
             <SessionToken>s3ssion</SessionToken><Expiration>{end}</Expiration></Credentials>\
             </{action}Result></{action}Response>"
        ))
    }
}

fn refused(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    ))
}

fn token() -> String {
    jwt(&json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:octo/shop:ref:refs/heads/main",
        "aud": "sts.amazonaws.com",
        "exp": NOW - 60,
    }))
}

impl World {
    async fn new() -> Self {
        Self { server: MockServer::start().await, clock: Clock::new() }
    }

    async fn with_sessions(lasting: Duration) -> Self {
        let world = Self::new().await;
        let lasting = i64::try_from(lasting.as_secs()).unwrap();
        let sessions = Sessions { clock: world.clock.clone(), given: AtomicUsize::new(0), lasting };
        Mock::given(method("POST")).and(path("/")).respond_with(sessions).mount(&world.server).await;
        world
    }

    async fn refusing(status: u16, code: &str, message: &str) -> Self {
        let world = Self::new().await;
        let answer = refused(status, code, message);
        Mock::given(method("POST")).and(path("/")).respond_with(answer).mount(&world.server).await;
        world
    }

    async fn github(self) -> Self {
        self.github_answers(ResponseTemplate::new(200).set_body_json(json!({"value": token()}))).await
    }

    async fn github_answers(self, answer: ResponseTemplate) -> Self {
        Mock::given(method("GET"))
            .and(path("/token"))
            .and(query_param("api-version", "2.0"))
            .and(query_param("audience", "sts.amazonaws.com"))
            .and(header("authorization", "Bearer r3quest"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
        self
    }

    fn in_github(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?api-version=2.0", self.server.uri())),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "r3quest".to_owned()),
        ]
    }

    fn role(&self, variables: Vec<(&'static str, String)>, id_token: Option<&str>) -> Role {
        let on_github = variables.iter().any(|(name, _)| *name == "GITHUB_ACTIONS");
        let chain = if on_github { ChainIn::Github } else { ChainIn::Elsewhere };
        let env = Environment::from_pairs(variables);
        let id_token = id_token.map(Secret::new);
        let voucher = Voucher::find(&env, id_token.as_ref(), ROLE, &HttpSettings::default(), chain).unwrap();
        let base = connect_embedded(&self.server.uri(), None).unwrap();
        let base = base.into_builder().time_source(SharedTimeSource::new(self.clock.clone())).build();
        Role::new(&base, ROLE, voucher, "github/7 #1")
    }

    /// Returns the requests to STS and to the OpenID endpoint, in order.
    async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let words = requests.iter().map(|request| match request.method.as_str() {
            "GET" => "token".to_owned(),
            _ => String::from_utf8_lossy(&request.body).into_owned(),
        });
        words.collect()
    }
}

async fn key(role: &Role) -> String {
    role.credentials().await.unwrap().access_key_id().to_owned()
}

#[track_caller]
fn assert_told(refusal: &CredentialsFailure, why: &str, remedy: &[&str]) {
    let told = refusal.remedy.as_deref().unwrap_or_default();
    assert!(refusal.to_string().contains(why), "{why}: {refusal}");
    for part in remedy {
        assert!(told.contains(part), "{part}: {told}");
    }
    let all = format!("{refusal} {refusal:?}");
    for secret in ["r3quest", "s1gnature", &token()] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[tokio::test]
async fn github_vouches_with_a_token_for_sts_and_no_other_credentials() {
    let world = World::with_sessions(Duration::from_hours(1)).await.github().await;
    let role = world.role(world.in_github(), None);
    let given = role.provide_credentials().await.unwrap();
    assert_eq!(given.access_key_id(), "AKID1");
    let asked = world.asked().await;
    let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(first, "token");
    for part in ["AssumeRoleWithWebIdentity", "RoleSessionName=faultgate-github-7--1", &token()] {
        assert!(second.contains(part), "{part}: {second}");
    }
    let requests = world.server.received_requests().await.unwrap();
    assert!(requests[1].headers.get("authorization").is_none(), "it is not signed");
    assert!(!format!("{role:?}").contains("r3quest"));
}

#[tokio::test]
async fn credentials_are_kept_and_renewed_by_a_new_token_before_they_expire() {
    let world = World::with_sessions(Duration::from_hours(1)).await.github().await;
    let role = world.role(world.in_github(), None);
    assert_eq!((key(&role).await, key(&role).await), ("AKID1".to_owned(), "AKID1".to_owned()));
    world.clock.forward(Duration::from_mins(54));
    assert_eq!(key(&role).await, "AKID1");
    world.clock.forward(Duration::from_mins(2));
    assert_eq!(key(&role).await, "AKID2", "four minutes before the end");
    assert_eq!(key(&role).await, "AKID2");
    let tokens = world.asked().await.iter().filter(|asked| *asked == "token").count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn an_outage_does_not_end_what_still_holds() {
    let world = World::with_sessions(Duration::from_hours(1)).await.github().await;
    let role = world.role(world.in_github(), None);
    assert_eq!(key(&role).await, "AKID1");
    world.server.reset().await;
    let world = world.github_answers(ResponseTemplate::new(404)).await;
    world.clock.forward(Duration::from_mins(56));
    assert_eq!(key(&role).await, "AKID1");
    assert_eq!(key(&role).await, "AKID1");
    assert_eq!(world.asked().await.len(), 1, "nor is every request one for a token");
    world.clock.forward(AGAIN_AFTER);
    assert_eq!(key(&role).await, "AKID1");
    assert_eq!(world.asked().await.len(), 2);
    world.clock.forward(Duration::from_mins(4));
    let refusal = role.credentials().await.unwrap_err();
    assert_told(&refusal, "GitHub gave no OpenID token: HTTP 404", &["id-token: write"]);
}

#[tokio::test]
async fn many_requests_at_once_make_one_session() {
    let world = World::with_sessions(Duration::from_hours(1)).await.github().await;
    let role = world.role(world.in_github(), None);
    let keys = futures_util::future::join_all((0..20).map(|_| key(&role))).await;
    assert!(keys.iter().all(|key| key == "AKID1"), "{keys:?}");
}

#[tokio::test]
async fn gitlabs_token_is_taken_as_it_is() {
    let world = World::with_sessions(Duration::from_hours(1)).await;
    let role = world.role(vec![("GITLAB_CI", "true".to_owned())], Some(&token()));
    assert_eq!(key(&role).await, "AKID1");
    let asked = world.asked().await;
    assert!(asked[0].contains("AssumeRoleWithWebIdentity") && asked[0].contains(&token()), "{asked:?}");
}

#[tokio::test]
async fn a_token_in_a_file_is_read_anew_each_time() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", token())).unwrap();
    let world = World::with_sessions(Duration::from_hours(1)).await;
    let variables = || vec![("AWS_WEB_IDENTITY_TOKEN_FILE", file.path().display().to_string())];
    let role = world.role(variables(), None);
    assert_eq!(key(&role).await, "AKID1");
    let newer = jwt(&json!({"sub": "newer"}));
    std::fs::write(file.path(), &newer).unwrap();
    world.clock.forward(Duration::from_mins(57));
    assert_eq!(key(&role).await, "AKID2");
    assert!(world.asked().await[1].contains(&newer));
    drop(file);
    world.clock.forward(Duration::from_hours(2));
    assert_told(&role.credentials().await.unwrap_err(), "AWS_WEB_IDENTITY_TOKEN_FILE could not be read", &[]);
}

#[tokio::test]
async fn who_vouches_is_decided_by_how_plainly_it_was_said() {
    let world = World::new().await;
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token".to_owned());
    let with = |more: &[(&'static str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        world.in_github().into_iter().chain(more).collect::<Vec<_>>()
    };
    let by = |variables, id_token| world.role(variables, id_token).by();
    let chain = "the credentials of the SDK's default chain";
    assert_eq!(by(with(&[]), None), "GitHub's OpenID token");
    assert_eq!(by(with(&[("AWS_ACCESS_KEY_ID", "")]), None), "GitHub's OpenID token", "empty is unset");
    assert_eq!(by(with(&[("AWS_ACCESS_KEY_ID", "AKID")]), None), chain);
    assert_eq!(by(with(&[("AWS_PROFILE", "chaos")]), None), chain);
    assert_eq!(by(with(&[("AWS_ACCESS_KEY_ID", "AKID")]), Some("t")), "the token of aws-id-token");
    assert_eq!(by(with(&[(file.0, &file.1)]), None), "the token in AWS_WEB_IDENTITY_TOKEN_FILE");
    let same = [(file.0, file.1.as_str()), ("AWS_ROLE_ARN", ROLE)];
    assert_eq!(by(with(&same), None), "the token in AWS_WEB_IDENTITY_TOKEN_FILE");
    let other = [(file.0, file.1.as_str()), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/other")];
    assert_eq!(by(with(&other), None), chain);
    assert_eq!(by(vec![("GITHUB_ACTIONS", "true".to_owned())], None), chain);
}

#[tokio::test]
async fn the_default_chain_assumes_the_role_where_nobody_else_vouches() {
    let world = World::with_sessions(Duration::from_hours(1)).await;
    let role = world.role(vec![], None);
    assert_eq!(key(&role).await, "AKID1");
    let asked = world.asked().await;
    assert!(asked[0].contains("Action=AssumeRole&"), "{asked:?}");
    let requests = world.server.received_requests().await.unwrap();
    assert!(requests[0].headers.get("authorization").is_some(), "it is signed");
}

#[test]
fn a_session_name_is_what_sts_takes() {
    assert_eq!(session_name("gitlab-7-0a1b2c3d"), "faultgate-gitlab-7-0a1b2c3d");
    let long = session_name(&"é b/".repeat(40));
    assert!(long.len() == 64 && long.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{long}");
}

#[test]
fn a_token_is_asked_for_over_tls_or_on_this_machine() {
    let find = |url: &str| {
        let env = Environment::from_pairs([
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "r3quest"),
        ]);
        Voucher::find(&env, None, ROLE, &HttpSettings::default(), ChainIn::Github)
    };
    for url in [
        "https://pipelines.example/token?x=1",
        "http://127.0.0.1:80/t",
        "http://localhost/t",
        "http://[::1]/t\n",
    ] {
        assert!(matches!(find(url), Ok(Voucher::Github(_))), "{url}");
    }
    for url in [
        "http://s3cr3t.example/t",
        "http://10.0.0.1/s3cr3t",
        "ftp://s3cr3t.example/",
        "s3cr3t",
        "http://localhost.s3cr3t/",
    ] {
        let told = find(url).unwrap_err().to_string();
        assert!(told.contains("(from ACTIONS_ID_TOKEN_REQUEST_URL)") && !told.contains("s3cr3t"), "{told}");
    }
}
