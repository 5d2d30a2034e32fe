//! Failures: what was tried, why it did not work, and what the reader can do about it.
//!
//! Each layer has a kind of its own, by which code decides; texts are for people alone. A failure keeps its
//! source, so that a log can show the whole chain.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::model::{Finding, Level};

/// Something that was tried and did not work. `K` says what code makes of it.
#[derive(Debug, Clone)]
pub struct Failure<K> {
    pub kind: K,
    /// The attempt: it completes "could not …".
    pub what: String,
    /// The cause, in the words of whoever refused where there are some: plain text without secrets.
    pub why: String,
    /// The remedy: an instruction to the user.
    pub remedy: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl<K> Failure<K> {
    pub fn new(kind: K, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: why.into(), remedy: None, source: None }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<Option<String>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The same failure with another kind, as another layer classifies it.
    pub fn with_kind<L>(self, kind: L) -> Failure<L> {
        let Self { kind: _, what, why, remedy, source } = self;
        Failure { kind, what, why, remedy, source }
    }

    /// The error below. Its text is for logs; `why` is what people read.
    #[must_use]
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The failure as a finding of a check, with its remedy.
    pub fn to_finding(&self, level: Level, subject: impl Into<String>) -> Finding {
        Finding { remedy: self.remedy.clone(), ..Finding::new(level, subject, self.to_string()) }
    }

    /// The failure and its remedy in one line.
    pub fn with_remedy(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }
}

/// Failures are equal if they say the same. Their sources are not compared.
impl<K: PartialEq> PartialEq for Failure<K> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.what == other.what
            && self.why == other.why
            && self.remedy == other.remedy
    }
}

impl<K: Eq> Eq for Failure<K> {}

impl<K> fmt::Display for Failure<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.what, self.why)
    }
}

impl<K: fmt::Debug> Error for Failure<K> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_why_and_what_to_do_and_keeps_its_source() {
        let failure = Failure::new((), "read the template", "access denied").remedy("allow it".to_owned());
        assert_eq!(failure.to_string(), "could not read the template: access denied");
        assert_eq!(failure.with_remedy(), "could not read the template: access denied; allow it");
        assert!(failure.source().is_none());
        let caused = failure.clone().caused_by(std::io::Error::other("pipe"));
        assert_eq!(caused.source().unwrap().to_string(), "pipe");
        assert_eq!(caused, failure);
    }
}
