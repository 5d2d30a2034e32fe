//! The verdict: the decision that the pipeline acts on.

use serde::{Deserialize, Serialize};

/// The verdict of an experiment or a run. The variants are ordered by weight: the first of them that one of
/// the experiments has is the verdict of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A signal ended the run, and a stop was requested.
    Cancelled,
    /// A weakness was found: the score is below the expected one, or a stop condition fired.
    Failed,
    /// The experiment did not end in time, and a stop was requested.
    TimedOut,
    /// The experiment could not be launched, monitored or finished, nothing was injected, the system was not
    /// in its steady state, or somebody else stopped the experiment.
    Errored,
    Passed,
}

impl Verdict {
    /// Returns the verdict of a run. A run without experiments has shown nothing, so it has errored.
    pub fn of_run(experiments: impl IntoIterator<Item = Self>) -> Self {
        experiments.into_iter().min().unwrap_or(Self::Errored)
    }

    /// Returns the exit code of the process, which is part of the public contract.
    pub fn exit_code(self, signal: Option<Signal>) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Errored => 3,
            Self::TimedOut => 4,
            Self::Cancelled => signal.unwrap_or(Signal::Interrupt).exit_code(),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Errored => "errored",
            Self::Passed => "passed",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A signal that cancels a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    #[serde(rename = "SIGHUP")]
    Hangup,
    #[serde(rename = "SIGINT")]
    Interrupt,
    #[serde(rename = "SIGTERM")]
    Terminate,
}

impl Signal {
    /// Returns 128 plus the signal's number, as a shell reports it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_cancelled_failed_timed_out_errored_passed_wins() {
        use Verdict::{Cancelled, Errored, Failed, Passed, TimedOut};
        let weighty_first = [Cancelled, Failed, TimedOut, Errored, Passed];
        for (place, verdict) in weighty_first.into_iter().enumerate() {
            let mut rest: Vec<_> = weighty_first[place..].to_vec();
            rest.reverse();
            assert_eq!(Verdict::of_run(rest), verdict);
        }
        assert_eq!(Verdict::of_run([]), Errored, "nothing was shown");
    }

    #[test]
    fn exit_codes_are_the_contracts() {
        let codes = [
            (Verdict::Passed, None, 0),
            (Verdict::Failed, None, 1),
            (Verdict::Errored, None, 3),
            (Verdict::TimedOut, None, 4),
            (Verdict::Cancelled, Some(Signal::Interrupt), 130),
            (Verdict::Cancelled, Some(Signal::Terminate), 143),
            (Verdict::Cancelled, Some(Signal::Hangup), 129),
        ];
        for (verdict, signal, code) in codes {
            assert_eq!(verdict.exit_code(signal), code, "{verdict}");
        }
    }
}
