//! The GraphQL API. A GraphQL implementation that is not ours parses every request, validates it by the
//! schema and executes it, and holds the answers to the schema as well.

use std::cell::RefCell;

use apollo_compiler::executable::Selection;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value, json};

use super::world::{HarnessRun, HarnessWorld};
use super::{ACCOUNT, ORG, PROJECT};

pub(super) struct Schemas {
    older: Valid<Schema>,
    newer: Valid<Schema>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let older = || Schema::builder().parse(include_str!("schema.graphql"), "schema.graphql");
        let newer = older().parse(include_str!("newer.graphql"), "newer.graphql");
        let [older, newer] = [older(), newer].map(|schema| schema.build().unwrap().validate().unwrap());
        Self { older, newer }
    }

    /// Executes a request. One that no server would take is a fault.
    pub(super) fn answer(&self, body: &Value, newer: bool, world: &mut HarnessWorld) -> Answered {
        if let Some(faults) = Self::faults(body, &self.newer) {
            return Answered { status: 422, body: refused(&faults), fault: Some(faults) };
        }
        let schema = if newer { &self.newer } else { &self.older };
        // An older server refuses a request that newer ones know. That is no fault of the client.
        if let Some(faults) = Self::faults(body, schema) {
            return Answered { status: 422, body: refused(&faults), fault: None };
        }
        let document = ExecutableDocument::parse_and_validate(schema, query(body), "request").unwrap();
        let variables = serde_json::from_value(body["variables"].clone()).unwrap();
        let root = HarnessRoot {
            mutation: document.operations.iter().any(|o| o.is_mutation()),
            world: RefCell::new(world),
        };
        let response =
            Execution::new(schema, &document).raw_variable_values(&variables).execute_sync(&root).unwrap();
        let mut body = serde_json::to_value(response).unwrap();
        for error in body["errors"].as_array_mut().into_iter().flatten() {
            // Real servers do not say where their errors come from.
            let message = error["message"].as_str().unwrap_or_default();
            error["message"] = json!(message.strip_prefix("resolver error: ").unwrap_or(message));
        }
        Answered { status: 200, body, fault: None }
    }

    /// Returns what is wrong with a request by this schema.
    fn faults(body: &Value, schema: &Valid<Schema>) -> Option<String> {
        let document = match ExecutableDocument::parse_and_validate(schema, query(body), "request") {
            Ok(document) => document,
            Err(invalid) => {
                let said = invalid.errors.iter().map(|error| error.unstable_to_json_compat().message);
                return Some(said.collect::<Vec<_>>().join("; "));
            }
        };
        let operation = match document.operations.get(body["operationName"].as_str()) {
            Ok(operation) => operation,
            Err(error) => return Some(error.message().to_string()),
        };
        let Ok(variables) = serde_json::from_value(body["variables"].clone()) else {
            return Some("variables are no object".to_owned());
        };
        let sent: Vec<&String> = body["variables"].as_object().into_iter().flat_map(Map::keys).collect();
        let unknown = sent.iter().find(|name| !operation.variables.iter().any(|v| v.name == name.as_str()));
        if let Some(unknown) = unknown {
            return Some(format!("the operation has no variable {unknown}"));
        }
        let coerced = apollo_compiler::request::coerce_variable_values(schema, operation, &variables);
        coerced.err().map(|error| error.message().to_string())
    }
}

pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) fault: Option<String>,
}

/// Returns validation errors in the form that gqlgen gives them.
fn refused(why: &str) -> Value {
    let error = json!({ "message": why, "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } });
    json!({ "errors": [error], "data": null })
}

fn query(body: &Value) -> &str {
    body["query"].as_str().unwrap_or_default()
}

/// Returns the name of the first field of a request, which is what it asks for.
pub(super) fn operation(body: &Value) -> Option<String> {
    let after = query(body).split_once('{')?.1.trim_start();
    Some(after.chars().take_while(char::is_ascii_alphanumeric).collect())
}

struct HarnessRoot<'w> {
    mutation: bool,
    world: RefCell<&'w mut HarnessWorld>,
}

impl ObjectValue for HarnessRoot<'_> {
    fn type_name(&self) -> &str {
        if self.mutation { "Mutation" } else { "Query" }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = serde_json::to_value(info.arguments()).unwrap();
        let world = &mut **self.world.borrow_mut();
        let resolved = resolve(info, &arguments, world).map_err(|message| FieldError { message })?;
        Ok(resolved_value(info, resolved))
    }
}

