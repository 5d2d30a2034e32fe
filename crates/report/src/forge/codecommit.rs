//! The client of AWS CodeCommit, whose requests are signed with AWS credentials and carry no token.
//!
//! CodeCommit has no commit statuses. A comment on the pull request, or else on the commit, takes their
//! place.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::comments::{MAX_PAGES, holds, nothing_to_comment};
use super::failure::{Again, Denied, ForgeFailure, no_client};
use super::port::{CommentLimits, CommitStatus, Forge};
use super::pull::in_words;
use super::subject::Subject;
use faultgate_core::backoff::{Backoff, Jitter};
use faultgate_core::digest;
use faultgate_core::model::ForgeKind;
use faultgate_core::text;
use faultgate_net::aws::error::is_throttled;
use faultgate_net::aws::{JsonApi, JsonRefusal, JsonService, Patience, partition_of, usual_endpoint};

static API: JsonApi = JsonApi {
    service: "codecommit",
    service_id: "CodeCommit",
    target: "CodeCommit_20150413",
    patience: Patience {
        // Further tries are the caller's, who knows how much time there is.
        max_attempts: 2,
        backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(1))
            .with_jitter(Jitter::Part(0.5)),
        time_limit: Duration::from_secs(5),
    },
    // A page has 100 comments of 10,240 characters, each of them escaped at worst.
    max_answer_bytes: 32 << 20,
};

/// A repository of CodeCommit, with the pull request or the commit that is commented on.
pub(super) struct CodeCommit {
    service: JsonService,
    repository: String,
    place: Option<Commented>,
    /// The commits of the pull request, which are looked up once, before the first comment is created.
    target: OnceCell<ComparedCommits>,
}

/// The thing that is commented on.
enum Commented {
    PullRequest { id: String, words: String },
    Commit(String),
}

/// The repository and the two commits that a comment on a pull request must name.
#[derive(Debug, Clone)]
struct ComparedCommits {
    repository: String,
    /// The commit at the head of the branch into which the pull request asks to be merged.
    before: String,
    /// The commit at the head of the pull request's own branch.
    after: String,
}

