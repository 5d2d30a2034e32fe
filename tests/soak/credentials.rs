//! Credentials that expire in the middle of a run, as a container's agent hands them out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, in_time};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::ENDLESS;
use jiff::Timestamp;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::gate::{Gate, STOP};

/// The lifetime of credentials. The SDK asks for new ones ten seconds before its end.
const LIFE: Duration = Duration::from_secs(13);
/// The time after which something hangs.
const HANG_TIMEOUT: Duration = Duration::from_mins(5);

/// An agent that hands out credentials as long as it may, each with a key id of its own.
#[derive(Default)]
struct Agent {
    handed_out: AtomicUsize,
    silent: AtomicBool,
    /// The moments at which the credentials expire, in the order in which they were handed out.
    expire: Mutex<Vec<Timestamp>>,
}

fn now() -> Timestamp {
    SystemTime::now().try_into().unwrap()
}

impl Agent {
    fn has_expired(&self, key: &str) -> bool {
        let number = key.strip_prefix("AKID").and_then(|number| number.parse::<usize>().ok());
        let expires = number.and_then(|number| self.expire.lock().unwrap().get(number).copied());
        expires.is_none_or(|expires| expires < now())
    }
}

struct Answering(Arc<Agent>);

impl Respond for Answering {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        if self.0.silent.load(Ordering::Relaxed) {
            return ResponseTemplate::new(500);
        }
        let expires = now() + LIFE;
        self.0.expire.lock().unwrap().push(expires);
        let number = self.0.handed_out.fetch_add(1, Ordering::Relaxed);
        ResponseTemplate::new(200).set_body_json(json!({
            "AccessKeyId": format!("AKID{number}"), "SecretAccessKey": "not-a-secret", "Token": "t",
            "Expiration": expires.to_string(),
        }))
    }
}

struct Container {
    account: EmbeddedAccount,
    gate: Gate,
    agent: Arc<Agent>,
    server: MockServer,
}

impl Container {
    async fn start() -> Self {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let gate = Gate::before(account.world.clone(), "", None);
        let agent = Arc::new(Agent::default());
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answering(Arc::clone(&agent))).mount(&server).await;
        let asked = Arc::clone(&agent);
        gate.refuse(move |key| asked.has_expired(key));
        Self { account, gate, agent, server }
    }

    fn inside(&self, faultgate: Faultgate) -> Faultgate {
        faultgate
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY")
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", self.server.uri()))
            .env("AWS_ENDPOINT_URL", self.gate.aws())
            .env("FAULTGATE_RECONCILE_INTERVAL", "1s")
    }

    async fn first_have_expired(&self) {
        in_time(HANG_TIMEOUT, "the first credentials expire", async {
            while !self.agent.has_expired("AKID0") {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn credentials_that_renew_carry_a_run_beyond_their_life() {
    let container = Container::start().await;
    let running = container.inside(container.account.run()).spawn();
    container.account.until_running().await;
    container.first_have_expired().await;
    let looks = container.account.requests_of("GetExperiment").len();
    container.account.until("it is still watched", |seen| seen.count("GetExperiment") > looks + 1).await;
    running.signal("INT").await;
    let ended = running.ended().await;
    ended.assert_code(130, "renewed");
    assert_eq!(ended.result()["experiments"][0]["stop"]["confirmed"], true);
    assert!(container.agent.handed_out.load(Ordering::Relaxed) > 1);
    container.account.assert_nothing_left("renewed");
}

impl Container {
    /// Asserts that the run told of the experiment that is not known to have stopped and of the leftovers,
    /// and that a later stop ends all of it.
    async fn assert_told_and_stop(&self, ended: Finished, context: &str) {
        let result = ended.result();
        let experiment = &result["experiments"][0];
        assert_eq!(experiment["stop"]["confirmed"], false, "{experiment:#}");
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains("NOT confirmed") && reason.contains("aws fis stop-experiment"), "{reason}");
        let leftovers = result["subscriptions"][0]["leftovers"].as_array().unwrap();
        assert_eq!(leftovers.len(), 2, "{result:#}");
        self.agent.silent.store(false, Ordering::Relaxed);
        let agent = Arc::clone(&self.agent);
        self.gate.refuse(move |key| agent.has_expired(key));
        let stopped = self.inside(self.account.faultgate(&["stop"])).after(ended).finish().await;
        stopped.assert_code(0, context);
        self.account.assert_nothing_left(context);
    }

    fn was_asked_to_stop(&self) -> bool {
        self.gate.passed().iter().any(|passed| passed.request.operation == STOP)
    }
}

#[tokio::test]
async fn credentials_that_are_refused_for_good_end_the_run_with_a_request_to_stop() {
    let container = Container::start().await;
    let running = container.inside(container.account.run()).spawn();
    container.account.until_running().await;
    container.gate.refuse(|_| true);
    let ended = running.ended_within(HANG_TIMEOUT).await;
    ended.assert_code(3, "refused");
    assert_result(&ended.result(), 3);
    assert!(container.was_asked_to_stop());
    container.assert_told_and_stop(ended, "refused").await;
}

/// Nothing can be signed without credentials, so nothing can be asked for. They may come back until the run's
/// time is over.
#[tokio::test]
async fn a_run_whose_credentials_do_not_come_back_tells_what_is_left() {
    let container = Container::start().await;
    let running = container.inside(container.account.run()).spawn();
    container.account.until_running().await;
    container.agent.silent.store(true, Ordering::Relaxed);
    container.first_have_expired().await;
    running.signal("TERM").await;
    let ended = running.ended_within(HANG_TIMEOUT).await;
    ended.assert_code(143, "no credentials");
    assert_result(&ended.result(), 143);
    assert!(!container.was_asked_to_stop());
    container.assert_told_and_stop(ended, "no credentials").await;
}
