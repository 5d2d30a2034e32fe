//! The suites of a test report, their cases, and the fates of these.

use jiff::{SignedDuration, Timestamp};

/// The rank of a case. Ranks are in the order in which cases are left out if there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    ActionThatPassed,
    ProbeThatPassed,
    ActionThatNeverRan,
    Action,
    Probe,
    ExperimentThatPassed,
    Experiment,
    Gate,
}

impl Rank {
    pub(super) const ALL: [Self; 8] = [
        Self::ActionThatPassed,
        Self::ProbeThatPassed,
        Self::ActionThatNeverRan,
        Self::Action,
        Self::Probe,
        Self::ExperimentThatPassed,
        Self::Experiment,
        Self::Gate,
    ];
}

/// A suite: an experiment, or the gate.
#[derive(Debug)]
pub(super) struct TestSuite {
    /// The name of the suite. It is the class of its cases too, which GitLab shows as the suite.
    pub(super) name: String,
    pub(super) started_at: Option<Timestamp>,
    pub(super) time: SignedDuration,
    pub(super) properties: Vec<(&'static str, String)>,
    pub(super) cases: Vec<TestCase>,
}

/// A test case.
#[derive(Debug)]
pub(super) struct TestCase {
    pub(super) rank: Rank,
    pub(super) name: String,
    pub(super) time: SignedDuration,
    pub(super) fate: Fate,
    /// Lines of `system-out`.
    pub(super) out: Vec<String>,
}

/// The outcome of a case.
#[derive(Debug)]
pub(super) enum Fate {
    Passed,
    /// A weakness was found.
    Failure {
        kind: String,
        message: String,
    },
    /// The experiment could not be judged.
    Error {
        kind: String,
        message: String,
    },
    /// The action or probe never ran, or the case `gate` of its suite tells of it.
    Skipped {
        message: String,
    },
}
