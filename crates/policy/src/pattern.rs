//! Patterns of names, in which `*` stands for any characters, or for none.

use std::fmt;

use faultgate_core::mistake::Problem;

/// Limit of a pattern, in characters.
const MAX_CHARS: usize = 255;

/// A pattern that a whole name has to match. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// The text before the first `*`, which tells most names apart.
    begins: String,
    /// The text after the first `*`; `None` if there is none, and the pattern is one name.
    rest: Option<String>,
}

impl NamePattern {
    /// Parses a pattern of ids of actions.
    pub(crate) fn of_actions(text: &str) -> Result<Self, Problem> {
        let is_usual = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":-*".contains(c);
        Self::parse(text, is_usual, "lower-case letters, digits, : and -, and * for any of them: aws:rds:*")
    }

    /// Parses a pattern of ids of templates.
    pub(crate) fn of_templates(text: &str) -> Result<Self, Problem> {
        let is_usual = |c: char| c.is_ascii_alphanumeric() || "-_*".contains(c);
        Self::parse(text, is_usual, "letters and digits, and * for any of them: EXT*")
    }

    /// Parses a pattern. One with a character that no name has would match none, and guard nothing.
    fn parse(text: &str, is_usual: impl Fn(char) -> bool, usual: &str) -> Result<Self, Problem> {
        if text.is_empty() || text.chars().count() > MAX_CHARS || !text.chars().all(is_usual) {
            let hint = format!("write up to {MAX_CHARS} {usual}");
            return Err(Problem::new("is not a pattern of names").hint(hint));
        }
        let (begins, rest) = match text.split_once('*') {
            Some((begins, rest)) => (begins, Some(rest.to_owned())),
            None => (text, None),
        };
        Ok(Self { begins: begins.to_owned(), rest })
    }

    /// Returns `true` if the pattern stands for this name.
    pub fn matches(&self, name: &str) -> bool {
        let Some(mut name) = name.strip_prefix(self.begins.as_str()) else { return false };
        let Some(rest) = &self.rest else { return name.is_empty() };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*') {
            // The first place is as good as any later one, since all that follows may lie further on.
            let Some(place) = name.find(piece) else { return false };
            name = &name[place + piece.len()..];
        }
        name.ends_with(last)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rest {
            Some(rest) => write!(f, "{}*{rest}", self.begins),
            None => f.write_str(&self.begins),
        }
    }
}
