//! The outputs of a run: what later steps and jobs of a pipeline can use. Defined once, for those who write them and for
//! those who describe them.

/// One output.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub name: &'static str,
    /// One line for the reference.
    pub help: &'static str,
}

/// All of them, in the order in which they are written.
#[rustfmt::skip]
pub const OUTPUTS: [Output; 7] = [
    Output { name: "verdict", help: "How the gate decided: passed, failed, errored, timed-out or cancelled" },
    Output { name: "resilience-score", help: "Resilience score, 0 to 100; empty if it is not known" },
    Output { name: "expected-resilience-score", help: "Lowest resilience score that passes the gate" },
    Output { name: "experiment-ids", help: "Ids that the engines gave to the experiments, separated by commas" },
    Output { name: "state", help: "State in which the experiment that decided was last seen" },
    Output { name: "reason", help: "Why the gate decided so, in one line" },
    Output { name: "report-dir", help: "Directory of the report files" },
];
