//! The outputs of a run: values that later steps and jobs of a pipeline can use. They are defined once, for
//! the code that writes them and for the reference that describes them.

use crate::closed_set;

closed_set! {
    /// The outputs of a run, in the order in which they are written.
    pub enum OutputName {
        Verdict = "verdict",
        ResilienceScore = "resilience-score",
        ExpectedResilienceScore = "expected-resilience-score",
        ExperimentIds = "experiment-ids",
        State = "state",
        Reason = "reason",
        ReportDir = "report-dir",
    }
}

impl OutputName {
    /// Returns the description for the reference, in one line.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Verdict => "How the gate decided: passed, failed, errored, timed-out or cancelled",
            Self::ResilienceScore => "Resilience score, 0 to 100; empty if it is not known",
            Self::ExpectedResilienceScore => "Lowest resilience score that passes the gate",
            Self::ExperimentIds => "Ids that the engines gave to the experiments, separated by commas",
            Self::State => "State in which the experiment that decided was last seen",
            Self::Reason => "Why the gate decided so, in one line",
            Self::ReportDir => "Directory of the report files",
        }
    }

    /// Returns `false` if the variable of this output has the name of an input's variable: a later job would
    /// inherit it as a setting.
    pub const fn is_in_dotenv(self) -> bool {
        match self {
            Self::ExpectedResilienceScore | Self::ReportDir => false,
            Self::Verdict | Self::ResilienceScore | Self::ExperimentIds | Self::State | Self::Reason => true,
        }
    }

    /// Returns the name of the variable that holds this output in a dotenv file.
    pub fn variable(self) -> String {
        format!("FAULTGATE_{}", self.as_str().to_uppercase().replace('-', "_"))
    }
}
