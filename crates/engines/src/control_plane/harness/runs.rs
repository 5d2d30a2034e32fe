//! The reading of runs: many by one request, told apart by their notify ids, and a closer look at those that
//! did not end well. A server that does not tell notify ids is asked for each run alone: a row is never taken
//! for a run by its place.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Api, Rest, is_no_such_place, is_unknown_there};
use super::queries;
use super::row::HarnessRow;
use crate::control_plane::{Run, RunKey, Trouble, TroubleKind};

/// Most runs that one request asks for. A server may cut off longer lists, and a run that is missing there
/// would be taken for one that does not exist.
const MAX_RUNS_PER_REQUEST: usize = 50;
/// Number of an experiment's last runs that are listed.
const RECENT_RUNS: usize = 10;

/// Names of the things that servers may lack.
const NOTIFY_IDS: &str = "WorkflowRun.notifyID";
const SORTING: &str = "WorkflowRunSortInput.field LAST_EXECUTED";
const REASONS: &str = "ListWorkflowRunReasons";
pub(super) const GET_RUN: &str = "getChaosV2ExperimentRun";

/// The row of one run; `None` if the server does not know the run.
type FoundRow = Result<Option<HarnessRow>, Trouble>;

/// Reads runs, in the order of their keys.
pub(super) async fn read(api: &Api, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>> {
    // Empty ids are left out: every run that a schedule has begun has one.
    let ids: Vec<&str> = runs.iter().map(|run| &*run.notify_id).filter(|id| !id.is_empty()).collect();
    let mut found: BTreeMap<&str, FoundRow> = BTreeMap::new();
    for ids in ids.chunks(MAX_RUNS_PER_REQUEST) {
        found.extend(rows(api, ids).await);
    }
    let mut read = Vec::new();
    for key in runs {
        read.push(match found.get(&*key.notify_id) {
            Some(Ok(Some(row))) => {
                let mut run = row.run();
                run.notify_id = Some(key.notify_id.clone());
                if is_unclear(&run.phase) {
                    look_closer(api, key, &mut run).await;
                }
                Ok(Some(run))
            }
            Some(Err(trouble)) => Err(trouble.clone()),
            Some(Ok(None)) | None => Ok(None),
        });
    }
    read
}

/// Returns the number of requests that a poll of so many runs takes.
pub(super) fn requests(api: &Api, runs: usize) -> usize {
    if api.lacks(NOTIFY_IDS) { runs } else { runs.div_ceil(MAX_RUNS_PER_REQUEST) }
}

/// Reads the rows of runs with these notify ids: by one request, or each alone if the server is too old to
/// tell the ids.
async fn rows<'i>(api: &Api, ids: &[&'i str]) -> Vec<(&'i str, FoundRow)> {
    if !api.lacks(NOTIFY_IDS) {
        match list_by_ids(api, ids, &format!("{} {}", queries::STATE, queries::NOTIFY_ID)).await {
            Ok(rows) => {
                let of = |id: &str| rows.iter().find(|row| row.text(queries::NOTIFY_ID) == Some(id)).cloned();
                return ids.iter().map(|id| (*id, Ok(of(id)))).collect();
            }
            Err(trouble) if is_unknown_there(&trouble) => api.note_lack(NOTIFY_IDS),
            Err(trouble) => return ids.iter().map(|id| (*id, Err(trouble.clone()))).collect(),
        }
    }
    let mut found = Vec::new();
    for id in ids {
        found.push((*id, only(list_by_ids(api, &[*id], queries::STATE).await)));
    }
    found
}

async fn list_by_ids(api: &Api, ids: &[&str], fields: &str) -> Result<Vec<HarnessRow>, Trouble> {
    let request = json!({ "notifyIDs": ids, "pagination": { "page": 0, "limit": ids.len() } });
    list(api, "ListWorkflowRun", fields, request).await
}

async fn list(api: &Api, operation: &str, fields: &str, request: Value) -> Result<Vec<HarnessRow>, Trouble> {
    let query = queries::runs(operation, fields);
    let answer = api.graphql(operation, &query, json!({ "request": request })).await?;
    Ok(HarnessRow::all(&answer["listWorkflowRun"]["workflowRuns"]))
}

/// Returns the row of a run that was asked for alone. Fails if there are several, since none can be told to
/// be it.
fn only(rows: Result<Vec<HarnessRow>, Trouble>) -> FoundRow {
    let mut rows = rows?;
    if rows.len() > 1 {
        let why = "the server told of several runs where it was asked for one";
        return Err(Trouble::new(TroubleKind::Refused, why));
    }
    Ok(rows.pop())
}

