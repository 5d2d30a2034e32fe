//! `junit.xml`: the run as a test report. Each experiment is a suite, with a case for each of its actions,
//! its probes and the probes of its faults, and one for its verdict. One more suite has a single case for the
//! gate of the run.
//!
//! - `cases` makes the suites and cases (`suite`), and `faults` those of engines that judge each fault.
//! - `xml` writes them as readers take them, of characters that they take (`text`).
//!
//! One cause is one failure: a report must not show more failures than there are experiments that did not
//! pass.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

mod cases;
mod faults;
mod suite;
mod text;
mod xml;

use suite::{Rank, TestCase, TestSuite};

use crate::files::write::replace;
use crate::sink::{Sink, from_write};
use faultgate_core::model::{Reported, RunResult};

/// Name of the file in the report folder.
pub(crate) const FILE_NAME: &str = "junit.xml";

/// Maximum number of cases. CodeBuild takes no more in one report.
const MAX_CASES: usize = 500;

/// Renders the report.
pub(crate) fn render(result: &RunResult) -> std::io::Result<String> {
    let mut suites: Vec<TestSuite> = result
        .worst_first()
        .into_iter()
        .map(|(_, experiment)| cases::of_experiment(result, experiment))
        .collect();
    suites.push(cases::of_gate(result));
    let left_out = leave_out(&mut suites);
    if let Some(gate) = suites.last_mut().filter(|_| left_out > 0) {
        let why = format!("{left_out} cases, those that passed first: at most {MAX_CASES} are reported");
        gate.properties.push(("left-out", why));
    }
    // A suite without cases goes as a whole. Every other one keeps its properties.
    suites.retain(|suite| !suite.cases.is_empty());
    cases::make_names_unique(&mut suites);
    xml::write(&suites)
}

/// Leaves out the least telling cases until there are no more than a report takes. Returns the number of
/// cases that were left out.
fn leave_out(suites: &mut [TestSuite]) -> usize {
    let count: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let mut surplus = count.saturating_sub(MAX_CASES);
    let left_out = surplus;
    for rank in Rank::ALL {
        // The last ones go first, so that the beginning stays as it was.
        for suite in suites.iter_mut().rev() {
            let mut kept: Vec<TestCase> = Vec::new();
            for case in suite.cases.drain(..).rev() {
                if surplus > 0 && case.rank == rank {
                    surplus -= 1;
                } else {
                    kept.push(case);
                }
            }
            kept.reverse();
            suite.cases = kept;
        }
    }
    left_out
}

/// The sink that writes `junit.xml`.
pub(crate) struct JunitFile {
    path: PathBuf,
}

impl JunitFile {
    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for JunitFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let rendered = render(result).and_then(|text| replace(&self.path, text.as_bytes()));
        Some(from_write(FILE_NAME, rendered))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::assert_sound;
