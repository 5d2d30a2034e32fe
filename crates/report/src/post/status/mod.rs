//! Commit statuses: one per experiment, and one for the run when it has several.
//!
//! Each status has a task of its own that posts the newest state and skips the ones it has not come to, so
//! that a slow forge delays nobody. An experiment takes three requests: pending, running, and its end.
//! Requests go out one after the other: GitHub asks for it, and GitLab locks the commit. No status may hide
//! the failure of another job that uses the same name.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;

use super::retry::pause;
use super::rivals::hidden_by;
use crate::forge::{CommitStatus, Connection, Forge, ForgeFailure, StatusState};
use crate::sink::{Sink, Stage, no_forge, report_failed, report_refused_by, report_skipped, report_written};
use crate::words::{Nature, warnings};
use faultgate_core::model::{Outcome, Reported, RunEvent, RunResult, Score, Shard, State, Verdict};
use faultgate_core::{digest, text};

/// Maximum length of a description in characters. Each forge cuts it further.
const MAX_DESCRIPTION_CHARS: usize = 400;
/// The longest pause that a forge may ask for while the run goes on.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that a forge may ask for after the end of the run, when the pipeline waits.
const MAX_LAST_PAUSE: Duration = Duration::from_secs(5);

/// The remedy if another job posts under the same name.
const REMEDY: &str = "set `matrix` to what tells the jobs apart, or `status-context` to a name of each";
/// Maximum length, in characters, of the part of a name that tells a job from its siblings.
const MAX_PART_CHARS: usize = 60;
/// Length, in characters, of the digest that keeps longer parts apart.
const DIGEST_CHARS: usize = 8;

/// The properties that all statuses of a run share.
#[derive(Debug, Clone)]
pub struct StatusStyle {
    /// The prefix of the names of the statuses.
    pub prefix: String,
    /// The page that the statuses link to.
    pub target_url: Option<String>,
    /// The number of the pipeline's attempt, from 1.
    pub attempt: Option<u32>,
    /// The shard of a suite that the run is.
    pub shard: Option<Shard>,
    /// The values that tell the job from its siblings, which report to the same commit.
    pub part: Vec<String>,
    /// The nature of the run: a trial must not look like the real thing.
    pub nature: Nature,
}

impl StatusStyle {
    /// The name of an experiment's status, or of the run's status if none is given. No job may speak for the
    /// others that report to the same commit, so the name tells them apart.
    fn context(&self, experiment: Option<&str>) -> String {
        let name = experiment.map(|name| format!("/{name}")).unwrap_or_default();
        // No two shards have an experiment in common, so the name of an experiment is enough.
        let shard = self.shard.filter(|_| experiment.is_none());
        format!("{}{name}{}", self.nature.context(&self.prefix, shard), self.part())
    }

    /// The part of a name that tells the job from its siblings, such as ` (eu-west-1, blue)`, without values
    /// that the shard says already.
    fn part(&self) -> String {
        let shard = self.shard.map(|shard| [shard.to_string(), shard.number().to_string()]);
        let tells = |value: &&String| !shard.as_ref().is_some_and(|shard| shard.contains(value));
        let values: Vec<&str> = self.part.iter().filter(tells).map(String::as_str).collect();
        let part = values.join(", ");
        match part.chars().count() {
            0 => String::new(),
            1..=MAX_PART_CHARS => format!(" ({})", text::plain(&part, MAX_PART_CHARS)),
            _ => format!(
                " ({} {})",
                text::plain(&part, MAX_PART_CHARS),
                &digest::of_parts(&[&part])[..DIGEST_CHARS]
            ),
        }
    }

    /// The status of this state, whose description says first if the run is a trial or a later attempt.
    fn status(&self, context: String, state: StatusState, what: &str) -> CommitStatus {
        let nature = self.nature.word().map(|word| format!("{word}: ")).unwrap_or_default();
        let attempt = match self.attempt {
            Some(attempt) if attempt > 1 => format!("attempt {attempt}: "),
            _ => String::new(),
        };
        let description = text::plain(&format!("{nature}{attempt}{what}"), MAX_DESCRIPTION_CHARS);
        CommitStatus { context, state, description, target_url: self.target_url.clone() }
    }
}

/// One status, and the task that posts it.
struct Post {
    context: String,
    newest: watch::Sender<Option<CommitStatus>>,
    task: AbortOnDropHandle<Delivered>,
}

