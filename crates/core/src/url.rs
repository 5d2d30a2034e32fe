//! The writing of text into a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// The characters that are escaped: all but those that RFC 3986 calls unreserved, which no server reads as
/// syntax.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes a text, so that it is one segment of a path or one value of a query, whatever it holds.
pub fn escape(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(escape("aZ9-._~ /?#é%").to_string(), "aZ9-._~%20%2F%3F%23%C3%A9%25");
    }
}
