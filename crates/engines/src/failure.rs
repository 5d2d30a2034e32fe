//! The failure of a request to an engine.

use faultgate_core::failure::Failure;

/// A request to an engine that was not fulfilled: what was tried, why it failed, and the remedy.
pub type EngineFailure = Failure<FailureKind>;

/// The kind of a failure, by which callers decide whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A permission is missing.
    Denied,
    /// The thing that was asked for does not exist.
    Missing,
    /// The service understood the request and will not fulfil it.
    Refused,
    /// The place has as many experiments as its quota allows: the same request may be fulfilled later.
    Full,
    /// There were too many requests, and this one has had no effect: the same one may be fulfilled later.
    Throttled,
    /// The place is busy with something that stands in the way, and this request has had no effect: the
    /// same one may be fulfilled later.
    Busy,
    /// There was no answer, or none that can be trusted: the request may have taken effect.
    Unanswered,
}

impl FailureKind {
    /// Returns `true` if the request has had no effect, and the same one may be fulfilled later.
    pub fn passes(self) -> bool {
        matches!(self, Self::Full | Self::Throttled | Self::Busy)
    }
}
