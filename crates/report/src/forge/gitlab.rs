//! The client of GitLab, of gitlab.com and of self-managed servers.
//!
//! A status of GitLab belongs to a pipeline and has a state machine of its own: some transitions are refused,
//! and a status that has ended does not move on. So the client remembers what it has posted, and ties a
//! status as closely to the run's pipeline as GitLab accepts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::comments::{Numbered, find_newest, holds, nothing_to_comment};
use super::exchange::{Exchange, RefusedAnswer, Reply};
use super::failure::{ForgeFailure, no_client};
use super::head::Head;
use super::paths::{is_segment, link, segment};
use super::port::{Capacity, CommentLimits, CommitStatus, Forge, Rival, StatusState};
use super::request::{Request, RequestPurpose};
use super::subject::{Pipeline, Subject};
use faultgate_core::model::ForgeKind;
use faultgate_core::secret::Secret;
use faultgate_core::text;

/// Maximum number of characters of a description, and of a link.
const MAX_CHARS: usize = 255;
const PER_PAGE: usize = 100;
/// The suffix of a context that is also the name of the running job. GitLab lets no two jobs or statuses of a
/// pipeline share a name.
const BESIDE_JOB: &str = "/gate";

/// A project on GitLab, with the commit, the pipeline and the merge request of the run.
pub(super) struct GitLab {
    exchange: Exchange,
    /// The project's path or number, percent-encoded.
    project: String,
    head: Head,
    pipeline: Option<Pipeline>,
    merge_request: Option<MergeRequest>,
    memory: Mutex<Memory>,
}

/// The merge request that is commented on.
struct MergeRequest {
    /// The merge request as errors name it: `merge request 7`.
    words: String,
    /// The path below which everything of the merge request is found.
    path: String,
}

/// The facts that earlier statuses of this client have taught.
#[derive(Default)]
struct Memory {
    /// The closest tie that GitLab has accepted.
    pin: Pin,
    /// The state that was posted last under each name. GitLab refuses a state that is posted again, and makes
    /// another status of one that follows a final state.
    last: HashMap<String, &'static str>,
    /// The id of the status of each name. GitLab keeps the id of a status until the status has ended.
    ids: HashMap<String, u64>,
}

/// The tie of a status to the run's pipeline, from close to loose. GitLab may know the pipeline by another
/// ref, and a pipeline of merged results by another commit, and then refuses the closer ties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Pin {
    #[default]
    PipelineAndRef,
    Pipeline,
    Nothing,
}

