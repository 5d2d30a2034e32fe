//! The requests to LitmusChaos, word by word. Manifests and `executionData` may be large, so they are asked
//! for where they are needed and nowhere else.

/// One GraphQL operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! operations {
    ($($(#[$about:meta])* $constant:ident = $name:literal, $text:literal;)*) => {
        $($(#[$about])* pub(super) const $constant: Operation = Operation { name: $name, text: $text };)*

        /// All operations in one document. A server validates the whole document and runs the operation that
        /// is named, so one request tells whether it knows those, too, that must not be tried.
        pub(super) const ALL: &str = concat!($($text),*);
    };
}

operations! {
    /// The experiments of a project. Of their agents only `isActive` is asked for: a list leaves
    /// `isInfraConfirmed` empty.
    EXPERIMENTS = "ListExperiment", "
query ListExperiment($projectID: ID!, $request: ListExperimentRequest!) {
  listExperiment(projectID: $projectID, request: $request) {
    experiments { experimentID name experimentType cronSyntax infra { name isActive } }
  }
}
";
    /// The launch. Its answer names the run by `notifyID`, which is empty for an experiment on a schedule.
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
    /// The last runs of an experiment. A list leaves `notifyID` out, though its type has it.
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
    /// The stop. The run's id is not optional here, since servers stop every run of the experiment without
    /// it.
    STOP = "StopExperimentRuns", "
mutation StopExperimentRuns($projectID: ID!, $experimentID: String!, $experimentRunID: String!) {
  stopExperimentRuns(projectID: $projectID, experimentID: $experimentID, experimentRunID: $experimentRunID)
}
";
}
