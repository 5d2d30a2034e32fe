//! Tests of each kind against something real: servers on loopback, and processes.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{any, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::answer::MAX_BODY_BYTES;
use super::question::MAX_REASON_CHARS;
use super::*;
use faultgate_core::environment::Environment;
use faultgate_core::model::{Comparison, Expectation, Hidden, HttpCheck, Statuses};
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{ALARM_NAME, FaultEffect, FaultRule, Scenario, World, http_client};

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// A limit that no evaluation here reaches.
pub(super) const PATIENT: Duration = Duration::from_secs(30);

pub(super) fn connector() -> Connector {
    let env = faultgate_config::without_secrets(&Environment::from_process());
    Connector::new(HttpSettings::default(), Clock::start(), env).unwrap()
}

pub(super) async fn see(check: Check) -> Evaluation {
    connector().connect(&check, None).unwrap().evaluate().await
}

#[track_caller]
pub(super) fn passes(seen: &Evaluation) {
    assert!(seen.passed && seen.latency.is_some(), "{seen:?}");
}

#[track_caller]
pub(super) fn fails(seen: &Evaluation, why: &str) {
    let reason = seen.reason.as_deref().unwrap_or_default();
    assert!(!seen.passed && reason.contains(why) && reason.len() <= 2 * MAX_REASON_CHARS, "{why}: {seen:?}");
}

pub(super) fn http(url: &str) -> HttpCheck {
    HttpCheck {
        url: Hidden(url.to_owned()),
        method: "GET".to_owned(),
        access: Access::default(),
        body: None,
        statuses: Statuses(vec![200..=200]),
        contains: None,
        expect_headers: BTreeMap::new(),
        within: PATIENT,
    }
}

fn pair(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

pub(super) fn sending(name: &str, value: &str) -> Access {
    let headers = BTreeMap::from([(name.to_owned(), Hidden(value.to_owned()))]);
    Access { headers, ..Access::default() }
}

pub(super) async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn http_evaluates_status_body_and_headers() {
    let template =
        ResponseTemplate::new(200).set_body_string("all is well").insert_header("x-shop", "open v2");
    let server = answering(template).await;
    let check = |change: fn(&mut HttpCheck)| {
        let mut check = http(&server.uri());
        change(&mut check);
        see(Check::Http(check))
    };
    passes(&check(|_| {}).await);
    passes(&check(|c| c.contains = Some("is well".to_owned())).await);
    passes(&check(|c| c.expect_headers = pair("X-Shop", "open")).await);
    fails(&check(|c| c.statuses = Statuses(vec![204..=204])).await, "status 200, not 204");
    fails(&check(|c| c.contains = Some("broken".to_owned())).await, "the body does not contain");
    fails(
        &check(|c| c.expect_headers = pair("x-shop", "closed")).await,
        "the header x-shop does not contain",
    );
    fails(&check(|c| c.expect_headers = pair("x-none", "a")).await, "no header x-none");
}

#[tokio::test]
async fn http_sends_what_it_is_told_and_shows_none_of_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", "Bearer s3cr3t"))
        .and(wiremock::matchers::body_string("{}"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    let check = HttpCheck {
        method: "POST".to_owned(),
        access: sending("Authorization", "Bearer s3cr3t"),
        body: Some(Hidden("{}".to_owned())),
        ..http(&format!("{}/?key=s3cr3t", server.uri()))
    };
    let seen = see(Check::Http(check.clone())).await;
    fails(&seen, "status 500");
    drop(server);
    let seen_after =
        see(Check::Http(HttpCheck { url: Hidden("http://127.0.0.1:1/?key=s3cr3t".to_owned()), ..check }))
            .await;
    fails(&seen_after, "refused");
    assert!(!format!("{seen:?}{seen_after:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let other = answering(ResponseTemplate::new(200)).await;
    let server = answering(ResponseTemplate::new(302).insert_header("location", other.uri())).await;
    passes(&see(Check::Http(HttpCheck { statuses: Statuses(vec![302..=302]), ..http(&server.uri()) })).await);
    fails(&see(Check::Http(http(&server.uri()))).await, "status 302, not 200");
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_body_is_read_to_its_first_mebibyte() {
    let mut long = "x".repeat(MAX_BODY_BYTES);
    long.push_str("the end");
    let server = answering(ResponseTemplate::new(200).set_body_string(long)).await;
    let check = HttpCheck { contains: Some("the end".to_owned()), ..http(&server.uri()) };
    fails(&see(Check::Http(check)).await, "the first MiB of the body does not contain");
}

/// Starts a server that takes connections and never answers.
pub(super) async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn what_does_not_answer_in_time_has_failed() {
    let (_listener, address) = silent().await;
    let within = Duration::from_millis(50);
    let seen = see(Check::Http(HttpCheck { within, ..http(&format!("http://{address}")) })).await;
    fails(&seen, "no answer within 50ms");
    assert!(seen.latency.unwrap() >= within);
}

#[tokio::test]
async fn an_answer_that_breaks_off_has_failed() {
    let (listener, address) = silent().await;
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    });
    let seen = see(Check::Http(http(&format!("http://{address}")))).await;
    serving.await.unwrap();
    fails(&seen, "end of file before message length reached");
}

#[tokio::test]
async fn who_does_not_answer_is_told_without_the_clients_own_words() {
    let refused = see(Check::Http(http("http://127.0.0.1:1"))).await.reason.unwrap();
    assert!(refused.starts_with("could not connect: Connection refused"), "{refused}");
    let (listener, address) = silent().await;
    let hanging_up = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let seen = see(Check::Http(http(&format!("http://{address}")))).await;
    hanging_up.await.unwrap();
    assert_eq!(seen.reason.as_deref(), Some("connection closed before message completed"));
}

#[tokio::test]
async fn tls_is_trusted_by_a_bundle_or_not_verified_at_all() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (listener, address) = silent().await;
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 1024]).await;
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let url = address.replace("127.0.0.1", "https://localhost");
    fails(&see(Check::Http(http(&url))).await, "its certificate is not trusted");
    passes(
        &see(Check::Http(HttpCheck { access: Access { insecure: true, ..Access::default() }, ..http(&url) }))
            .await,
    );
    let ca_bundle = Some(made.cert.pem().into_bytes());
    let access = Access { ca_bundle, ..Access::default() };
    passes(&see(Check::Http(HttpCheck { access, ..http(&url) })).await);
    serving.abort();
}

