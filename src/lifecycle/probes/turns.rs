//! The turns of probes, which are told while a run goes on: the changes from pass to fail and back, and not
//! each sample.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use faultgate_core::model::{Sample, Turn};

/// Number of turns of one probe that are told. A probe that flaps would fill the log; the report has all
/// turns.
const MAX_TURNS_TOLD: u32 = 10;

/// A turn of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) experiment: usize,
    pub(crate) probe: String,
    pub(crate) turn: Turn,
}

/// The turns of a run that are still to be published. Probes are tasks of their own and cannot reach the
/// sinks, so the turns wait here. Clones share one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<WaitingTurns>);

/// The turns that wait, and the wake-up for the task that publishes them.
#[derive(Debug, Default)]
struct WaitingTurns {
    turns: Mutex<Vec<Turned>>,
    came: Notify,
}

impl Turns {
    /// Waits until there may be turns to take.
    pub(crate) async fn wait_for_turns(&self) {
        self.0.came.notified().await;
    }

    /// Takes all turns that wait.
    pub(crate) fn take(&self) -> Vec<Turned> {
        std::mem::take(&mut self.0.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Creates the teller of one probe of one experiment.
    pub(crate) fn teller(&self, experiment: usize, probe: &str) -> Teller {
        let turning = Mutex::default();
        Teller { turns: self.clone(), experiment, probe: probe.to_owned(), turning }
    }

    /// Adds a turn, and wakes the task that publishes.
    fn put(&self, turned: Turned) {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner).push(turned);
        self.0.came.notify_one();
    }
}

/// An observer that sees each sample of one probe and tells its turns.
#[derive(Debug)]
pub(crate) struct Teller {
    turns: Turns,
    experiment: usize,
    probe: String,
    turning: Mutex<Turning>,
}

impl Teller {
    /// Looks at a sample, and tells the turn if it is one.
    pub(crate) fn observe(&self, sample: &Sample) {
        let turn = self.turning.lock().unwrap_or_else(PoisonError::into_inner).turn(sample);
        if let Some(turn) = turn {
            self.turns.put(Turned { experiment: self.experiment, probe: self.probe.clone(), turn });
        }
    }
}

/// The state of a probe. Before its first sample it is taken to pass.
#[derive(Debug, Default)]
struct Turning {
    failing_since: Option<Timestamp>,
    turns: u32,
}

impl Turning {
    /// Returns the turn that a sample makes, if it is to be told.
    fn turn(&mut self, sample: &Sample) -> Option<Turn> {
        let turn = match (self.failing_since, sample.passed) {
            (None, false) => {
                self.failing_since = Some(sample.at);
                Turn::Fails { reason: sample.reason.clone() }
            }
            (Some(since), true) => {
                self.failing_since = None;
                Turn::Passes { failed_for: sample.at.duration_since(since) }
            }
            _ => return None,
        };
        self.turns = self.turns.saturating_add(1);
        match self.turns {
            ..=MAX_TURNS_TOLD => Some(turn),
            told if told == MAX_TURNS_TOLD + 1 => Some(Turn::Flaps),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use faultgate_core::model::Phase;

    fn sample(second: i64, passed: bool) -> Sample {
        let reason = Some(if passed { "up" } else { "down" }.into());
        let at = Timestamp::from_second(1_000 + second).unwrap();
        Sample { at, phase: Phase::During, passed, latency_ms: None, reason }
    }

    /// Returns the turns of a probe that is evaluated once a second.
    fn turns(passed: &[bool]) -> Vec<Turn> {
        let turns = Turns::default();
        let teller = turns.teller(0, "checkout");
        for (second, passed) in (0..).zip(passed) {
            teller.observe(&sample(second, *passed));
        }
        turns.take().into_iter().map(|turned| turned.turn).collect()
    }

    fn fails() -> Turn {
        Turn::Fails { reason: Some("down".into()) }
    }

    fn passes(after: i64) -> Turn {
        Turn::Passes { failed_for: SignedDuration::from_secs(after) }
    }

    #[test]
    fn only_turns_are_told_with_how_long_it_failed() {
        assert_eq!(turns(&[true, true, true]), []);
        assert_eq!(turns(&[true, false, false, false, true, true]), [fails(), passes(3)]);
        assert_eq!(turns(&[true, false, true, false]), [fails(), passes(1), fails()]);
    }

    #[test]
    fn a_first_sample_that_fails_is_a_turn() {
        assert_eq!(turns(&[false, true]), [fails(), passes(1)]);
    }

    #[test]
    fn one_that_flaps_is_told_ten_times_and_then_once_more() {
        let flapping: Vec<bool> = (0..100).map(|second| second % 2 == 0).collect();
        let told = turns(&flapping);
        assert_eq!(told.len(), 11);
        assert_eq!((&told[9], &told[10]), (&passes(1), &Turn::Flaps));
    }

    #[tokio::test]
    async fn who_comes_late_to_wait_misses_nothing() {
        let turns = Turns::default();
        turns.teller(3, "checkout").observe(&sample(0, false));
        turns.wait_for_turns().await;
        let turned = Turned { experiment: 3, probe: "checkout".to_owned(), turn: fails() };
        assert_eq!(turns.take(), [turned]);
        assert_eq!(turns.take(), []);
    }
}
