//! `faultgate.env`: the outputs as variables, for GitLab's dotenv reports and for shells that source it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::outputs::outputs;
use super::{Sink, files, from_write};
use crate::model::{Reported, RunResult};
use crate::text;

pub(super) const NAME: &str = "faultgate.env";

/// Longest value. GitLab takes 5 KiB for the whole file.
const LONGEST: usize = 1_000;
/// Longest list of experiment ids.
const LONGEST_IDS: usize = 2_000;

pub(super) fn render(result: &RunResult, report_dir: &str) -> String {
    let mut rendered = String::new();
    for (name, value) in outputs(result, report_dir) {
        let value = match name {
            "experiment-ids" => whole_ids(&value),
            // A path that has become another one leads nowhere.
            "report-dir" => Some(inert(&value)).filter(|kept| *kept == value).unwrap_or_default(),
            _ => inert(&value),
        };
        let _ = writeln!(rendered, "FAULTGATE_{}={value}", name.to_uppercase().replace('-', "_"));
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
    report_dir: String,
}

impl DotenvFile {
    pub fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(NAME), report_dir: report_dir.display().to_string() }
    }
}

#[async_trait(?Send)]
impl Sink for DotenvFile {
    fn name(&self) -> &str {
        NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let rendered = render(result, &self.report_dir);
        Some(from_write(NAME, files::replace(&self.path, rendered.as_bytes())))
    }
}
