//! The failure to make an HTTP client, and the words of errors.

use faultgate_core::failure::Failure;
use faultgate_core::mistake::Mistake;

/// A client that was not made. `why` completes "no HTTP client: …".
pub type ClientFailure = Failure<NoClient>;

/// The kind of a client's failure. There is only one: no code decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoClient;

/// Returns the mistake in the settings for which a client was not made.
pub fn no_client(failure: &ClientFailure) -> Mistake {
    Mistake::new("ca-bundle and proxies", format!("no HTTP client: {}", failure.why))
}

/// Makes the failure of a client that could not be built.
pub(super) fn not_built(error: reqwest::Error) -> ClientFailure {
    ClientFailure::new(NoClient, "make an HTTP client", cause(&error)).caused_by(error)
}

/// Returns the message of each error in the chain, joined by colons, and nothing of an answer's content,
/// which may be anything. An error of `reqwest` names the URL; take it off first (`without_url`) where it may
/// hold a secret.
pub fn cause(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut said: Vec<String> = std::iter::once(error).chain(causes).map(ToString::to_string).collect();
    // Wrappers often repeat the message of the error within.
    said.dedup();
    said.join(": ")
}

/// Returns the remedy for a connection that failed for this reason, where one is known.
pub fn remedy(why: &str) -> Option<&'static str> {
    let untrusted = ["UnknownIssuer", "unknown issuer", "No CA certificates"];
    untrusted.iter().any(|words| why.contains(words)).then_some(
        "if its certificate is signed by a private authority, set ca-bundle (FAULTGATE_CA_BUNDLE) to a PEM file \
         with that authority's certificate",
    )
}