#[tokio::test]
async fn tcp_connects_or_says_why_not() {
    let (listener, address) = silent().await;
    passes(&see(Check::Tcp { address: address.clone(), within: PATIENT }).await);
    drop(listener);
    fails(&see(Check::Tcp { address, within: PATIENT }).await, "refused");
    fails(
        &see(Check::Tcp { address: "no.invalid:1".to_owned(), within: PATIENT }).await,
        "could not connect",
    );
}

fn shell(script: &str) -> Check {
    let run = ["sh", "-c", script].map(str::to_owned).to_vec();
    Check::Command { run, env: BTreeMap::new(), exit_code: 0, output: None, within: PATIENT }
}

#[tokio::test]
async fn a_command_is_judged_by_exit_code_and_output() {
    passes(&see(shell("exit 0")).await);
    fails(
        &see(shell("echo first >&2; echo shop is closed >&2; exit 3")).await,
        "exit code 3, not 0: shop is closed",
    );
    fails(&see(shell("kill -9 $$")).await, "ended by a signal");
    let Check::Command { run, within, .. } = shell("echo ready; exit 3") else { unreachable!() };
    let expecting = |text: &str| Check::Command {
        run: run.clone(),
        env: BTreeMap::new(),
        exit_code: 3,
        output: Some(text.to_owned()),
        within,
    };
    passes(&see(expecting("ready")).await);
    fails(&see(expecting("steady")).await, "its output does not contain");
    let missing = Check::Command {
        run: vec!["/no/such/program".to_owned()],
        env: BTreeMap::new(),
        exit_code: 0,
        output: None,
        within,
    };
    fails(&see(missing).await, "could not run it");
}

#[tokio::test]
async fn arguments_are_not_read_by_a_shell() {
    let run = ["printf", "%s", "$HOME; exit 1"].map(str::to_owned).to_vec();
    let output = Some("$HOME; exit 1".to_owned());
    passes(&see(Check::Command { run, env: BTreeMap::new(), exit_code: 0, output, within: PATIENT }).await);
}

#[tokio::test]
async fn much_output_keeps_nobody_waiting() {
    passes(&see(shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2")).await);
}

/// The children of a command hold this file open as long as they live.
#[tokio::test]
async fn a_command_that_takes_too_long_ends_with_all_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let script = format!("sleep 1000 > {0} & sleep 1000 > {0}", pipe.display());
    let Check::Command { run, exit_code, output, .. } = shell(&script) else { unreachable!() };
    let check = Check::Command { run, env: BTreeMap::new(), exit_code, output, within: SECOND };
    // A reader lets the writers open it, and reads to the end once the last of them is gone.
    let reader = tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap());
    fails(&see(check).await, "no answer within 1s");
    tokio::time::timeout(PATIENT, reader).await.expect("all of them are gone").unwrap();
}

