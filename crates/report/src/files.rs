//! Report files: the names of all of them, and the ways to write them.
//!
//! A file in the report folder is replaced in one step, so that a reader never sees half of it. A file that
//! the CI has made is written in its place, since the CI knows it by its path and others may have written to
//! it.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{annotations, dotenv, html, json, junit, summary};
use faultgate_core::files::{self, Survives};

/// Names of all files in the report folder that tell a verdict.
const OURS: [&str; 6] = [json::NAME, summary::NAME, junit::NAME, dotenv::NAME, annotations::NAME, html::NAME];

/// Returns `true` if a sink of this name writes a file that tells a verdict.
pub(super) fn is_ours(sink: &str) -> bool {
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

/// Puts a new file in the place of an old one in one step, so that a reader never sees half of it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(content))
}

/// Replaces a file as [`replace`] does, with content that is written piece by piece. If the new file cannot
/// be written, the old one is removed, since it is no longer true. That may make the room that was missing,
/// so the new file is tried once more.
pub(super) fn replace_by(path: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    files::write_whole(path, Survives::Process, &write)
        .or_else(|error| match std::fs::remove_file(path) {
            Ok(()) => files::write_whole(path, Survives::Process, &write),
            Err(_) => Err(error),
        })
        .map_err(|error| named(path, &error))
}

/// Adds text to a file that the CI has made.
pub(super) fn append(path: &Path, content: &str) -> io::Result<()> {
    files::open_by(path, OpenOptions::new().append(true))
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| named(path, &error))
}

/// Returns the length in bytes of a file that the CI has made.
pub(super) fn length(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path).map(|about| about.len()).map_err(|error| named(path, &error))
}

/// Writes the content behind the first `kept` bytes of a file that the CI has made, in place of whatever
/// stands there.
pub(super) fn replace_from(path: &Path, kept: u64, content: &str) -> io::Result<()> {
    let write = || {
        let mut file = files::open_by(path, OpenOptions::new().write(true))?;
        // The file may have become shorter; it must not be filled with zeros.
        let kept = kept.min(file.metadata()?.len());
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        file.write_all(content.as_bytes())
    };
    write().map_err(|error| named(path, &error))
}

/// Adds the path to an error.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
