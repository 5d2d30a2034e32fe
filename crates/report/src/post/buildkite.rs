//! Buildkite: the summary as an annotation on the build's page, by Buildkite's own agent.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::sink::{Sink, Stage, report_failed, report_skipped, report_written};
use crate::summary::{PageLimits, render};
use crate::words::Nature;
use faultgate_core::model::{Reported, RunResult, Verdict};
use faultgate_core::processes::own::Own;
use faultgate_core::text;

/// The time that the agent has to do its work.
const AGENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bytes that are read of the agent's complaints.
const MAX_COMPLAINT_BYTES: u64 = 16 * 1024;
/// The page of an annotation. Buildkite takes up to 1 MiB.
const PAGE: PageLimits = PageLimits { budget: 900 * 1024, html: true, mermaid: false, hides_accounts: false };

/// The sink that annotates a build.
pub struct BuildkiteAnnotation {
    agent: OsString,
}

impl BuildkiteAnnotation {
    const SINK: &'static str = "buildkite annotation";

    /// Makes the sink. `agent` is the name of a program on the `PATH`, or its path.
    pub fn new(agent: impl Into<OsString>) -> Self {
        Self { agent: agent.into() }
    }

    fn spawn(&self, result: &RunResult) -> io::Result<Child> {
        let nature = Nature::of(result.rehearsal.is_some(), result.dry_run);
        // An annotation replaces an earlier one of the same context, so shards and trials need their own.
        let context = nature.context("faultgate", result.run.shard);
        Command::new(&self.agent)
            .args(["annotate", "--style", style(result.gate.verdict), "--context", &context])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

fn style(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "success",
        Verdict::Cancelled => "warning",
        Verdict::Failed | Verdict::Errored | Verdict::TimedOut => "error",
    }
}

/// Hands the page to the agent, and waits for its end and its complaints.
async fn annotate(mut agent: Child, page: &str) -> io::Result<(ExitStatus, String)> {
    let (stdin, stderr) = (agent.stdin.take(), agent.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // An error is dropped: an agent that does not read to the end says why by its exit.
            let _ = stdin.write_all(page.as_bytes()).await;
        }
    };
    let read = async {
        let mut complaints = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(MAX_COMPLAINT_BYTES).read_to_end(&mut complaints).await;
        }
        String::from_utf8_lossy(&complaints).into_owned()
    };
    let ((), complaints, status) = tokio::join!(write, read, agent.wait());
    Ok((status?, complaints))
}

#[async_trait(?Send)]
impl Sink for BuildkiteAnnotation {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let agent = match self.spawn(result) {
            Ok(agent) => agent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let missing = report_skipped(Self::SINK, "buildkite-agent is not on the PATH");
                return Some(missing.with_remedy("mount it into the container: mount-buildkite-agent: true"));
            }
            Err(error) => return Some(report_failed(Self::SINK, format!("buildkite-agent: {error}"))),
        };
        // The reaper of orphans must leave this child to us, who wait for its exit.
        let _own = agent.id().and_then(|id| i32::try_from(id).ok()).map(Own::new);
        let page = render(result, &PAGE);
        Some(match timeout(AGENT_TIMEOUT, annotate(agent, &page)).await {
            Err(_) => report_failed(
                Self::SINK,
                format!("buildkite-agent did not end within {} s", AGENT_TIMEOUT.as_secs()),
            ),
            Ok(Err(error)) => report_failed(Self::SINK, format!("buildkite-agent: {error}")),
            Ok(Ok((status, _))) if status.success() => report_written(Self::SINK),
            Ok(Ok((status, complaints))) => {
                let why = format!("buildkite-agent: {status}: {}", text::plain(&complaints, 400));
                report_failed(Self::SINK, why)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use faultgate_core::model::Outcome;
    use faultgate_testkit::results;

    /// Makes an agent that does what a shell script says. A shell writes the file: if this process had it
    /// open for writing, a child of another test might inherit it, and it could not be executed until that
    /// child ends.
    fn agent(folder: &tempfile::TempDir, script: &str) -> PathBuf {
        let path = folder.path().join("buildkite-agent");
        let write = "printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
        let made = std::process::Command::new("sh").args(["-c", write]).arg(&path).arg(script).status();
        assert!(made.unwrap().success());
        path
    }

    async fn finish(agent: impl Into<OsString>, result: &RunResult) -> Reported {
        BuildkiteAnnotation::new(agent).finish(result).await.unwrap()
    }

    #[tokio::test]
    async fn the_agent_is_handed_the_summary() {
        let folder = tempfile::tempdir().unwrap();
        let script = "cd \"$(dirname \"$0\")\" && echo \"$@\" > arguments && cat > page";
        let path = agent(&folder, script);
        for (result, style, context) in [
            (results::stopped(), "error", "faultgate rehearsal"),
            (results::passed(), "success", "faultgate"),
        ] {
            let reported = finish(&path, &result).await;
            assert_eq!((reported.outcome, reported.detail), (Outcome::Written, None));
            let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(read("arguments"), format!("annotate --style {style} --context {context}\n"));
            assert_eq!(read("page"), render(&result, &PAGE));
            assert!(!read("page").contains("mermaid"));
        }
    }

    #[tokio::test]
    async fn an_agent_that_refuses_says_why_without_reading_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = agent(&folder, "echo 'not \u{1b}[31mallowed' >&2; exit 3");
        let reported = finish(path, &results::large("x")).await;
        assert_eq!(reported.outcome, Outcome::Failed);
        assert_eq!(reported.detail.unwrap(), "buildkite-agent: exit status: 3: not allowed");
    }

    #[tokio::test]
    async fn without_an_agent_there_is_nothing_to_annotate_with() {
        let reported = finish("/nowhere/buildkite-agent", &results::passed()).await;
        assert_eq!((reported.outcome, reported.to_do), (Outcome::Skipped, true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = agent(&folder, "exec sleep 600");
        let reported = finish(path, &results::passed()).await;
        assert_eq!(reported.detail.unwrap(), "buildkite-agent did not end within 10 s");
    }
}
