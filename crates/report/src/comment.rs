//! One comment on the pull or merge request, found again by its marker and updated in place.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::patience::pause;
use super::summary::{self, Page};
use super::{Sink, Stage, skipped, written};
use crate::forge::{Again, Connection, Forge, Refusal};
use faultgate_core::model::{Reported, RunResult, Verdict};

/// The longest pause that a forge may ask for: the run is over, and the pipeline waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// What tells this comment from those of other jobs: the same for every run of the same job.
pub fn comment_key(prefix: &str, job: Option<&str>, part: &[String], experiments: &[&str]) -> String {
    let mut hash = Sha256::new();
    let of_job = [prefix, job.unwrap_or_default()].into_iter().chain(part.iter().map(String::as_str));
    for text in of_job.chain(experiments.iter().copied()) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    let short = digest.iter().take(8).fold(0_u64, |short, byte| short << 8 | u64::from(*byte));
    format!("faultgate:{short:016x}")
}

/// The sticky comment.
pub struct Comment {
    connection: Connection,
    key: String,
    run_url: Option<String>,
    /// A new comment only for runs that have not passed; one that is there is updated all the same.
    only_on_failure: bool,
}

impl Comment {
    const SINK: &'static str = "comment";

    pub fn new(connection: Connection, key: String, run_url: Option<String>, only_on_failure: bool) -> Self {
        Self { connection, key, run_url, only_on_failure }
    }

    fn body(&self, forge: &dyn Forge, marker: &str, result: &RunResult) -> String {
        let limits = forge.limits();
        let mut body = format!("{marker}\n");
        let link = self.run_url.as_ref().map(|url| format!("\n[The run]({url})\n")).unwrap_or_default();
        let budget = limits.comment.saturating_sub(body.len() + link.len());
        let _ = write!(
            body,
            "{}{link}",
            summary::render(result, &Page { budget, html: limits.html, mermaid: limits.mermaid })
        );
        body
    }

    async fn write(&self, forge: &dyn Forge, result: &RunResult) -> Result<Option<&'static str>, Refusal> {
        let marker = forge.marker(&self.key);
        let known = persist(|| forge.find_comment(&marker)).await?;
        if known.is_none() && self.only_on_failure && result.gate.verdict == Verdict::Passed {
            return Ok(Some("the gate passed"));
        }
        let body = self.body(forge, &marker, result);
        if let Some(id) = known {
            match persist(|| forge.update_comment(&id, &body)).await {
                Err(refusal) if refusal.again == Again::Anew => {}
                updated => return updated.map(|()| None),
            }
        }
        persist(|| forge.create_comment(&body)).await.map(|()| None)
    }
}

/// Tries again where that may help.
async fn persist<T, F: Future<Output = Result<T, Refusal>>>(ask: impl Fn() -> F) -> Result<T, Refusal> {
    let mut tries = 0;
    loop {
        let refusal = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        tries += 1;
        let Some(pause) = pause(&refusal, tries, PATIENCE) else { return Err(refusal) };
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
            Err(why) => return Some(super::no_forge(Self::SINK, why)),
        };
        if let Err(refusal) = persist(|| forge.find_pull_request()).await {
            return Some(super::refused_by(&self.connection, Self::SINK, &refusal));
        }
        if let Some(why) = forge.no_comment() {
            return Some(skipped(Self::SINK, why));
        }
        Some(match self.write(forge, result).await {
            Ok(None) => written(Self::SINK),
            Ok(Some(why)) => skipped(Self::SINK, why),
            Err(refusal) => super::refused_by(&self.connection, Self::SINK, &refusal),
        })
    }
}

#[cfg(test)]
#[path = "comment_tests.rs"]
mod tests;
