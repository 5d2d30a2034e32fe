//! A mistake in the settings: what is wrong, where it came from, what to do.

use std::fmt;

use crate::text::plain;

/// The longest piece of outside text that a mistake repeats.
const SHOWN: usize = 80;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlace {
    /// As the user knows it.
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// One mistake in the settings. All are collected and told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it came from: `--timeout`, `FAULTGATE_TIMEOUT`, `.faultgate.yml`.
    pub origin: String,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in a file it stands.
    pub place: Option<FilePlace>,
}

impl Mistake {
    pub fn new(origin: impl AsRef<str>, message: impl Into<String>) -> Self {
        Self { origin: plain(origin.as_ref(), 200), message: message.into(), hint: None, place: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn at(mut self, place: Option<FilePlace>) -> Self {
        self.place = place;
        self
    }

    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {}", self.message, self.origin)?;
        match &self.place {
            Some(place) if plain(&place.file, 200) == self.origin => {
                write!(f, ":{}:{})", place.line, place.column)?;
            }
            Some(place) => {
                write!(f, ", {}:{}:{})", plain(&place.file, 200), place.line, place.column)?;
            }
            None => f.write_str(")")?,
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Mistake {}

/// Outside text as a mistake repeats it: quoted, on one line, not too long.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text, SHOWN))
}

/// A key from outside, without quotes.
pub fn key(text: &str) -> String {
    plain(text, SHOWN)
}

/// What is wrong with one value. It never holds the value, which may have to stay unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Completes a sentence that begins with the value: `is not a duration`.
    pub what: String,
    pub hint: Option<String>,
    /// The value as it should be. It is not told where variables are in it.
    pub instead: Option<String>,
    /// The part of the value it is about, where the value is a list.
    pub item: Option<String>,
    /// The value may hold a password.
    pub hide: bool,
}

impl Problem {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, instead: None, item: None, hide: false }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As a mistake of the input or key `name`. `written` is what the suite file says where the value was made
    /// from variables: their content is not ours to show.
    pub fn at(self, name: &str, value: &str, origin: &str, written: Option<&str>) -> Mistake {
        let shown = match (self.hide, written, &self.item) {
            (true, _, _) => "the value".to_owned(),
            (_, Some(written), _) => quoted(written),
            (_, None, Some(item)) => quoted(item),
            (_, None, None) => quoted(value),
        };
        let instead = self.instead.filter(|_| !self.hide && written.is_none());
        let hint = instead.map(|instead| format!("write {}", plain(&instead, SHOWN))).or(self.hint);
        Mistake::new(origin, format!("{}: {shown} {}", key(name), self.what)).maybe_hint(hint)
    }
}

/// The known word that is nearest to `word`, if any is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    similar(word, known, 0.5)
}

/// The known word that `word` most likely is, misspelt.
pub fn misspelt<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    similar(word, known, 0.7)
}

/// The known word that is most like `word`, from 0 (nothing in common) to 1, if it is as similar as wanted.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, wanted: f64) -> Option<&'a str> {
    // Names from outside have any length, and the comparison is quadratic.
    let folded = |name: &str| -> String {
        name.chars().take(100).map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    let word = folded(word);
    known
        .into_iter()
        .map(|k| (strsim::normalized_damerau_levenshtein(&word, &folded(k)), k))
        .filter(|(similarity, _)| *similarity >= wanted)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

/// The hint for an unknown word: the nearest known one, else all of them.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known.iter().copied())
        .map_or_else(|| format!("known here: {}", known.join(", ")), |near| format!("did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_always_named() {
        let mistake = Problem::new("is not a duration").hint("write for example 30s").at(
            "timeout",
            "30 parsecs",
            "FAULTGATE_TIMEOUT",
            None,
        );
        assert_eq!(
            mistake.to_string(),
            "timeout: \"30 parsecs\" is not a duration (from FAULTGATE_TIMEOUT); write for example 30s"
        );
    }

    #[test]
    fn what_variables_hold_is_not_repeated() {
        let problem = Problem::new("is not a duration");
        let mistake = problem.at("timeout", "s3cr3t", ".faultgate.yml", Some("${T}"));
        assert_eq!(mistake.to_string(), "timeout: \"${T}\" is not a duration (from .faultgate.yml)");
    }

    #[test]
    fn outside_text_cannot_speak_to_the_ci() {
        let mistake = Problem::new("is wrong").at("k", "x\n::error::y \x1b[2J##[set]", "F\n::x", None);
        let shown = mistake.to_string();
        assert!(!shown.contains(['\n', '\x1b']) && !shown.contains("##["), "{shown}");
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("templat", ["template", "region"]), Some("template"));
        assert_eq!(
            nearest("expected_resilience_score", ["timeout", "expected-resilience-score"]),
            Some("expected-resilience-score")
        );
        assert_eq!(nearest("zzz", ["template", "region"]), None);
    }

    /// Without a bound this takes minutes.
    #[test]
    fn long_names_are_compared_by_how_they_begin() {
        let (word, known) = ("x".repeat(100_000), "y".repeat(100_000));
        assert_eq!(nearest(&word, [known.as_str()]), None);
    }
}
