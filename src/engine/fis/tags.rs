//! Tags on what is made.

/// What AWS takes as a tag's value: letters, digits, spaces and a few marks, 256 characters.
pub(super) fn tag_value(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    text.chars().map(|c| if allowed(c) { c } else { '_' }).take(256).collect()
}
