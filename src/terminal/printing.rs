//! Printing through a thread of its own. An output that nobody reads any more (a log driver that hangs,
//! Ctrl-S in a terminal) blocks its writer, and that must never be the thread that stops experiments.
//!
//! Texts wait in memory up to a limit. What exceeds it is dropped and counted.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use faultgate_core::environment::Environment;
use faultgate_report::ScreenSize;
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use rustix::fd::AsFd;

/// Largest number of bytes that wait to be printed. The longest reference that is printed has a tenth of it.
const MAX_WAITING_BYTES: usize = 1 << 20;
/// Largest number of times per second that the live lines are drawn.
const MAX_DRAWS_PER_SECOND: u8 = 20;
/// Width of a terminal that does not tell it, in columns.
const DEFAULT_COLUMNS: u16 = 80;

/// The printer of the process. Its thread starts with the first text.
static PRINTER: LazyLock<Arc<Printer>> = LazyLock::new(|| {
    let printer = Arc::new(Printer::default());
    let shared = printer.clone();
    let started = std::thread::Builder::new().name("printing".to_owned()).spawn(move || shared.print());
    // Nothing is ever printed if the thread could not start, so nobody must wait for it.
    printer.waiting().alone = started.is_err();
    printer
});

/// One of the two standard outputs, which can be written to without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

/// The texts that wait, shared with the thread that prints them.
#[derive(Debug, Default)]
struct Printer {
    waiting: Mutex<Waiting>,
    /// Signal that a text waits, or that one has been printed.
    changed: Condvar,
}

/// The texts that wait to be printed, and what became of earlier ones.
#[derive(Debug, Default)]
struct Waiting {
    texts: Vec<(Output, Vec<u8>)>,
    bytes: usize,
    /// Number of lines that were dropped since something was printed last.
    left_out: usize,
    is_printing: bool,
    /// Reason why a part of standard output is lost. None if its reader has closed it: that is no loss to
    /// anybody.
    lost: Option<String>,
    /// `true` if there is no thread that prints.
    alone: bool,
}

impl Waiting {
    fn add(&mut self, output: Output, text: &[u8]) {
        if self.bytes + text.len() > MAX_WAITING_BYTES {
            self.left_out += text.split(|byte| *byte == b'\n').count().saturating_sub(1);
            return;
        }
        self.bytes += text.len();
        match self.texts.last_mut() {
            Some((last, texts)) if *last == output => texts.extend_from_slice(text),
            _ => self.texts.push((output, text.to_vec())),
        }
    }

    fn take(&mut self) -> Vec<(Output, Vec<u8>)> {
        self.bytes = 0;
        let mut texts = std::mem::take(&mut self.texts);
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            let told =
                format!("faultgate: {left_out} lines are not shown, since nobody read what was printed\n");
            texts.push((Output::Stderr, told.into_bytes()));
        }
        texts
    }
}

impl Printer {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self) {
        loop {
            let mut waiting = self.waiting();
            waiting.is_printing = false;
            self.changed.notify_all();
            let mut waiting = self
                .changed
                .wait_while(waiting, |waiting| waiting.texts.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            waiting.is_printing = true;
            let texts = waiting.take();
            drop(waiting);
            for (output, text) in texts {
                // A failure of standard error is ignored, and so is a closed pipe: a gate must not fail
                // because nobody reads its log. Other failures of standard output are kept, for commands
                // whose output is the product.
                match output {
                    Output::Stdout => {
                        let lost = to(&mut io::stdout(), &text).err();
                        let lost = lost.filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
                        if let Some(error) = lost {
                            self.waiting().lost = Some(error.to_string());
                        }
                    }
                    Output::Stderr => drop(to(&mut io::stderr(), &text)),
                }
                self.changed.notify_all();
            }
        }
    }
}

fn to(output: &mut impl Write, text: &[u8]) -> io::Result<()> {
    output.write_all(text)?;
    output.flush()
}

impl Write for Output {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        PRINTER.waiting().add(*self, text);
        PRINTER.changed.notify_all();
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Time for which the end of the process waits for the reader of an output, counted anew whenever something
/// was read.
pub(crate) const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until all is printed, or until nothing was printed for as long as `patience`.
pub(crate) fn finish(patience: Duration) {
    let mut waiting = PRINTER.waiting();
    while !waiting.alone && (waiting.is_printing || !waiting.texts.is_empty()) {
        // Each printed text wakes this wait and starts the patience anew.
        let woken = PRINTER.changed.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner);
        if woken.1.timed_out() {
            return;
        }
        waiting = woken.0;
    }
}

/// Returns the reason why a part of standard output was lost, if it was.
pub(crate) fn find_loss() -> Option<String> {
    PRINTER.waiting().lost.clone()
}

/// Returns the screen on which live lines are drawn: standard error, if it takes them.
pub(crate) fn screen(env: &Environment) -> MultiProgress {
    MultiProgress::with_draw_target(if Output::Stderr.takes_live_lines(env) {
        ProgressDrawTarget::term_like_with_hz(Box::new(Terminal), MAX_DRAWS_PER_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    })
}

/// The terminal of standard error, driven by escape sequences through the printer: indicatif's own terminal
/// would write directly, and could block.
#[derive(Debug)]
struct Terminal;

/// Returns the columns and rows of a terminal, or None if it does not tell them.
fn size_of(terminal: impl AsFd) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some((size.ws_col, size.ws_row)).filter(|(columns, rows)| *columns > 0 && *rows > 0)
}

impl Output {
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Returns `true` if lines can be drawn anew. A dumb terminal would show the escape sequences.
    pub(crate) fn takes_live_lines(self, env: &Environment) -> bool {
        self.is_terminal() && env.get("TERM") != Some("dumb")
    }

    /// Returns the size of the terminal, or a usual one if there is none that tells it.
    pub(crate) fn size(self) -> ScreenSize {
        let size = match self {
            Self::Stdout => size_of(io::stdout()),
            Self::Stderr => size_of(io::stderr()),
        };
        let (columns, rows) = size.unwrap_or((DEFAULT_COLUMNS, DEFAULT_COLUMNS / 4));
        ScreenSize { columns: columns.into(), rows: rows.into() }
    }
}

impl Terminal {
    fn go(count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { write!(Output::Stderr, "\x1b[{count}{direction}") }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        size_of(io::stderr()).map_or(DEFAULT_COLUMNS, |(columns, _)| columns)
    }

    fn height(&self) -> u16 {
        size_of(io::stderr()).map_or(DEFAULT_COLUMNS / 4, |(_, rows)| rows)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        Self::go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        Self::go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        Self::go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        Self::go(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        writeln!(Output::Stderr, "{s}")
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        Output::Stderr.write_all(s.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let mut waiting = Waiting::default();
        waiting.add(Output::Stdout, b"one\n");
        waiting.add(Output::Stdout, b"two\n");
        waiting.add(Output::Stderr, &vec![b'x'; MAX_WAITING_BYTES - 8]);
        waiting.add(Output::Stdout, b"three\nfour\n");
        waiting.add(Output::Stdout, b"five\n");
        let texts = waiting.take();
        assert_eq!(texts.len(), 3, "what goes to the same output is one text");
        assert_eq!(texts[0], (Output::Stdout, b"one\ntwo\n".to_vec()));
        assert!(String::from_utf8_lossy(&texts[2].1).contains("3 lines are not shown"));
        waiting.add(Output::Stdout, b"six\n");
        assert_eq!(waiting.take(), [(Output::Stdout, b"six\n".to_vec())]);
    }
}
