//! A Harness that lives in the test: GraphQL and REST as the API's descriptions have them, over a world of
//! experiments and runs. A request that a real server would not take is a fault, which is kept for the test
//! to look at.
//!
//! Runs live by beats, each of which lasts for a number of polls or until the test lets the run go on.
//! Nothing depends on time. `graphql` and `rest` are the two APIs, and `world` is what the project keeps.

mod graphql;
mod rest;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use graphql::Schemas;
pub use world::{HarnessBeat, HarnessExperiment, HarnessRun, HarnessWorld, OnStop, execution};

pub const ACCOUNT: &str = "acc0UNT-of_Shop";
pub const ORG: &str = "default";
pub const PROJECT: &str = "shop";
/// A key of that account. No output, file or error may show it.
pub const KEY: &str = "sat.acc0UNT-of_Shop.5f2b8c1d.mark9harnesskey";
/// The experiment that is always there.
pub const EXPERIMENT: &str = "d7c9d243-0219-4f7c-84c2-3004e59e4505";
pub const IDENTITY: &str = "cart-pod-delete";

/// A request as the server sees it.
#[derive(Debug, Clone)]
pub struct HarnessRequest {
    /// The field of GraphQL or the operation of REST; for any other request, its method and path.
    pub operation: String,
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

/// An answer in place of the right one.
#[derive(Debug, Clone)]
pub enum HarnessAnswer {
    Status(u16, Value),
    /// HTTP 200 with GraphQL's errors.
    Errors(&'static str),
    /// HTTP 200 with this value as the whole answer.
    Body(Value),
    /// A page for browsers.
    Page,
    Garbage,
    /// An answer that is longer than anybody reads.
    Oversized,
    /// No answer, for longer than anybody waits.
    Silence,
    /// A redirect to this address.
    Redirect(String),
}

/// An answer that the next requests for an operation get in place of the right one.
#[derive(Debug, Clone)]
pub struct Interruption {
    /// The operation; `None` if it is any.
    operation: Option<&'static str>,
    times: usize,
    answer: HarnessAnswer,
    /// `true` if the request has its effect all the same.
    takes_effect: bool,
}

#[derive(Default)]
struct HarnessMemory {
    world: HarnessWorld,
    asked: Vec<HarnessRequest>,
    faults: Vec<String>,
    interruptions: Vec<Interruption>,
    /// Number of requests that the key is still good for; `None` if it does not expire.
    key_lasts: Option<usize>,
    older_schema: bool,
    without_rest: bool,
}

struct HarnessShared {
    /// The path before `/gateway`, for installations below a path.
    prefix: &'static str,
    schemas: Schemas,
    kept: Mutex<HarnessMemory>,
    changed: Notify,
}

pub struct HarnessStandIn {
    server: MockServer,
    shared: Arc<HarnessShared>,
}

impl HarnessStandIn {
    /// Starts a server with one project and one experiment, whose runs lead this life.
    pub async fn living(life: &[HarnessBeat]) -> Self {
        Self::below("", life).await
    }

    /// Starts the server below a path.
    pub async fn below(prefix: &'static str, life: &[HarnessBeat]) -> Self {
        let world = HarnessWorld {
            experiments: vec![HarnessExperiment::new(EXPERIMENT, IDENTITY, life)],
            ..HarnessWorld::default()
        };
        let kept = Mutex::new(HarnessMemory { world, ..HarnessMemory::default() });
        let shared =
            Arc::new(HarnessShared { prefix, schemas: Schemas::new(), kept, changed: Notify::new() });
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(HarnessResponder(Arc::clone(&shared))).mount(&server).await;
        Self { server, shared }
    }

    /// Returns the value of `harness-url`.
    pub fn url(&self) -> String {
        format!("{}{}", self.server.uri(), self.shared.prefix)
    }

    /// Turns it into a server of the first generation: GraphQL without optional fields, and no REST v2.
    pub fn is_older(&self) {
        let mut kept = self.shared.kept.lock().unwrap();
        (kept.older_schema, kept.without_rest) = (true, true);
    }

    pub fn has_no_rest(&self) {
        self.shared.kept.lock().unwrap().without_rest = true;
    }

