//! `annotations.json`: links to the experiments, on the page of a GitLab job.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Sink, files, from_write};
use faultgate_core::model::{ExperimentResult, Reported, RunResult};
use faultgate_core::text;

pub(super) const NAME: &str = "annotations.json";

/// Longest label, and its part that is the experiment's name.
const LABEL: usize = 100;
const EXPERIMENT: usize = 60;
/// Longest address.
const LONGEST_URL: usize = 1_000;
/// GitLab takes 80 KiB, and drops the whole file if it is larger.
const LARGEST: usize = 75 * 1024;

pub(super) fn render(result: &RunResult) -> String {
    let mut room = LARGEST;
    let links: Vec<Value> = result
        .experiments
        .iter()
        .filter_map(link)
        .take_while(|link| {
            let length = link.to_string().len() + 1;
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        })
        .collect();
    json!({ "faultgate": links }).to_string()
}

fn link(experiment: &ExperimentResult) -> Option<Value> {
    let url = experiment.url.as_deref().filter(|url| is_address(url))?;
    let score = experiment.score.map_or_else(|| "no score".to_owned(), |score| format!("score {score}"));
    let name = text::plain(&experiment.name, EXPERIMENT);
    let warnings = match experiment.warnings.len() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    let label = text::plain(&format!("{name}: {}, {score}{warnings}", experiment.verdict), LABEL);
    Some(json!({ "external_link": { "label": label, "url": url } }))
}

fn is_address(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && url.len() <= LONGEST_URL && url.chars().all(|c| c.is_ascii_graphic())
}

pub struct AnnotationsFile {
    path: PathBuf,
}

impl AnnotationsFile {
    pub fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for AnnotationsFile {
    fn name(&self) -> &str {
        NAME
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(NAME, files::replace(&self.path, render(result).as_bytes())))
    }
}
