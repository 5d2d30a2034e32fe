//! A mistake in the settings: what is wrong, where it came from, and what to do about it.
//!
//! Texts from outside are shortened and put on one line before a mistake repeats them, and values that may be
//! secret are not repeated.

use std::fmt;

use crate::text::{is_invisible, plain};

/// Limit of a piece of outside text that a mistake repeats, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlace {
    /// Path of the file as the user knows it.
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// One mistake in the settings. All are collected and told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The origin of the setting: `--timeout`, `FAULTGATE_TIMEOUT`, `.faultgate.yml`.
    pub origin: String,
    pub message: String,
    /// Advice on what to do about the mistake.
    pub hint: Option<String>,
    /// The place of the setting in a file.
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
            // The origin is often the file itself, which need not be named twice.
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

/// Outside text as a mistake repeats it: in quotes, on one line, and shortened. What is not seen of it may be what
/// is wrong, so a space at its edge stays, and other such characters are told.
pub fn quote(text: &str) -> String {
    let edge = |spaced: bool| if spaced { " " } else { "" };
    let (first, last) =
        (edge(text.starts_with(char::is_whitespace)), edge(text.ends_with(char::is_whitespace)));
    let unseen = if text.chars().any(is_unseen) { " (and characters that are not seen)" } else { "" };
    format!("\"{first}{}{last}\"{unseen}", plain(text, MAX_SHOWN_CHARS))
}

/// A key from outside, on one line and shortened; without quotes, unless something in it is not seen.
pub fn key(text: &str) -> String {
    if text.trim() == text && !text.chars().any(is_unseen) {
        return plain(text, MAX_SHOWN_CHARS);
    }
    quote(text)
}

fn is_unseen(c: char) -> bool {
    is_invisible(c) || c.is_control() && !c.is_whitespace()
}

/// A description of what is wrong with one value. It never contains the value, which may have to stay hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The end of a sentence that begins with the value: `is not a duration`.
    pub what: String,
    pub hint: Option<String>,
    /// The value as it should be. It is not told if the value was made from variables.
    pub instead: Option<String>,
    /// The part of the value that is wrong, where the value is a list.
    pub item: Option<String>,
    /// `true` if the value may contain a password and must not be shown.
    pub hide: bool,
}

impl Problem {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, instead: None, item: None, hide: false }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The problem as a mistake of the input or key `name`. `written` is the text in the suite file, if the
    /// value was made from variables; it is shown instead of the value, since the variables may hold secrets.
    pub fn at(self, name: &str, value: &str, origin: &str, written: Option<&str>) -> Mistake {
        let shown = match (self.hide, written, &self.item) {
            (true, _, _) => "the value".to_owned(),
            (_, Some(written), _) => quote(written),
            (_, None, Some(item)) => quote(item),
            (_, None, None) => quote(value),
        };
        let instead = self.instead.filter(|_| !self.hide && written.is_none());
        let hint = instead.map(|instead| format!("write {}", plain(&instead, MAX_SHOWN_CHARS))).or(self.hint);
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

/// The known word that is most like `word`, if its similarity (0: nothing in common, 1: equal) is at least
/// `wanted`.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, wanted: f64) -> Option<&'a str> {
    // Names from outside have any length, and the cost of the comparison is quadratic.
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

/// The hint for an unknown word: the nearest known word, or else all known words.
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
    fn what_is_not_seen_is_told() {
        assert_eq!([quote(" sat"), quote("sat\n"), quote("s at")], ["\" sat\"", "\"sat \"", "\"s at\""]);
        assert_eq!(quote("EXT\u{202e}*"), "\"EXT*\" (and characters that are not seen)");
        assert_eq!([key("allow"), key("allow ")], ["allow", "\"allow \""]);
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

    /// The comparison would take minutes if it had no bound.
    #[test]
    fn long_names_are_compared_by_how_they_begin() {
        let (word, known) = ("x".repeat(100_000), "y".repeat(100_000));
        assert_eq!(nearest(&word, [known.as_str()]), None);
    }
}
