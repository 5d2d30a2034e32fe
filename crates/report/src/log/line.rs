//! The lines of the log.

/// Maximum length of a line in characters.
pub(super) const MAX_LINE_CHARS: usize = 1_000;
