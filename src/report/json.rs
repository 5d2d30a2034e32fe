//! `result.json`: all of it.

use std::path::PathBuf;

use async_trait::async_trait;

use super::{Sink, files, from_write, written};
use crate::model::{Reported, RunResult};

pub struct ResultFile {
    path: PathBuf,
}

impl ResultFile {
    const SINK: &'static str = "result.json";

    pub fn new(report_dir: &std::path::Path) -> Self {
        Self { path: report_dir.join(Self::SINK) }
    }
}

#[async_trait(?Send)]
impl Sink for ResultFile {
    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let mut result = result.clone();
        // Whoever reads this can read it.
        result.reporting.push(written(Self::SINK));
        let text = serde_json::to_vec_pretty(&result).map_err(std::io::Error::from);
        Some(from_write(Self::SINK, text.and_then(|text| files::replace(&self.path, &text))))
    }
}