/// A page of the comments on a place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommentsPage {
    #[serde(alias = "commentsForPullRequestData", alias = "commentsForComparedCommitData")]
    threads: Option<Vec<CommentThread>>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct CommentThread {
    comments: Option<Vec<CommitComment>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitComment {
    comment_id: Option<String>,
    content: Option<String>,
    /// The time in seconds since 1970.
    creation_date: Option<f64>,
    deleted: Option<bool>,
}

/// The answer to a comment that was created or updated.
#[derive(Deserialize)]
struct WrittenComment {
    comment: Option<CommitComment>,
}

impl CodeCommit {
    /// Makes a client for the subject from the SDK's configuration. The Region is the one in the subject's
    /// URL; a URL without a Region is taken as the endpoint, unless the configuration has an endpoint
    /// already.
    ///
    /// # Errors
    ///
    /// There are no credentials.
    pub(super) fn new(
        subject: Subject,
        sdk: &SdkConfig,
        http: reqwest::Client,
    ) -> Result<Self, ForgeFailure> {
        let (region, endpoint) = match region_of(&subject.site.api_url) {
            Some(region) => (region.clone(), usual_endpoint(sdk, API.service, &region)),
            None => (sdk.region().map(ToString::to_string).unwrap_or_default(), subject.site.api_url),
        };
        let place = match (subject.pull_request, subject.commit) {
            (Some(pull), _) => {
                Some(Commented::PullRequest { id: pull.number.to_string(), words: in_words(&pull) })
            }
            (None, Some(commit)) => Some(Commented::Commit(commit)),
            (None, None) => None,
        };
        Ok(Self {
            service: JsonService::new(&API, sdk, http, &region, &endpoint).map_err(no_client)?,
            repository: subject.repository,
            place,
            target: OnceCell::new(),
        })
    }

    fn place(&self) -> Result<&Commented, ForgeFailure> {
        self.place.as_ref().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    async fn target(&self, id: &str, words: &str) -> Result<&ComparedCommits, ForgeFailure> {
        self.target.get_or_try_init(|| self.look_up(id, words)).await
    }

    async fn look_up(&self, id: &str, words: &str) -> Result<ComparedCommits, ForgeFailure> {
        let what = format!("look up {words}");
        let answer: Value = self.ask("GetPullRequest", &json!({ "pullRequestId": id }), &what).await?;
        let target = answer.pointer("/pullRequest/pullRequestTargets/0").and_then(|target| {
            let member = |name: &str| Some(target.get(name)?.as_str()?.to_owned());
            Some(ComparedCommits {
                repository: member("repositoryName")?,
                before: member("destinationCommit")?,
                after: member("sourceCommit")?,
            })
        });
        target.ok_or_else(|| {
            ForgeFailure::new(Denied::FOR_GOOD, format!("{what} on CodeCommit"), "it names no commits")
        })
    }

    /// Returns one page of the comments on a place.
    async fn page(&self, place: &Commented, next: Option<String>) -> Result<CommentsPage, ForgeFailure> {
        let (operation, mut input) = match place {
            Commented::PullRequest { id, .. } => {
                ("GetCommentsForPullRequest", json!({ "pullRequestId": id }))
            }
            Commented::Commit(commit) => (
                "GetCommentsForComparedCommit",
                json!({ "repositoryName": self.repository, "afterCommitId": commit }),
            ),
        };
        if let Some(next) = next {
            input["nextToken"] = next.into();
        }
        self.ask(operation, &input, &format!("look for the comment of {}", place.words())).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        input: &Value,
        what: &str,
    ) -> Result<T, ForgeFailure> {
        self.service.ask(operation, input).await.map_err(|refusal| self.failure(what, refusal))
    }

    /// Creates or updates a comment.
    async fn write(&self, operation: &str, input: &Value, what: &str) -> Result<(), ForgeFailure> {
        let answer: WrittenComment = self.ask(operation, input, what).await?;
        // A proxy or a sign-in page in between may answer with success too.
        if answer.comment.is_some_and(|comment| comment.comment_id.is_some()) {
            return Ok(());
        }
        let what = format!("{what} on CodeCommit");
        let remedy = "let no sign-in page or proxy answer in the place of CodeCommit";
        Err(ForgeFailure::new(Denied::FOR_GOOD, what, "the answer speaks of no comment")
            .remedy(remedy.to_owned()))
    }

    fn failure(&self, what: &str, refusal: JsonRefusal) -> ForgeFailure {
        let kind = Denied::with(again(&refusal.code, refusal.status));
        let why = refusal.why();
        let remedy = refusal.remedy.or_else(|| self.remedy(&refusal.code, &refusal.message));
        ForgeFailure::new(kind, format!("{what} on CodeCommit"), why).remedy(remedy)
    }

    fn remedy(&self, code: &str, message: &str) -> Option<String> {
        // An explicit deny wins over every permission, so a statement that allows it would not help.
        if code.contains("AccessDenied") && message.contains("explicit deny") {
            return None;
        }
        if code.contains("AccessDenied") {
            return Some(self.statement());
        }
        match code {
            "PullRequestDoesNotExistException" | "InvalidPullRequestIdException" => {
                Some("set `pull-request` to the number of one that exists".to_owned())
            }
            "RepositoryDoesNotExistException" | "CommitDoesNotExistException" => Some(format!(
                "check `repository` and `commit`, and that the Region is {}",
                self.service.region()
            )),
            _ if code.contains("Token") => {
                Some("give the job AWS credentials that are valid and have not expired".to_owned())
            }
            _ => None,
        }
    }

    /// Returns the IAM statement that is to be added to the policy of whoever runs faultgate.
    fn statement(&self) -> String {
        let actions = match &self.place {
            Some(Commented::Commit(_)) => {
                ["GetCommentsForComparedCommit", "PostCommentForComparedCommit", "UpdateComment"].as_slice()
            }
            Some(Commented::PullRequest { .. }) | None => {
                &["GetPullRequest", "GetCommentsForPullRequest", "PostCommentForPullRequest", "UpdateComment"]
            }
        };
        let actions: Vec<String> = actions.iter().map(|action| format!("\"codecommit:{action}\"")).collect();
        let region = self.service.region();
        let partition = partition_of(region);
        format!(
            "allow it: {{\"Effect\": \"Allow\", \"Action\": [{}], \"Resource\": \"arn:{partition}:codecommit:{region}:*:{}\"}}",
            actions.join(", "),
            text::plain(&self.repository, 100)
        )
    }
}

impl Commented {
    /// Returns the place as errors name it.
    fn words(&self) -> String {
        match self {
            Self::PullRequest { words, .. } => words.clone(),
            Self::Commit(commit) => format!("commit {}", text::plain(commit, 64)),
        }
    }
}

#[async_trait]
impl Forge for CodeCommit {
    fn kind(&self) -> ForgeKind {
        ForgeKind::CodeCommit
    }

    fn limits(&self) -> CommentLimits {
        CommentLimits { comment: 10_000, html: false, mermaid: false }
    }

    fn has_statuses(&self) -> bool {
        false
    }

    async fn set_status(&self, _status: &CommitStatus) -> Result<(), ForgeFailure> {
        let what = "set commit statuses on CodeCommit";
        Err(ForgeFailure::new(Denied::FOR_GOOD, what, "its commits have none"))
    }

    fn no_comment(&self) -> Option<String> {
        self.place.is_none().then(|| "neither a pull request nor a commit is known".to_owned())
    }

    /// Returns the definition of a link that nothing refers to. The line needs an empty line before it.
    fn marker(&self, key: &str) -> String {
        format!("[//]: # ({key})")
    }

    async fn find_comment(&self, marker: &str) -> Result<Option<String>, ForgeFailure> {
        let place = self.place()?;
        let mut found: Option<CommitComment> = None;
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(place, next).await?;
            let comments = page.threads.into_iter().flatten().flat_map(|t| t.comments.unwrap_or_default());
            let ours = comments.filter(|comment| {
                comment.deleted != Some(true) && comment.content.as_ref().is_some_and(|c| holds(c, marker))
            });
            // The newest one counts, by its date, since pages are not sorted by it. Nobody may change the
            // comment of somebody else, so a foreign comment with the marker would otherwise stay in the way
            // for good.
            let date = |comment: &CommitComment| comment.creation_date.unwrap_or(f64::NEG_INFINITY);
            found = found.into_iter().chain(ours).max_by(|a, b| date(a).total_cmp(&date(b)));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(found.and_then(|comment| comment.comment_id))
    }

    async fn create_comment(&self, body: &str) -> Result<(), ForgeFailure> {
        let place = self.place()?;
        let what = format!("create the comment of {}", place.words());
        match place {
            Commented::PullRequest { id, words } => {
                let target = self.target(id, words).await?;
                // A digest of all that is sent: sent twice, the request creates one comment.
                let token = digest::of_parts(&[id, &target.repository, &target.before, &target.after, body]);
                let input = json!({
                    "pullRequestId": id,
                    "repositoryName": target.repository,
                    "beforeCommitId": target.before,
                    "afterCommitId": target.after,
                    "content": body,
                    "clientRequestToken": token,
                });
                self.write("PostCommentForPullRequest", &input, &what).await
            }
            Commented::Commit(commit) => {
                let input = json!({
                    "repositoryName": self.repository,
                    "afterCommitId": commit,
                    "content": body,
                    "clientRequestToken": digest::of_parts(&[&self.repository, commit, body]),
                });
                self.write("PostCommentForComparedCommit", &input, &what).await
            }
        }
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        let what = format!("update the comment of {}", self.place()?.words());
        self.write("UpdateComment", &json!({ "commentId": id, "content": body }), &what).await
    }
}

/// Returns the Region in `https://codecommit.REGION.amazonaws.com`.
fn region_of(api_url: &str) -> Option<String> {
    let url = Url::parse(api_url).ok()?;
    let rest = url.host_str()?.strip_prefix("codecommit.")?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    Some(region.to_owned())
}

/// Says whether trying again may help after this error code and HTTP status. The status is 0 if there was no
/// answer.
fn again(code: &str, status: u16) -> Again {
    match code {
        // The comment is somebody else's, or it is gone: a new one can be created instead.
        "CommentNotCreatedByCallerException" | "CommentDoesNotExistException" | "CommentDeletedException" => {
            Again::Anew
        }
        _ if is_throttled(code) => Again::Soon,
        _ if (400..500).contains(&status) && status != 429 => Again::Never,
        // A client token makes even the creation of a comment safe to repeat.
        _ => Again::Soon,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_endpoint() {
        let sdk = |special| SdkConfig::builder().use_fips(special).use_dual_stack(special).build();
        for (special, region, endpoint) in [
            (false, "eu-west-1", "https://codecommit.eu-west-1.amazonaws.com"),
            (false, "cn-north-1", "https://codecommit.cn-north-1.amazonaws.com.cn"),
            (true, "us-gov-west-1", "https://codecommit-fips.us-gov-west-1.api.aws"),
        ] {
            assert_eq!(usual_endpoint(&sdk(special), API.service, region), endpoint);
        }
    }
}
