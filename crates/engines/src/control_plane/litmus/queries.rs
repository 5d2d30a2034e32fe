//! What LitmusChaos is asked, word by word. Manifests and `executionData` may be large: they are asked for where they
//! are needed and nowhere else.

/// One GraphQL operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! operations {
    ($($(#[$about:meta])* $constant:ident = $name:literal, $text:literal;)*) => {
        $($(#[$about])* pub(super) const $constant: Operation = Operation { name: $name, text: $text };)*

        /// Everything that may be asked in one document. A server validates the whole of it and runs the operation
        /// that is named: so one look tells whether it also knows those that must not be tried.
        pub(super) const ALL: &str = concat!($($text),*);
    };
}

operations! {
    /// Whether it is connected is all there is to know of an agent: `isInfraConfirmed` is not filled in here.
    EXPERIMENTS = "ListExperiment", "
query ListExperiment($projectID: ID!, $request: ListExperimentRequest!) {
  listExperiment(projectID: $projectID, request: $request) {
    experiments { experimentID name experimentType cronSyntax infra { name isActive } }
  }
}
";
    /// The run is known by `notifyID` when this answers. An experiment on a schedule answers with an empty one.
    RUN = "RunChaosExperiment", "
mutation RunChaosExperiment($projectID: ID!, $experimentID: String!) {
  runChaosExperiment(projectID: $projectID, experimentID: $experimentID) { notifyID }
}
";
    READ = "GetExperimentRun", "
query GetExperimentRun($projectID: ID!, $experimentRunID: ID, $notifyID: ID) {
  getExperimentRun(projectID: $projectID, experimentRunID: $experimentRunID, notifyID: $notifyID) {
    notifyID experimentRunID phase resiliencyScore createdAt updatedAt
    totalFaults faultsPassed faultsFailed faultsAwaited faultsStopped faultsNa
  }
}
";
    DETAILS = "GetExperimentRunDetails", "
query GetExperimentRunDetails($projectID: ID!, $experimentRunID: ID, $notifyID: ID) {
  getExperimentRun(projectID: $projectID, experimentRunID: $experimentRunID, notifyID: $notifyID) {
    notifyID weightages { faultName weightage } executionData
  }
}
";
    /// A list leaves `notifyID` out, though its type has it.
    RECENT = "ListExperimentRun", "
query ListExperimentRun($projectID: ID!, $request: ListExperimentRunRequest!) {
  listExperimentRun(projectID: $projectID, request: $request) {
    experimentRuns {
      notifyID experimentRunID phase resiliencyScore createdAt updatedAt
      totalFaults faultsPassed faultsFailed faultsAwaited faultsStopped faultsNa
    }
  }
}
";
    /// The run's id is not optional here: without it servers stop every run of the experiment.
    STOP = "StopExperimentRuns", "
mutation StopExperimentRuns($projectID: ID!, $experimentID: String!, $experimentRunID: String!) {
  stopExperimentRuns(projectID: $projectID, experimentID: $experimentID, experimentRunID: $experimentRunID)
}
";
}
