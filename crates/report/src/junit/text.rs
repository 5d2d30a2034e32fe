//! The texts of a test report: lines of bounded length, of characters that XML takes.

use faultgate_core::text;

/// Maximum length of a name in characters.
pub(super) const MAX_NAME_CHARS: usize = 200;
/// Maximum length of one text in characters.
pub(super) const MAX_TEXT_CHARS: usize = 1_000;
/// Puts text from outside on one line.
pub(super) fn line(text: &str) -> String {
    text::plain(text, MAX_TEXT_CHARS)
}

/// Returns text of characters that XML takes. `[[` is broken apart, since `[[ATTACHMENT|…]]` would have
/// GitLab and Jenkins look for a file.
pub(super) fn legal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                if c == '[' && out.ends_with('[') {
                    out.push(' ');
                }
                out.push(c);
            }
            _ => out.push('\u{fffd}'),
        }
    }
    out
}