fn resolve(info: &ResolveInfo<'_>, arguments: &Value, world: &mut HarnessWorld) -> Result<Value, String> {
    let identifiers = &arguments["identifiers"];
    if identifiers["accountIdentifier"] != ACCOUNT {
        return Err("user is not authorized in this account".to_owned());
    }
    let here = identifiers["orgIdentifier"] == ORG && identifiers["projectIdentifier"] == PROJECT;
    let request = &arguments["request"];
    let workflow = arguments["workflowID"].as_str().unwrap_or_default();
    match info.field_name() {
        "runChaosExperiment" if here => {
            world.launch(workflow, None).map(|notify_id| json!({ "notifyID": notify_id }))
        }
        "stopWorkflowRuns" if here => stop(arguments, workflow, world),
        "listWorkflowRun" if here => Ok(list_runs(request, world, asks_for_phase(info))),
        "listWorkflow" if here => Ok(list_experiments(request, world)),
        "listWorkflowRun" => Ok(json!({ "totalNoOfWorkflowRuns": 0, "workflowRuns": [] })),
        "listWorkflow" => Ok(json!({ "totalNoOfWorkflows": 0, "workflows": [] })),
        _ => Err("no documents in result".to_owned()),
    }
}

fn stop(arguments: &Value, workflow: &str, world: &mut HarnessWorld) -> Result<Value, String> {
    let stopped = if let Some(id) = arguments["workflowRunID"].as_str() {
        world.stop(|run| run.experiment == workflow && run.told_run_id() == id)
    } else {
        world.stops_of_all += 1;
        world.stop(|run| run.experiment == workflow && run.now().phase == "Running")
    };
    if stopped == 0 { Err("no running experiments found".to_owned()) } else { Ok(json!(true)) }
}

/// Returns `true` for a poll. Other requests make no time pass.
fn asks_for_phase(info: &ResolveInfo<'_>) -> bool {
    let runs = info.field_selections().iter().flat_map(|field| field.selection_set.selections.iter());
    let fields = runs.filter_map(Selection::as_field).flat_map(|field| field.selection_set.fields());
    fields.into_iter().any(|field| field.name == "phase")
}

/// Returns the values of a list in the request; `None` if it does not filter.
fn filter<'r>(request: &'r Value, name: &str) -> Option<Vec<&'r str>> {
    let list = request[name].as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

fn list_runs(request: &Value, world: &mut HarnessWorld, polled: bool) -> Value {
    let by_notify_id = filter(request, "notifyIDs");
    let by_experiment = filter(request, "workflowIDs");
    let by_run = filter(request, "workflowRunIDs");
    let wanted = |run: &HarnessRun| {
        let among =
            |filter: &Option<Vec<&str>>, id: &str| filter.as_ref().is_none_or(|ids| ids.contains(&id));
        among(&by_notify_id, &run.notify_id)
            && among(&by_experiment, &run.experiment)
            && among(&by_run, run.told_run_id())
    };
    let mut rows = world.rows(wanted, polled && by_notify_id.is_some());
    if request["sort"]["field"] == "LAST_EXECUTED" && request["sort"]["ascending"] == false {
        rows.reverse();
    }
    let total = rows.len();
    let rows = rows.iter().map(|run| row(run, world));
    let rows: Vec<Value> = page(request, rows.collect());
    json!({ "totalNoOfWorkflowRuns": total, "workflowRuns": rows })
}

/// Most rows that a list has, whatever it is asked for.
const MAX_ROWS: usize = 50;

fn page(request: &Value, rows: Vec<Value>) -> Vec<Value> {
    let number = |name: &str| request["pagination"][name].as_u64().and_then(|n| usize::try_from(n).ok());
    let (page, limit) = (number("page").unwrap_or(0), number("limit").unwrap_or(15).min(MAX_ROWS));
    rows.into_iter().skip(page * limit).take(limit).collect()
}

