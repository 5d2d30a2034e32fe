//! The reasons why a merge makes no gate: mistakes of whoever has ordered it, and results that cannot be read now.

use faultgate_core::mistake::Mistake;
use faultgate_net::aws::s3::{S3Failure, S3Refusal};

/// A reason why there is no merged result.
#[derive(Debug)]
pub(super) struct MergeTrouble {
    pub(super) told: Mistake,
    /// `true` if nothing is known to be wrong with what was ordered.
    pub(super) is_outage: bool,
}

impl MergeTrouble {
    /// Makes the trouble of a request about what is at this place.
    pub(super) fn of_s3(place: &str, failure: S3Failure) -> Self {
        let told = Mistake::new(place, failure.to_string()).maybe_hint(failure.remedy);
        Self { told, is_outage: failure.kind == S3Refusal::Unavailable }
    }
}

impl From<Mistake> for MergeTrouble {
    fn from(told: Mistake) -> Self {
        Self { told, is_outage: false }
    }
}

/// Takes mistakes for troubles.
pub(super) fn all(mistakes: impl IntoIterator<Item = Mistake>) -> Vec<MergeTrouble> {
    mistakes.into_iter().map(MergeTrouble::from).collect()
}
