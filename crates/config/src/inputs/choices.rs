//! The words that some inputs take, each set as an enum of its own.

use faultgate_core::closed_set;

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
        /// One for each experiment and one for the run, unless there are too many experiments.
        True = "true",
        False = "false",
        All = "all",
        /// One for the run alone.
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
