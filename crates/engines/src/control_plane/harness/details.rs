//! The details of a run that is over: its weights and execution data, and the probes and steps that only REST
//! tells of. GraphQL is asked first, since every server has it; REST fills in what is missing, and a server
//! without it is no trouble.

use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Api, Rest, is_no_such_place};
use super::row::HarnessRow;
use super::runs;
use crate::control_plane::{RunDetails, RunKey, Trouble};
use faultgate_core::model::FaultProbe;

const PROBES: &str = "getProbesInExperiment";
const STEPS: &str = "getChaosPipelineExecution";

/// Reads the details of a run. Fails only if nothing of its faults and probes can be had.
pub(super) async fn details(api: &Api, run: &RunKey) -> Result<RunDetails, Trouble> {
    let told = runs::data(api, run).await;
    let row = told.as_ref().ok().and_then(Option::as_ref);
    let mut details = RunDetails {
        weights: row.map(weights).unwrap_or_default(),
        execution: row.map(|row| row.0["executionData"].clone()),
        probes: probes(api, run).await,
    };
    if !details.execution.as_ref().is_some_and(tells_of_faults) {
        let known = runs::rest_run(api, run).await.ok().map(|row| row.0["executionData"].clone());
        details.execution = known.filter(tells_of_faults).or(details.execution);
    }
    // Steps come last, since the timeline tells less of a fault than execution data.
    if !details.execution.as_ref().is_some_and(tells_of_faults) {
        let steps = steps(api, run).await;
        details.execution = as_execution(&steps).or(details.execution);
        if details.probes.is_empty() {
            details.probes = steps.iter().filter_map(|step| probe_step(api, step)).collect();
        }
    }
    // REST may have told what GraphQL did not.
    match told {
        Err(trouble) if details.execution.is_none() && details.probes.is_empty() => Err(trouble),
        _ => Ok(details),
    }
}

fn weights(row: &HarnessRow) -> Vec<(String, u32)> {
    let weights = HarnessRow::all(&row.0["weightages"]);
    let weight = |row: &HarnessRow| {
        let weight = row.0["weightage"].as_u64().and_then(|weight| u32::try_from(weight).ok())?;
        Some((row.text("experimentName")?.to_owned(), weight))
    };
    weights.iter().filter_map(weight).collect()
}

/// Returns `true` if the execution data, an object or its text, has a fault in it.
fn tells_of_faults(execution: &Value) -> bool {
    let read;
    let execution = match execution {
        Value::String(text) => {
            read = serde_json::from_str(text).unwrap_or(Value::Null);
            &read
        }
        execution => execution,
    };
    let is_fault = |node: &Value| {
        let data = &node["chaosData"];
        ["experimentName", "experimentVerdict", "engineName"].iter().any(|name| !data[*name].is_null())
    };
    let nodes = execution["nodes"].as_object();
    nodes.is_some_and(|nodes| nodes.values().any(is_fault))
}

/// Reads the probes of all faults, each with its fault's name; that of a probe of the whole experiment is
/// empty. An answer that cannot be had has no probes.
async fn probes(api: &Api, run: &RunKey) -> Vec<(String, FaultProbe)> {
    let path = ["probes", "experiment-run"];
    let body = json!({ "notifyIds": [run.notify_id] });
    let rest = Rest { operation: PROBES, method: Method::POST, path: &path, query: &[], body: Some(body) };
    let Some(told) = optional(api, rest).await else { return Vec::new() };
    let rows = HarnessRow::all(&told["data"]);
    let ours = |row: &&HarnessRow| row.text("notifyId").is_none_or(|id| id == run.notify_id);
    rows.iter().filter(ours).filter_map(|row| probe(api, row)).collect()
}

fn probe(api: &Api, row: &HarnessRow) -> Option<(String, FaultProbe)> {
    let of_fault = row.flag("isExperimentLevelProbe") != Some(true);
    let fault = row.text("faultName").or(row.text("nodeName")).filter(|_| of_fault).unwrap_or_default();
    let shown = |name: &str| row.text(name).map(|text| api.make_showable(text));
    let status = HarnessRow(row.0["status"].clone());
    let probe = FaultProbe {
        name: shown("name")?,
        kind: shown("type").unwrap_or_default(),
        mode: shown("mode"),
        verdict: status.text("verdict").map_or_else(|| "NA".to_owned(), |verdict| api.make_showable(verdict)),
        description: status.text("description").map(|text| api.make_showable(text)),
    };
    Some((fault.to_owned(), probe))
}

