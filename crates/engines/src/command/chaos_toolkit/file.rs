//! The file of a journal: whether this run has written it, and what is in it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::activity::{Activity, MAX_TEXT_CHARS, time};
use super::journal::ToolkitJournal;
use super::python::as_json;
use faultgate_config::Veil;
use faultgate_core::{files, text};

/// Number of bytes of the largest journal that is read. A larger file is a wrong one.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Time by which the clocks of two machines may differ.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// The time between the start and the end of an experiment of this run.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct Span {
    pub(in crate::command) began: Timestamp,
    pub(in crate::command) ended: Timestamp,
}

impl Span {
    /// Returns `true` if a time of the journal lies within the span.
    fn has(self, time: Timestamp) -> bool {
        time.duration_since(self.began) >= -MAX_SKEW && self.ended.duration_since(time) >= -MAX_SKEW
    }
}

/// The facts in which one version of a file differs from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// Returns the stamp of the file; `None` if it does not exist.
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

/// Reads a journal without the secrets that the veil hides. The error says what is wrong with it: among
/// others, that it is the `stale` one which was there before, or tells of a run outside this span.
pub(in crate::command) fn read(
    path: &Path,
    stale: Option<Stamp>,
    span: Span,
    veil: &Veil,
) -> Result<ToolkitJournal, String> {
    let shown = text::plain(&path.display().to_string(), MAX_TEXT_CHARS);
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
    journal
        .check_span(span)
        .map_err(|why| format!("the journal {shown} cannot be told to be of this run: {why}"))?;
    Ok(journal)
}

/// Parses a journal. The error names the place of the mistake.
fn parse(bytes: &[u8]) -> Result<ToolkitJournal, String> {
    let text = as_json(bytes);
    let mut json = serde_json::Deserializer::from_str(&text);
    let journal = serde_path_to_error::deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    Ok(journal)
}

impl ToolkitJournal {
    /// Refuses a journal with a time outside the span: a file may be written, moved or touched by this run
    /// and still tell of another one.
    fn check_span(&self, span: Span) -> Result<(), String> {
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

    /// Returns all activities, those of all rounds included.
    fn activities(&self) -> impl Iterator<Item = &Activity> {
        let states = &self.steady_states;
        let rounds = states.before.iter().chain(states.during.iter().flatten()).chain(&states.after);
        self.run.iter().chain(&self.rollbacks).chain(rounds.flat_map(|round| &round.probes))
    }
}

/// Refuses a time outside the span.
fn within(span: Span, what: &str, text: &str) -> Result<(), String> {
    if time(text).is_some_and(|time| span.has(time)) {
        return Ok(());
    }
    let text = text::plain(text, MAX_TEXT_CHARS);
    Err(format!("{what} at {text}, and this experiment went on from {} to {}", span.began, span.ended))
}
