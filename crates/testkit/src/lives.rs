//! Lives of experiments that are to be over soon, or never.

use std::time::Duration;

use faultgate_rehearsal::{ALARM_NAME, Beat, Step, Which};

const fn beat(millis: u64, step: Step) -> Beat {
    Beat { after: Duration::from_millis(millis), step }
}

const RUNNING: Beat = beat(50, Step::Experiment { status: "running", reason: "Experiment is running." });

/// The life of an experiment that completes in a moment.
pub const QUICK: &[Beat] = &[
    RUNNING,
    beat(0, Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." }),
    beat(50, Step::Experiment { status: "completed", reason: "Experiment completed." }),
];

/// The life of an experiment that runs until it is stopped.
pub const ENDLESS: &[Beat] = &[RUNNING];

/// The life of an experiment whose fault is in until it is stopped, or until a test plays [`OVER`].
pub const IN: &[Beat] =
    &[RUNNING, beat(0, Step::Actions { which: Which::All, status: "running", reason: "Action is running." })];

/// The steps by which a test lets such an experiment complete.
pub const OVER: [Step; 2] = [
    Step::Actions { which: Which::All, status: "completed", reason: "Action was completed." },
    Step::Experiment { status: "completed", reason: "Experiment completed." },
];

/// The life of an experiment that fails at once.
pub const FAILING: &[Beat] = &[
    RUNNING,
    beat(0, Step::Failed { code: "AuthorizationFailure", location: "latency", reason: "Experiment failed." }),
];

/// The life of an experiment whose stop condition fires.
pub const ALARMING: &[Beat] = &[RUNNING, beat(0, Step::Alarm { name: ALARM_NAME, state: "ALARM" })];
