//! The figures of many cases: counts, faults, and times.

use std::fmt;
use std::time::Duration;

use crate::case::{Case, Outcome};

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) runs: usize,
    pub(crate) missed: usize,
    pub(crate) leaks: usize,
    pub(crate) false_greens: usize,
    pub(crate) faults: Vec<String>,
    /// The times from a signal to the request to stop.
    pub(crate) to_stop: Vec<Duration>,
    /// The times from the start of `faultgate stop` to its request to stop.
    pub(crate) stop_asked: Vec<Duration>,
    /// The times from the start of `faultgate stop` to its end.
    pub(crate) stop_ended: Vec<Duration>,
}

impl Figures {
    pub(crate) fn add(&mut self, case: &Case, outcome: Outcome) {
        self.runs += 1;
        self.missed += usize::from(outcome.missed);
        self.leaks += usize::from(outcome.found.leak);
        self.false_greens += usize::from(outcome.found.false_green);
        self.faults.extend(outcome.found.faults.into_iter().map(|fault| format!("{case:?}\n{fault}")));
        self.to_stop.extend(outcome.to_stop);
        if let Some((asked, ended)) = outcome.stop {
            self.stop_asked.push(asked);
            self.stop_ended.push(ended);
        }
    }

    #[track_caller]
    pub(crate) fn assert_no_faults(&self) {
        assert!(self.faults.is_empty(), "{self}\n{}", self.faults.join("\n\n"));
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} runs ({} ended before their moment), {} leaks, {} false greens, {} faults",
            self.runs,
            self.missed,
            self.leaks,
            self.false_greens,
            self.faults.len()
        )?;
        for (what, times) in [
            ("signal to StopExperiment", &self.to_stop),
            ("faultgate stop to StopExperiment", &self.stop_asked),
            ("faultgate stop to its end", &self.stop_ended),
        ] {
            let (median, worst) = (median(times), times.iter().max().copied().unwrap_or_default());
            writeln!(f, "{what}: {median:.1?} in the median, {worst:.1?} at worst, of {}", times.len())?;
        }
        Ok(())
    }
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
