//! The client of AWS CodeCommit, which is spoken to by the SDK and with AWS credentials instead of a token.
//!
//! CodeCommit has no commit statuses. A comment on the pull request, or else on the commit, takes their
//! place.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::error::ProvideErrorMetadata;
use aws_sdk_codecommit::types::Comment;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use reqwest::Url;
use tokio::sync::OnceCell;

use super::comments::{MAX_PAGES, holds, nothing_to_comment};
use super::failure::{Again, Denied, ForgeFailure};
use super::port::{CommentLimits, CommitStatus, Forge};
use super::pull::in_words;
use super::subject::Subject;
use faultgate_core::digest;
use faultgate_core::model::ForgeKind;
use faultgate_core::text;
use faultgate_net::aws::error::{is_throttled, status_of};
use faultgate_net::aws::partition_of;
use faultgate_net::http::cause;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest time of one operation, with its second attempt.
const OPERATION_LIMIT: Duration = Duration::from_secs(5);
/// Maximum number of attempts of the SDK at one operation. Further tries are the caller's, who knows how much
/// time there is.
const MAX_ATTEMPTS: u32 = 2;
/// Maximum number of characters of the service's error that are passed on.
const MAX_REASON_CHARS: usize = 600;

/// A repository of CodeCommit, with the pull request or the commit that is commented on.
pub(super) struct CodeCommit {
    client: Client,
    region: String,
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

impl CodeCommit {
    /// Makes a client for the subject from the SDK's configuration. The Region is the one in the subject's
    /// URL; a URL without a Region is taken as the endpoint, unless the configuration has an endpoint
    /// already.
    pub(super) fn new(subject: Subject, sdk: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(OPERATION_LIMIT)
            .build();
        let mut config = aws_sdk_codecommit::config::Builder::from(sdk)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS));
        let mut region = sdk.region().map(ToString::to_string).unwrap_or_default();
        match region_of(&subject.site.api_url) {
            Some(own) => {
                region = own;
                config = config.region(Region::new(region.clone()));
            }
            None if sdk.endpoint_url().is_none() => config = config.endpoint_url(subject.site.api_url),
            None => {}
        }
        let place = match (subject.pull_request, subject.commit) {
            (Some(pull), _) => {
                Some(Commented::PullRequest { id: pull.number.to_string(), words: in_words(&pull) })
            }
            (None, Some(commit)) => Some(Commented::Commit(commit)),
            (None, None) => None,
        };
        Self {
            client: Client::from_conf(config.build()),
            region,
            repository: subject.repository,
            place,
            target: OnceCell::new(),
        }
    }

    fn place(&self) -> Result<&Commented, ForgeFailure> {
        self.place.as_ref().ok_or_else(|| nothing_to_comment(self.no_comment().unwrap_or_default()))
    }

    async fn target(&self, id: &str, words: &str) -> Result<&ComparedCommits, ForgeFailure> {
        self.target.get_or_try_init(|| self.look_up(id, words)).await
    }

    async fn look_up(&self, id: &str, words: &str) -> Result<ComparedCommits, ForgeFailure> {
        let what = format!("look up {words}");
        let answer = self
            .client
            .get_pull_request()
            .pull_request_id(id)
            .send()
            .await
            .map_err(|error| self.failure(&what, &error))?;
        let target = answer.pull_request().and_then(|pull| {
            let target = pull.pull_request_targets().first()?;
            Some(ComparedCommits {
                repository: target.repository_name()?.to_owned(),
                before: target.destination_commit()?.to_owned(),
                after: target.source_commit()?.to_owned(),
            })
        });
        target.ok_or_else(|| {
            ForgeFailure::new(Denied::FOR_GOOD, format!("{what} on CodeCommit"), "it names no commits")
        })
    }

    /// Returns one page of the comments on a place, and the token of the next page.
    async fn page(
        &self,
        place: &Commented,
        next: Option<String>,
    ) -> Result<(Vec<Comment>, Option<String>), ForgeFailure> {
        let what = format!("look for the comment of {}", place.words());
        match place {
            Commented::PullRequest { id, .. } => {
                let request = self.client.get_comments_for_pull_request().pull_request_id(id);
                let page = request.set_next_token(next).send().await.map_err(|e| self.failure(&what, &e))?;
                let threads = page.comments_for_pull_request_data.unwrap_or_default();
                let comments = threads.into_iter().flat_map(|t| t.comments.unwrap_or_default()).collect();
                Ok((comments, page.next_token))
            }
            Commented::Commit(commit) => {
                let request = self
                    .client
                    .get_comments_for_compared_commit()
                    .repository_name(&self.repository)
                    .after_commit_id(commit);
                let page = request.set_next_token(next).send().await.map_err(|e| self.failure(&what, &e))?;
                let threads = page.comments_for_compared_commit_data.unwrap_or_default();
                let comments = threads.into_iter().flat_map(|t| t.comments.unwrap_or_default()).collect();
                Ok((comments, page.next_token))
            }
        }
    }

    fn failure<E>(&self, what: &str, error: &SdkError<E, HttpResponse>) -> ForgeFailure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.code().unwrap_or_default();
        let status = status_of(error);
        let why = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ if status != 0 => format!("HTTP {status}"),
            _ => cause(error),
        };
        let kind = Denied::with(again(code, status));
        ForgeFailure::new(kind, format!("{what} on CodeCommit"), text::plain(&why, MAX_REASON_CHARS))
            .remedy(self.remedy(code, &why))
    }

    fn remedy(&self, code: &str, why: &str) -> Option<String> {
        // An explicit deny wins over every permission, so a statement that allows it would not help.
        if code.contains("AccessDenied") && why.contains("explicit deny") {
            return None;
        }
        if code.contains("AccessDenied") {
            return Some(self.statement());
        }
        match code {
            "PullRequestDoesNotExistException" | "InvalidPullRequestIdException" => {
                Some("set `pull-request` to the number of one that exists".to_owned())
            }
            "RepositoryDoesNotExistException" | "CommitDoesNotExistException" => {
                Some(format!("check `repository` and `commit`, and that the Region is {}", self.region))
            }
            _ if why.contains("loading credentials") || code.contains("Token") => {
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
        let partition = partition_of(&self.region);
        format!(
            "allow it: {{\"Effect\": \"Allow\", \"Action\": [{}], \"Resource\": \"arn:{partition}:codecommit:{}:*:{}\"}}",
            actions.join(", "),
            self.region,
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
        let mut found: Option<Comment> = None;
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let (comments, token) = self.page(place, next).await?;
            let ours = comments
                .into_iter()
                .filter(|comment| !comment.deleted() && comment.content().is_some_and(|c| holds(c, marker)));
            // The newest one counts, by its date, since pages are not sorted by it. Nobody may change the
            // comment of somebody else, so a foreign comment with the marker would otherwise stay in the way
            // for good.
            found = found.into_iter().chain(ours).max_by_key(|c| c.creation_date().map(DateTime::as_nanos));
            next = token.filter(|token| !token.is_empty());
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
                let answer = self
                    .client
                    .post_comment_for_pull_request()
                    .pull_request_id(id)
                    .repository_name(&target.repository)
                    .before_commit_id(&target.before)
                    .after_commit_id(&target.after)
                    .content(body)
                    .client_request_token(token)
                    .send()
                    .await
                    .map_err(|error| self.failure(&what, &error))?;
                confirm(&what, answer.comment())
            }
            Commented::Commit(commit) => {
                let answer = self
                    .client
                    .post_comment_for_compared_commit()
                    .repository_name(&self.repository)
                    .after_commit_id(commit)
                    .content(body)
                    .client_request_token(digest::of_parts(&[&self.repository, commit, body]))
                    .send()
                    .await
                    .map_err(|error| self.failure(&what, &error))?;
                confirm(&what, answer.comment())
            }
        }
    }

    async fn update_comment(&self, id: &str, body: &str) -> Result<(), ForgeFailure> {
        let what = format!("update the comment of {}", self.place()?.words());
        let answer = self
            .client
            .update_comment()
            .comment_id(id)
            .content(body)
            .send()
            .await
            .map_err(|error| self.failure(&what, &error))?;
        confirm(&what, answer.comment())
    }
}

/// Checks that the answer speaks of a comment, since a proxy or a sign-in page in between may answer with
/// success too.
fn confirm(what: &str, comment: Option<&Comment>) -> Result<(), ForgeFailure> {
    if comment.and_then(Comment::comment_id).is_some() {
        return Ok(());
    }
    let what = format!("{what} on CodeCommit");
    let remedy = "let no sign-in page or proxy answer in the place of CodeCommit";
    Err(ForgeFailure::new(Denied::FOR_GOOD, what, "the answer speaks of no comment")
        .remedy(remedy.to_owned()))
}

/// Returns the Region in `https://codecommit.REGION.amazonaws.com`. The SDK finds the endpoint of a Region
/// itself.
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
