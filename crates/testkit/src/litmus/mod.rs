//! A ChaosCenter that lives in the test's own process: LitmusChaos 3.x as its front serves it. Runs go on by
//! the reads that see them, or when the test tells them to; time plays no part. Every request is recorded,
//! and validated by the schema in a GraphQL implementation (`graph`). `center` is what the server keeps, and
//! `runs` the life of a run.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

mod center;
mod graph;
mod runs;

pub use center::{Center, CenterExperiment, CenterVersion, TokenStanding};
pub use runs::{CenterFault, RunStage};

pub const PROJECT: &str = "project-1";
pub const EXPERIMENT: &str = "experiment-1";
pub const USER: &str = "robot";
/// The password of the user. No output, file or error may show it, nor the token.
pub const PASSWORD: &str = "mark9pa55word";
pub const TOKEN: &str = "eyJhbGciOiJIUzUxMiJ9.mark9litmustoken";

/// A request as the front sees it.
#[derive(Debug, Clone)]
pub struct LitmusRequest {
    pub method: String,
    pub path: String,
    pub origin: Option<String>,
    pub authorization: Option<String>,
    /// The `operationName` of GraphQL; for any other request, its path.
    pub operation: String,
    pub variables: Value,
    pub body: Value,
}

/// An answer that the next request for an operation gets in place of the right one.
pub struct Mishap {
    operation: String,
    /// `true` if the request has its effect all the same.
    takes_effect: bool,
    answer: ResponseTemplate,
}

impl Mishap {
    /// Gives this answer to the next request for an operation, which has no effect.
    pub fn on(operation: &str, answer: ResponseTemplate) -> Self {
        Self { operation: operation.to_owned(), takes_effect: false, answer }
    }

    /// Answers with HTTP 200 and an error of GraphQL.
    pub fn errors(operation: &str, message: &str) -> Self {
        let errors = json!({ "errors": [{ "message": message, "path": ["x"] }], "data": null });
        Self::on(operation, ResponseTemplate::new(200).set_body_json(errors))
    }

    /// Gives no answer.
    pub fn hanging(operation: &str) -> Self {
        Self::on(operation, ResponseTemplate::new(200).set_delay(Duration::from_hours(1)))
    }

    #[must_use]
    pub fn after_its_effect(mut self) -> Self {
        self.takes_effect = true;
        self
    }
}

struct LitmusMemory {
    center: Center,
    asked: Vec<LitmusRequest>,
    /// The requests that a real server would not take.
    faults: Vec<String>,
    mishaps: VecDeque<Mishap>,
}

struct LitmusResponder {
    kept: Arc<Mutex<LitmusMemory>>,
    /// The path at which the front begins, which may be "".
    prefix: String,
    news: watch::Sender<()>,
}

impl Respond for LitmusResponder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let asked = LitmusRequest {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            origin: header("origin"),
            authorization: header("authorization"),
            operation: body["operationName"].as_str().unwrap_or_else(|| request.url.path()).to_owned(),
            variables: body["variables"].clone(),
            body,
        };
        let answer = {
            let mut kept = self.kept.lock().unwrap();
            kept.asked.push(asked.clone());
            kept.respond(&asked, &self.prefix)
        };
        self.news.send_replace(());
        answer
    }
}

impl LitmusMemory {
    fn respond(&mut self, asked: &LitmusRequest, prefix: &str) -> ResponseTemplate {
        let at = self.mishaps.iter().position(|mishap| mishap.operation == asked.operation);
        match at.and_then(|at| self.mishaps.remove(at)) {
            Some(mishap) => {
                if mishap.takes_effect {
                    self.serve(asked, prefix);
                }
                mishap.answer
            }
            None => self.serve(asked, prefix),
        }
    }

    fn serve(&mut self, asked: &LitmusRequest, prefix: &str) -> ResponseTemplate {
        let token =
            asked.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
        let path = asked.path.strip_prefix(prefix).unwrap_or_default();
        let is_api = path.starts_with("/auth/") || path.starts_with("/api/");
        if is_api && !asked.origin.as_ref().is_some_and(|origin| self.center.origins.contains(origin)) {
            return ResponseTemplate::new(403).set_body_json(json!({ "error": "Invalid origin" }));
        }
        match (asked.method.as_str(), path) {
            ("POST", "/auth/login") => {
                let (status, answer) = self.center.login(&asked.body);
                ResponseTemplate::new(status).set_body_json(answer)
            }
            ("GET", path) if path.starts_with("/auth/get_project_role/") => self.role(token),
            ("POST", "/api/query") => self.graphql(token, asked),
            // The front serves the web client at every path that it does not know.
            ("GET", _) => {
                ResponseTemplate::new(200).set_body_raw("<!doctype html><title>Litmus</title>", "text/html")
            }
            _ => ResponseTemplate::new(405).set_body_raw("<html>405 Not Allowed</html>", "text/html"),
        }
    }

