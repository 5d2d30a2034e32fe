//! GitLab, gitlab.com and self-managed: a status belongs to a pipeline and has a state machine of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::exchange::{Denial, Exchange, Purpose, Request};
use super::subject::{self, Head, holds, is_segment, link, segment};
use super::{CommitStatus, Forge, Limits, Pipeline, Refusal, Rival, StatusState, Subject};
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Characters of a description and of a link.
const LONGEST: usize = 255;
const PER_PAGE: usize = 100;
/// Pages of notes that are looked through.
const PAGES: usize = 100;
/// Behind a context that is also the name of the running job, for GitLab lets no two of a pipeline share one.
const BESIDE_JOB: &str = "/gate";

pub(super) struct GitLab {
    exchange: Exchange,
    /// Percent-encoded, as a path or a number.
    project: String,
    head: Head,
    pipeline: Option<Pipeline>,
    merge_request: Option<MergeRequest>,
    memory: Mutex<Memory>,
}

struct MergeRequest {
    words: String,
    /// The path of all that belongs to it.
    path: String,
}

/// What was learnt from earlier statuses.
#[derive(Default)]
struct Memory {
    pin: Pin,
    /// By name. A state that is posted again is refused, and after a final one it would be another status.
    last: HashMap<String, &'static str>,
    /// The id of the status of each name. GitLab moves one on until it has ended.
    ids: HashMap<String, u64>,
}

/// How closely a status is tied to the pipeline. A pipeline of merged results is one of another commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Pin {
    #[default]
    PipelineAndRef,
    Pipeline,
    Nothing,
}

/// A status as it stands on a commit.
#[derive(Deserialize)]
struct Posted {
    id: u64,
    name: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: Option<String>,
    #[serde(default)]
    system: bool,
}

