//! The GraphQL operations. A server refuses a whole query for one field that it does not know, so the fields
//! that every server knows are asked for apart from those that only newer ones know.

/// The fields that are asked for at every poll.
pub(super) const STATE: &str = "workflowRunID phase resiliencyScore experimentsPassed experimentsFailed \
    experimentsAwaited experimentsStopped experimentsNa totalExperiments createdAt updatedAt";

/// The field that tells the runs of one answer apart. The first servers do not know it.
pub(super) const NOTIFY_ID: &str = "notifyID";

/// The fields that say why a run did not come to an end of its own.
pub(super) const REASONS: &str = "errorResponse securityGovernance { phase message }";

/// The fields that the score is made of.
pub(super) const DATA: &str = "executionData weightages { experimentName weightage }";

/// The fields of an experiment that are looked at before a launch.
pub(super) const EXPERIMENT: &str = "workflowID name isRemoved cronSyntax \
    infra { name infraType isActive isInfraConfirmed } recentWorkflowRunDetails { phase createdAt }";

pub(super) const LAUNCH: &str = "mutation RunChaosExperiment(\
    $workflowID: String!, $identifiers: IdentifiersRequest!) { \
    runChaosExperiment(workflowID: $workflowID, identifiers: $identifiers) { notifyID } }";

pub(super) const STOP: &str = "mutation StopWorkflowRuns(\
    $identifiers: IdentifiersRequest!, $workflowID: String!, $workflowRunID: String) { \
    stopWorkflowRuns(identifiers: $identifiers, workflowID: $workflowID, workflowRunID: $workflowRunID) }";

/// Returns the query for the fields of runs.
pub(super) fn runs(operation: &str, fields: &str) -> String {
    format!(
        "query {operation}($identifiers: IdentifiersRequest!, $request: ListWorkflowRunRequest!) {{ \
         listWorkflowRun(identifiers: $identifiers, request: $request) {{ workflowRuns {{ {fields} }} }} }}"
    )
}

/// Returns the query for the fields of experiments.
pub(super) fn experiments(operation: &str, fields: &str) -> String {
    format!(
        "query {operation}($identifiers: IdentifiersRequest!, $request: ListWorkflowRequest!) {{ \
         listWorkflow(identifiers: $identifiers, request: $request) {{ workflows {{ {fields} }} }} }}"
    )
}
