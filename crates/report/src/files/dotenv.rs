//! `faultgate.env`: the outputs as variables, for GitLab's dotenv reports and for shells that source it.
//!
//! A shell executes what it sources, so no value may hold a character that a shell obeys.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::outputs::{of_mistakes, outputs};
use super::write;
use crate::sink::{Sink, from_write};
use faultgate_core::model::{OutputName, Reported, RunResult};
use faultgate_core::text;

/// Name of the file in the report folder.
pub(crate) const FILE_NAME: &str = "faultgate.env";

/// Maximum length of a value in characters. GitLab takes 5 KiB for the whole file.
const MAX_VALUE_CHARS: usize = 1_000;
/// Maximum length of the list of experiment ids in bytes.
const MAX_IDS_BYTES: usize = 2_000;

pub(crate) fn render(result: &RunResult) -> String {
    variables(outputs(result, ""))
}

/// Writes the variables of a run that never began, since its settings hold mistakes.
pub fn write_mistakes_as_variables(report_dir: &Path, reason: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(report_dir)?;
    write::replace(&report_dir.join(FILE_NAME), variables(of_mistakes(reason)).as_bytes())
}

fn variables(outputs: Vec<(OutputName, String)>) -> String {
    let mut rendered = String::new();
    for (output, value) in outputs.into_iter().filter(|(output, _)| output.is_in_dotenv()) {
        let value = if output == OutputName::ExperimentIds { whole_ids(&value) } else { inert(&value) };
        let _ = writeln!(rendered, "{}={value}", output.variable());
    }
    rendered
}

/// Returns text that no shell obeys and no dotenv reader misreads. A row of other characters becomes one `_`.
fn inert(value: &str) -> String {
    let mut out = String::new();
    for c in text::plain(value, MAX_VALUE_CHARS).chars() {
        if c.is_ascii_alphanumeric() || "_.,:/@%+-".contains(c) {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

/// Returns as many of the ids as there is room for. None is cut, since half an id would name another
/// experiment or none.
fn whole_ids(ids: &str) -> String {
    let mut out = String::new();
    for id in ids.split(',').map(inert) {
        if out.len() + 1 + id.len() > MAX_IDS_BYTES {
            break;
        }
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(&id);
    }
    out
}

/// The sink that writes `faultgate.env`.
pub(crate) struct DotenvFile {
    path: PathBuf,
}

impl DotenvFile {
    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for DotenvFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let rendered = render(result);
        Some(from_write(FILE_NAME, write::replace(&self.path, rendered.as_bytes())))
    }
}
