//! `result.json`: all of it.

use std::path::PathBuf;

use async_trait::async_trait;

use super::{Sink, Stage, files, from_write, written};
use crate::model::{Reported, RunResult};

pub const NAME: &str = "result.json";

pub struct ResultFile {
    path: PathBuf,
}

impl ResultFile {
    pub fn new(report_dir: &std::path::Path) -> Self {
        Self { path: report_dir.join(NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for ResultFile {
    fn name(&self) -> &str {
        NAME
    }

    fn stage(&self) -> Stage {
        Stage::Record
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        let mut result = result.clone();
        // Whoever reads this can read it.
        result.reporting.retain(|reported| reported.sink != NAME);
        result.reporting.push(written(NAME));
        let text = serde_json::to_vec_pretty(&result).map_err(std::io::Error::from);
        Some(from_write(NAME, text.and_then(|text| files::replace(&self.path, &text))))
    }
}
