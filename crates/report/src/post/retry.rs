//! The rule by which a request to a forge is tried again: how often, and after which pause.

use std::time::Duration;

use crate::forge::{Again, ForgeFailure};

/// Maximum number of tries, the first one included.
const MAX_TRIES: u32 = 4;
/// The shortest pause before the second try. Each later pause is about twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

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
        Again::Soon => FIRST_PAUSE * 2_u32.pow(tries - 1) + FIRST_PAUSE.mul_f64(fastrand::f64()),
    };
    (pause <= longest).then_some(pause)
}
