//! The whole result as JSON, to unfold. Characters that cannot be seen are escaped, so that a reader sees all
//! that is there, and the JSON means the same.

use std::fmt::Write as _;
use std::io;

use maud::{Markup, html};

use super::words::is_no_character;
use faultgate_core::model::RunResult;
use faultgate_core::text;

/// Maximum size of the JSON in bytes, as it is escaped in the page.
const MAX_JSON_BYTES: usize = 2 * 1024 * 1024;

/// Renders the section with the JSON, or with its beginning if it is too long.
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

/// A writer that takes as much as fits and refuses the rest, so that a long result is not built for nothing.
struct BoundedJson(Vec<u8>);

impl io::Write for BoundedJson {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() >= MAX_JSON_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the JSON, and `true` if it is whole.
fn json(result: &RunResult) -> (String, bool) {
    let mut bytes = BoundedJson(Vec::new());
    let mut is_whole = serde_json::to_writer_pretty(&mut bytes, result).is_ok();
    let written = String::from_utf8_lossy(&bytes.0);
    let mut shown = String::with_capacity(written.len());
    let mut room = MAX_JSON_BYTES;
    for c in written.chars() {
        // The length counts as the page has the character: escaped by the template, or by `push` below.
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

/// Pushes a character. One that cannot be seen becomes an escape of JSON, which means the same, since such
/// characters occur only in strings.
fn push(shown: &mut String, c: char) {
    if !is_unseen(c) {
        shown.push(c);
        return;
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

/// Returns `true` if nobody would see the character, or if no page may hold it.
fn is_unseen(c: char) -> bool {
    c != '\n' && c.is_control() || text::is_invisible(c) || is_no_character(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_testkit::results;

    #[test]
    fn it_is_the_result_whatever_it_says() {
        for text in [results::HOSTILE, "\u{7f}\u{9b}\u{202e}\u{fffe}\u{fdd0}\u{1fffe}🦀"] {
            let result = results::saying(text);
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
        let mut result = results::passed();
        result.gate.reasons = vec!["\"".repeat(MAX_JSON_BYTES)];
        let (shown, is_whole) = json(&result);
        assert!(!is_whole && shown.len() < MAX_JSON_BYTES);
        assert!(section(&result).0.len() < MAX_JSON_BYTES + 1_000);
    }
}
