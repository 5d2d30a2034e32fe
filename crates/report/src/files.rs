//! Report files: which there are, and how they are written.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{annotations, dotenv, html, json, junit, summary};
use faultgate_core::files;

/// Every file of the report folder that tells a verdict.
const OURS: [&str; 6] = [json::NAME, summary::NAME, junit::NAME, dotenv::NAME, annotations::NAME, html::NAME];

/// Whether a sink of this name writes such a file.
pub(super) fn is_ours(sink: &str) -> bool {
    OURS.contains(&sink)
}

/// Removes what an earlier run has left, so that a run that dies leaves nobody else's `passed`. Of a link only the link
/// goes. `kept` are files that are still to be read. Returns what could not be removed, and why.
pub fn clear(report_dir: &Path, kept: &[PathBuf]) -> Vec<String> {
    let kept: Vec<PathBuf> = kept.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let is_kept =
        |path: &Path| !kept.is_empty() && path.canonicalize().is_ok_and(|path| kept.contains(&path));
    let mut problems = Vec::new();
    for path in OURS.map(|name| report_dir.join(name)) {
        if is_kept(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            // Where there is no folder, there is no file.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                problems.push(named(&path, &error).to_string());
            }
            _ => {}
        }
    }
    files::remove_drafts(report_dir, &OURS.map(OsStr::new));
    problems
}

/// Puts a new file in the place of an old one in one step: a reader never sees half of it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(content))
}

/// The same, where the content is written piece by piece. Where it cannot be written the old file is no longer true, so
/// it goes: which may make the room that was missing.
pub(super) fn replace_by(path: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    files::write_whole(path, &write)
        .or_else(|error| match std::fs::remove_file(path) {
            Ok(()) => files::write_whole(path, &write),
            Err(_) => Err(error),
        })
        .map_err(|error| named(path, &error))
}

/// Adds to a file that the CI has made.
pub(super) fn append(path: &Path, content: &str) -> io::Result<()> {
    files::open_by(path, OpenOptions::new().append(true))
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| named(path, &error))
}

/// The length of a file that the CI has made.
pub(super) fn length(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path).map(|about| about.len()).map_err(|error| named(path, &error))
}

/// Puts the content behind the first `kept` bytes of a file that the CI has made, in the place of what is there.
pub(super) fn replace_from(path: &Path, kept: u64, content: &str) -> io::Result<()> {
    let write = || {
        let mut file = files::open_by(path, OpenOptions::new().write(true))?;
        let kept = kept.min(file.metadata()?.len());
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        file.write_all(content.as_bytes())
    };
    write().map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
