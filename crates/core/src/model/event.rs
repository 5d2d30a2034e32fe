//! What a run publishes while it goes on. Every report sink listens to these and to nothing else.

use super::{Finding, Plan, RunIdentity, Score, State, Transition, Turn, Verdict};

#[derive(Debug, Clone)]
pub enum RunEvent<'a> {
    Started {
        run: &'a RunIdentity,
        plan: &'a Plan,
    },
    Found(&'a Finding),
    /// Events of this run's experiments reach this process.
    Subscribed {
        name: &'a str,
        handshake_ms: u64,
    },
    Launched {
        experiment: usize,
        id: &'a str,
        url: Option<&'a str>,
    },
    Transition {
        experiment: usize,
        transition: &'a Transition,
    },
    /// A probe of an experiment fails from here on, or passes again.
    ProbeTurned {
        experiment: usize,
        probe: &'a str,
        turn: &'a Turn,
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
    },
    /// Something the user should know of while the run goes on.
    Warning(&'a str),
    /// Once a second: for live displays and heartbeats.
    Tick,
}
