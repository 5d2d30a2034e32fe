//! The GraphQL operations. What every server knows is asked for apart from what only newer ones know.

/// What is asked for at every poll.
pub(super) const STATE: &str = "workflowRunID phase resiliencyScore experimentsPassed experimentsFailed \
    experimentsAwaited experimentsStopped experimentsNa totalExperiments createdAt updatedAt";

/// Tells the runs of one answer apart; the first servers do not know it.
pub(super) const NOTIFY_ID: &str = "notifyID";

/// Why a run did not come to an end of its own.
pub(super) const REASONS: &str = "errorResponse securityGovernance { phase message }";

/// What the score is made of.
pub(super) const DATA: &str = "executionData weightages { experimentName weightage }";

/// What is looked at before a launch.
pub(super) const EXPERIMENT: &str = "workflowID name isRemoved cronSyntax \
    infra { name infraType isActive isInfraConfirmed } recentWorkflowRunDetails { phase createdAt }";

pub(super) const LAUNCH: &str = "mutation RunChaosExperiment(\
    $workflowID: String!, $identifiers: IdentifiersRequest!) { \
    runChaosExperiment(workflowID: $workflowID, identifiers: $identifiers) { notifyID } }";

pub(super) const STOP: &str = "mutation StopWorkflowRuns(\
    $identifiers: IdentifiersRequest!, $workflowID: String!, $workflowRunID: String) { \
    stopWorkflowRuns(identifiers: $identifiers, workflowID: $workflowID, workflowRunID: $workflowRunID) }";

pub(super) fn runs(operation: &str, fields: &str) -> String {
    format!(
        "query {operation}($identifiers: IdentifiersRequest!, $request: ListWorkflowRunRequest!) {{ \
         listWorkflowRun(identifiers: $identifiers, request: $request) {{ workflowRuns {{ {fields} }} }} }}"
    )
}

pub(super) fn experiments(operation: &str, fields: &str) -> String {
    format!(
        "query {operation}($identifiers: IdentifiersRequest!, $request: ListWorkflowRequest!) {{ \
         listWorkflow(identifiers: $identifiers, request: $request) {{ workflows {{ {fields} }} }} }}"
    )
}