/// Returns `true` if the run is neither on its way nor at an end that speaks for itself.
fn is_unclear(phase: &str) -> bool {
    !["Queued", "Pending", "NA", "Running", "Completed", "Completed_With_Probe_Failure", ""].contains(&phase)
}

/// Asks why a run is as it is. The answer only adds reasons, so trouble with it is not told.
async fn look_closer(api: &Api, key: &RunKey, run: &mut Run) {
    let told = match rest_run(api, key).await {
        Ok(told) => told,
        Err(_) => reasons(api, key).await.unwrap_or_default(),
    };
    run.completed = told.flag("completed");
    run.error = told.text("errorResponse").map(|error| api.make_showable(error));
    let governance = &told.0["securityGovernance"];
    let failed = governance["phase"].as_str() == Some("Failed");
    if failed || run.phase == "Blocked" {
        let message = governance["message"].as_str().filter(|message| !message.is_empty());
        run.blocked = Some(message.map_or_else(
            || "a ChaosGuard rule does not allow it".to_owned(),
            |message| api.make_showable(message),
        ));
    }
}

/// Reads the run by REST.
pub(super) async fn rest_run(api: &Api, key: &RunKey) -> Result<HarnessRow, Trouble> {
    if api.lacks(GET_RUN) {
        return Err(Trouble::new(TroubleKind::Missing, "the server has no REST v2 for runs"));
    }
    let rest = Rest {
        operation: GET_RUN,
        method: Method::GET,
        path: &["experiments", &key.experiment, "run"],
        query: &[("notifyId", &key.notify_id)],
        body: None,
    };
    let told = api.rest(rest).await;
    if told.as_ref().err().is_some_and(is_no_such_place) {
        api.note_lack(GET_RUN);
    }
    let row = HarnessRow(told?);
    // An answer about another run says nothing of ours.
    if row.text("notifyID").is_some_and(|id| id != key.notify_id) {
        return Err(Trouble::new(TroubleKind::Refused, "the server told of another run"));
    }
    Ok(row)
}

/// Reads the reasons by GraphQL, for servers without REST.
async fn reasons(api: &Api, key: &RunKey) -> Result<HarnessRow, Trouble> {
    if api.lacks(REASONS) {
        return Ok(HarnessRow::default());
    }
    let request = json!({ "notifyIDs": [key.notify_id], "pagination": { "page": 0, "limit": 1 } });
    let rows = list(api, REASONS, queries::REASONS, request).await;
    if rows.as_ref().err().is_some_and(is_unknown_there) {
        api.note_lack(REASONS);
    }
    Ok(only(rows)?.unwrap_or_default())
}

/// Reads the fields that the score of a run is made of. `None` if the run is not there.
pub(super) async fn data(api: &Api, key: &RunKey) -> Result<Option<HarnessRow>, Trouble> {
    let request = json!({ "notifyIDs": [key.notify_id], "pagination": { "page": 0, "limit": 1 } });
    only(list(api, "ListWorkflowRunData", queries::DATA, request).await)
}

/// Lists the last runs of an experiment, newest first.
pub(super) async fn recent(api: &Api, experiment: &str) -> Result<Vec<Run>, Trouble> {
    let mut runs: Vec<Run> = recent_rows(api, experiment).await?.iter().map(HarnessRow::run).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.created_at));
    Ok(runs)
}

async fn recent_rows(api: &Api, experiment: &str) -> Result<Vec<HarnessRow>, Trouble> {
    // A server refuses one unknown thing at a time, so each refusal takes one away. Every lack is noted, and
    // none twice.
    loop {
        let fields = [queries::STATE, queries::NOTIFY_ID].join(" ");
        let fields = if api.lacks(NOTIFY_IDS) { queries::STATE } else { &fields };
        let mut request =
            json!({ "workflowIDs": [experiment], "pagination": { "page": 0, "limit": RECENT_RUNS } });
        if !api.lacks(SORTING) {
            request["sort"] = json!({ "field": "LAST_EXECUTED", "ascending": false });
        }
        let rows = list(api, "RecentWorkflowRuns", fields, request).await;
        let Some(trouble) = rows.as_ref().err().filter(|trouble| is_unknown_there(trouble)) else {
            return rows;
        };
        let lack = if trouble.why.contains(queries::NOTIFY_ID) { NOTIFY_IDS } else { SORTING };
        if api.lacks(lack) {
            return rows;
        }
        api.note_lack(lack);
    }
}
