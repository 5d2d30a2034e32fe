//! The values that tell a job from its siblings, which the CI makes of the same definition by a matrix or by
//! a number. Siblings report to the same commit, and must not take each other's place there.

use serde_json::Value;

use super::facts::Facts;

impl Facts<'_> {
    /// Returns a text such as `2/5`, made of two variables, the first of which counts from `first`. A job
    /// without siblings has none.
    pub(super) fn part(&self, index: &str, first: u64, total: &str) -> Option<String> {
        let (index, total) = (self.number(index)?.checked_sub(first)?, self.number(total)?);
        (total > 1 && index < total).then(|| format!("{}/{total}", index + 1))
    }
}

/// Returns the values of a matrix: those of a JSON object, or the text itself. There are none where there is
/// no matrix.
pub(super) fn values_of(matrix: &str) -> Vec<String> {
    match serde_json::from_str(matrix) {
        Ok(Value::Object(values)) => values.values().map(in_words).collect(),
        Ok(Value::Null) => Vec::new(),
        Ok(value) => vec![in_words(&value)],
        // An expression that nobody has evaluated tells nothing.
        Err(_) if matrix.trim_start().starts_with("${{") => Vec::new(),
        Err(_) => vec![matrix.trim().to_owned()],
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
