//! Tests of probes while an experiment runs: their evaluations make the score, and the score decides the
//! gate.

use std::time::Duration;

use faultgate_rehearsal::{Beat, SECOND_TEMPLATE_ID, Step, TEMPLATE_ID, Which};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Finished;
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{FAILING, QUICK};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const fn beat(millis: u64, step: Step) -> Beat {
    Beat { after: Duration::from_millis(millis), step }
}

/// A life that is long enough for some evaluations.
const SLOW: &[Beat] = &[
    beat(50, Step::Experiment { status: "running", reason: "Experiment is running." }),
    beat(0, Step::Actions { which: Which::All, status: "running", reason: "Action is running." }),
    beat(1500, Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." }),
    beat(50, Step::Experiment { status: "completed", reason: "Experiment completed." }),
];

fn suite(floor: u32, probes: &str) -> String {
    format!(
        "version: 1\ngate: {{ expected-resilience-score: {floor} }}\nexperiments:\n\
         \x20 - name: az-latency\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n{probes}"
    )
}

/// Returns a service that is well for the first two evaluations, down for the next two, and well again.
async fn suffering() -> MockServer {
    let server = MockServer::start().await;
    for (status, times) in [(200, Some(2)), (503, Some(2)), (200, None)] {
        let mock = Mock::given(any()).respond_with(ResponseTemplate::new(status));
        match times {
            Some(times) => mock.up_to_n_times(times).mount(&server).await,
            None => mock.mount(&server).await,
        }
    }
    server
}

async fn measured(floor: u32) -> Finished {
    let (account, server) = (EmbeddedAccount::living(SLOW).await, suffering().await);
    let probes = format!(
        "      - {{ name: checkout, http: {{ url: '{}/health' }}, when: [before, during, after], every: 200ms }}\n",
        server.uri()
    );
    let ended = account.faultgate(&[]).file(".faultgate.yml", &suite(floor, &probes)).finish().await;
    account.assert_nothing_left("measured");
    ended
}

#[tokio::test]
async fn what_the_probes_see_is_the_score_and_the_floor_decides() {
    for (floor, code) in [(20, 0), (99, 1)] {
        let ended = measured(floor).await;
        ended.assert_code(code, "a service that suffers");
        let result = ended.result();
        assert_result(&result, code);
        let experiment = &result["experiments"][0];
        let score = experiment["score"].as_f64().unwrap();
        assert!(score > 20.0 && score < 99.0, "{experiment:#}");
        assert_eq!(experiment["score_source"], "probes");
        assert_eq!(experiment["state"], "completed");
        assert!(experiment["fault"]["started_at"].is_string() && experiment["fault"]["ended_at"].is_string());
        let probe = &experiment["probes"][0];
        assert_eq!((probe["name"].as_str(), probe["kind"].as_str()), (Some("checkout"), Some("http")));
        let (passed, total) = (probe["passed"].as_u64().unwrap(), probe["total"].as_u64().unwrap());
        assert_eq!(total - passed, 2, "{probe:#}");
        let samples = probe["samples"].as_array().unwrap();
        assert_eq!(samples.len() as u64, total);
        assert_eq!(samples[0]["phase"], "before");
        assert_eq!(samples.last().unwrap()["phase"], "after");
        assert!(samples[2]["reason"].as_str().unwrap().contains("status 503"), "{samples:#?}");
        assert!(ended.summary().contains("| checkout | http | "), "{}", ended.summary());
        assert!(ended.read("reports/junit.xml").contains("probe checkout (http)"));
        let told: Vec<&str> = ended.stdout.lines().filter(|line| line.contains(": probe ")).collect();
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[0].ends_with("Z az-latency: probe checkout fails: status 503, not 200"), "{told:#?}");
        assert!(told[1].contains("Z az-latency: probe checkout passes again, after "), "{told:#?}");
        if code == 1 {
            let reason = experiment["reason"].as_str().unwrap();
            assert!(reason.starts_with(&format!("score {score} < 99: checkout failed 2 of ")), "{reason}");
            assert!(reason.ends_with(" looks (status 503, not 200) while latency was in"), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_system_that_is_not_steady_is_left_alone() {
    let account = EmbeddedAccount::living(QUICK).await;
    let probes = "      - { name: port open, tcp: { address: '127.0.0.1:1' }, when: [before, during] }\n";
    let ended = account.faultgate(&[]).file(".faultgate.yml", &suite(90, probes)).finish().await;
    ended.assert_code(3, "not steady");
    let result = ended.result();
    assert_result(&result, 3);
    let experiment = &result["experiments"][0];
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.starts_with("not launched: the system is not steady: port open: could not"), "{reason}");
    assert!(experiment["score"].is_null());
    assert_eq!(experiment["probes"][0]["total"], 1);
    let fails = ended.stdout.find("az-latency: probe port open fails: could not connect");
    let over = ended.stdout.find("az-latency not run: not launched");
    assert!(fails.is_some() && fails < over, "{}", ended.stdout);
    assert!(account.requests_of("StartExperiment").is_empty());
    account.assert_nothing_left("not steady");
}

#[tokio::test]
async fn a_dry_run_looks_at_nothing() {
    let account = EmbeddedAccount::living(QUICK).await;
    let probes = "      - { name: port open, tcp: { address: '127.0.0.1:1' }, when: [before] }\n";
    let run = account.faultgate(&[]).file(".faultgate.yml", &suite(90, probes));
    let ended = run.env("FAULTGATE_DRY_RUN", "true").finish().await;
    ended.assert_code(0, "dry run");
    assert_eq!(ended.result()["experiments"][0]["probes"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_suite_goes_on_after_a_failure_unless_it_says_otherwise() {
    for (stop, started) in [(false, 2), (true, 1)] {
        let account = EmbeddedAccount::living(FAILING).await;
        account.world.script(SECOND_TEMPLATE_ID, QUICK);
        let suite = format!(
            "version: 1\nstop-on-failure: {stop}\nexperiments:\n\
             \x20 - {{ name: first, fis: {{ template: {TEMPLATE_ID} }} }}\n\
             \x20 - {{ name: second, fis: {{ template: {SECOND_TEMPLATE_ID} }} }}\n"
        );
        let ended = account.faultgate(&[]).file(".faultgate.yml", &suite).finish().await;
        ended.assert_code(3, "the first fails");
        assert_eq!(account.requests_of("StartExperiment").len(), started);
        let result = ended.result();
        assert_result(&result, 3);
        let second = &result["experiments"][1];
        if stop {
            assert_eq!(second["verdict"], "errored");
            assert_eq!(second["reason"], "not launched: first did not pass, and stop-on-failure is set");
        } else {
            assert_eq!(second["verdict"], "passed");
        }
    }
}

#[tokio::test]
async fn a_command_sees_no_token_of_ours() {
    let account = EmbeddedAccount::living(SLOW).await;
    let probes = "      - { name: env, command: { run: [sh, -c, 'test -z \"$FAULTGATE_GITHUB_TOKEN\"'] }, when: [before] }\n";
    let run = account.faultgate(&[]).file(".faultgate.yml", &suite(90, probes));
    let ended = run.env("FAULTGATE_GITHUB_TOKEN", "not-a-token").finish().await;
    ended.assert_code(0, "the command does not see it");
}

/// A stream of server-sent events has no end, so nothing may wait for it.
#[tokio::test]
async fn a_stream_of_events_passes_on_its_headers() {
    let account = EmbeddedAccount::living(QUICK).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: open\n\n";
            stream.write_all(answer).await.unwrap();
            kept.push(stream);
        }
    });
    let probes = format!(
        "      - {{ name: events, http: {{ url: '{url}', status: 200-299, within: 1h }}, when: [before, after] }}\n\
         \x20     - {{ name: open, http: {{ url: '{url}', contains: 'data: open', within: 1h }}, when: [after] }}\n"
    );
    let ended = account.faultgate(&[]).file(".faultgate.yml", &suite(100, &probes)).finish().await;
    serving.abort();
    ended.assert_code(0, "a stream");
    assert_result(&ended.result(), 0);
}

/// An evaluation that this machine cannot make says nothing about the system.
#[tokio::test]
async fn a_program_that_is_not_there_is_found_before_the_launch() {
    for (program, what) in [
        ("no-such-smoke-test", "its program is not on PATH"),
        ("./smoke.sh", "its program is not there, seen from "),
    ] {
        let account = EmbeddedAccount::living(QUICK).await;
        let probes = format!("      - {{ name: smoke, command: {{ run: ['{program}'] }}, when: [after] }}\n");
        let check = account.faultgate(&["check"]).file(".faultgate.yml", &suite(90, &probes)).finish().await;
        check.assert_code(3, "check");
        let told = format!("error   probe smoke of az-latency: cannot look: {what}");
        assert!(check.stdout.contains(&told), "{}", check.stdout);
        let ended = account.faultgate(&[]).file(".faultgate.yml", &suite(90, &probes)).finish().await;
        ended.assert_code(3, "run");
        let result = ended.result();
        assert_result(&result, 3);
        let reason = result["experiments"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("not launched: probe smoke of az-latency: cannot look: "), "{reason}");
        assert!(account.requests_of("StartExperiment").is_empty());
        account.assert_nothing_left("a missing program");
    }
}

#[tokio::test]
async fn a_signal_while_probes_look_afterwards_cancels_the_run_at_once() {
    let account = EmbeddedAccount::living(QUICK).await;
    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probes = format!(
        "      - {{ name: back, http: {{ url: 'http://{}', within: 1h }}, when: [after], recovers-within: 1h }}\n",
        hangs.local_addr().unwrap()
    );
    let running = account.faultgate(&[]).file(".faultgate.yml", &suite(90, &probes)).spawn();
    let _asked = hangs.accept().await.unwrap();
    running.signal("TERM").await;
    let ended = running.ended_within(Duration::from_secs(10)).await;
    ended.assert_code(143, "cancelled");
    let result = ended.result();
    assert_result(&result, 143);
    let experiment = &result["experiments"][0];
    assert_eq!(
        (experiment["raw_state"].as_str(), experiment["verdict"].as_str()),
        (Some("completed"), Some("cancelled"))
    );
    assert!(experiment["score"].is_null());
    account.assert_nothing_left("cancelled");
}
