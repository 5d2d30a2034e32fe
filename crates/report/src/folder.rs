//! The report folder: the files in it that tell a verdict, and their removal before a run.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use faultgate_core::files;

use crate::files::annotations::{self, AnnotationsFile};
use crate::files::dotenv::{self, DotenvFile};
use crate::files::json::{self, ResultFile};
use crate::files::write::add_path;
use crate::html::{self, HtmlFile};
use crate::junit::{self, JunitFile};
use crate::sink::{Sink, Stage};
use crate::summary::{self, SummaryFile};

/// A file in the report folder that tells a verdict.
struct ReportFile {
    name: &'static str,
    make_sink: fn(&Path) -> Box<dyn Sink>,
}

/// All files in the report folder that tell a verdict, in the order in which they are written. A new one is one
/// line here, and a sink without its line is dead code to the compiler.
const REPORT_FILES: [ReportFile; 6] = [
    ReportFile { name: summary::FILE_NAME, make_sink: |folder| Box::new(SummaryFile::new(folder)) },
    ReportFile { name: junit::FILE_NAME, make_sink: |folder| Box::new(JunitFile::new(folder)) },
    ReportFile { name: dotenv::FILE_NAME, make_sink: |folder| Box::new(DotenvFile::new(folder)) },
    ReportFile { name: annotations::FILE_NAME, make_sink: |folder| Box::new(AnnotationsFile::new(folder)) },
    ReportFile { name: html::FILE_NAME, make_sink: |folder| Box::new(HtmlFile::new(folder)) },
    ReportFile { name: json::FILE_NAME, make_sink: |folder| Box::new(ResultFile::new(folder)) },
];

/// Makes the sinks of the report files that are written in this stage.
pub fn report_file_sinks(report_dir: &Path, stage: Stage) -> Vec<Box<dyn Sink>> {
    let sinks = REPORT_FILES.iter().map(|file| (file.make_sink)(report_dir));
    sinks.filter(|sink| sink.stage() == stage).collect()
}

/// Returns the paths of all files that tell a verdict, whether they are there or not.
pub fn report_files(report_dir: &Path) -> impl Iterator<Item = PathBuf> {
    REPORT_FILES.iter().map(|file| report_dir.join(file.name))
}

/// Returns `true` if a sink of this name writes a file that tells a verdict.
pub(crate) fn is_report_file(sink: &str) -> bool {
    REPORT_FILES.iter().any(|file| file.name == sink)
}

/// Removes the report files of an earlier run, so that a run that dies does not leave the `passed` of another
/// one. A link is removed, and the file it leads to stays. The files in `kept` stay, because they are still
/// to be read. Returns a line for each file that could not be removed, with the reason.
pub fn clear(report_dir: &Path, kept: &[PathBuf]) -> Vec<String> {
    // A kept file may be named by another path, so real paths are compared.
    let kept: Vec<PathBuf> = kept.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let is_kept =
        |path: &Path| !kept.is_empty() && path.canonicalize().is_ok_and(|path| kept.contains(&path));
    let mut problems = Vec::new();
    for path in report_files(report_dir) {
        if is_kept(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            // A missing file or folder is no problem: there is nothing to remove.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                problems.push(add_path(&path, &error).to_string());
            }
            _ => {}
        }
    }
    files::remove_drafts(report_dir, &REPORT_FILES.each_ref().map(|file| OsStr::new(file.name)));
    problems
}
