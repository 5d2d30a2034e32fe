//! The stand-in of a forge, which answers from a script and records what is asked of it, and builders of what
//! is sent.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_report::forge::{
    CommitStatus, Forge, ForgeFailure, PullRequest, Site, StatusState, Subject, connect,
};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const TOKEN: &str = "s3cr3t-t0ken";
pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
pub const MARKER: &str = "<!-- faultgate az -->";

/// The forges that are spoken to with a token.
pub const WITH_TOKEN: [ForgeKind; 5] =
    [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Gitea, ForgeKind::Forgejo, ForgeKind::Bitbucket];

/// A request that must come, and its answer.
pub struct ForgeStep {
    method: &'static str,
    /// The path with its query.
    path: String,
    body: Option<Value>,
    answer: ResponseTemplate,
}

pub fn step(method: &'static str, path: &str, body: Option<Value>, answer: ResponseTemplate) -> ForgeStep {
    ForgeStep { method, path: path.to_owned(), body, answer }
}

pub fn get(path: &str, answer: ResponseTemplate) -> ForgeStep {
    step("GET", path, None, answer)
}

pub fn post(path: &str, body: Value, answer: ResponseTemplate) -> ForgeStep {
    step("POST", path, Some(body), answer)
}

/// Makes the step of a status that the forge takes.
pub fn posted(path: &str, body: Value) -> ForgeStep {
    let taken = answer(201, echo(&body));
    post(path, body, taken)
}

/// Returns what was posted as a forge tells it back, with an id.
fn echo(body: &Value) -> Value {
    let mut told = body.clone();
    told["id"] = 1.into();
    told
}

/// A forge that takes everything, and tells it back.
struct EchoingForge;

impl Respond for EchoingForge {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        answer(201, echo(&body(request).unwrap_or_default()))
    }
}

pub fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub fn created() -> ResponseTemplate {
    answer(201, json!({ "id": 1 }))
}

/// A forge that gives these answers one after another, and an error when there are no more.
struct AnswerScript(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for AnswerScript {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let next = self.0.lock().unwrap().pop_front();
        next.unwrap_or_else(|| answer(599, json!({ "message": "nothing more was expected" })))
    }
}

/// A server that expects these requests in this order, and no others.
pub struct Stand {
    server: MockServer,
    expected: Vec<(&'static str, String, Option<Value>)>,
}

impl Stand {
    /// Starts a server that expects these steps.
    pub async fn new(steps: Vec<ForgeStep>) -> Self {
        let server = MockServer::start().await;
        let (mut expected, mut answers) = (Vec::new(), VecDeque::new());
        for step in steps {
            expected.push((step.method, step.path, step.body));
            answers.push_back(step.answer);
        }
        Mock::given(any()).respond_with(AnswerScript(Mutex::new(answers))).mount(&server).await;
        Self { server, expected }
    }

    /// Starts a server that takes everything that is posted.
    pub async fn echoing() -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(EchoingForge).mount(&server).await;
        Self { server, expected: Vec::new() }
    }

    /// Starts a server that gives the same answer to every request.
    pub async fn always(answer: ResponseTemplate) -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        Self { server, expected: Vec::new() }
    }

    /// Gives the same server other answers, which may need its address.
    pub async fn replaced(self, answers: Vec<ResponseTemplate>) -> Self {
        self.server.reset().await;
        Mock::given(any()).respond_with(AnswerScript(Mutex::new(answers.into()))).mount(&self.server).await;
        self
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    pub async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// Asserts that all expected requests came, and no others. Returns the requests.
    pub async fn verify(&self) -> Vec<Request> {
        let requests = self.requests().await;
        let came: Vec<_> = requests.iter().map(|r| (r.method.to_string(), path(r), body(r))).collect();
        let expected: Vec<_> =
            self.expected.iter().map(|(m, p, b)| ((*m).to_owned(), p.clone(), b.clone())).collect();
        assert_eq!(came, expected);
        requests
    }
}

pub fn path(request: &Request) -> String {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", request.url.path())
}

pub fn body(request: &Request) -> Option<Value> {
    (!request.body.is_empty()).then(|| serde_json::from_slice(&request.body).unwrap())
}

/// Returns all values of a header, so that a test sees a header that was sent twice.
pub fn header<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    request.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

pub fn client() -> reqwest::Client {
    client_within(Duration::from_secs(20))
}

pub fn client_within(limit: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .unwrap()
}

pub fn subject(kind: ForgeKind, api_url: &str) -> Subject {
    Subject {
        site: Site { kind, api_url: api_url.to_owned() },
        repository: "shop/web".to_owned(),
        commit: Some(SHA.to_owned()),
        pull_request: Some(PullRequest { number: 7, repository: None }),
        fork: None,
        pipeline: None,
    }
}

pub fn connected(subject: Subject) -> Box<dyn Forge> {
    connected_with(subject, TOKEN)
}

pub fn connected_with(subject: Subject, token: &str) -> Box<dyn Forge> {
    connect(subject, Some(&Secret::new(token)), client(), None).unwrap()
}

pub fn status(state: StatusState) -> CommitStatus {
    CommitStatus {
        context: "faultgate/az".to_owned(),
        state,
        description: "score 83 of 100".to_owned(),
        target_url: Some("https://ci.example/run/1".to_owned()),
    }
}

/// Returns what a user reads of a refusal. It asserts that neither that nor the Debug form holds the token.
pub fn told(refusal: &ForgeFailure) -> String {
    let told = format!("{refusal} | {}", refusal.remedy.as_deref().unwrap_or("no remedy"));
    assert!(!format!("{told}{refusal:?}").contains(TOKEN), "{told}");
    told
}
