//! The whole result as JSON, to unfold.

use std::fmt::Write as _;
use std::io;

use maud::{Markup, html};

use super::words::is_no_character;
use faultgate_core::model::RunResult;
use faultgate_core::text;

/// Bytes of the page that it may take.
const LARGEST: usize = 2 * 1024 * 1024;

pub(super) fn section(result: &RunResult) -> Markup {
    let (json, is_whole) = json(result);
    html! {
        section aria-labelledby="raw" {
            h2 #raw { "Raw result" }
            details.raw {
                summary { "result.json" @if !is_whole { ", its beginning" } }
                @if !is_whole { p.note { "It is longer than this; result.json has all of it." } }
                pre tabindex="0" role="region" aria-label="The result as JSON" { code { (json) } }
            }
        }
    }
}

/// Takes what fits, and refuses the rest, so that a long result is not built for nothing.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() >= LARGEST {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The JSON, and whether it is all of it.
fn json(result: &RunResult) -> (String, bool) {
    let mut bytes = Bounded(Vec::new());
    let mut is_whole = serde_json::to_writer_pretty(&mut bytes, result).is_ok();
    let written = String::from_utf8_lossy(&bytes.0);
    let mut shown = String::with_capacity(written.len());
    let mut room = LARGEST;
    for c in written.chars() {
        // As long as the page has it.
        let length = match c {
            '"' => 6,
            '&' => 5,
            '<' | '>' => 4,
            c if is_unseen(c) => 12,
            c => c.len_utf8(),
        };
        let Some(left) = room.checked_sub(length) else {
            is_whole = false;
            break;
        };
        room = left;
        push(&mut shown, c);
    }
    (shown, is_whole)
}

/// What cannot be seen stands in the strings of the JSON only, where an escape means the same.
fn push(shown: &mut String, c: char) {
    if !is_unseen(c) {
        shown.push(c);
        return;
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

fn is_unseen(c: char) -> bool {
    c != '\n' && c.is_control() || text::is_invisible(c) || is_no_character(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn it_is_the_result_whatever_it_says() {
        for text in [samples::HOSTILE, "\u{7f}\u{9b}\u{202e}\u{fffe}\u{fdd0}\u{1fffe}🦀"] {
            let result = samples::saying(text);
            let (json, is_whole) = json(&result);
            assert!(is_whole);
            assert!(
                !json.contains(|c: char| c != '\n' && (c.is_control() || text::is_invisible(c))),
                "{json:?}"
            );
            assert_eq!(serde_json::from_str::<RunResult>(&json).unwrap(), result);
        }
    }

    #[test]
    fn one_that_is_too_long_says_so() {
        let mut result = samples::passed();
        result.gate.reasons = vec!["\"".repeat(LARGEST)];
        let (shown, is_whole) = json(&result);
        assert!(!is_whole && shown.len() < LARGEST);
        assert!(section(&result).0.len() < LARGEST + 1_000);
    }
}
