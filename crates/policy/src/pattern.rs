//! Patterns of the ids that FIS gives, in which `*` stands for any characters, or for none.

use std::fmt;

use faultgate_core::mistake::Problem;

/// Limit of a pattern, in characters.
const MAX_CHARS: usize = 255;

/// The ids that patterns stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdKind {
    /// The text with which each of these ids begins.
    prefix: &'static str,
    /// A pattern that is shown to whoever wrote one that is none.
    example: &'static str,
}

impl IdKind {
    pub(crate) const TEMPLATE: Self = Self { prefix: "EXT", example: "EXT*" };
    pub(crate) const ACTION: Self = Self { prefix: "aws:", example: "aws:rds:*" };

    /// Returns the example as a value of YAML.
    pub(crate) fn quote_example(self) -> String {
        format!("\"{}\"", self.example)
    }
}

/// A pattern that a whole name has to match. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// The text before the first `*`, which tells most names apart.
    begins: String,
    /// The text after the first `*`; `None` if there is none, and the pattern is one name.
    rest: Option<String>,
}

impl NamePattern {
    /// Parses a pattern. One that no id of this kind can match is a mistake, since a rule with it would
    /// forbid nothing.
    pub(crate) fn parse(text: &str, kind: IdKind) -> Result<Self, Problem> {
        let IdKind { prefix, example } = kind;
        let is_known = |c: char| c.is_ascii_alphanumeric() || "*:_-".contains(c);
        let (begins, rest) = match text.split_once('*') {
            Some((begins, rest)) => (begins, Some(rest.to_owned())),
            None => (text, None),
        };
        let may_match = begins.starts_with(prefix) || (rest.is_some() && prefix.starts_with(begins));
        if text.len() > MAX_CHARS || !text.chars().all(is_known) || !may_match {
            return Err(Problem::new("is a pattern that matches nothing").hint(format!(
                "such ids begin with {prefix}; write up to {MAX_CHARS} letters, digits, and the characters : _ - *, \
                 for example {example}"
            )));
        }
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
