//! The stop of one run and no other. A request that names no run would stop every run of the experiment, even
//! those of others, so none is ever sent.

use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Api, Rest};
use super::queries;
use crate::control_plane::{RunKey, Trouble, TroubleKind};

const STOP: &str = "stopChaosV2Experiment";

/// Stops a run. REST is asked first, since it finds the run by its notify id; GraphQL, which needs the run's
/// id, is asked if that failed. `experiment` is the experiment's id.
pub(super) async fn stop(api: &Api, run: &RunKey, experiment: &str) -> Result<(), Trouble> {
    if query(run).is_empty() {
        return Err(Trouble::new(TroubleKind::Refused, "the run has neither a notify id nor a run id"));
    }
    let trouble = match by_rest(api, run, experiment).await {
        Ok(()) => return Ok(()),
        Err(trouble) => trouble,
    };
    match (trouble.kind, run_id(run)) {
        // GraphQL would meet with the same trouble.
        (TroubleKind::Unsent | TroubleKind::Limited | TroubleKind::Unauthenticated, _) => Err(trouble),
        (_, Some(run_id)) => by_graphql(api, experiment, run_id).await,
        (_, None) => {
            let why = format!("{}, and GraphQL stops a run only when its agent has reported it", trouble.why);
            Err(Trouble { why, ..trouble })
        }
    }
}

async fn by_rest(api: &Api, run: &RunKey, experiment: &str) -> Result<(), Trouble> {
    let path = ["experiment", experiment, "stop"];
    let query = query(run);
    let rest = Rest { operation: STOP, method: Method::POST, path: &path, query: &query, body: None };
    // The answer says whether the run has stopped by now. It is dropped, since only the run's record confirms
    // a stop.
    api.rest(rest).await.map(|_| ())
}

async fn by_graphql(api: &Api, experiment: &str, run_id: &str) -> Result<(), Trouble> {
    let variables = json!({ "workflowID": experiment, "workflowRunID": run_id });
    let answer = api.graphql("StopWorkflowRuns", queries::STOP, variables).await?;
    if answer["stopWorkflowRuns"] == Value::Bool(false) {
        return Err(Trouble::new(
            TroubleKind::Refused,
            "the server answered that it has not stopped the run",
        ));
    }
    Ok(())
}

/// Returns the query that names the run; empty if no id of it is known. It never asks for force, which marks
/// the run as stopped and leaves the fault in.
pub(super) fn query(run: &RunKey) -> Vec<(&'static str, &str)> {
    let notify_id = Some(&*run.notify_id).filter(|id| !id.is_empty()).map(|id| ("notifyId", id));
    let run_id = run_id(run).map(|id| ("experimentRunId", id));
    let named: Vec<_> = notify_id.into_iter().chain(run_id).collect();
    if named.is_empty() { named } else { named.into_iter().chain([("force", "false")]).collect() }
}

fn run_id(run: &RunKey) -> Option<&str> {
    run.run_id.as_deref().filter(|id| !id.is_empty())
}
