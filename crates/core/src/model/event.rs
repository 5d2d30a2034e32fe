//! The events that a run publishes while it goes on. Every report sink listens to these and to nothing else.

use std::time::Duration;

use super::{
    AlarmChange, Finding, Forecast, Gate, Plan, PreviewRecord, RunIdentity, Score, Standings, State,
    Transition, Turn, Verdict,
};

/// Something that has happened in a run. `experiment` is always the index of an experiment in the plan.
#[derive(Debug, Clone)]
pub enum RunEvent<'a> {
    Started {
        run: &'a RunIdentity,
        plan: &'a Plan,
    },
    Found(&'a Finding),
    /// A subscription is proven: the events of this run's experiments reach this process.
    Subscribed {
        name: &'a str,
        handshake_ms: u64,
    },
    /// The targets of an experiment were resolved and counted, and nothing is launched yet.
    Previewed {
        experiment: usize,
        preview: &'a PreviewRecord,
    },
    Launched {
        experiment: usize,
        id: &'a str,
        url: Option<&'a str>,
        forecast: &'a Forecast,
    },
    Transition {
        experiment: usize,
        transition: &'a Transition,
    },
    /// An alarm that is a stop condition of an experiment has changed its state.
    AlarmChanged {
        experiment: usize,
        change: &'a AlarmChange,
    },
    /// A probe of an experiment has begun to fail, or passes again.
    ProbeTurned {
        experiment: usize,
        probe: &'a str,
        turn: &'a Turn,
    },
    /// An experiment is over, and its probes are waited for: some may still recover.
    Recovering {
        experiment: usize,
        /// Names of the probes that have not passed since.
        probes: &'a [String],
        within: Duration,
    },
    /// A stop was requested for a running experiment.
    Stopping {
        experiment: usize,
        why: &'a str,
    },
    Ended {
        experiment: usize,
        state: State,
        verdict: Verdict,
        score: Option<Score>,
        reason: &'a str,
        warnings: &'a [String],
    },
    /// The verdict is known, and what the run has made is about to be removed. The result has the last word: the
    /// removal, or a report that is missing, may turn the verdict.
    Decided(&'a Gate),
    /// A message that the user should read while the run goes on.
    Warning(&'a str),
    /// The tick of each second, at which live displays and heartbeats ask how the experiments stand.
    Tick(&'a dyn Standings),
}
