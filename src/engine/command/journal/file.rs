//! The file of a journal: whether this run has written it, and what is in it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::python::as_json;
use super::{Journal, LONGEST};
use crate::config::Veil;
use crate::{files, text};

/// A journal larger than this is a wrong file.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// What makes one version of a file different from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::command) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// None if there is no such file.
    pub(in crate::engine::command) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }

    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Reads a journal that is not the one that was there before, without what the veil hides. The error says what is wrong
/// with it.
pub(in crate::engine::command) fn read(
    path: &Path,
    stale: Option<Stamp>,
    veil: &Veil,
) -> Result<Journal, String> {
    let shown = text::plain(&path.display().to_string(), LONGEST);
    let unreadable = |error: std::io::Error| format!("the journal {shown} cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if stale == Some(Stamp::from(&metadata)) {
        return Err(format!("the journal {shown} is from an earlier run: this one has not written it"));
    }
    let bytes = files::read(path, MAX_BYTES).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => format!("the journal {shown} is not a file"),
        ErrorKind::FileTooLarge => format!("the journal {shown} is larger than {} MiB", MAX_BYTES >> 20),
        _ => unreadable(error),
    })?;
    let mut journal: Journal = serde_json::from_str(&as_json(&bytes))
        .map_err(|error| format!("the journal {shown} is not one of Chaos Toolkit: {error}"))?;
    journal.shorten(veil);
    Ok(journal)
}
