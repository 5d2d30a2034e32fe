//! The texts that several of the files have, and the bound of those that are printed.

/// Longest text that is printed, in characters.
pub(super) const MAX_TEXT_CHARS: usize = 1_000;

/// Returns the line by which editors find the JSON Schema of this very version.
pub(super) fn make_schema_line(file: &str) -> String {
    format!(
        "# yaml-language-server: $schema=https://raw.githubusercontent.com/faultgate/faultgate/v{}/docs/{file}\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// Returns the URL of a page of this version's documentation.
pub(super) fn make_link(name: &str) -> String {
    format!("https://github.com/faultgate/faultgate/blob/v{}/{name}", env!("CARGO_PKG_VERSION"))
}

/// Quotes a text for YAML, whose double-quoted strings take every string of JSON.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
