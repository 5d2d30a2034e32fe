//! What is printed goes through a thread of its own. An output that nobody reads any more (a log driver that hangs, Ctrl-S
//! in a terminal) blocks whoever writes to it, and that must not be who stops an experiment.
//!
//! What does not fit is left out and counted.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};

/// Bytes that wait to be printed. The longest reference that is printed has a tenth of it.
const MOST: usize = 1 << 20;
/// How often a second the live lines are drawn at most.
const HERTZ: u8 = 20;
/// A terminal that does not tell its width.
const COLUMNS: u16 = 80;

static PRINTER: LazyLock<Arc<Printer>> = LazyLock::new(|| {
    let printer = Arc::new(Printer::default());
    let own = printer.clone();
    let started = std::thread::Builder::new().name("printing".to_owned()).spawn(move || own.print());
    // Without a thread there is nobody to wait for.
    printer.waiting().alone = started.is_err();
    printer
});

/// A standard output, which can be written to without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

#[derive(Debug, Default)]
struct Printer {
    waiting: Mutex<Waiting>,
    /// Something waits, or has been printed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    texts: Vec<(Output, Vec<u8>)>,
    bytes: usize,
    /// Lines that did not fit, since something was printed last.
    left_out: usize,
    is_printing: bool,
    /// Why some of standard output is lost. Nothing of one that somebody has closed.
    lost: Option<String>,
    /// There is no thread that prints.
    alone: bool,
}

impl Waiting {
    fn add(&mut self, output: Output, text: &[u8]) {
        if self.bytes + text.len() > MOST {
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
                // An output that is closed or full is no reason to fail, where the output is not what was asked for.
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

/// Waits until all is printed, or until nothing was for so long.
pub(super) fn finish(patience: Duration) {
    let mut waiting = PRINTER.waiting();
    while !waiting.alone && (waiting.is_printing || !waiting.texts.is_empty()) {
        // Whatever is printed ends this wait.
        let woken = PRINTER.changed.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner);
        if woken.1.timed_out() {
            return;
        }
        waiting = woken.0;
    }
}

/// Why some of what was printed to standard output is not there.
pub(super) fn lost() -> Option<String> {
    PRINTER.waiting().lost.clone()
}

/// Where live lines are drawn: on standard error, if it is a terminal.
pub(super) fn screen() -> MultiProgress {
    MultiProgress::with_draw_target(if io::stderr().is_terminal() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Terminal), HERTZ)
    } else {
        ProgressDrawTarget::hidden()
    })
}

/// The terminal of standard error.
#[derive(Debug)]
struct Terminal;

impl Terminal {
    fn size() -> Option<(u16, u16)> {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
        Some((size.ws_col, size.ws_row)).filter(|(columns, rows)| *columns > 0 && *rows > 0)
    }

    fn go(count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { write!(Output::Stderr, "\x1b[{count}{direction}") }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        Self::size().map_or(COLUMNS, |(columns, _)| columns)
    }

    fn height(&self) -> u16 {
        Self::size().map_or(COLUMNS / 4, |(_, rows)| rows)
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
        waiting.add(Output::Stderr, &vec![b'x'; MOST - 8]);
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
