//! A launch whose answer nobody knows, and what a search for it has shown. A run, its takeover and
//! `faultgate stop` tell of it in the same words.

use std::fmt;

use jiff::Timestamp;

use faultgate_core::model::{ExperimentPlan, ExperimentState};
use faultgate_engines::{Engine, EngineFailure, Launched};

/// The outcome of a search that has found no experiment. It is displayed as a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LostLaunch {
    /// No experiment has begun.
    NeverBegan,
    /// No experiment is listed so far, and one may come to light yet.
    Unlisted { intended_at: Option<Timestamp>, how_to_look: String },
    /// Nobody could look for it.
    Unsought { why: String, how_to_look: String },
}

/// The end of a search before the engine gave a final answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchFailure {
    Failed(EngineFailure),
    /// The time for the search was over.
    NoAnswer,
    /// A signal left no time for the search.
    Signal,
}

impl LostLaunch {
    /// Returns the experiment that a search has found, or what is known without one. `state` is what the
    /// state file says of a launch of another process; a launch of this process has none.
    pub fn weigh(
        engine: &dyn Engine,
        plan: &ExperimentPlan,
        state: Option<(&ExperimentState, Timestamp)>,
        found: Result<Option<Launched>, SearchFailure>,
    ) -> Result<Launched, Self> {
        let told = engine.how_to_look(plan);
        let may_come_to_light = match state {
            Some((state, now)) => state.may_come_to_light(now),
            None => told.is_some(),
        };
        let how_to_look = told.unwrap_or_else(|| "look for it by hand".to_owned());
        let why = match found {
            Ok(Some(launched)) => return Ok(launched),
            Ok(None) if may_come_to_light => {
                let intended_at = state.and_then(|(state, _)| state.intended_at);
                return Err(Self::Unlisted { intended_at, how_to_look });
            }
            Ok(None) => return Err(Self::NeverBegan),
            Err(SearchFailure::Failed(failure)) => failure.with_remedy(),
            Err(SearchFailure::NoAnswer) => "the engine did not answer".to_owned(),
            Err(SearchFailure::Signal) => "a signal came first".to_owned(),
        };
        Err(Self::Unsought { why, how_to_look })
    }
}

impl fmt::Display for LostLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its launch was cut off")?;
        match self {
            Self::NeverBegan => f.write_str(", and it has not begun"),
            Self::Unlisted { intended_at, how_to_look } => {
                f.write_str("; it may have begun")?;
                if let Some(at) = intended_at {
                    write!(f, " at {at}")?;
                }
                write!(f, ", and is NOT listed so far: {how_to_look}")
            }
            Self::Unsought { why, how_to_look } => {
                write!(f, "; it may have begun, and could NOT be looked for: {why}; {how_to_look}")
            }
        }
    }
}
