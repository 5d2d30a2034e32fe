//! The failures of the engine, made of the troubles that requests to a control plane meet with.

use std::sync::Arc;

use super::manager::{Asked, Manager};
use super::trouble::{Trouble, TroubleKind};
use crate::{EngineFailure, FailureKind};

/// Returns the trouble as a failure, with its remedy.
pub(super) fn failure(manager: &dyn Manager, trouble: &Trouble, asked: Asked, what: String) -> EngineFailure {
    let kind = match trouble.kind {
        TroubleKind::Unsent | TroubleKind::Unanswered | TroubleKind::Limited => FailureKind::Unanswered,
        TroubleKind::Unauthenticated | TroubleKind::Denied => FailureKind::Denied,
        TroubleKind::Missing => FailureKind::Missing,
        TroubleKind::Refused => FailureKind::Refused,
    };
    let failure = EngineFailure::new(kind, what, &trouble.why).remedy(manager.remedy(trouble, asked));
    match &trouble.source {
        Some(source) => failure.caused_by(Arc::clone(source)),
        None => failure,
    }
}

/// Returns `true` if the same request may be granted later.
pub(super) fn may_pass(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::Unsent | TroubleKind::Unanswered | TroubleKind::Limited)
}
