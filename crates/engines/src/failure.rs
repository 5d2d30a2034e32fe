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
    /// There was no answer, or none that can be trusted: the request may have taken effect.
    Unanswered,
}
