//! The troubles that requests to a control plane meet with.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::error::Category;

use faultgate_core::text::plain;

/// Most characters that are shown of a control plane's words.
const MAX_SHOWN_CHARS: usize = 400;
/// The beginning of the sentence about an answer that makes no sense.
pub(super) const STRANGE: &str = "the server gave ";

/// The reason why a request was not granted.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// The sentence that explains it, with the control plane's words if it has some, made plain and veiled.
    pub why: String,
    /// The time for which the control plane wants to be left alone, if it says so.
    pub wait: Option<Duration>,
    /// The error below, if there is one. Its text is for logs, and tells no secret either.
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Troubles are equal if they say the same. Their sources are not compared.
impl PartialEq for Trouble {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.why == other.why && self.wait == other.wait
    }
}

impl Eq for Trouble {}

/// The kinds of trouble, by what they say of the effect of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The request has not reached the server.
    Unsent,
    /// There was no answer, or none that can be trusted, so the request may have taken effect.
    Unanswered,
    /// There were too many requests, and this one has not taken effect.
    Limited,
    /// The token is not known, has expired or was revoked.
    Unauthenticated,
    /// The token's owner has not the permission.
    Denied,
    /// The server does not know what the request is about.
    Missing,
    /// The server has understood the request and refused it.
    Refused,
}

impl Trouble {
    /// Makes trouble without a `wait` and a source. The text is made plain and cut.
    pub fn new(kind: TroubleKind, why: impl AsRef<str>) -> Self {
        Self { kind, why: plain(why.as_ref(), MAX_SHOWN_CHARS), wait: None, source: None }
    }

    /// Keeps the error below, which must tell no secret.
    #[must_use]
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns `true` if the answer was not one of this API: it came from another server, or was a page for
    /// browsers.
    pub fn is_of_another_server(&self) -> bool {
        self.kind == TroubleKind::Unanswered && self.why.starts_with(STRANGE)
    }
}

/// The error of the parser of an answer, without its words, since they may quote the answer.
#[derive(Debug)]
pub(super) struct UnparsedAnswer {
    category: Category,
    line: usize,
    column: usize,
}

impl From<&serde_json::Error> for UnparsedAnswer {
    fn from(error: &serde_json::Error) -> Self {
        Self { category: error.classify(), line: error.line(), column: error.column() }
    }
}

impl fmt::Display for UnparsedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.category {
            Category::Io => "it cannot be read",
            Category::Syntax => "it is not JSON",
            Category::Data => "it has another form",
            Category::Eof => "it ends too early",
        };
        write!(f, "{what}, at line {}, column {}", self.line, self.column)
    }
}

impl Error for UnparsedAnswer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_quotes_no_answer() {
        let error = serde_json::from_str::<u64>("\n\"s3cr3t\"").unwrap_err();
        assert!(error.to_string().contains("s3cr3t"));
        let trouble = Trouble::new(TroubleKind::Unanswered, "why").caused_by(UnparsedAnswer::from(&error));
        assert_eq!(trouble.source.as_ref().unwrap().to_string(), "it has another form, at line 2, column 8");
        assert_eq!(trouble, Trouble::new(TroubleKind::Unanswered, "why"));
    }
}
