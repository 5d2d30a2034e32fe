//! The outputs of a run: values that later steps and jobs of a pipeline can use. They are defined once, for
//! the code that writes them and for the reference that describes them.

/// One output of a run.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub name: &'static str,
    /// Description for the reference, in one line.
    pub help: &'static str,
    /// `false` if the variable of this output has the name of an input's variable: a later job would inherit
    /// it as a setting.
    pub in_dotenv: bool,
}

impl Output {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, in_dotenv: true }
    }

    const fn not_in_dotenv(mut self) -> Self {
        self.in_dotenv = false;
        self
    }

    /// Returns the name of the variable that holds this output in a dotenv file.
    pub fn variable(&self) -> String {
        format!("FAULTGATE_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// All outputs, in the order in which they are written.
#[rustfmt::skip]
pub const OUTPUTS: [Output; 7] = [
    Output::new("verdict", "How the gate decided: passed, failed, errored, timed-out or cancelled"),
    Output::new("resilience-score", "Resilience score, 0 to 100; empty if it is not known"),
    Output::new("expected-resilience-score", "Lowest resilience score that passes the gate").not_in_dotenv(),
    Output::new("experiment-ids", "Ids that the engines gave to the experiments, separated by commas"),
    Output::new("state", "State in which the experiment that decided was last seen"),
    Output::new("reason", "Why the gate decided so, in one line"),
    Output::new("report-dir", "Directory of the report files").not_in_dotenv(),
];
