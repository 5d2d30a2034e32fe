//! The texts that several forms of the reference have in common.

use crate::inputs::input::Input;

/// Returns the description of an input, with a note on its default.
pub(super) fn describe(input: &Input) -> String {
    let default = input.default_text().map(|d| format!(" Default: {d}.")).unwrap_or_default();
    format!("{}{default}", input.description())
}

/// A text as a string of YAML: every string of JSON is also a double-quoted string of YAML.
pub(super) fn yaml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