fn row(run: &HarnessRun, world: &HarnessWorld) -> Value {
    let experiment = world.experiments.iter().find(|e| e.id == run.experiment);
    let weights: Vec<_> = experiment.into_iter().flat_map(|experiment| &experiment.weights).collect();
    let now = run.now();
    let [passed, failed, awaited, stopped, na] = now.counts;
    let weightages: Vec<Value> =
        weights.iter().map(|(name, weight)| json!({ "experimentName": name, "weightage": weight })).collect();
    json!({
        "workflowRunID": run.told_run_id(), "workflowID": run.experiment, "workflowName": run.experiment,
        "workflowManifest": "", "cronSyntax": "", "weightages": weightages,
        "updatedAt": run.updated_at.to_string(), "createdAt": run.created_at.to_string(),
        "phase": now.phase, "resiliencyScore": now.score,
        "experimentsPassed": passed, "experimentsFailed": failed, "experimentsAwaited": awaited,
        "experimentsStopped": stopped, "experimentsNa": na, "totalExperiments": weights.len(),
        "executionData": now.execution, "isRemoved": false, "notifyID": run.notify_id,
        "errorResponse": now.error, "securityGovernance": now.governance, "runSequence": run.sequence,
        "experimentType": "experiment", "manifestVersion": "V1",
    })
}

fn list_experiments(request: &Value, world: &HarnessWorld) -> Value {
    let (by_id, by_identity) = (filter(request, "workflowIDs"), filter(request, "identities"));
    let found = world.experiments.iter().filter(|experiment| {
        by_id.as_ref().is_none_or(|ids| ids.contains(&&*experiment.id))
            && by_identity.as_ref().is_none_or(|identities| identities.contains(&&*experiment.identity))
    });
    let rows: Vec<Value> = found
        .map(|experiment| {
            let runs = world.runs.iter().filter(|run| run.experiment == experiment.id).rev();
            let recent: Vec<Value> = runs
                .map(|run| {
                    json!({ "workflowRunID": run.told_run_id(), "notifyID": run.notify_id,
                        "phase": run.now().phase, "resiliencyScore": run.now().score,
                        "updatedAt": run.updated_at.to_string(), "createdAt": run.created_at.to_string() })
                })
                .collect();
            json!({
                "workflowID": experiment.id, "identity": experiment.identity, "name": experiment.name,
                "description": "", "workflowManifest": "", "cronSyntax": experiment.cron, "isRemoved": false,
                "isCustomWorkflow": true, "updatedAt": "1767322800000", "createdAt": "1767322800000",
                "lastExecutedAt": "", "recentWorkflowRunDetails": recent,
                "infra": { "environmentID": "staging", "infraType": experiment.infra_type, "infraID": "agent-1",
                    "name": "staging-agent", "version": "1.72.9", "updatedAt": "", "createdAt": "",
                    "isRemoved": false, "lastHeartbeat": "", "isActive": experiment.active,
                    "isInfraConfirmed": experiment.confirmed },
            })
        })
        .collect();
    json!({ "totalNoOfWorkflows": rows.len(), "workflows": page(request, rows) })
}

/// An object of an answer, resolved by the names of its fields.
struct HarnessObject {
    name: String,
    fields: Value,
}

impl ObjectValue for HarnessObject {
    fn type_name(&self) -> &str {
        &self.name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        Ok(resolved_value(info, self.fields[info.field_name()].clone()))
    }
}

fn resolved_value<'a>(info: &ResolveInfo<'_>, value: Value) -> ResolvedValue<'a> {
    resolved(info.field_definition().ty.inner_named_type().as_str(), value)
}

fn resolved<'a>(name: &str, value: Value) -> ResolvedValue<'a> {
    match value {
        Value::Object(_) => ResolvedValue::object(HarnessObject { name: name.to_owned(), fields: value }),
        Value::Array(items) => {
            let name = name.to_owned();
            ResolvedValue::List(Box::new(items.into_iter().map(move |item| Ok(resolved(&name, item)))))
        }
        leaf => ResolvedValue::leaf(leaf),
    }
}
