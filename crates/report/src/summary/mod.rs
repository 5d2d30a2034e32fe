//! The summary: a page of Markdown that tells people what happened. It goes to `summary.md`, to GitHub's job
//! summary, and wherever else Markdown is taken.
//!
//! - `head` has the verdict and the table of experiments, which are always there; `sections` has the parts
//!   below, with those in `change` and `faults`.
//! - `fit` chooses the sections for which a page has room, and `lists` shortens lists and tables.
//! - `safe` makes texts and addresses from outside safe.
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
mod safe;
mod sections;

pub(crate) use fit::PageLimits;
pub(crate) use safe::plain_without_accounts;

use crate::files::{CommandFile, write};
use crate::sink::{Sink, from_write, report_skipped, report_written};
use faultgate_core::model::{Reported, RunResult};

/// Name of the file in the report folder.
pub(crate) const FILE_NAME: &str = "summary.md";

/// Renders a page that never exceeds its budget. Sections that do not fit are left out, and the page says so.
pub(crate) fn render(result: &RunResult, page: &PageLimits) -> String {
    let head = head::head(result, page.budget / 2, page.html);
    let foot = head::foot(result, page.html);
    let whole = fit::fit(head, &sections::sections(result, page), &foot, page.budget);
    if page.hides_accounts { safe::without_accounts(&whole) } else { whole }
}

/// The sink that writes `summary.md`.
pub(crate) struct SummaryFile {
    path: PathBuf,
}

impl SummaryFile {
    const PAGE: PageLimits =
        PageLimits { budget: 4 * 1024 * 1024, html: true, mermaid: true, hides_accounts: false };

    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for SummaryFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(FILE_NAME, write::replace(&self.path, render(result, &Self::PAGE).as_bytes())))
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
    const MAX_FILE_BYTES: usize = 900 * 1024;
    /// The budget in bytes below which no summary is worth writing.
    const MIN_SUMMARY_BYTES: usize = 1024;

    pub fn new(file: CommandFile) -> Self {
        Self { file, earlier: None }
    }

    fn write(&mut self, result: &RunResult) -> std::io::Result<Reported> {
        // A second call must replace our own summary and keep what stood there before the first.
        let earlier = match self.earlier {
            Some(earlier) => earlier,
            None => *self.earlier.insert(write::length(self.file.path())?),
        };
        let budget = Self::MAX_FILE_BYTES.saturating_sub(usize::try_from(earlier).unwrap_or(usize::MAX));
        if budget < Self::MIN_SUMMARY_BYTES {
            let why = format!("{earlier} bytes are in it already, and GitHub takes no more than 1 MiB");
            return Ok(report_skipped(Self::SINK, why));
        }
        let page = PageLimits { budget, html: true, mermaid: true, hides_accounts: false };
        write::replace_from(self.file.path(), earlier, &render(result, &page))?;
        Ok(report_written(Self::SINK))
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
