//! Texts and addresses from outside, made safe for Markdown.

use faultgate_core::text;

/// Maximum length of one text from outside, in characters.
const MAX_TEXT_CHARS: usize = 400;
/// Maximum length, in bytes, of an address that becomes a link.
const MAX_URL_BYTES: usize = 1_000;

/// Makes text from outside safe for Markdown.
pub(super) fn md(text: &str) -> String {
    text::markdown(text, MAX_TEXT_CHARS)
}

/// Returns an address that can stand in a link of Markdown, or `None` if it cannot. Only addresses that we
/// have made ourselves become links.
pub(super) fn link(url: &str) -> Option<&str> {
    let safe = |c: char| c.is_ascii_graphic() && !"()<>[]|\"'`\\".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= MAX_URL_BYTES && url.chars().all(safe)).then_some(url)
}
