//! Every way in which a request should not be answered.

use std::borrow::Cow;
use std::time::Duration;

use faultgate_rehearsal::FaultEffect;

/// A time that nobody should wait, whatever a service asks for.
const AN_HOUR: Duration = Duration::from_secs(3600);

fn refusal(status: u16, code: &'static str, retry_after: Option<Duration>) -> FaultEffect {
    FaultEffect::Error { status, code: Cow::Borrowed(code), message: Cow::Borrowed("chaos"), retry_after }
}

fn page(status: u16) -> FaultEffect {
    FaultEffect::Page { status, retry_after: None }
}

/// Returns all such answers, each with its name.
pub fn all() -> Vec<(&'static str, FaultEffect)> {
    let too_many = |after| refusal(429, "TooManyRequestsException", after);
    vec![
        ("400", refusal(400, "ValidationException", None)),
        ("400, a page", page(400)),
        ("403", refusal(403, "AccessDeniedException", None)),
        ("403, a page", page(403)),
        ("throttled", FaultEffect::throttled(None)),
        ("429", too_many(None)),
        ("429, Retry-After", too_many(Some(Duration::from_secs(2)))),
        ("429, Retry-After in an hour", too_many(Some(AN_HOUR))),
        (
            "429, a page, Retry-After in an hour",
            FaultEffect::Page { status: 429, retry_after: Some(AN_HOUR) },
        ),
        ("500", refusal(500, "InternalServerError", None)),
        ("503", refusal(503, "ServiceUnavailable", None)),
        ("503, a page", page(503)),
        ("reset before", FaultEffect::LoseRequest),
        ("reset after", FaultEffect::LoseAnswer),
        ("hang", FaultEffect::Hang),
        ("truncated", FaultEffect::Truncate),
        ("garbage", FaultEffect::Garbage),
        ("trickle", FaultEffect::Trickle(Duration::from_millis(5))),
        ("trickle without end", FaultEffect::Trickle(Duration::from_secs(60))),
    ]
}

/// Returns the answers that a client meets differently over a socket than in memory.
pub fn of_sockets() -> Vec<(&'static str, FaultEffect)> {
    let names = ["reset before", "reset after", "hang", "truncated", "trickle without end"];
    all().into_iter().filter(|(name, _)| names.contains(name)).collect()
}

/// Returns `true` if a client can recognise the answer as a bad one. A success with nothing to read cannot be
/// told from a page with the status 200.
pub fn can_be_told(operation: &str, effect: &FaultEffect) -> bool {
    !(matches!(operation, "*" | "DeleteQueue" | "DeleteRule") && *effect == FaultEffect::Garbage)
}
