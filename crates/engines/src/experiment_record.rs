//! The engine's own record of an experiment: its state, its faults, and what the engine wrote of it.

use faultgate_core::model::{Action, EngineError, Fault, FaultWindow, State, Target};
use jiff::Timestamp;

/// The engine's own record of an experiment: the only thing a verdict of `passed` may rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub state: State,
    pub raw_state: String,
    pub reason: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub actions: Vec<Action>,
    pub targets: Vec<Target>,
    /// The faults that the engine's own score is made of; empty where the engine does not weigh and judge its
    /// faults.
    pub faults: Vec<Fault>,
    pub fault: FaultTimes,
    pub error: Option<EngineError>,
    pub report: Option<OwnReport>,
}

/// The report that an engine itself writes of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReport {
    /// The progress of the report, in words for people.
    pub state: String,
    /// The place of the report, once it is written.
    pub location: Option<String>,
    /// The earliest time at which the report can be written; None once it is written.
    pub due: Option<Timestamp>,
}

/// The times of the faults of an experiment, as far as the engine's record tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTimes {
    /// The engine tells no times of its faults: the fault window is the time in which the experiment runs.
    Untold,
    /// Nothing says that a fault has begun.
    Never,
    /// The window from the first start to the last end of a fault; it has no end while a fault is in effect.
    In(FaultWindow),
}

impl Record {
    /// Returns the fault window so far, or None where nothing says that a fault has begun.
    pub fn fault(&self) -> Option<FaultWindow> {
        match self.fault {
            FaultTimes::In(window) => Some(window),
            FaultTimes::Untold if self.state.rank() > State::Pending.rank() => {
                Some(FaultWindow { started_at: self.started_at?, ended_at: self.ended_at })
            }
            FaultTimes::Never | FaultTimes::Untold => None,
        }
    }

    /// Returns `true` if the engine is done with the experiment. An end whose word this version does not know
    /// counts as well: the record then has the time of the end.
    pub fn has_ended(&self) -> bool {
        self.state.is_terminal() || (self.state == State::Unknown && self.ended_at.is_some())
    }

    /// Returns the record of an experiment whose engine could not be asked.
    pub fn unknown() -> Self {
        Self {
            state: State::Unknown,
            raw_state: State::Unknown.as_str().to_owned(),
            reason: None,
            started_at: None,
            ended_at: None,
            actions: Vec::new(),
            targets: Vec::new(),
            faults: Vec::new(),
            fault: FaultTimes::Untold,
            error: None,
            report: None,
        }
    }
}
