//! One comment on the pull or merge request, found again by its marker and updated in place.
//!
//! Several jobs may report to one pull request, so the marker holds a key of the job. A comment that somebody
//! else has written must never be changed.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

mod foretold;

use super::retry::pause;
use crate::forge::{Again, Connection, Forge, ForgeFailure};
use crate::sink::{Sink, Stage, no_forge, report_refused_by, report_skipped, report_written};
use crate::summary::{self, PageLimits};
use faultgate_core::model::{Reported, RunResult, Verdict};

/// The longest pause that a forge may ask for: the run is over, and the pipeline waits.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Returns the key that tells the comment of this job from those of other jobs. Every run of a job has the
/// same key.
pub fn comment_key(prefix: &str, job: Option<&str>, part: &[String], experiments: &[&str]) -> String {
    let mut hash = Sha256::new();
    let of_job = [prefix, job.unwrap_or_default()].into_iter().chain(part.iter().map(String::as_str));
    for text in of_job.chain(experiments.iter().copied()) {
        // The length goes first, so that texts which are divided in another way have another key.
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    let short = digest.iter().take(8).fold(0_u64, |short, byte| short << 8 | u64::from(*byte));
    format!("faultgate:{short:016x}")
}

/// The sink that writes the sticky comment.
pub struct Comment {
    connection: Connection,
    key: String,
    run_url: Option<String>,
    /// `true` if a run that has passed creates no comment. A comment that is there is updated all the same.
    only_on_failure: bool,
    /// `true` if the comment must not tell ARNs and ids of accounts, since everybody may read it.
    hides_accounts: bool,
}

impl Comment {
    const SINK: &'static str = "comment";

    pub fn new(
        connection: Connection,
        key: String,
        run_url: Option<String>,
        only_on_failure: bool,
        hides_accounts: bool,
    ) -> Self {
        Self { connection, key, run_url, only_on_failure, hides_accounts }
    }

    /// Returns the line with the link to the run, if its URL is known.
    fn write_link(&self) -> String {
        self.run_url.as_ref().map(|url| format!("\n[The run]({url})\n")).unwrap_or_default()
    }

    fn body(&self, forge: &dyn Forge, marker: &str, result: &RunResult) -> String {
        let limits = forge.limits();
        let mut body = format!("{marker}\n");
        let link = self.write_link();
        // The marker and the link must not be cut off, so the summary gets the rest of the room.
        let budget = limits.comment.saturating_sub(body.len() + link.len());
        let page = PageLimits {
            budget,
            html: limits.html,
            mermaid: limits.mermaid,
            hides_accounts: self.hides_accounts,
        };
        let _ = write!(body, "{}{link}", summary::render(result, &page));
        body
    }

    /// Updates or creates the comment. Returns the reason if none was to be written.
    async fn write(
        &self,
        forge: &dyn Forge,
        result: &RunResult,
    ) -> Result<Option<&'static str>, ForgeFailure> {
        let marker = forge.marker(&self.key);
        let existing = persist(|| forge.find_comment(&marker)).await?;
        if existing.is_none() && self.only_on_failure && result.gate.verdict == Verdict::Passed {
            return Ok(Some("the gate passed"));
        }
        let body = self.body(forge, &marker, result);
        if let Some(id) = existing {
            match persist(|| forge.update_comment(&id, &body)).await {
                // The comment was deleted in the meantime, or is not ours: a new one is created below.
                Err(failure) if failure.kind.again == Again::Anew => {}
                updated => return updated.map(|()| None),
            }
        }
        persist(|| forge.create_comment(&body)).await.map(|()| None)
    }
}

/// Asks the forge, and tries again if that may help.
async fn persist<T, F: Future<Output = Result<T, ForgeFailure>>>(
    ask: impl Fn() -> F,
) -> Result<T, ForgeFailure> {
    let mut tries = 0;
    loop {
        let failure = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        tries += 1;
        let Some(pause) = pause(&failure, tries, MAX_PAUSE) else { return Err(failure) };
        tokio::time::sleep(pause).await;
    }
}

#[async_trait(?Send)]
impl Sink for Comment {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let forge = match self.connection.forge().await {
            Ok(forge) => forge,
            Err(why) => return Some(no_forge(Self::SINK, why)),
        };
        // A forge may need more of the pull request than its number, and looks it up before all else.
        if let Err(failure) = persist(|| forge.find_pull_request()).await {
            return Some(report_refused_by(&self.connection, Self::SINK, &failure));
        }
        if let Some(why) = forge.no_comment() {
            return Some(report_skipped(Self::SINK, why));
        }
        Some(match self.write(forge, result).await {
            Ok(None) => report_written(Self::SINK),
            Ok(Some(why)) => report_skipped(Self::SINK, why),
            Err(failure) => report_refused_by(&self.connection, Self::SINK, &failure),
        })
    }
}

#[cfg(test)]
mod tests;
