//! How often a request to a forge is tried again, and how long is waited before.

use std::time::Duration;

use crate::forge::{Again, Refusal};

/// Tries in all.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The pause before the try after this many, none longer than `longest`. None: give up.
pub(super) fn pause(refusal: &Refusal, tries: u32, longest: Duration) -> Option<Duration> {
    if tries >= TRIES {
        return None;
    }
    let pause = match refusal.again {
        Again::Never | Again::Anew => return None,
        Again::After(pause) => pause,
        // Up to twice as long, so that jobs which failed together do not come back together.
        Again::Soon => FIRST_PAUSE * 2_u32.pow(tries - 1) + FIRST_PAUSE.mul_f64(fastrand::f64()),
    };
    (pause <= longest).then_some(pause)
}
