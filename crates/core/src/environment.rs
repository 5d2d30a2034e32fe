//! The environment as a value.
//!
//! Tests bring their own environment, and nothing below the command line reads that of the process. The
//! values may be secrets, so they are never printed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::text;

/// Environment variables. Names and values may be any bytes that the system allows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment of the process. Only `main.rs` calls this.
    pub fn from_process() -> Self {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            // The system's own reader, `getenv`, takes the first of two variables with one name.
            variables.entry(name).or_insert(value);
        }
        Self(variables)
    }

    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }

    /// Names of the variables that the other environment does not have, or has with another value.
    pub fn differing_from(&self, other: &Self) -> Vec<String> {
        let differs = self.0.iter().filter(|(name, value)| other.0.get(*name) != Some(value));
        differs.map(|(name, _)| text::plain(&name.to_string_lossy(), 100)).collect()
    }

    /// The value of a variable; `None` if it is not set, is blank, or is not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str).filter(|v| !v.trim().is_empty())
    }

    /// The value of a variable as the system has it; `None` only if it is not set.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(n, v)| (n.as_os_str(), v.as_os_str()))
    }
}

/// Shows names alone, since any value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `true` for a blank value, which counts as not set.
pub fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|v| v.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_unset() {
        let env = Environment::from_pairs([("A", ""), ("B", " \n"), ("C", " x ")]);
        assert_eq!(env.get("A"), None);
        assert_eq!(env.get("B"), None);
        assert_eq!(env.get("C"), Some(" x "));
        assert_eq!(env.get("D"), None);
    }

    #[test]
    fn debug_shows_no_value() {
        let env = Environment::from_pairs([("TOKEN", "s3cr3t")]);
        let shown = format!("{env:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("s3cr3t"), "{shown}");
    }
}
