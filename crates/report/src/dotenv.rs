//! `faultgate.env`: the outputs as variables, for GitLab's dotenv reports and for shells that source it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::outputs::{of_mistakes, outputs};
use super::{Sink, files, from_write};
use faultgate_core::model::{OUTPUTS, Reported, RunResult};
use faultgate_core::text;

pub(super) const NAME: &str = "faultgate.env";

/// Longest value. GitLab takes 5 KiB for the whole file.
const LONGEST: usize = 1_000;
/// Longest list of experiment ids.
const LONGEST_IDS: usize = 2_000;

pub(super) fn render(result: &RunResult) -> String {
    variables(outputs(result, ""))
}

/// The variables of a run that never began, since its settings hold mistakes.
pub fn write_mistakes_as_variables(report_dir: &Path, reason: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(report_dir)?;
    files::replace(&report_dir.join(NAME), variables(of_mistakes(reason)).as_bytes())
}

fn variables(outputs: Vec<(&'static str, String)>) -> String {
    let mut rendered = String::new();
    let values = outputs.into_iter().zip(&OUTPUTS).filter(|(_, output)| output.in_dotenv);
    for ((name, value), output) in values {
        let value = if name == "experiment-ids" { whole_ids(&value) } else { inert(&value) };
        let _ = writeln!(rendered, "{}={value}", output.variable());
    }
    rendered
}

/// Text that no shell obeys and no dotenv reader misreads: other characters become one `_`.
fn inert(value: &str) -> String {
    let mut out = String::new();
    for c in text::plain(value, LONGEST).chars() {
        if c.is_ascii_alphanumeric() || "_.,:/@%+-".contains(c) {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

/// As many ids as there is room for, none of them cut.
fn whole_ids(ids: &str) -> String {
    let mut out = String::new();
    for id in ids.split(',').map(inert) {
        if out.len() + 1 + id.len() > LONGEST_IDS {
            break;
        }
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(&id);
    }
    out
}

pub struct DotenvFile {
    path: PathBuf,
}

impl DotenvFile {
    pub fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for DotenvFile {
    fn name(&self) -> &str {
        NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let rendered = render(result);
        Some(from_write(NAME, files::replace(&self.path, rendered.as_bytes())))
    }
}