    /// Has the key expire after so many further requests.
    pub fn key_lasts(&self, requests: usize) {
        self.shared.kept.lock().unwrap().key_lasts = Some(requests);
    }

    /// Gives this answer to the next requests for an operation, which have no effect.
    pub fn interrupt(&self, operation: impl Into<Option<&'static str>>, times: usize, answer: HarnessAnswer) {
        self.add(Interruption { operation: operation.into(), times, answer, takes_effect: false });
    }

    /// Gives this answer to the next request for an operation, which has its effect.
    pub fn garble(&self, operation: &'static str, answer: HarnessAnswer) {
        self.add(Interruption { operation: Some(operation), times: 1, answer, takes_effect: true });
    }

    fn add(&self, interruption: Interruption) {
        self.shared.kept.lock().unwrap().interruptions.push(interruption);
    }

    /// Looks at the world, or changes it.
    pub fn world<T>(&self, look: impl FnOnce(&mut HarnessWorld) -> T) -> T {
        let looked = look(&mut self.shared.kept.lock().unwrap().world);
        self.shared.changed.notify_waiters();
        looked
    }

    /// Lets a held run go on.
    pub fn go_on(&self, notify_id: &str) {
        self.world(|world| world.run(notify_id).expect("the run is there").go_on());
    }

    pub fn asked(&self) -> Vec<HarnessRequest> {
        self.shared.kept.lock().unwrap().asked.clone()
    }

    /// Returns the operations that were asked for, in order.
    pub fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.operation).collect()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|asked| *asked == operation).count()
    }

    /// Waits until this holds of the world and of the requests so far. Fails the test after a minute.
    pub async fn until(&self, what: &str, holds: impl Fn(&HarnessWorld, &[HarnessRequest]) -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                let mut changed = std::pin::pin!(changed);
                // The wait begins before the world is looked at, so that no change between is missed.
                changed.as_mut().enable();
                let holds_now = {
                    let kept = self.shared.kept.lock().unwrap();
                    holds(&kept.world, &kept.asked)
                };
                if holds_now {
                    return;
                }
                changed.await;
            }
        };
        let done = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        assert!(done.is_ok(), "still waiting: {what}; asked: {:?}", self.operations());
    }

    pub fn faults(&self) -> Vec<String> {
        self.shared.kept.lock().unwrap().faults.clone()
    }

    /// Asserts that every request was as the API has it, and that none stopped everybody's runs.
    #[track_caller]
    pub fn assert_no_faults(&self) {
        assert_eq!(self.faults(), [""; 0]);
        assert_eq!(self.world(|world| world.stops_of_all), 0, "a stop named no run");
    }
}

struct HarnessResponder(Arc<HarnessShared>);

impl Respond for HarnessResponder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let answer = self.0.respond(request);
        self.0.changed.notify_waiters();
        answer
    }
}

