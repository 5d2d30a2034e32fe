//! The process and the people around it: what it prints and logs, how it refuses, and which signals end it.
//!
//! - [`printing`] writes the outputs, and draws the live screen; [`logging`] writes the log.
//! - [`refusal`] tells mistakes; [`signals`] ends work early.
//!
//! Nothing here waits for a reader of what is printed, but for [`printing::finish`] at the end.

use std::io::Write;

pub(crate) mod logging;
pub(crate) mod printing;
pub(crate) mod refusal;
pub(crate) mod signals;

use self::printing::Output;
use faultgate_core::text;

/// Longest line that is printed, in characters.
pub(crate) const MAX_LINE_CHARS: usize = 2_000;

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

/// Prints a text that may hold anything to standard output, as one line that is not too long.
pub(crate) fn say_line(line: &str) {
    say(&text::plain(line, MAX_LINE_CHARS));
}
