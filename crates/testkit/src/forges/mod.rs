//! Strict stand-ins of forges: they keep what a real one would keep, refuse what a real one would refuse, and
//! remember every request.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Notify;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::binary::{HANG_TIMEOUT, in_time};

mod bitbucket;
mod codecommit;
mod github;
mod gitlab;
pub mod scripted;

pub use bitbucket::BitbucketManners;
pub use codecommit::CodeCommitManners;
pub use github::GitHubManners;
pub use gitlab::GitLabManners;

/// The token that every stand-in wants. No output, file or error may show it.
pub const TOKEN: &str = "mark9forgetoken";
/// The commit that carries the status.
pub const HEAD: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";
/// A commit that must carry no status.
pub const MERGE: &str = "0123456789abcdef0123456789abcdef01234567";

/// A request as a forge sees it.
#[derive(Debug, Clone)]
pub struct ForgeRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub target: Option<String>,
    pub token: Option<String>,
    pub body: Value,
}

impl ForgeRequest {
    /// Checks that the fields of the body are known, complete and texts. The error says what is wrong.
    pub fn only_texts(&self, known: &[&str], required: &[&str]) -> Result<(), String> {
        let fields = self.body.as_object().ok_or("the body is no object")?;
        for (name, value) in fields {
            if !known.contains(&name.as_str()) {
                return Err(format!("{name} is not a field"));
            }
            if !value.is_string() {
                return Err(format!("{name} is not text"));
            }
        }
        match required.iter().find(|name| !fields.contains_key(**name)) {
            Some(missing) => Err(format!("{missing} is missing")),
            None => Ok(()),
        }
    }

    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}

/// A status as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedStatus {
    pub commit: String,
    pub context: String,
    pub state: String,
    pub description: String,
    pub target_url: String,
}

/// The memory of a stand-in.
#[derive(Debug, Default)]
pub struct ForgeMemory {
    pub asked: Vec<ForgeRequest>,
    /// Requests that a real forge would not take.
    pub faults: Vec<String>,
    pub statuses: Vec<PostedStatus>,
    /// The ids and texts of comments.
    pub comments: Vec<(u64, String)>,
    /// Reports beside statuses and comments, such as Code Insights of Bitbucket.
    pub reports: Vec<Value>,
    /// The status and the body of a refusal, which every request gets if there is one.
    pub refuse: Option<(u16, Value)>,
}

impl ForgeMemory {
    pub fn comment(&mut self, text: &str) -> u64 {
        let id = 100 + self.comments.len() as u64;
        self.comments.push((id, text.to_owned()));
        id
    }

    pub fn change_comment(&mut self, id: &str, text: &str) -> Result<Value, String> {
        let known = self.comments.iter_mut().find(|(known, _)| known.to_string() == id);
        let (_, kept) = known.ok_or_else(|| format!("there is no comment {id}"))?;
        text.clone_into(kept);
        Ok(json!({ "id": id, "body": text }))
    }
}

/// The manners of one forge. An error stands for a request that the forge would not take.
pub trait Manners: Send + Sync + 'static {
    fn answer(&self, asked: &ForgeRequest, kept: &mut ForgeMemory) -> Result<(u16, Value), String>;

    /// The name of the header that holds the token, and the text before the token.
    fn token(&self) -> (&'static str, &'static str);
}

pub struct ForgeStandIn {
    server: MockServer,
    kept: Arc<Mutex<ForgeMemory>>,
    asked: Arc<Notify>,
}

struct ForgeResponder<M> {
    manners: M,
    kept: Arc<Mutex<ForgeMemory>>,
    /// Rings after each request.
    asked: Arc<Notify>,
}

impl<M: Manners> Respond for ForgeResponder<M> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let answer = self.answer(request);
        self.asked.notify_waiters();
        answer
    }
}

impl<M: Manners> ForgeResponder<M> {
    fn answer(&self, request: &Request) -> ResponseTemplate {
        let (bearer, before) = self.manners.token();
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let asked = ForgeRequest {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            target: header("x-amz-target").map(str::to_owned),
            token: header(self.manners.token().0)
                .and_then(|value| value.strip_prefix(before))
                .map(str::to_owned),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        };
        let mut kept = self.kept.lock().unwrap();
        kept.asked.push(asked.clone());
        if let Some((status, answer)) = kept.refuse.clone() {
            return ResponseTemplate::new(status).set_body_json(answer);
        }
        if !bearer.is_empty() && asked.token.as_deref() != Some(TOKEN) {
            kept.faults.push(format!("{} {} without its token", asked.method, asked.path));
            return ResponseTemplate::new(401).set_body_json(json!({ "message": "401 Unauthorized" }));
        }
        match self.manners.answer(&asked, &mut kept) {
            Ok((status, answer)) => ResponseTemplate::new(status).set_body_json(answer),
            Err(fault) => {
                kept.faults.push(format!("{} {}: {fault}", asked.method, asked.path));
                ResponseTemplate::new(422).set_body_json(json!({ "message": fault }))
            }
        }
    }
}

impl ForgeStandIn {
    pub async fn start(manners: impl Manners) -> Self {
        let (server, kept) = (MockServer::start().await, Arc::new(Mutex::new(ForgeMemory::default())));
        let asked = Arc::new(Notify::new());
        let behind = ForgeResponder { manners, kept: Arc::clone(&kept), asked: Arc::clone(&asked) };
        Mock::given(any()).respond_with(behind).mount(&server).await;
        Self { server, kept, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.uri())
    }

    /// Refuses every request from now on.
    pub fn refuse(&self, status: u16, answer: Value) {
        self.kept.lock().unwrap().refuse = Some((status, answer));
    }

    pub fn look<T>(&self, look: impl FnOnce(&mut ForgeMemory) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }

    /// Waits until a status of this state has arrived.
    pub async fn until_told(&self, state: &str) {
        let told = async {
            loop {
                // The notification is subscribed to before the look, or a request in between would be missed.
                let mut asked = std::pin::pin!(self.asked.notified());
                asked.as_mut().enable();
                if self.told().iter().any(|(_, told)| told == state) {
                    return;
                }
                asked.await;
            }
        };
        in_time(HANG_TIMEOUT, state, told).await;
    }

    pub fn requests(&self) -> usize {
        self.look(|kept| kept.asked.len())
    }

    #[track_caller]
    pub fn assert_no_faults(&self) {
        self.look(|kept| assert_eq!(kept.faults, [""; 0], "{:#?}", kept.asked));
    }

    /// Returns context and state of each status, in the order of arrival.
    pub fn told(&self) -> Vec<(String, String)> {
        self.look(|kept| kept.statuses.iter().map(|s| (s.context.clone(), s.state.clone())).collect())
    }
}

/// Returns the last part of a path, if the rest of the path is this prefix.
fn after<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix).filter(|rest| !rest.is_empty() && !rest.contains('/'))
}
