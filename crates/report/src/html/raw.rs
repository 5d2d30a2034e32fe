//! The result as JSON, to unfold, without the samples of probes, which have tables of their own. Characters
//! that cannot be seen are escaped, so that a reader sees all that is there, and the JSON means the same.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::words::is_no_character;
use faultgate_core::model::RunResult;
use faultgate_core::text;

/// Maximum size of the JSON in bytes, as it is escaped in the page.
const MAX_JSON_BYTES: usize = 256 * 1024;

/// Renders the JSON, or its beginning if it is too long.
pub(super) fn fold(result: &RunResult) -> Markup {
    let (json, is_whole) = json(result);
    html! {
        details.raw {
            summary { "result.json without samples" @if !is_whole { ", its beginning" } }
            @if !is_whole { p.note { "It is longer than this; result.json has all of it." } }
            pre tabindex="0" role="region" aria-label="The result as JSON" { code { (PreEscaped(json)) } }
        }
    }
}

/// A writer that leaves samples out, takes as much of the rest as fits, and refuses what follows. So a long
/// result is neither copied nor built for nothing.
#[derive(Default)]
struct BoundedJson {
    kept: Vec<u8>,
    line: Vec<u8>,
    /// The indent of the list of samples that is being left out.
    within: Option<usize>,
}

impl BoundedJson {
    /// Takes a whole line. No text of JSON holds the end of one, so the indent tells where a list ends.
    fn take_line(&mut self) {
        let text = self.line.trim_ascii();
        let indent = self.line.len() - self.line.trim_ascii_start().len();
        if self.within.is_none() && text == b"\"samples\": [" {
            self.within = Some(indent);
        } else if self.within == Some(indent) {
            self.within = None;
            self.kept.extend_from_slice(&self.line[..indent]);
            self.kept.extend_from_slice(b"\"samples\": [");
            self.kept.extend_from_slice(text);
            self.kept.push(b'\n');
        } else if self.within.is_none() {
            self.kept.extend_from_slice(&self.line);
        }
        self.line.clear();
    }
}

impl io::Write for BoundedJson {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.kept.len() >= MAX_JSON_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.take_line();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.take_line();
        Ok(())
    }
}

/// Returns the JSON, and `true` if it is whole.
fn json(result: &RunResult) -> (String, bool) {
    let mut json = BoundedJson::default();
    // An indent of one space keeps the page small.
    let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let written = result.serialize(&mut serde_json::Serializer::with_formatter(&mut json, format));
    let mut is_whole = written.is_ok() && json.flush().is_ok();
    let written = String::from_utf8_lossy(&json.kept);
    let mut shown = String::with_capacity(written.len());
    let mut room = MAX_JSON_BYTES;
    for c in written.chars() {
        // The length counts as the page has the character, escaped by `push` below.
        let length = match c {
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

/// Pushes a character as the text of a page has it. Quotes need no escape there, and JSON is full of them. One
/// that cannot be seen becomes an escape of JSON, which means the same, since such characters occur only in
/// strings.
fn push(shown: &mut String, c: char) {
    match c {
        '&' => return shown.push_str("&amp;"),
        '<' => return shown.push_str("&lt;"),
        '>' => return shown.push_str("&gt;"),
        c if !is_unseen(c) => return shown.push(c),
        _ => {}
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
        for text in [results::HOSTILE, "\"samples\": [\n]", "\u{7f}\u{9b}\u{202e}\u{fffe}\u{fdd0}\u{1fffe}🦀"]
        {
            let mut result = results::saying_measured(text);
            let (shown, is_whole) = json(&result);
            let json = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            for probe in result.experiments.iter_mut().flat_map(|experiment| &mut experiment.probes) {
                probe.samples.clear();
            }
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
        assert!(!is_whole && shown.len() <= MAX_JSON_BYTES);
        assert!(fold(&result).0.len() < MAX_JSON_BYTES + 1_000);
    }
}
