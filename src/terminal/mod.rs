//! The process and the people around it: what it prints and logs, how it refuses, and which signals end it.
//!
//! - [`printing`] writes the outputs, and draws the live screen; [`logging`] writes the log.
//! - [`medium`] finds out what an output can show; [`asking`] puts questions; [`refusal`] tells mistakes;
//!   [`signals`] ends work early.
//!
//! Nothing here waits for a reader of what is printed, but for [`printing::finish`] at the end.

use std::io::Write;
use std::time::Duration;

pub(crate) mod asking;
pub(crate) mod logging;
pub(crate) mod medium;
pub(crate) mod printing;
pub(crate) mod refusal;
pub(crate) mod signals;

use self::printing::Output;
use faultgate_core::text;

/// Longest line that is printed, in characters.
pub(crate) const MAX_LINE_CHARS: usize = 2_000;

/// Size of the pieces in which a long text is printed, in bytes. The buffer of `printing` drops what exceeds it.
const PIECE_BYTES: usize = 256 << 10;

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let _ = Output::Stderr.write_all(format!("{text}\n").as_bytes());
}

/// Prints a warning to standard error, as one line that is not too long.
pub(crate) fn warn(warning: &str) {
    complain(&text::plain(&format!("warning: {warning}"), MAX_LINE_CHARS));
}

/// Prints a text to standard output.
pub(crate) fn say(text: &str) {
    let _ = Output::Stdout.write_all(format!("{text}\n").as_bytes());
}

/// Prints a text of any length to standard output, in pieces that are waited for, so that none of it is dropped.
pub(crate) fn say_whole(text: &str, patience: Duration) {
    for piece in text.as_bytes().chunks(PIECE_BYTES).chain([&b"\n"[..]]) {
        let _ = Output::Stdout.write_all(piece);
        printing::finish(patience);
    }
}

/// Prints a text that may hold anything to standard output, as one line that is not too long.
pub(crate) fn say_line(line: &str) {
    say(&text::plain(line, MAX_LINE_CHARS));
}
