//! The turns of probes, which are told while a run goes on: the changes from pass to fail and back, and not
//! each sample. A probe that turns again and again is summed up instead, so that it neither fills the log nor
//! is silenced.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use faultgate_core::model::{Sample, Turn};

/// Number of turns of one probe that are told within [`SUM_INTERVAL`]. With the next one it flaps.
const MAX_TURNS_TOLD: u32 = 3;
/// Time of the evaluations of a probe that flaps which are summed up at once. It flaps no more if it does not
/// turn in this time.
const SUM_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

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
    /// Looks at a sample, and tells what it brings to an end.
    pub(crate) fn observe(&self, sample: &Sample) {
        let told = self.turning.lock().unwrap_or_else(PoisonError::into_inner).take(sample);
        for turn in told {
            self.tell(turn);
        }
    }

    /// Tells the last sum of a probe that is evaluated no more.
    pub(crate) fn close(&self) {
        let sum = self.turning.lock().unwrap_or_else(PoisonError::into_inner).sum.take();
        if let Some(sum) = sum {
            self.tell(sum.close(sum.last));
        }
    }

    fn tell(&self, turn: Turn) {
        self.turns.put(Turned { experiment: self.experiment, probe: self.probe.clone(), turn });
    }
}

/// The state of a probe. Before its first sample it is taken to pass.
#[derive(Debug, Default)]
struct Turning {
    failing_since: Option<Timestamp>,
    /// Time of the first of the turns that were told a short time ago.
    told_since: Option<Timestamp>,
    /// Number of these turns.
    told: u32,
    /// The evaluations since the last sum, if the probe flaps.
    sum: Option<Sum>,
}

impl Turning {
    /// Takes a sample, and returns what is to be told.
    fn take(&mut self, sample: &Sample) -> Vec<Turn> {
        let mut told = Vec::new();
        if let Some(sum) = self.sum.take_if(|sum| sample.at.duration_since(sum.since) >= SUM_INTERVAL) {
            if sum.turns > 0 {
                told.push(sum.close(sample.at));
                self.sum = Some(Sum::new(sample.at));
            } else {
                told.push(Turn::Calms { passes: self.failing_since.is_none() });
                self.told_since = None;
            }
        }
        let turn = match (self.failing_since, sample.passed) {
            (None, false) => {
                self.failing_since = Some(sample.at);
                Some(Turn::Fails { reason: sample.reason.clone() })
            }
            (Some(since), true) => {
                self.failing_since = None;
                Some(Turn::Passes { failed_for: sample.at.duration_since(since) })
            }
            _ => None,
        };
        if let Some(sum) = &mut self.sum {
            sum.add(sample, turn.is_some());
        } else if let Some(turn) = turn {
            told.push(self.tell(turn, sample));
        }
        told
    }

    /// Returns the turn or, if there were too many a short time ago, that the probe flaps.
    fn tell(&mut self, turn: Turn, sample: &Sample) -> Turn {
        let is_old = |since: Timestamp| sample.at.duration_since(since) >= SUM_INTERVAL;
        if self.told_since.is_none_or(is_old) {
            (self.told_since, self.told) = (Some(sample.at), 0);
        }
        self.told += 1;
        if self.told <= MAX_TURNS_TOLD {
            return turn;
        }
        let mut sum = Sum::new(sample.at);
        sum.add(sample, true);
        self.sum = Some(sum);
        Turn::Flaps
    }
}

/// A sum of evaluations.
#[derive(Debug)]
struct Sum {
    since: Timestamp,
    last: Timestamp,
    evaluations: u64,
    failed: u64,
    turns: u64,
    /// Reason of the last failure.
    reason: Option<Arc<str>>,
}

impl Sum {
    fn new(since: Timestamp) -> Self {
        Self { since, last: since, evaluations: 0, failed: 0, turns: 0, reason: None }
    }

    fn add(&mut self, sample: &Sample, turned: bool) {
        self.last = sample.at;
        self.evaluations += 1;
        self.turns += u64::from(turned);
        if !sample.passed {
            self.failed += 1;
            self.reason.clone_from(&sample.reason);
        }
    }

    fn close(&self, at: Timestamp) -> Turn {
        let Self { failed, evaluations, .. } = *self;
        Turn::Flapped {
            failed,
            evaluations,
            within: at.duration_since(self.since),
            reason: self.reason.clone(),
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

    fn flapped(failed: u64, evaluations: u64, within: i64) -> Turn {
        let reason = (failed > 0).then(|| "down".into());
        Turn::Flapped { failed, evaluations, within: SignedDuration::from_secs(within), reason }
    }

    #[test]
    fn one_that_flaps_is_summed_up_until_it_calms() {
        // The probe fails at each even second of 70, and passes from then on.
        let flapping: Vec<bool> = (0..130).map(|second| second % 2 == 1 || second >= 70).collect();
        let told = turns(&flapping);
        let expected = [
            fails(),
            passes(1),
            fails(),
            Turn::Flaps,
            flapped(15, 30, 30),
            flapped(15, 30, 30),
            // The third sum is that of a probe which turned for a few seconds more.
            flapped(3, 30, 30),
            Turn::Calms { passes: true },
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn one_that_has_calmed_is_told_again() {
        let mut course = vec![false, true, false, true];
        course.extend([false; 70]);
        course.push(true);
        assert_eq!(
            turns(&course),
            [
                fails(),
                passes(1),
                fails(),
                Turn::Flaps,
                flapped(29, 30, 30),
                Turn::Calms { passes: false },
                passes(70)
            ]
        );
    }

    #[test]
    fn slow_turns_are_no_flapping() {
        let (turns, every) = (Turns::default(), 11);
        let teller = turns.teller(0, "checkout");
        (0..20).for_each(|turn| teller.observe(&sample(turn * every, turn % 2 == 1)));
        let told: Vec<Turn> = turns.take().into_iter().map(|turned| turned.turn).collect();
        assert_eq!(told.len(), 20);
        assert!(told.iter().all(|turn| matches!(turn, Turn::Fails { .. } | Turn::Passes { .. })), "{told:?}");
    }

    #[test]
    fn the_last_sum_is_told_at_the_end() {
        let turns = Turns::default();
        let teller = turns.teller(0, "checkout");
        (0..10).for_each(|second| teller.observe(&sample(second, second % 2 == 1)));
        teller.close();
        teller.close();
        let told: Vec<Turn> = turns.take().into_iter().map(|turned| turned.turn).collect();
        assert_eq!(told[3..], [Turn::Flaps, flapped(3, 7, 6)]);
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