impl HarnessShared {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().strip_prefix(self.prefix).unwrap_or_default();
        let below = path.strip_prefix("/gateway/chaos/manager/api").unwrap_or_default();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let rest =
            below.strip_prefix("/rest/v2/").and_then(|path| rest::route(request.method.as_str(), path));
        let graphql = below == "/query" && request.method.as_str() == "POST";
        let operation = match rest {
            Some((operation, _)) => operation.to_owned(),
            None => graphql
                .then(|| graphql::operation(&body))
                .flatten()
                .unwrap_or_else(|| format!("{} {}", request.method, request.url.path())),
        };
        let asked = HarnessRequest {
            operation,
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query_pairs().into_owned().collect(),
            body,
        };
        let mut kept = self.kept.lock().unwrap();
        kept.asked.push(asked.clone());
        let interruption = kept.interruption(&asked.operation);
        if let Some(interruption) = interruption.as_ref().filter(|interruption| !interruption.takes_effect) {
            return interruption.answer.template();
        }
        let (status, answer) = self.answer(request, &asked, graphql, rest, &mut kept);
        match interruption {
            Some(interruption) => interruption.answer.template(),
            None => ResponseTemplate::new(status).set_body_json(answer),
        }
    }

    fn answer(
        &self,
        request: &Request,
        asked: &HarnessRequest,
        graphql: bool,
        rest: Option<(&'static str, &str)>,
        kept: &mut HarnessMemory,
    ) -> (u16, Value) {
        if let Err(fault) = headers(request) {
            return kept.fault(asked, &fault);
        }
        if !kept.key_is_good(request) {
            return (401, json!({ "code": "INVALID_TOKEN", "message": "Token is not valid." }));
        }
        if graphql {
            return self.graphql(asked, kept);
        }
        let Some((operation, id)) = rest else {
            return kept.fault(asked, "there is no such place");
        };
        if kept.without_rest {
            return (404, json!({ "message": "Not Found" }));
        }
        let asking = rest::RestRequest { operation, id, query: &asked.query, body: &asked.body };
        match asking.answer(&mut kept.world) {
            Ok(answer) => answer,
            Err(fault) => kept.fault(asked, &fault),
        }
    }

    fn graphql(&self, asked: &HarnessRequest, kept: &mut HarnessMemory) -> (u16, Value) {
        let account = BTreeMap::from([("accountIdentifier".to_owned(), ACCOUNT.to_owned())]);
        if asked.query != account {
            return kept.fault(asked, "its query is not the account alone");
        }
        let keys: Vec<&String> = asked.body.as_object().into_iter().flat_map(|body| body.keys()).collect();
        if keys != ["operationName", "query", "variables"] {
            return kept.fault(asked, "its body is not that of a GraphQL request");
        }
        let answered = self.schemas.answer(&asked.body, !kept.older_schema, &mut kept.world);
        if let Some(fault) = &answered.fault {
            let _ = kept.fault(asked, fault);
        }
        (answered.status, answered.body)
    }
}

/// Checks the headers that each request carries beside its key.
fn headers(request: &Request) -> Result<(), String> {
    let all = |name: &str| -> Vec<&str> {
        request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    };
    if all("harness-account") != [ACCOUNT] {
        return Err(format!("Harness-Account is {:?}", all("harness-account")));
    }
    if !request.body.is_empty() && all("content-type") != ["application/json"] {
        return Err(format!("content-type is {:?}", all("content-type")));
    }
    if request.url.path().contains("//") {
        return Err("a double slash".to_owned());
    }
    Ok(())
}

impl HarnessMemory {
    fn interruption(&mut self, operation: &str) -> Option<Interruption> {
        let matching = |i: &Interruption| i.times > 0 && i.operation.is_none_or(|of| of == operation);
        let found = self.interruptions.iter_mut().find(|i| matching(i))?;
        found.times -= 1;
        Some(found.clone())
    }

    fn fault(&mut self, asked: &HarnessRequest, fault: &str) -> (u16, Value) {
        self.faults.push(format!("{} {}: {fault}", asked.method, asked.path));
        (422, json!({ "message": fault }))
    }

    fn key_is_good(&mut self, request: &Request) -> bool {
        let keys: Vec<&[u8]> =
            request.headers.get_all("x-api-key").iter().map(wiremock::http::HeaderValue::as_bytes).collect();
        let left = self.key_lasts.unwrap_or(1);
        self.key_lasts = self.key_lasts.map(|left| left.saturating_sub(1));
        keys == [KEY.as_bytes()] && left > 0
    }
}

impl HarnessAnswer {
    fn template(&self) -> ResponseTemplate {
        match self {
            Self::Status(status, body) => ResponseTemplate::new(*status).set_body_json(body),
            Self::Errors(message) => {
                let error = json!({ "message": message, "path": [], "extensions": {} });
                ResponseTemplate::new(200).set_body_json(json!({ "data": null, "errors": [error] }))
            }
            Self::Body(body) => ResponseTemplate::new(200).set_body_json(body),
            Self::Page => {
                ResponseTemplate::new(200).set_body_raw("<!doctype html><title>Sign in</title>", "text/html")
            }
            Self::Garbage => ResponseTemplate::new(200).set_body_raw(&b"\x00\xff{]"[..], "application/json"),
            Self::Oversized => {
                ResponseTemplate::new(200).set_body_raw(vec![b' '; 17 << 20], "application/json")
            }
            Self::Silence => ResponseTemplate::new(200).set_delay(Duration::from_hours(1)),
            Self::Redirect(place) => ResponseTemplate::new(302).insert_header("location", place.as_str()),
        }
    }
}