/// The way to the forge, on which one request goes at a time.
#[derive(Clone)]
struct Line {
    connection: Connection,
    free: Arc<Semaphore>,
}

/// The fate of the last state of a status.
enum Delivered {
    Posted,
    Refused(ForgeFailure),
    /// Nothing was posted, since the failure of another job stands under this name. The text tells of it.
    Hidden(String),
    /// There is no forge to post to. The sink tells so once for all posts.
    NoForge,
}

impl Post {
    fn open(context: String, line: Line) -> Self {
        let (newest, words) = watch::channel(None);
        Self { context, newest, task: AbortOnDropHandle::new(tokio::spawn(deliver(line, words))) }
    }

    fn say(&self, status: CommitStatus) {
        // A state that is said twice is posted once.
        self.newest.send_if_modified(|newest| {
            let news = newest.as_ref() != Some(&status);
            *newest = Some(status);
            news
        });
    }
}

/// Posts the newest state again and again, until the sender is dropped and no other state can come.
async fn deliver(line: Line, mut words: watch::Receiver<Option<CommitStatus>>) -> Delivered {
    let mut delivered = Delivered::Posted;
    let mut is_first = true;
    while words.changed().await.is_ok() {
        let Ok(forge) = line.connection.forge().await else { return Delivered::NoForge };
        let Some(status) = words.borrow_and_update().clone() else { continue };
        let is_last = !matches!(status.state, StatusState::Pending | StatusState::Running);
        // A status that was refused for good is tried only once more, with the state of the end.
        if matches!(delivered, Delivered::Refused(_)) && !is_last {
            continue;
        }
        // The question to the forge takes its turn like every other request.
        let turn = line.free.acquire().await;
        let hidden = hidden_by(forge, &status, is_first).await;
        drop(turn);
        delivered = match hidden {
            Some(said) => Delivered::Hidden(said),
            None => match post(forge, &line.free, &status, &mut words).await {
                Ok(()) => Delivered::Posted,
                Err(failure) => Delivered::Refused(failure),
            },
        };
        is_first &= !matches!(delivered, Delivered::Posted);
    }
    delivered
}

/// Posts a status, and tries again if that may help. It returns early, as if all were well, when a newer
/// state has come.
async fn post(
    forge: &dyn Forge,
    free: &Semaphore,
    status: &CommitStatus,
    words: &mut watch::Receiver<Option<CommitStatus>>,
) -> Result<(), ForgeFailure> {
    let mut tries = 0;
    loop {
        let turn = free.acquire().await;
        let Err(failure) = forge.set_status(status).await else { return Ok(()) };
        // The others need not wait while this one pauses.
        drop(turn);
        tries += 1;
        let ended = words.has_changed().is_err();
        let Some(pause) = pause(&failure, tries, if ended { MAX_LAST_PAUSE } else { MAX_PAUSE }) else {
            return Err(failure);
        };
        tracing::debug!(%failure, ?pause, "posting the status again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(()) = words.changed() => {
                // The newer state stays unread, so that `deliver` finds it.
                words.mark_changed();
                return Ok(());
            }
        }
    }
}

/// The sink that posts the commit statuses of a run.
pub struct CommitStatuses {
    style: StatusStyle,
    line: Line,
    /// The status of each experiment, in the order of the plan.
    posts: Vec<Post>,
    /// The status of the run, if it has several experiments or is a shard.
    run: Option<Post>,
}

impl CommitStatuses {
    const SINK: &'static str = "commit status";

    pub fn new(experiments: &[&str], style: StatusStyle, connection: Connection) -> Self {
        let line = Line { connection, free: Arc::new(Semaphore::new(1)) };
        let open = |context| Post::open(context, line.clone());
        let posts: Vec<Post> = experiments.iter().map(|name| open(style.context(Some(name)))).collect();
        let run = style.context(None);
        // The status of a single experiment stands for the run; of a merged result there is that of the run alone.
        let run = (posts.len() != 1 || style.shard.is_some()).then(|| open(run));
        Self { style, line, posts, run }
    }

    fn say(&self, post: &Post, state: StatusState, what: &str) {
        post.say(self.style.status(post.context.clone(), state, what));
    }

