//! The output of a process, the end of which is kept, however much there is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::task::AbortOnDropHandle;

use super::proof::Words;
use faultgate_config::Veil;
use faultgate_core::text;

/// Number of bytes of an output that are kept. The oldest lines are dropped first.
const MAX_KEPT_BYTES: usize = 64 * 1024;
/// Number of bytes of a line that are kept. The rest of a longer line is dropped.
const MAX_LINE_BYTES: usize = 4 * 1024;
/// Number of characters of a line in the log.
const MAX_LOGGED_CHARS: usize = 500;

/// The last lines of an output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    /// The bytes of a line that has not ended.
    begun: Vec<u8>,
    /// The veil over secrets in what is kept.
    veil: Veil,
}

impl Tail {
    fn under(veil: &Veil) -> Self {
        Self { veil: veil.clone(), ..Self::default() }
    }

    /// Takes bytes that were read, and returns the lines that they complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut completed = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (line, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |line| (line, true));
            let room = MAX_LINE_BYTES.saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&line[..line.len().min(room)]);
            if ends {
                completed.extend(self.end_line());
            }
        }
        completed
    }

    /// Ends the last line, since the output is over: an unfinished line is a line as well.
    pub(super) fn end_line(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).trim_end().to_owned();
        if line.is_empty() {
            return None;
        }
        // The line is kept veiled and returned as it is: the words of a proof may contain a secret.
        let kept = self.veil.hide(&line);
        self.bytes += kept.len();
        self.lines.push_back(kept);
        while self.bytes > MAX_KEPT_BYTES {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
        Some(line)
    }

    /// Returns at most `count` of the last lines, each safe to show and of at most `longest` characters.
    pub(super) fn last(&self, count: usize, longest: usize) -> Vec<String> {
        let begun = self.veil.hide(&String::from_utf8_lossy(&self.begun));
        let unfinished = Some(begun.as_str()).filter(|line| !line.trim().is_empty());
        let mut lines: Vec<String> = unfinished
            .into_iter()
            .chain(self.lines.iter().rev().map(String::as_str))
            .map(|line| text::plain(line, longest))
            .filter(|line| !line.is_empty())
            .take(count)
            .collect();
        lines.reverse();
        lines
    }
}

/// Both outputs of a process, which are read in the background for as long as this value lives.
#[derive(Debug)]
pub(super) struct CapturedOutput {
    tails: Vec<Arc<Mutex<Tail>>>,
    readers: Vec<AbortOnDropHandle<()>>,
}

impl CapturedOutput {
    /// Begins to read both outputs of a child.
    pub(super) fn of(child: &mut tokio::process::Child, name: &str, words: &Arc<Words>, veil: &Veil) -> Self {
        let mut output = Self { tails: Vec::new(), readers: Vec::new() };
        if let Some(pipe) = child.stdout.take() {
            output.read(pipe, name, words, veil);
        }
        if let Some(pipe) = child.stderr.take() {
            output.read(pipe, name, words, veil);
        }
        output
    }

    fn read(
        &mut self,
        pipe: impl AsyncRead + Unpin + Send + 'static,
        name: &str,
        words: &Arc<Words>,
        veil: &Veil,
    ) {
        let tail = Arc::new(Mutex::new(Tail::under(veil)));
        let reader = tokio::spawn(drain(pipe, tail.clone(), name.to_owned(), words.clone(), veil.clone()));
        self.tails.push(tail);
        self.readers.push(AbortOnDropHandle::new(reader));
    }

    /// Waits until both outputs are at their end.
    pub(super) async fn wait_until_ended(&mut self) {
        while let Some(reader) = self.readers.last_mut() {
            let _ = reader.await;
            self.readers.pop();
        }
    }

    /// Returns the last lines of the standard output, then those of the standard error.
    pub(super) fn last(&self, count: usize, longest: usize) -> Vec<String> {
        self.tails.iter().flat_map(|tail| lock(tail).last(count, longest)).collect()
    }
}

/// Reads one output to its end, so that the process never waits for a reader.
async fn drain(
    mut pipe: impl AsyncRead + Unpin,
    tail: Arc<Mutex<Tail>>,
    name: String,
    words: Arc<Words>,
    veil: Veil,
) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count) = pipe.read(&mut buffer).await {
        let lines = match count {
            0 => lock(&tail).end_line().into_iter().collect(),
            count => lock(&tail).take(&buffer[..count]),
        };
        for line in lines {
            words.hear(&line);
            tracing::debug!(experiment = name, "{}", text::plain(&veil.hide(&line), MAX_LOGGED_CHARS));
        }
        if count == 0 {
            break;
        }
    }
}

fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut tail = Tail::default();
        assert_eq!(tail.take(b"one\ntw"), ["one"]);
        assert_eq!(tail.last(9, 80), ["one", "tw"]);
        assert_eq!(tail.take(b"o\r\n\n  \nthree"), ["two"]);
        assert_eq!(tail.end_line().as_deref(), Some("three"));
        assert_eq!(tail.last(2, 80), ["two", "three"]);
    }

    #[test]
    fn what_must_not_be_told_is_heard_and_not_kept() {
        let mut tail = Tail::under(&Veil::over(["s3cr3t".to_owned()]));
        assert_eq!(tail.take(b"it is s3cr3t\nand s3cr3t"), ["it is s3cr3t"]);
        assert_eq!(tail.last(9, 80), ["it is ***", "and ***"]);
        tail.end_line();
        assert_eq!(tail.last(9, 80), ["it is ***", "and ***"]);
    }

    #[test]
    fn what_it_prints_cannot_speak_to_a_terminal_or_a_ci() {
        let mut tail = Tail::default();
        tail.take(b"::error::x\n\x1b[31mred\x1b[0m \xff\n");
        assert_eq!(tail.last(9, 80), [": :error::x", "red \u{fffd}"]);
    }

    proptest! {
        #[test]
        fn memory_is_bounded(
            pieces in proptest::collection::vec((any::<u8>(), 0_usize..20_000), 0..60),
        ) {
            let mut tail = Tail::default();
            for (byte, count) in pieces {
                tail.take(&vec![byte; count]);
                let held: usize = tail.lines.iter().map(String::len).sum();
                prop_assert!(held <= MAX_KEPT_BYTES && held == tail.bytes);
                prop_assert!(tail.begun.len() <= MAX_LINE_BYTES);
            }
        }
    }
}
