//! The summary: what happened, for people. It goes to `summary.md`, to GitHub's job summary, and wherever else a page
//! of Markdown is taken.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

mod change;
mod faults;
mod fit;
mod head;
mod sections;

use super::command_file::CommandFile;
use super::{Sink, files, from_write, skipped};
use faultgate_core::model::{Reported, RunResult};
use faultgate_core::text;

pub(super) const NAME: &str = "summary.md";

/// Longest text from outside in one place.
const LONGEST: usize = 400;
/// Longest address that becomes a link.
const LONGEST_URL: usize = 1_000;

/// What the place of a summary takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// Bytes, all in all.
    pub(super) budget: usize,
    /// Whether its Markdown takes HTML.
    pub(super) html: bool,
    /// Whether it draws Mermaid diagrams.
    pub(super) mermaid: bool,
}

/// A page that never exceeds its budget: what does not fit is left out, and the page says so.
pub(super) fn render(result: &RunResult, page: &Page) -> String {
    let head = head::head(result, page.budget / 2);
    let foot = head::foot(result, page.html);
    fit::fit(head, &sections::sections(result, page), &foot, page.budget)
}

fn md(text: &str) -> String {
    text::markdown(text, LONGEST)
}

/// An address that can stand in a link of Markdown. Only those that we have made ourselves become links.
fn link(url: &str) -> Option<&str> {
    let safe = |c: char| c.is_ascii_graphic() && !"()<>[]|\"'`\\".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= LONGEST_URL && url.chars().all(safe)).then_some(url)
}

pub struct SummaryFile {
    path: PathBuf,
}

impl SummaryFile {
    const PAGE: Page = Page { budget: 4 * 1024 * 1024, html: true, mermaid: true };

    pub fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for SummaryFile {
    fn name(&self) -> &str {
        NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(NAME, files::replace(&self.path, render(result, &Self::PAGE).as_bytes())))
    }
}

/// GitHub's job summary.
pub struct StepSummary {
    file: CommandFile,
    /// What an earlier command of the step has written.
    earlier: Option<u64>,
}

impl StepSummary {
    const SINK: &'static str = "job summary";
    /// GitHub drops the summary of a step that is longer than 1 MiB, with what others have written to it.
    const BUDGET: usize = 900 * 1024;
    /// Less than this holds no summary.
    const LEAST: usize = 1024;

    pub fn new(file: CommandFile) -> Self {
        Self { file, earlier: None }
    }

    fn write(&mut self, result: &RunResult) -> std::io::Result<Reported> {
        let earlier = match self.earlier {
            Some(earlier) => earlier,
            None => *self.earlier.insert(files::length(self.file.path())?),
        };
        let budget = Self::BUDGET.saturating_sub(usize::try_from(earlier).unwrap_or(usize::MAX));
        if budget < Self::LEAST {
            let why = format!("{earlier} bytes are in it already, and GitHub takes no more than 1 MiB");
            return Ok(skipped(Self::SINK, why));
        }
        let page = Page { budget, html: true, mermaid: true };
        files::replace_from(self.file.path(), earlier, &render(result, &page))?;
        Ok(super::written(Self::SINK))
    }
}

#[async_trait(?Send)]
impl Sink for StepSummary {
    fn name(&self) -> &str {
        Self::SINK
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(self.write(result).unwrap_or_else(|error| self.file.outcome(Self::SINK, Err(error))))
    }
}

#[cfg(test)]
mod tests;