impl GitLab {
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, String> {
        let project = project(&subject.repository)?;
        let merge_request = match &subject.pull_request {
            None => None,
            Some(pull) => {
                let target = pull.repository.as_deref().map_or_else(|| Ok(project.clone()), self::project)?;
                Some(MergeRequest {
                    words: format!("merge request {}", pull.number),
                    path: format!("/projects/{target}/merge_requests/{}", pull.number),
                })
            }
        };
        let header = (HeaderName::from_static("private-token"), "");
        Ok(Self {
            exchange: Exchange::new(subject.site, http, header, token, remedy)?,
            project,
            head: Head::new(subject.commit, "/sha"),
            pipeline: subject.pipeline,
            merge_request,
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn merge_request(&self) -> Result<&MergeRequest, Refusal> {
        self.merge_request
            .as_ref()
            .ok_or_else(|| subject::nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    /// The context, or one beside it where the job has that name.
    fn name(&self, context: &str) -> String {
        let job = self.pipeline.as_ref().and_then(|pipeline| pipeline.job.as_deref());
        if job == Some(context) { format!("{context}{BESIDE_JOB}") } else { context.to_owned() }
    }

    fn body(&self, status: &CommitStatus, name: &str, pin: Pin) -> Value {
        let mut body = json!({
            "state": word(status.state),
            "name": name,
            "description": text::plain(&status.description, LONGEST),
        });
        if let Some(url) = link(status.target_url.as_deref()).filter(|url| url.chars().count() <= LONGEST) {
            body["target_url"] = url.into();
        }
        if let Some(pipeline) = self.pipeline.as_ref().filter(|_| pin != Pin::Nothing) {
            body["pipeline_id"] = pipeline.id.into();
            if let Some(git_ref) = pipeline.git_ref.as_deref().filter(|_| pin == Pin::PipelineAndRef) {
                body["ref"] = git_ref.into();
            }
        }
        body
    }

    /// The next looser tie that would make another request.
    fn looser(&self, pin: Pin) -> Option<Pin> {
        let pipeline = self.pipeline.as_ref()?;
        match pin {
            Pin::PipelineAndRef if pipeline.git_ref.is_some() => Some(Pin::Pipeline),
            Pin::PipelineAndRef | Pin::Pipeline => Some(Pin::Nothing),
            Pin::Nothing => None,
        }
    }
}

#[async_trait]
impl Forge for GitLab {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitLab
    }

    fn limits(&self) -> Limits {
        Limits { comment: 60_000, html: true, mermaid: true }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), Refusal> {
        let name = self.name(&status.context);
        let state = word(status.state);
        let (mut pin, last) = {
            let memory = self.memory();
            (memory.pin, memory.last.get(&name).copied())
        };
        if last.is_some_and(|last| last == state || is_final(last)) {
            return Ok(());
        }
        let look_up =
            self.merge_request.as_ref().map(|request| (request.words.clone(), request.path.clone()));
        let commit = self.head.commit(&self.exchange, look_up).await?;
        let path = format!("/projects/{}/statuses/{commit}", self.project);
        loop {
            let request = Request::status(&name, path.clone(), self.body(status, &name, pin));
            let denial = match self.exchange.send(&request).await {
                Ok(answer) => {
                    let id = answer.id();
                    self.memory().ids.extend(id.map(|id| (name.clone(), id)));
                    break;
                }
                Err(denial) if is_already_so(&denial, state) => break,
                Err(denial) => denial,
            };
            match self.looser(pin).filter(|_| is_about_pipeline(&denial)) {
                Some(looser) => pin = looser,
                None => return Err(denial.into()),
            }
        }
        let mut memory = self.memory();
        memory.pin = pin;
        memory.last.insert(name, state);
        Ok(())
    }

    /// Only one that came after ours: an earlier one may be of this job before it was tried again.
    async fn rival(&self, context: &str) -> Result<Option<Rival>, Refusal> {
        let name = self.name(context);
        let (own, last) = {
            let memory = self.memory();
            (memory.ids.get(&name).copied(), memory.last.get(&name).copied())
        };
        let (Some(own), Some(last)) = (own, last) else { return Ok(None) };
        let commit = self.head.commit(&self.exchange, None).await?;
        let path = format!(
            "/projects/{}/repository/commits/{commit}/statuses?name={}&per_page={PER_PAGE}",
            self.project,
            segment(&name)
        );
        let (statuses, _) = self.exchange.fetch::<Vec<Posted>>(&Request::standing(&name, path)).await?;
        let of_name = statuses.into_iter().filter(|status| status.name == name && status.id >= own);
        let newest = of_name.max_by_key(|status| status.id);
        // An answer that is behind tells of an earlier state, which is none that has ended.
        let is_own =
            |newest: &Posted| newest.id == own && (newest.status == last || !is_final(&newest.status));
        Ok(newest.filter(|newest| !is_own(newest)).map(|newest| Rival {
            has_failed: matches!(newest.status.as_str(), "failed" | "canceled"),
            is_newer: true,
            description: newest.description.unwrap_or_default(),
            target_url: newest.target_url,
        }))
    }

    fn no_comment(&self) -> Option<String> {
        self.merge_request.is_none().then(|| "the run belongs to no merge request".to_owned())
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, Refusal> {
        let merge_request = self.merge_request()?;
        let mut found = None;
        for page in 1..=PAGES {
            let path = format!(
                "{}/notes?per_page={PER_PAGE}&order_by=created_at&sort=asc&page={page}",
                merge_request.path
            );
            let (notes, headers) =
                self.exchange.fetch::<Vec<Note>>(&Request::find(&merge_request.words, path)).await?;
            let ours = notes
                .iter()
                .rev()
                .find(|note| !note.system && note.body.as_deref().is_some_and(|body| holds(body, marker)));
            // The newest: GitLab lets nobody change another's note, and one in the way would stay there.
            found = ours.map(|note| note.id.to_string()).or(found);
            if !has_next(&headers, notes.len()) {
                break;
            }
        }
        Ok(found)
    }

    async fn create_comment(&self, body: &str) -> Result<(), Refusal> {
        let merge_request = self.merge_request()?;
        let path = format!("{}/notes", merge_request.path);
        self.exchange.send(&Request::create(&merge_request.words, path, json!({ "body": body }))).await?;
        Ok(())
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), Refusal> {
        let merge_request = self.merge_request()?;
        let path = format!("{}/notes/{}", merge_request.path, segment(id));
        let request = Request::update(&merge_request.words, Method::PUT, path, json!({ "body": body }));
        self.exchange.send(&request).await?;
        Ok(())
    }
}

fn project(repository: &str) -> Result<String, String> {
    if is_segment(repository) {
        Ok(segment(repository))
    } else {
        Err(format!("`repository` is `{repository}` and neither a project's path nor its number"))
    }
}

fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Running => "running",
        StatusState::Success => "success",
        StatusState::Failure | StatusState::Error => "failed",
        StatusState::Cancelled => "canceled",
    }
}

fn is_final(state: &str) -> bool {
    !matches!(state, "pending" | "running")
}

fn has_next(headers: &HeaderMap, notes: usize) -> bool {
    match headers.get("x-next-page").and_then(|value| value.to_str().ok()) {
        Some(page) => !page.trim().is_empty(),
        None => notes >= PER_PAGE,
    }
}

/// A transition to where the status already is, or from where it can only have been overtaken. A final state that
/// another final state keeps out is not one: the other would be shown.
fn is_already_so(denial: &Denial, state: &str) -> bool {
    let refused = denial.status == Some(StatusCode::BAD_REQUEST)
        && denial.message.contains("Cannot transition status via");
    refused && (!is_final(state) || denial.message.contains(&format!("from :{state}")))
}

/// GitLab looks for a pipeline of this id, commit and ref. A project or a commit that it does not know it will not
/// know without them either.
fn is_about_pipeline(denial: &Denial) -> bool {
    denial.status == Some(StatusCode::NOT_FOUND)
        && !denial.message.contains("404 Project Not Found")
        && !denial.message.contains("404 Commit Not Found")
}

fn remedy(purpose: Purpose, status: StatusCode, message: &str) -> Option<String> {
    let said = message.to_lowercase();
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `gitlab-token` a token that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN if said.contains("scope") => {
            Some("give `gitlab-token` a token with the scope `api`".to_owned())
        }
        StatusCode::FORBIDDEN if matches!(purpose, Purpose::Status | Purpose::Standing) => Some(
            "the token needs the role Developer and the scope `api`; on a protected branch or tag also the right to \
             push or merge there"
                .to_owned(),
        ),
        StatusCode::FORBIDDEN => {
            Some("the token needs the role Developer in the merge request's project and the scope `api`".to_owned())
        }
        StatusCode::NOT_FOUND => Some(
            "check `repository`, `commit` and `pull-request`, and that the token belongs to a member of the project"
                .to_owned(),
        ),
        StatusCode::BAD_REQUEST if said.contains("taken") => {
            Some("set `status-context` to something that no CI job of the pipeline is called".to_owned())
        }
        _ => None,
    }
}
