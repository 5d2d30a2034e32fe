//! Questions to the user, on a terminal alone.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::printing::Output;

/// Largest size of an answer from the terminal, in bytes; no answer needs as much.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Returns `true` if there is somebody to ask.
pub(crate) fn at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Prints a question, and leaves the cursor behind it.
pub(crate) fn prompt(text: &str) {
    let _ = Output::Stderr.write_all(text.as_bytes());
}

/// Reads a line. None at the end of the input, or if it cannot be read.
pub(crate) fn read_line() -> Option<String> {
    let mut line = Vec::new();
    io::stdin().lock().take(MAX_ANSWER_BYTES).read_until(b'\n', &mut line).ok()?;
    let text = String::from_utf8_lossy(&line);
    (!line.is_empty()).then(|| text.into_owned())
}
