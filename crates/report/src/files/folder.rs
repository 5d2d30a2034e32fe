//! The report folder: the files in it that tell a verdict, and their removal before a run.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use faultgate_core::files;

use super::write::named;
use super::{annotations, dotenv, json};
use crate::{html, junit, summary};

/// Names of all files in the report folder that tell a verdict.
const OURS: [&str; 6] = [json::NAME, summary::NAME, junit::NAME, dotenv::NAME, annotations::NAME, html::NAME];

/// Returns `true` if a sink of this name writes a file that tells a verdict.
pub(crate) fn is_ours(sink: &str) -> bool {
    OURS.contains(&sink)
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
    for path in OURS.map(|name| report_dir.join(name)) {
        if is_kept(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            // A missing file or folder is no problem: there is nothing to remove.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                problems.push(named(&path, &error).to_string());
            }
            _ => {}
        }
    }
    files::remove_drafts(report_dir, &OURS.map(OsStr::new));
    problems
}
