//! Pauses between attempts, which grow and vary by chance.
//!
//! The pause doubles with each attempt up to a longest one, and a part of it is random, so that many runners
//! that failed together do not ask again in step. Nothing here waits, and the random number is handed in.

use std::time::Duration;

/// Most doublings. The pause has reached any sensible limit long before.
const MAX_DOUBLINGS: u32 = 16;

/// The rule by which pauses grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: Jitter,
}

/// The random part of a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// No random part.
    None,
    /// A change by up to this part of the pause, which makes it longer or shorter.
    Part(f64),
    /// An addition of up to this time.
    Added(Duration),
}

impl Backoff {
    /// Makes the rule without a random part: `first` is the pause for attempt 0, and `longest` is the limit
    /// for all of them, before the random part is applied.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, jitter: Jitter::None }
    }

    /// Adds a random part.
    #[must_use]
    pub const fn with_jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// Returns the pause after an attempt, counted from 0. `chance` is a random number from 0 to 1.
    pub fn pause(&self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.min(MAX_DOUBLINGS)));
        self.jitter.apply(doubled.min(self.longest), chance)
    }
}

impl Jitter {
    /// Changes a pause. `chance` is a random number from 0 to 1.
    pub fn apply(self, pause: Duration, chance: f64) -> Duration {
        match self {
            Self::None => pause,
            Self::Part(part) => pause.mul_f64(1.0 - part + 2.0 * part * chance),
            Self::Added(most) => pause + most.mul_f64(chance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_doubles_up_to_the_longest() {
        let backoff = Backoff::new(SECOND, SECOND * 5);
        let pauses = [0, 1, 2, 3, 40, u32::MAX].map(|attempt| backoff.pause(attempt, 0.5));
        assert_eq!(pauses, [1, 2, 4, 5, 5, 5].map(Duration::from_secs));
    }

    #[test]
    fn the_random_part_is_as_large_as_it_says() {
        let pause = |jitter, chance| Backoff::new(SECOND, SECOND).with_jitter(jitter).pause(0, chance);
        let around = |chance| pause(Jitter::Part(0.25), chance).as_millis();
        assert_eq!((around(0.0), around(0.5), around(1.0)), (750, 1_000, 1_250));
        let added = |chance| pause(Jitter::Added(SECOND / 2), chance).as_millis();
        assert_eq!((added(0.0), added(1.0)), (1_000, 1_500));
        assert_eq!(pause(Jitter::None, 1.0), SECOND);
    }
}
