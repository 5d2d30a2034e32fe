//! The scripts of experiments: data that a world plays on its clock.

use std::time::Duration;

/// One step of a script, and its time after the step before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    pub after: Duration,
    pub step: Step,
}

/// Something that happens in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The experiment's state changes, and FIS announces it if it announces that state.
    Experiment { status: &'static str, reason: &'static str },
    /// The experiment fails with an error code at a place.
    Failed { code: &'static str, location: &'static str, reason: &'static str },
    /// The state of actions changes. Actions that were skipped stay skipped.
    Actions { which: Which, status: &'static str, reason: &'static str },
    /// An alarm changes its state. ALARM stops the experiments that have it as a stop condition.
    Alarm { name: &'static str, state: &'static str },
    /// Somebody turns the safety lever. Engaging it stops all running experiments.
    Lever { engaged: bool },
}

/// A selection of an experiment's actions, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    First,
    Second,
    /// All actions but the first two.
    Last,
    /// All actions but the first one.
    Rest,
    All,
}

impl Which {
    /// Returns the places of the selected actions among `count`.
    pub(crate) fn places(self, count: usize) -> std::ops::Range<usize> {
        let (from, to) = match self {
            Self::First => (0, 1),
            Self::Second => (1, 2),
            Self::Last => (2, count),
            Self::Rest => (1, count),
            Self::All => (0, count),
        };
        from.min(count)..to.min(count)
    }
}

/// Returns the script with a fault of another length: whatever happens during the fault is spread over that
/// time. `injecting` are the actions that inject it.
pub(crate) fn lasting(beats: &[Beat], injecting: Which, fault: Duration) -> Vec<Beat> {
    let mut beats = beats.to_vec();
    let is_of_fault = |beat: &Beat| match beat.step {
        Step::Actions { which, .. } => which == injecting,
        Step::Failed { .. } => true,
        _ => false,
    };
    let Some(begins) = beats.iter().position(is_of_fault) else { return beats };
    // A script without an end of these actions has another end of the fault: whatever stops the experiment.
    let ends = beats.iter().rposition(is_of_fault).filter(|ends| *ends > begins).unwrap_or(beats.len() - 1);
    let while_in = &mut beats[begins + 1..=ends];
    let before: Duration = while_in.iter().map(|beat| beat.after).sum();
    if !before.is_zero() {
        let ratio = fault.as_secs_f64() / before.as_secs_f64();
        for beat in while_in {
            beat.after = beat.after.mul_f64(ratio);
        }
    }
    beats
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

/// Script of an experiment that completes. Its fault lasts long enough for evaluations of a busy machine to
/// fall into it.
pub(crate) const COMPLETED: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    actions(1200, Which::First, "completed", "Action was completed."),
    actions(0, Which::Rest, "running", "Action is running."),
    actions(200, Which::Rest, "completed", "Action was completed."),
    experiment(100, "completed", "Experiment completed."),
];

/// Script of a preview, which skips its actions.
pub(crate) const PREVIEW: &[Beat] = &[
    experiment(100, "initiating", "Experiment is initiating."),
    experiment(100, "running", "Experiment is running."),
    experiment(200, "completed", "Experiment completed."),
];

/// Script of a wait before the fault, the fault, and a wait after it.
pub(crate) const WAITS: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    actions(1500, Which::First, "completed", "Action was completed."),
    actions(0, Which::Second, "running", "Action is running."),
    actions(1500, Which::Second, "completed", "Action was completed."),
    actions(0, Which::Last, "running", "Action is running."),
    actions(1500, Which::Last, "completed", "Action was completed."),
    experiment(100, "completed", "Experiment completed."),
];

/// Script of an experiment that is stopped by an alarm.
pub(crate) const ALARM_FIRES: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    beat(900, Step::Alarm { name: crate::fixtures::ALARM_NAME, state: "ALARM" }),
];

/// Script of an experiment during whose fault an alarm rings that is no stop condition.
pub(crate) const ALARM_RINGS: &[Beat] = &[
    INITIATING,
    RUNNING,
    FIRST_RUNS,
    beat(500, Step::Alarm { name: crate::fixtures::SYSTEM_ALARM_NAME, state: "ALARM" }),
    beat(500, Step::Alarm { name: crate::fixtures::SYSTEM_ALARM_NAME, state: "OK" }),
    actions(500, Which::First, "completed", "Action was completed."),
    actions(0, Which::Rest, "running", "Action is running."),
    actions(200, Which::Rest, "completed", "Action was completed."),
    experiment(100, "completed", "Experiment completed."),
];

/// Script of an experiment that fails because its role lacks permissions.
pub(crate) const FAILED: &[Beat] = &[
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

/// Script of an experiment that is cancelled before it begins.
pub(crate) const CANCELLED: &[Beat] =
    &[experiment(600, "cancelled", "Experiment was cancelled before it began.")];

/// Script of an experiment that the safety lever stops.
pub(crate) const LEVER_ENGAGED: &[Beat] =
    &[INITIATING, RUNNING, FIRST_RUNS, beat(900, Step::Lever { engaged: true })];

/// Script of an experiment that runs until it is stopped.
pub(crate) const NEVER_ENDS: &[Beat] = &[INITIATING, RUNNING, FIRST_RUNS];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the time of each step after the beginning, in milliseconds.
    fn times(beats: &[Beat]) -> Vec<u128> {
        let mut since = Duration::ZERO;
        let time = |beat: &Beat| {
            since += beat.after;
            since.as_millis()
        };
        beats.iter().map(time).collect()
    }

    #[test]
    fn a_fault_lasts_as_long_as_is_asked_for_and_nothing_else_does() {
        let lasting = |beats: &[Beat]| lasting(beats, Which::First, Duration::from_secs(120));
        assert_eq!(times(&lasting(COMPLETED)), [200, 500, 500, 120_500, 120_500, 120_700, 120_800]);
        assert_eq!(times(&lasting(ALARM_FIRES)), [200, 500, 500, 120_500]);
        assert_eq!(*times(&lasting(FAILED)).last().unwrap(), 120_500);
        assert_eq!(lasting(CANCELLED), CANCELLED);
        assert_eq!(lasting(NEVER_ENDS), NEVER_ENDS);
        let waits = crate::story::script::lasting(WAITS, Which::Second, Duration::from_secs(120));
        assert_eq!(times(&waits), [200, 500, 500, 2000, 2000, 122_000, 122_000, 123_500, 123_600]);
    }
}
