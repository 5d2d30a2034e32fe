//! Files, whole or not at all.

use std::io::{self, Write};
use std::path::Path;

/// Puts a new file in the place of an old one in one step: a reader never sees half of it.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = Path::new(&draft);
    let moved = std::fs::write(draft, content).and_then(|()| std::fs::rename(draft, path));
    moved.map_err(|error| {
        // Best effort: the draft may never have come to be.
        let _ = std::fs::remove_file(draft);
        named(path, &error)
    })
}

/// Adds to a file that the CI has made.
pub(super) fn append(path: &Path, content: &str) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
