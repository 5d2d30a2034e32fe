//! `annotations.json`: links to the experiments, on the page of a GitLab job.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::write;
use crate::sink::{Sink, from_write};
use faultgate_core::model::{ExperimentResult, Reported, RunResult};
use faultgate_core::text;

/// Name of the file in the report folder.
pub(crate) const FILE_NAME: &str = "annotations.json";

/// Maximum length of a label in characters.
const MAX_LABEL_CHARS: usize = 100;
/// Maximum length, in characters, of the experiment's name within a label.
const MAX_NAME_CHARS: usize = 60;
/// Maximum length of an address in bytes.
const MAX_URL_BYTES: usize = 1_000;
/// Maximum size of all links in bytes. GitLab takes 80 KiB, and drops the whole file if it is larger.
const MAX_LINKS_BYTES: usize = 75 * 1024;

/// Renders the links of as many experiments as there is room for.
pub(crate) fn render(result: &RunResult) -> String {
    let mut room = MAX_LINKS_BYTES;
    let links: Vec<Value> = result
        .worst_first()
        .into_iter()
        .filter_map(|(_, experiment)| link(experiment))
        .take_while(|link| {
            // One byte more is for the comma between two links.
            let length = link.to_string().len() + 1;
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        })
        .collect();
    json!({ "faultgate": links }).to_string()
}

/// Returns the link to an experiment, or `None` if it has no address that a browser opens.
fn link(experiment: &ExperimentResult) -> Option<Value> {
    let url = experiment.url.as_deref().filter(|url| is_address(url))?;
    let score = experiment.score.map_or_else(|| "no score".to_owned(), |score| format!("score {score}"));
    let name = text::short(&experiment.name, MAX_NAME_CHARS);
    let warnings = match experiment.warnings.len() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    let label = text::plain(&format!("{name}: {}, {score}{warnings}", experiment.verdict), MAX_LABEL_CHARS);
    Some(json!({ "external_link": { "label": label, "url": url } }))
}

fn is_address(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && url.len() <= MAX_URL_BYTES && url.chars().all(|c| c.is_ascii_graphic())
}

/// The sink that writes `annotations.json`.
pub(crate) struct AnnotationsFile {
    path: PathBuf,
}

impl AnnotationsFile {
    pub(crate) fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for AnnotationsFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(FILE_NAME, write::replace(&self.path, render(result).as_bytes())))
    }
}
