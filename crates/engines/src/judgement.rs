//! The judgement on an experiment, and the reasons for a stop that it may have to weigh.

use faultgate_core::model::{Evidence, Score, ScoreSource, Signal, State, Verdict};
use jiff::Timestamp;

use crate::failure::EngineFailure;

/// The reason for which faultgate asked the engine to stop an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopCause {
    /// The experiment ran past its `timeout`, which ended at this time.
    Timeout(Timestamp),
    /// The engine left the experiment pending past its `queue-timeout`, which ended at this time.
    QueueTimeout(Timestamp),
    /// The run was cancelled.
    Cancelled(Signal),
    /// The experiment could no longer be watched.
    Unwatched(EngineFailure),
    /// A rule of a policy forbids the experiment, as came to light after its launch; the sentence says why.
    Forbidden(String),
    /// A probe failed as often as its `aborts-after` says; the sentence names it.
    Halted(String),
}

/// The judgement on an experiment that has ended: its verdict, its score and the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub state: State,
    pub verdict: Verdict,
    pub score: Option<Score>,
    pub score_source: Option<ScoreSource>,
    /// The cause, in words that a sentence can begin with.
    pub reason: String,
    /// Names of the faults that were injected.
    pub injected: Vec<String>,
    /// The losses of a score that is the engine's own, the most costly first.
    pub losses: Vec<String>,
    /// Sentences that a reader of the verdict has to know besides the reason.
    pub warnings: Vec<String>,
    pub evidence: Vec<Evidence>,
    /// `true` if the fault may still be in although the engine is done with the experiment.
    pub fault_may_be_in: bool,
    /// `true` if somebody else has stopped the experiment: neither this run nor a stop condition.
    pub stopped_by_others: bool,
}

impl Judgement {
    /// Returns a verdict without a score.
    pub fn plain(state: State, verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            state,
            verdict,
            score: None,
            score_source: None,
            reason: reason.into(),
            injected: Vec::new(),
            losses: Vec::new(),
            warnings: Vec::new(),
            evidence: Vec::new(),
            fault_may_be_in: false,
            stopped_by_others: false,
        }
    }

    /// Returns the judgement on an experiment of which nothing is known but why.
    pub fn errored(reason: impl Into<String>) -> Self {
        Self::plain(State::Unknown, Verdict::Errored, reason)
    }

    /// Returns the judgement on an experiment that a weakness of the system ended early: `failed`, with a
    /// score of 0.
    pub fn weakness(state: State, source: ScoreSource, reason: impl Into<String>) -> Self {
        let failed = Self::plain(state, Verdict::Failed, reason);
        Self { score: Some(Score::ZERO), score_source: Some(source), ..failed }
    }
}
