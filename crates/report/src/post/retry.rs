//! The rule by which a request to a forge is tried again: how often, and after which pause.

use std::time::Duration;

use faultgate_core::backoff::{Backoff, Jitter};

use crate::forge::{Again, ForgeFailure};

/// Maximum number of tries, the first one included.
const MAX_TRIES: u32 = 4;
/// The shortest pause before the second try. Each later pause is about twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The pauses have no limit of their own: whoever tries says how long one may be.
const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, Duration::MAX).with_jitter(Jitter::Added(FIRST_PAUSE));

/// Returns the pause before the next try of a request that was refused `tries` times, or `None` if it is to
/// be given up. A forge that asks for a pause longer than `longest` is given up too.
pub(super) fn pause(failure: &ForgeFailure, tries: u32, longest: Duration) -> Option<Duration> {
    if tries >= MAX_TRIES {
        return None;
    }
    let pause = match failure.kind.again {
        Again::Never | Again::Anew => return None,
        Again::After(pause) => pause,
        // A random part is added, so that jobs which failed together do not come back together.
        Again::Soon => BACKOFF.pause(tries - 1, fastrand::f64()),
    };
    (pause <= longest).then_some(pause)
}
