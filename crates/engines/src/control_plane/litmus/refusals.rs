//! The meanings of LitmusChaos's refusals. The server has no codes, so the words decide.

use super::session::OLD;
use crate::control_plane::{Trouble, TroubleKind};

/// Words of the server, and of its library for tokens, about a token that it does not take.
const NO_TOKEN: &[&str] = &[
    "token revoked",
    "token is revoked",
    "token is invalid",
    "token is malformed",
    "token is unverifiable",
    "token contains an invalid number of segments",
    "signature is invalid",
    "illegal base64 data",
];
/// Words of the server when something behind it is out of order. That may pass, and the request may have
/// taken effect.
const OUT_OF_ORDER: &[&str] = &[
    "internal system error",
    "code = unavailable",
    "code = deadlineexceeded",
    "context deadline exceeded",
    "server selection error",
    "db aggregate stage error",
    "error decoding experiment",
];
/// Words of LitmusChaos 2.x about our documents. It has other operations and other types.
const OF_2_X: &[&str] = &[
    r#"Cannot query field "listExperiment"#,
    r#"Cannot query field "getExperimentRun"#,
    r#"Cannot query field "runChaosExperiment"#,
    r#"Unknown type "ListExperiment"#,
];

/// Returns the trouble with the kind that LitmusChaos means by its words.
pub(super) fn understand(trouble: Trouble) -> Trouble {
    let words = trouble.why.to_ascii_lowercase();
    if NO_TOKEN.iter().any(|word| words.contains(word)) {
        return Trouble { kind: TroubleKind::Unauthenticated, ..trouble };
    }
    // The server may say so in the form of a denial, since the one that it asks for permissions is what
    // fails.
    if OUT_OF_ORDER.iter().any(|word| words.contains(word)) {
        return Trouble { kind: TroubleKind::Unanswered, ..trouble };
    }
    if OF_2_X.iter().any(|word| trouble.why.contains(word)) {
        return Trouble::new(TroubleKind::Refused, format!("{OLD}: {}", trouble.why));
    }
    trouble
}

/// Returns `true` if the run is not there, as opposed to its agent.
pub(super) fn is_unknown_run(trouble: &Trouble) -> bool {
    trouble.kind == TroubleKind::Missing && trouble.why.contains("no matching experiment run")
}
