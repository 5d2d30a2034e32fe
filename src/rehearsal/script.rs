//! How an experiment lives: data that a world plays on its clock.

use std::time::Duration;

/// One step of a life, that long after the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    pub after: Duration,
    pub step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The experiment's state changes, and FIS announces it where it would.
    Experiment { status: &'static str, reason: &'static str },
    /// The experiment fails with an error code at a place.
    Failed { code: &'static str, location: &'static str, reason: &'static str },
    /// The state of actions changes; where the experiment skips its actions they stay skipped.
    Actions { which: Which, status: &'static str, reason: &'static str },
    /// An alarm changes its state: what has it as a stop condition is stopped if that is ALARM.
    Alarm { name: &'static str, state: &'static str },
    /// Somebody turns the safety lever: what runs is stopped if that engages it.
    Lever { engaged: bool },
}

/// Actions of an experiment in the order they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    First,
    Rest,
    All,
}

const fn beat(millis: u64, step: Step) -> Beat {
    Beat { after: Duration::from_millis(millis), step }
}

const fn experiment(millis: u64, status: &'static str, reason: &'static str) -> Beat {
    beat(millis, Step::Experiment { status, reason })
}

const fn actions(millis: u64, which: Which, status: &'static str, reason: &'static str) -> Beat {
    beat(millis, Step::Actions { which, status, reason })
}

const INITIATING: Beat = experiment(200, "initiating", "Experiment is initiating.");
const RUNNING: Beat = experiment(300, "running", "Experiment is running.");
const FIRST_RUNS: Beat = actions(0, Which::First, "running", "Action is running.");

pub(super) const COMPLETED: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    actions(700, Which::First, "completed", "Action was completed."),
    actions(0, Which::Rest, "running", "Action is running."),
    actions(500, Which::Rest, "completed", "Action was completed."),
    experiment(100, "completed", "Experiment completed."),
];

pub(super) const ALARM_FIRES: &[Beat] =
    &[INITIATING, RUNNING, FIRST_RUNS, beat(900, Step::Alarm { name: super::ALARM_NAME, state: "ALARM" })];

pub(super) const FAILED: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    actions(
        700,
        Which::First,
        "failed",
        "Unable to perform the action: the experiment's role may not do this.",
    ),
    beat(
        100,
        Step::Failed {
            code: "AuthorizationFailure",
            location: "latency",
            reason: "Experiment failed: one or more actions could not be performed.",
        },
    ),
];

pub(super) const CANCELLED: &[Beat] =
    &[experiment(600, "cancelled", "Experiment was cancelled before it began.")];

pub(super) const LEVER_ENGAGED: &[Beat] =
    &[INITIATING, RUNNING, FIRST_RUNS, beat(900, Step::Lever { engaged: true })];

pub(super) const NEVER_ENDS: &[Beat] = &[INITIATING, RUNNING, FIRST_RUNS];
