//! Files, whole or not at all.

use std::ffi::OsString;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{annotations, dotenv, html, json, junit, summary};

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
        for path in [draft_of(&path).as_ref(), path.as_path()] {
            if is_kept(path) {
                continue;
            }
            match std::fs::remove_file(path) {
                // Where there is no folder, there is no file.
                Err(error)
                    if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                {
                    problems.push(named(path, &error).to_string());
                }
                _ => {}
            }
        }
    }
    problems
}

fn draft_of(path: &Path) -> OsString {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    draft
}

/// Puts a new file in the place of an old one in one step: a reader never sees half of it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(content))
}

/// The same, where the content is written piece by piece. Where it cannot be written the old file is no longer true, so
/// it goes: which may make the room that was missing.
pub(super) fn replace_by(path: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
    }
    let draft = draft_of(path);
    let draft = Path::new(&draft);
    let written = || {
        let mut file = io::BufWriter::new(std::fs::File::create(draft)?);
        write(&mut file)?;
        file.flush()
    };
    let moved = || {
        written().and_then(|()| std::fs::rename(draft, path)).inspect_err(|_| {
            // Best effort: the draft may never have come to be.
            let _ = std::fs::remove_file(draft);
        })
    };
    moved()
        .or_else(|error| match std::fs::remove_file(path) {
            Ok(()) => moved(),
            Err(_) => Err(error),
        })
        .map_err(|error| named(path, &error))
}

/// Adds to a file that the CI has made.
pub(super) fn append(path: &Path, content: &str) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)
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
        let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
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
