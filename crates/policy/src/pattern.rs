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
    /// Parses a pattern; `example` is shown to whoever wrote one that is none.
    pub(crate) fn parse(text: &str, example: &str) -> Result<Self, Problem> {
        let is_foreign = |c: char| c.is_whitespace() || c.is_control();
        if text.is_empty() || text.chars().count() > MAX_CHARS || text.chars().any(is_foreign) {
            return Err(Problem::new("is not a pattern of names").hint(format!(
                "write up to {MAX_CHARS} characters without white space, for example {example}"
            )));
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