/// Reads the steps of a run, which its timeline shows.
async fn steps(api: &Api, run: &RunKey) -> Vec<HarnessRow> {
    let run_id = run.run_id.as_deref().filter(|id| !id.is_empty());
    let query: Vec<(&str, &str)> = std::iter::once(("notifyId", &*run.notify_id))
        .chain(run_id.map(|id| ("experimentRunId", id)))
        .collect();
    let path = ["chaos-pipeline", &run.experiment];
    let rest = Rest { operation: STEPS, method: Method::GET, path: &path, query: &query, body: None };
    optional(api, rest).await.map(|told| HarnessRow::all(&told["nodes"])).unwrap_or_default()
}

/// Returns the steps in the form of execution data, if a fault is among them.
fn as_execution(steps: &[HarnessRow]) -> Option<Value> {
    let is_fault = |step: &HarnessRow| step.text("stepType") == Some("FAULT");
    let nodes = steps.iter().filter_map(|step| match step.text("stepType") {
        Some("FAULT") => Some(fault_step(step)),
        // Other steps are shown beside the faults, and inject nothing.
        Some("PROBE" | "ACTION") => Some(step.0.clone()),
        _ => None,
    });
    let nodes: Vec<Value> = nodes.collect();
    steps.iter().any(is_fault).then(|| json!({ "nodes": nodes }))
}

fn fault_step(step: &HarnessRow) -> Value {
    let name = step.text("stepName").unwrap_or_default();
    let error = HarnessRow(step.0["errorData"].clone());
    let said: Vec<&str> = ["code", "message"].iter().filter_map(|name| error.text(name)).collect();
    let data = &step.0["chaosData"]["faultData"];
    let fault = data["name"].as_str().filter(|fault| !fault.is_empty());
    let status = step.text("status").unwrap_or_default();
    let mut chaos = json!({
        "experimentName": fault.unwrap_or(name),
        "experimentStatus": status,
        "experimentVerdict": verdict(status),
        "failStep": said.join(" : "),
    });
    if data["targets"].is_array() {
        chaos["history"] = json!({ "targets": data["targets"] });
    }
    let mut node = json!({ "name": name, "type": "FAULT", "phase": status, "chaosData": chaos });
    for time in ["startedAt", "finishedAt"] {
        node[time] = step.0[time].clone();
    }
    node
}

/// Returns the verdict on a fault whose step has this status. A status that is not known stays as it is.
fn verdict(status: &str) -> &str {
    match status {
        "Passed" | "Completed" | "Completed_With_Probe_Absent" => "Pass",
        "Failed" | "Completed_With_Probe_Failure" => "Fail",
        "Stopped" | "Interrupted" => "Stopped",
        "Queued" | "Pending" | "Running" => "Awaited",
        "Skipped" => "N/A",
        other => other,
    }
}

fn probe_step(api: &Api, step: &HarnessRow) -> Option<(String, FaultProbe)> {
    if step.text("stepType") != Some("PROBE") {
        return None;
    }
    let data = HarnessRow(step.0["chaosData"]["probeData"].clone());
    let shown = |row: &HarnessRow, name: &str| row.text(name).map(|text| api.make_showable(text));
    let error = HarnessRow(step.0["errorData"].clone());
    let probe = FaultProbe {
        name: shown(&data, "name").or_else(|| shown(step, "stepName"))?,
        kind: shown(&data, "probeType").unwrap_or_default(),
        mode: None,
        verdict: shown(step, "status").unwrap_or_else(|| "NA".to_owned()),
        description: shown(&error, "message").or_else(|| shown(&data, "description")),
    };
    Some((data.text("faultName").unwrap_or_default().to_owned(), probe))
}

/// Asks for what only newer servers tell. `None` if the server does not, which is no trouble.
async fn optional(api: &Api, rest: Rest<'_>) -> Option<Value> {
    let operation = rest.operation;
    if api.lacks(operation) {
        return None;
    }
    let told = api.rest(rest).await;
    if told.as_ref().err().is_some_and(is_no_such_place) {
        api.note_lack(operation);
    }
    told.ok()
}