    /// Takes the posts, whose tasks end when they have posted the last state, and leaves new ones in their
    /// place for a second call of `finish`.
    fn close(&mut self) -> Vec<Post> {
        let reopen = |post: &mut Post| {
            let again = Post::open(post.context.clone(), self.line.clone());
            std::mem::replace(post, again)
        };
        self.posts.iter_mut().chain(&mut self.run).map(reopen).collect()
    }

    /// Says how an experiment or the run ended. The score comes first, unless the reason tells it already.
    fn say_end(&self, post: &Post, verdict: Verdict, score: Option<Score>, reason: &str) {
        let score = score.filter(|_| !reason.contains("score "));
        let score = score.map(|score| format!("score {score}: ")).unwrap_or_default();
        self.say(post, state_of(verdict), &format!("{verdict}: {score}{reason}"));
    }
}

/// Returns the reason, and after it the warnings.
fn with_warnings(reason: &str, warnings: &[String]) -> String {
    match warnings {
        [] => reason.to_owned(),
        warnings => format!("{reason}; warning: {}", warnings.join("; ")),
    }
}

/// Returns the report that is told if only one can be: a failed one rather than a skipped one, else the
/// first.
fn worse(one: Option<Reported>, other: Option<Reported>) -> Option<Reported> {
    let has_failed = |reported: &Reported| reported.outcome == Outcome::Failed;
    if one.as_ref().is_none_or(|one| !has_failed(one)) && other.as_ref().is_some_and(has_failed) {
        return other;
    }
    one.or(other)
}

fn state_of(verdict: Verdict) -> StatusState {
    match verdict {
        Verdict::Passed => StatusState::Success,
        Verdict::Failed => StatusState::Failure,
        Verdict::Errored | Verdict::TimedOut => StatusState::Error,
        Verdict::Cancelled => StatusState::Cancelled,
    }
}

#[async_trait(?Send)]
impl Sink for CommitStatuses {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Launched { experiment, id, .. } => {
                let Some(post) = self.posts.get(*experiment) else { return };
                self.say(post, StatusState::Pending, &format!("launched as {id}"));
                if let Some(run) = &self.run {
                    self.say(run, StatusState::Pending, "experiments are running");
                }
            }
            RunEvent::Transition { experiment, transition } if transition.state == State::Running => {
                if let Some(post) = self.posts.get(*experiment) {
                    self.say(post, StatusState::Running, "the experiment is running");
                }
            }
            // The status of a single experiment ends with the gate, which may know more than its engine did.
            RunEvent::Ended { experiment, verdict, score, reason, .. } if self.run.is_some() => {
                if let Some(post) = self.posts.get(*experiment) {
                    self.say_end(post, *verdict, *score, reason);
                }
            }
            _ => {}
        }
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let gate = &result.gate;
        let reasons = gate.reasons.join("; ");
        for (post, experiment) in self.posts.iter().zip(&result.experiments) {
            if self.run.is_some() || gate.verdict == experiment.verdict {
                self.say_end(
                    post,
                    experiment.verdict,
                    experiment.score,
                    &with_warnings(&experiment.reason, &experiment.warnings),
                );
            } else {
                self.say_end(post, gate.verdict, gate.resilience_score, &reasons);
            }
        }
        if let Some(run) = &self.run {
            let warnings: Vec<String> = warnings(result).collect();
            self.say_end(run, gate.verdict, gate.resilience_score, &with_warnings(&reasons, &warnings));
        }
        let posts = self.close();
        if let Err(why) = self.line.connection.forge().await {
            return Some(no_forge(Self::SINK, why));
        }
        let mut refused: Option<Reported> = None;
        // The sender of every post is dropped here, which tells its task that no other state follows. All are
        // told before one is waited for.
        let tasks: Vec<_> = posts.into_iter().map(|post| post.task).collect();
        for task in tasks {
            let missing = match task.await {
                Ok(Delivered::Posted | Delivered::NoForge) => None,
                Ok(Delivered::Hidden(said)) => Some(report_skipped(Self::SINK, said).with_remedy(REMEDY)),
                Ok(Delivered::Refused(failure)) => {
                    Some(report_refused_by(&self.line.connection, Self::SINK, &failure))
                }
                Err(error) => Some(report_failed(Self::SINK, error)),
            };
            refused = worse(refused, missing);
        }
        Some(refused.unwrap_or_else(|| report_written(Self::SINK)))
    }
}

#[cfg(test)]
mod tests;