/// A status that a commit carries, whoever has posted it.
#[derive(Deserialize)]
struct GitLabStatus {
    id: u64,
    name: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

/// A note, which is GitLab's word for a comment.
#[derive(Deserialize)]
struct Note {
    id: u64,
    body: Option<String>,
    /// `true` if GitLab itself has written the note, such as one about a push.
    #[serde(default)]
    system: bool,
}

impl Numbered for Note {
    fn id(&self) -> u64 {
        self.id
    }
}

impl GitLab {
    /// Makes a client for the subject. `why` of the failure says which setting no request can be made of.
    pub(super) fn new(subject: Subject, token: &Secret, http: reqwest::Client) -> Result<Self, ForgeFailure> {
        let project = encode_project(&subject.repository)?;
        let merge_request = match &subject.pull_request {
            None => None,
            Some(pull) => {
                let target =
                    pull.repository.as_deref().map_or_else(|| Ok(project.clone()), encode_project)?;
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

    fn merge_request(&self) -> Result<&MergeRequest, ForgeFailure> {
        self.merge_request.as_ref().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    /// Returns the name of the status: the context, or one that differs from it where the job has that name.
    fn name(&self, context: &str) -> String {
        let job = self.pipeline.as_ref().and_then(|pipeline| pipeline.job.as_deref());
        if job == Some(context) { format!("{context}{BESIDE_JOB}") } else { context.to_owned() }
    }

    /// Makes the body of a status that is tied to the pipeline as `pin` says.
    fn body(&self, status: &CommitStatus, name: &str, pin: Pin) -> Value {
        let mut body = json!({
            "state": word(status.state),
            "name": name,
            "description": text::plain(&status.description, MAX_CHARS),
        });
        // A link is left out rather than cut: half a link leads nowhere.
        if let Some(url) = link(status.target_url.as_deref()).filter(|url| url.chars().count() <= MAX_CHARS) {
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

    /// Returns the next looser tie that makes the request differ from the one before.
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

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 60_000, html: true, mermaid: true }
    }

    /// Two at once hide the time of a round trip. More would wait for each other, since GitLab locks the commit.
    fn capacity(&self) -> Capacity {
        Capacity { at_once: 2, ..Capacity::default() }
    }

    async fn set_status(&self, status: &CommitStatus) -> Result<(), ForgeFailure> {
        let name = self.name(&status.context);
        let state = word(status.state);
        // The lock is not held while a request is under way.
        let (mut pin, last) = {
            let memory = self.memory();
            (memory.pin, memory.last.get(&name).copied())
        };
        // GitLab would refuse the same state. After a final one it makes another status, which only a correction
        // is worth.
        if last.is_some_and(|last| last == state || (is_final(last) && !is_final(state))) {
            return Ok(());
        }
        let look_up =
            self.merge_request.as_ref().map(|request| (request.words.clone(), request.path.clone()));
        let commit = self.head.commit(&self.exchange, look_up).await?;
        let path = format!("/projects/{}/statuses/{commit}", self.project);
        // Each turn loosens the tie, so the loop ends after three requests at most.
        loop {
            let request = Request::status(&name, path.clone(), self.body(status, &name, pin));
            let refused = match self.exchange.ask(&request).await? {
                Reply::Granted(answer) => {
                    let id = answer.id();
                    self.memory().ids.extend(id.map(|id| (name.clone(), id)));
                    break;
                }
                Reply::RefusedAnswer(refused) if is_already_so(&refused, state) => break,
                Reply::RefusedAnswer(refused) => refused,
            };
            match self.looser(pin).filter(|_| is_about_pipeline(&refused)) {
                Some(looser) => pin = looser,
                None => return Err(refused.failure),
            }
        }
        let mut memory = self.memory();
        memory.pin = pin;
        memory.last.insert(name, state);
        Ok(())
    }

    /// Looks only for a status that came after our own, since an earlier one may be of this same job before
    /// it was tried again.
    async fn rival(&self, context: &str) -> Result<Option<Rival>, ForgeFailure> {
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
        let (statuses, _) = self.exchange.fetch::<Vec<GitLabStatus>>(&Request::standing(&name, path)).await?;
        let of_name = statuses.into_iter().filter(|status| status.name == name && status.id >= own);
        let newest = of_name.max_by_key(|status| status.id);
        // An answer that lags behind tells an earlier state of our own status, which cannot be a final one. A
        // final state that we have not posted is a rival's, although the id is ours.
        let is_own =
            |newest: &GitLabStatus| newest.id == own && (newest.status == last || !is_final(&newest.status));
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

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure> {
        let merge_request = self.merge_request()?;
        let path = &merge_request.path;
        find_newest(
            &self.exchange,
            &merge_request.words,
            |page| format!("{path}/notes?per_page={PER_PAGE}&order_by=created_at&sort=asc&page={page}"),
            |note: &Note| !note.system && note.body.as_deref().is_some_and(|body| holds(body, marker)),
            |headers, notes| !has_next(headers, notes.len()),
        )
        .await
    }

    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure> {
        let merge_request = self.merge_request()?;
        let path = format!("{}/notes", merge_request.path);
        self.exchange.send(&Request::create(&merge_request.words, path, json!({ "body": body }))).await?;
        Ok(())
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        let merge_request = self.merge_request()?;
        let path = format!("{}/notes/{}", merge_request.path, segment(id));
        let request = Request::update(&merge_request.words, Method::PUT, path, json!({ "body": body }));
        self.exchange.send(&request).await?;
        Ok(())
    }
}

/// Returns the project, percent-encoded. The error says that it can be none.
fn encode_project(repository: &str) -> Result<String, ForgeFailure> {
    if is_segment(repository) {
        Ok(segment(repository))
    } else {
        let why = format!("`repository` is `{repository}` and neither a project's path nor its number");
        Err(no_client(why))
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

/// Says whether a page is followed by another. A proxy may drop the header that tells; a full page then
/// counts as followed.
fn has_next(headers: &HeaderMap, notes: usize) -> bool {
    match headers.get("x-next-page").and_then(|value| value.to_str().ok()) {
        Some(page) => !page.trim().is_empty(),
        None => notes >= PER_PAGE,
    }
}

/// Says whether GitLab has refused a transition that is not needed, because the status is in this state
/// already or has moved beyond it. A final state that another final state keeps out is needed: the wrong one
/// would be shown.
fn is_already_so(answer: &RefusedAnswer, state: &str) -> bool {
    let refused =
        answer.status == StatusCode::BAD_REQUEST && answer.message.contains("Cannot transition status via");
    refused && (!is_final(state) || answer.message.contains(&format!("from :{state}")))
}

/// Says whether GitLab has not found the pipeline by its id, commit and ref, so that a looser tie may help. A
/// project or a commit that GitLab does not know stays unknown with any tie.
fn is_about_pipeline(answer: &RefusedAnswer) -> bool {
    answer.status == StatusCode::NOT_FOUND
        && !answer.message.contains("404 Project Not Found")
        && !answer.message.contains("404 Commit Not Found")
}

fn remedy(purpose: RequestPurpose, status: StatusCode, message: &str) -> Option<String> {
    let said = message.to_lowercase();
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("give `gitlab-token` a token that is valid and has not expired".to_owned())
        }
        StatusCode::FORBIDDEN if said.contains("scope") => {
            Some("give `gitlab-token` a token with the scope `api`".to_owned())
        }
        StatusCode::FORBIDDEN if matches!(purpose, RequestPurpose::Status | RequestPurpose::Standing) => Some(
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
