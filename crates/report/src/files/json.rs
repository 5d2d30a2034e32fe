//! `result.json`: the whole result, as programs read it. Every other report can be rendered from it again.

use std::io::{self, Write};
use std::path::PathBuf;

use async_trait::async_trait;

use super::write;
use crate::sink::{Sink, Stage, from_write, report_written};
use faultgate_core::model::{Reported, RunResult};

/// Name of the file in the report folder.
pub const FILE_NAME: &str = "result.json";

/// The sink that writes `result.json`.
pub struct ResultFile {
    path: PathBuf,
}

impl ResultFile {
    pub fn new(report_dir: &std::path::Path) -> Self {
        Self { path: report_dir.join(FILE_NAME) }
    }
}

#[async_trait(?Send)]
impl Sink for ResultFile {
    fn name(&self) -> &str {
        FILE_NAME
    }

    fn stage(&self) -> Stage {
        Stage::Record
    }

    fn prepare(&self, result: &mut RunResult) {
        // The file tells of itself too: whoever reads this line has the file.
        result.reporting.retain(|reported| reported.sink != FILE_NAME);
        result.reporting.push(report_written(FILE_NAME));
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        // The file is written piece by piece: as text, the samples of a long run take many times their size
        // in memory.
        let write =
            |file: &mut dyn Write| serde_json::to_writer_pretty(file, result).map_err(io::Error::from);
        Some(from_write(FILE_NAME, write::replace_by(&self.path, write)))
    }
}
