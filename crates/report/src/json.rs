//! `result.json`: all of it.

use std::io::{self, Write};
use std::path::PathBuf;

use async_trait::async_trait;

use super::{Sink, Stage, files, from_write, written};
use faultgate_core::model::{Reported, RunResult};

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

    fn prepare(&self, result: &mut RunResult) {
        // Whoever reads this can read it.
        result.reporting.retain(|reported| reported.sink != NAME);
        result.reporting.push(written(NAME));
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        // Piece by piece: a long run's samples take many times as much as text.
        let write =
            |file: &mut dyn Write| serde_json::to_writer_pretty(file, result).map_err(io::Error::from);
        Some(from_write(NAME, files::replace_by(&self.path, write)))
    }
}