#[test]
fn expectations_hold_as_they_are_read() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    for (comparison, below, same, above) in [
        (Less, true, false, false),
        (LessOrEqual, true, true, false),
        (Greater, false, false, true),
        (GreaterOrEqual, false, true, true),
        (Equal, false, true, false),
        (NotEqual, true, false, true),
    ] {
        let expect = Expectation { comparison, value: 1.0 };
        assert_eq!([0.5, 1.0, 2.0].map(|value| expect.holds(value)), [below, same, above], "{expect}");
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!expect.holds(value) && expect.compare(value).is_err(), "{value} {expect}");
        }
    }
}

#[test]
fn cloudwatch_needs_an_account() {
    let check = Check::CloudwatchAlarm { name: "a".to_owned(), within: SECOND };
    assert!(connector().connect(&check, None).is_err());
}

fn of_cloudwatch(world: &World) -> Arc<dyn Evaluate> {
    of_cloudwatch_with(world, SdkConfig::clone)
}

fn of_cloudwatch_with(world: &World, change: fn(&SdkConfig) -> SdkConfig) -> Arc<dyn Evaluate> {
    let sdk = change(&connect_embedded("http://world", Some(http_client(world.clone()))).unwrap());
    let check = Check::CloudwatchAlarm { name: ALARM_NAME.to_owned(), within: PATIENT };
    connector().connect(&check, Some(&sdk)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn requests_of_cloudwatch_are_counted_with_their_retries() {
    let world = World::new(Scenario::find("completed").unwrap(), Clock::start());
    let probe = of_cloudwatch(&world);
    assert!(probe.calls().is_empty());
    passes(&probe.evaluate().await);
    assert_eq!(probe.calls(), BTreeMap::from([("DescribeAlarms".to_owned(), 1)]));
    world.inject(FaultRule::on("DescribeAlarms", FaultEffect::throttled(None)).times(2));
    passes(&probe.evaluate().await);
    assert_eq!(probe.calls(), BTreeMap::from([("DescribeAlarms".to_owned(), 4)]));
}

/// Retries pause for a random part of a time. Here it is the whole of it.
fn longest_pauses(sdk: &SdkConfig) -> SdkConfig {
    let retries = sdk.retry_config().unwrap().clone().with_use_static_exponential_base(true);
    sdk.to_builder().retry_config(retries).build()
}

#[tokio::test(start_paused = true)]
async fn what_cloudwatch_refuses_says_what_is_missing_first() {
    for (effect, why) in [
        (
            FaultEffect::denied("cloudwatch:DescribeAlarms"),
            "cloudwatch:DescribeAlarms is not permitted: the caller is not",
        ),
        (
            FaultEffect::throttled(None),
            "CloudWatch refused DescribeAlarms: ThrottlingException: Rate exceeded",
        ),
        (FaultEffect::LoseRequest, "CloudWatch could not be asked: "),
    ] {
        let world = World::new(Scenario::find("completed").unwrap(), Clock::start());
        world.inject(FaultRule::on("DescribeAlarms", effect));
        let seen = of_cloudwatch_with(&world, longest_pauses).evaluate().await;
        fails(&seen, why);
        assert!(seen.reason.unwrap().starts_with(why));
    }
}

#[tokio::test]
async fn a_command_sees_no_credentials_and_what_it_is_given_it_does_not_tell() {
    let path = std::env::var("PATH").unwrap();
    let variables =
        [("PATH", path.as_str()), ("FAULTGATE_GITHUB_TOKEN", "s3cr3t"), ("SHOP", "not asked for")];
    let env = faultgate_config::for_commands(&Environment::from_pairs(variables));
    let connector = Connector::new(HttpSettings::default(), Clock::start(), env).unwrap();
    let connector = connector.hiding(&Veil::over(["p4ssw0rd".to_owned()]));
    let run = ["sh", "-c", r#"echo "<$FAULTGATE_GITHUB_TOKEN$SHOP> <$GIVEN>"; exit 1"#];
    let given = BTreeMap::from([("GIVEN".to_owned(), Hidden("p4ssw0rd".to_owned()))]);
    let run = run.map(str::to_owned).to_vec();
    let check = Check::Command { run, env: given, exit_code: 0, output: None, within: PATIENT };
    let seen = connector.connect(&check, None).unwrap().evaluate().await;
    assert_eq!(seen.reason.as_deref(), Some("exit code 1, not 0: <> <***>"));
}
