//! The summary: a page of Markdown that tells people what happened. It goes to `summary.md`, to GitHub's job
//! summary, and wherever else Markdown is taken.
//!
//! - `head` has the verdict and the table of experiments, which are always there; `sections` has the parts
//!   below, with those in `change` and `faults`.
//! - `fit` chooses the sections for which a page has room, and `lists` shortens lists and tables.
//!
//! A page never exceeds its budget, since its place would cut or drop it. Text from outside never becomes
//! markup.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

pub(crate) mod blast_radius;
mod change;
mod faults;
mod fit;
mod head;
mod lists;
mod sections;

use crate::files::{CommandFile, write};
use crate::sink::{Sink, from_write, skipped, written};
use faultgate_core::model::{Reported, RunResult};
use faultgate_core::text;

/// Name of the file in the report folder.
pub(crate) const NAME: &str = "summary.md";

/// Maximum length of one text from outside, in characters.
const MAX_TEXT_CHARS: usize = 400;
/// Maximum length, in bytes, of an address that becomes a link.
const MAX_URL_BYTES: usize = 1_000;

/// The limits of the place that a summary goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    /// Maximum size of the page in bytes.
    pub(crate) budget: usize,
    /// `true` if its Markdown takes HTML.
    pub(crate) html: bool,
    /// `true` if it draws Mermaid diagrams.
    pub(crate) mermaid: bool,
}

/// Renders a page that never exceeds its budget. Sections that do not fit are left out, and the page says so.
pub(crate) fn render(result: &RunResult, page: &PageLimits) -> String {
    let head = head::head(result, page.budget / 2);
    let foot = head::foot(result, page.html);
    fit::fit(head, &sections::sections(result, page), &foot, page.budget)
}

/// Makes text from outside safe for Markdown.
fn md(text: &str) -> String {
    text::markdown(text, MAX_TEXT_CHARS)
}

/// Returns an address that can stand in a link of Markdown, or `None` if it cannot. Only addresses that we
/// have made ourselves become links.
fn link(url: &str) -> Option<&str> {
    let safe = |c: char| c.is_ascii_graphic() && !"()<>[]|\"'`\\".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= MAX_URL_BYTES && url.chars().all(safe)).then_some(url)
}

/// The sink that writes `summary.md`.
pub(crate) struct SummaryFile {
    path: PathBuf,
}

impl SummaryFile {
    const PAGE: PageLimits = PageLimits { budget: 4 * 1024 * 1024, html: true, mermaid: true };

    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for SummaryFile {
    fn name(&self) -> &str {
        NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(NAME, write::replace(&self.path, render(result, &Self::PAGE).as_bytes())))
    }
}

/// The sink that writes GitHub's job summary.
pub struct StepSummary {
    file: CommandFile,
    /// Length in bytes of the text that earlier commands of the step have written, which must stay. It is
    /// read before the first write.
    earlier: Option<u64>,
}

impl StepSummary {
    const SINK: &'static str = "job summary";
    /// Maximum size of the whole file in bytes. GitHub drops a summary that is longer than 1 MiB, with all
    /// that others have written to it.
    const BUDGET: usize = 900 * 1024;
    /// The budget in bytes below which no summary is worth writing.
    const MIN_BUDGET: usize = 1024;

    pub fn new(file: CommandFile) -> Self {
        Self { file, earlier: None }
    }

    fn write(&mut self, result: &RunResult) -> std::io::Result<Reported> {
        // A second call must replace our own summary and keep what stood there before the first.
        let earlier = match self.earlier {
            Some(earlier) => earlier,
            None => *self.earlier.insert(write::length(self.file.path())?),
        };
        let budget = Self::BUDGET.saturating_sub(usize::try_from(earlier).unwrap_or(usize::MAX));
        if budget < Self::MIN_BUDGET {
            let why = format!("{earlier} bytes are in it already, and GitHub takes no more than 1 MiB");
            return Ok(skipped(Self::SINK, why));
        }
        let page = PageLimits { budget, html: true, mermaid: true };
        write::replace_from(self.file.path(), earlier, &render(result, &page))?;
        Ok(written(Self::SINK))
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
