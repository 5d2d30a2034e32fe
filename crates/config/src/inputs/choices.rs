//! The words that some inputs take, each set as an enum of its own.

use faultgate_core::closed_set;
use faultgate_core::model::{PlanItem, Shard};

closed_set! {
    /// The format of the log.
    pub enum LogFormat {
        Text = "text",
        Json = "json",
    }
}

closed_set! {
    /// The commit statuses that a run posts.
    pub enum CommitStatusMode {
        /// A status for each experiment and one for the run, unless there are too many experiments.
        True = "true",
        False = "false",
        All = "all",
        /// A status for the run alone.
        Run = "run",
        Off = "off",
    }
}

closed_set! {
    /// The cases in which a comment is posted on the pull request.
    pub enum CommentMode {
        Off = "off",
        On = "on",
        OnFailure = "on-failure",
    }
}

closed_set! {
    /// The cases in which a comment tells ARNs and ids of AWS accounts.
    pub enum CommentAccounts {
        /// Shown if the repository is known to be private.
        Auto = "auto",
        Show = "show",
        Hide = "hide",
    }
}

closed_set! {
    /// The actions that inject of which each experiment must have completed some.
    pub enum RequiredActions {
        Any = "any",
        All = "all",
    }
}

closed_set! {
    /// The consequence of a report that could not be posted.
    pub enum ReportingMode {
        Warn = "warn",
        Fail = "fail",
    }
}

/// The part of the suite that the input `shard` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardChoice {
    Fixed(Shard),
    /// The part that the engine tells which runs the job. The settings may tell the number of parts.
    Auto(Option<u32>),
}

/// The experiments that the input `only` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Only {
    Names(Vec<String>),
    /// Items of a plan that are handed back.
    Items(Vec<PlanItem>),
}
