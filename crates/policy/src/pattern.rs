//! Patterns of names, in which `*` stands for any characters, or for none.

use std::fmt;

use faultgate_core::mistake::Problem;

/// Limit of a pattern, in characters.
const MAX_CHARS: usize = 255;

/// A pattern that a whole name has to match. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    written: String,
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
        Ok(Self { written: text.to_owned() })
    }

    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.written.split_once('*') else { return self.written == name };
        let Some(mut name) = name.strip_prefix(first) else { return false };
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
        f.write_str(&self.written)
    }
}
