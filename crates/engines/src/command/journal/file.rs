//! The file of a journal: whether this run has written it, and what is in it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::activity::{Activity, time};
use super::python::as_json;
use super::{Journal, LONGEST};
use faultgate_config::Veil;
use faultgate_core::{files, text};

/// A journal larger than this is a wrong file.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Clocks of two machines may differ so much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// When an experiment of ours went on.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct Span {
    pub(in crate::command) began: Timestamp,
    pub(in crate::command) ended: Timestamp,
}

impl Span {
    fn has(self, time: Timestamp) -> bool {
        time.duration_since(self.began) >= -CLOCKS_DIFFER && self.ended.duration_since(time) >= -CLOCKS_DIFFER
    }
}

/// What makes one version of a file different from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// None if there is no such file.
    pub(in crate::command) fn of(path: &Path) -> Option<Self> {
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

/// Reads a journal that is not the one that was there before, and that tells of a run in this span, without what the veil hides.
/// The error says what is wrong with it.
pub(in crate::command) fn read(
    path: &Path,
    stale: Option<Stamp>,
    span: Span,
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
    let mut journal =
        parse(&bytes).map_err(|error| format!("the journal {shown} is not one of Chaos Toolkit: {error}"))?;
    journal.shorten(veil);
    journal.of(span).map_err(|why| format!("the journal {shown} cannot be told to be of this run: {why}"))?;
    Ok(journal)
}

/// The error names the place.
fn parse(bytes: &[u8]) -> Result<Journal, String> {
    let text = as_json(bytes);
    let mut json = serde_json::Deserializer::from_str(&text);
    let journal = serde_path_to_error::deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    Ok(journal)
}

impl Journal {
    /// A file may be written, moved or touched by this run and tell of another one.
    fn of(&self, span: Span) -> Result<(), String> {
        let own = [("it began", &self.start), ("it ended", &self.end)];
        for (what, text) in own {
            within(span, what, text.as_deref().unwrap_or("a time that it does not say"))?;
        }
        self.activities().try_for_each(|activity| {
            activity
                .times()
                .try_for_each(|(what, text)| within(span, &format!("{} {what}", activity.name()), text))
        })
    }

    fn activities(&self) -> impl Iterator<Item = &Activity> {
        let states = &self.steady_states;
        let rounds = states.before.iter().chain(states.during.iter().flatten()).chain(&states.after);
        self.run.iter().chain(&self.rollbacks).chain(rounds.flat_map(|round| &round.probes))
    }
}

fn within(span: Span, what: &str, text: &str) -> Result<(), String> {
    if time(text).is_some_and(|time| span.has(time)) {
        return Ok(());
    }
    let text = text::plain(text, LONGEST);
    Err(format!("{what} at {text}, and this experiment went on from {} to {}", span.began, span.ended))
}
