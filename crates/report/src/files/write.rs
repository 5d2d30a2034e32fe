//! The ways to write a report file.
//!
//! A file in the report folder is replaced in one step, so that a reader never sees half of it. A file that
//! the CI has made is written in its place, since the CI knows it by its path and others may have written to
//! it.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use faultgate_core::files::{self, Survives};

/// Puts a new file in the place of an old one in one step, so that a reader never sees half of it.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(content))
}

/// Replaces a file as [`replace`] does, with content that is written piece by piece. If the new file cannot
/// be written, the old one is removed, since it is no longer true. That may make the room that was missing,
/// so the new file is tried once more.
pub(crate) fn replace_by(path: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A folder that cannot be made is one reason for all of its files, so it is told by the folder's name.
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(|error| add_path(folder, &error))?;
    files::write_whole(path, Survives::Process, &write)
        .or_else(|error| match std::fs::remove_file(path) {
            Ok(()) => files::write_whole(path, Survives::Process, &write),
            Err(_) => Err(error),
        })
        .map_err(|error| add_path(path, &error))
}

/// Adds text to a file that the CI has made.
pub(crate) fn append(path: &Path, content: &str) -> io::Result<()> {
    files::open_by(path, OpenOptions::new().append(true))
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| add_path(path, &error))
}

/// Returns the length in bytes of a file that the CI has made.
pub(crate) fn length(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path).map(|about| about.len()).map_err(|error| add_path(path, &error))
}

/// Writes the content behind the first `kept` bytes of a file that the CI has made, in place of whatever
/// stands there.
pub(crate) fn replace_from(path: &Path, kept: u64, content: &str) -> io::Result<()> {
    let write = || {
        let mut file = files::open_by(path, OpenOptions::new().write(true))?;
        // The file may have become shorter; it must not be filled with zeros.
        let kept = kept.min(file.metadata()?.len());
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        file.write_all(content.as_bytes())
    };
    write().map_err(|error| add_path(path, &error))
}

/// Adds the path to an error.
pub(crate) fn add_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