    fn role(&mut self, token: &str) -> ResponseTemplate {
        match self.center.tokens.get(token) {
            Some(TokenStanding::Valid) => {
                ResponseTemplate::new(200).set_body_json(json!({ "role": self.center.role }))
            }
            _ => ResponseTemplate::new(401).set_body_json(json!({ "error": "unauthorized" })),
        }
    }

    fn graphql(&mut self, token: &str, asked: &LitmusRequest) -> ResponseTemplate {
        if self.center.tokens.get(token) == Some(&TokenStanding::Revoked) {
            return ResponseTemplate::new(401).set_body_string("Error verifying JWT token: Token is revoked");
        }
        let unknown = match self.center.version {
            CenterVersion::V2_14 => Some(r#"Cannot query field "listExperiment" on type "Query"."#),
            CenterVersion::V3_0
                if asked.body["query"].as_str().is_some_and(|text| text.contains("stopExperimentRuns")) =>
            {
                Some(r#"Cannot query field "stopExperimentRuns" on type "Mutation"."#)
            }
            _ => None,
        };
        let invalid = |message: &str| {
            let extensions = json!({ "code": "GRAPHQL_VALIDATION_FAILED" });
            let error = json!({ "message": message, "extensions": extensions });
            ResponseTemplate::new(422).set_body_json(json!({ "errors": [error], "data": null }))
        };
        if let Some(message) = unknown {
            return invalid(message);
        }
        match graph::answer(&mut self.center, token, &asked.body) {
            Ok(answer) => ResponseTemplate::new(200).set_body_json(answer),
            Err(fault) => {
                self.faults.push(format!("{}: {fault}", asked.operation));
                invalid(&fault)
            }
        }
    }
}

pub struct LitmusStandIn {
    server: MockServer,
    prefix: String,
    kept: Arc<Mutex<LitmusMemory>>,
    news: watch::Receiver<()>,
}

impl LitmusStandIn {
    pub async fn start() -> Self {
        Self::of(CenterVersion::V3_31, "").await
    }

    /// Starts a ChaosCenter whose front begins at this path, "" or `/path`.
    pub async fn of(version: CenterVersion, prefix: &str) -> Self {
        let server = MockServer::start().await;
        let mut center = Center::new(version);
        center.origins.push(server.uri());
        let kept = LitmusMemory { center, asked: Vec::new(), faults: Vec::new(), mishaps: VecDeque::new() };
        let (kept, (sender, news)) = (Arc::new(Mutex::new(kept)), watch::channel(()));
        let behind = LitmusResponder { kept: Arc::clone(&kept), prefix: prefix.to_owned(), news: sender };
        Mock::given(any()).respond_with(behind).mount(&server).await;
        Self { server, prefix: prefix.to_owned(), kept, news }
    }

    pub fn url(&self) -> String {
        format!("{}{}", self.server.uri(), self.prefix)
    }

    pub fn look<T>(&self, look: impl FnOnce(&mut Center) -> T) -> T {
        look(&mut self.kept.lock().unwrap().center)
    }

    pub fn mishap(&self, mishap: Mishap) {
        self.kept.lock().unwrap().mishaps.push_back(mishap);
    }

    pub fn asked(&self) -> Vec<LitmusRequest> {
        self.kept.lock().unwrap().asked.clone()
    }

    /// Returns the requests for one operation.
    pub fn asked_for(&self, operation: &str) -> Vec<LitmusRequest> {
        self.asked().into_iter().filter(|asked| asked.operation == operation).collect()
    }

    /// Waits until an operation was asked for so often.
    pub async fn until_asked(&self, operation: &str, times: usize) {
        let mut news = self.news.clone();
        while self.asked_for(operation).len() < times {
            news.changed().await.unwrap();
        }
    }

    /// Asserts that every request so far was one that a real server takes.
    #[track_caller]
    pub fn assert_no_faults(&self) {
        assert_eq!(self.kept.lock().unwrap().faults, [""; 0]);
    }

    /// Waits until this holds, which requests bring about.
    pub async fn until(&self, holds: impl Fn(&mut Center) -> bool) {
        let mut news = self.news.clone();
        while !self.look(&holds) {
            news.changed().await.unwrap();
        }
    }
}
