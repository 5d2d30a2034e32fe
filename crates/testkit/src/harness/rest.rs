//! The REST API, version 2. A request that the API's description does not have is a fault.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::world::{HarnessRun, HarnessWorld};
use super::{ACCOUNT, ORG, PROJECT};

const SCOPE: [(&str, &str); 3] =
    [("accountIdentifier", ACCOUNT), ("organizationIdentifier", ORG), ("projectIdentifier", PROJECT)];

/// A request below `/rest/v2`.
pub(super) struct RestRequest<'a> {
    pub(super) operation: &'static str,
    pub(super) id: &'a str,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) body: &'a Value,
}

/// The status and body of an answer, or a fault.
pub(super) type RestOutcome = Result<(u16, Value), String>;

/// Returns the operation and the experiment of a path.
pub(super) fn route<'p>(method: &str, path: &'p str) -> Option<(&'static str, &'p str)> {
    let parts: Vec<&str> = path.split('/').collect();
    match (method, &parts[..]) {
        ("POST", ["experiments", id, "run"]) => Some(("runChaosV2Experiment", id)),
        ("GET", ["experiments", id, "run"]) => Some(("getChaosV2ExperimentRun", id)),
        ("GET", ["experiments", id, "variables"]) => Some(("getChaosV2ExperimentVariables", id)),
        ("GET", ["chaos-pipeline", id]) => Some(("getChaosPipelineExecution", id)),
        ("POST", ["experiment", id, "stop"]) => Some(("stopChaosV2Experiment", id)),
        ("POST", ["probes", "experiment-run"]) => Some(("getProbesInExperiment", "")),
        _ => None,
    }
}

impl RestRequest<'_> {
    pub(super) fn answer(&self, world: &mut HarnessWorld) -> RestOutcome {
        let (required, optional): (&[&str], &[&str]) = match self.operation {
            "runChaosV2Experiment" => (&["isIdentity", "isOnboardingRun"], &[]),
            "getChaosV2ExperimentVariables" => (&["isIdentity"], &[]),
            "stopChaosV2Experiment" => (&[], &["experimentRunId", "notifyId", "force"]),
            "getProbesInExperiment" => (&[], &[]),
            _ => (&[], &["experimentRunId", "notifyId"]),
        };
        self.scope()?;
        self.only(required, optional)?;
        match self.operation {
            "runChaosV2Experiment" => self.launch(world),
            "getChaosV2ExperimentVariables" => self.variables(world),
            "stopChaosV2Experiment" => self.stop(world),
            "getProbesInExperiment" => self.probes(world),
            "getChaosV2ExperimentRun" => self.run(world),
            _ => self.pipeline(world),
        }
    }

    fn scope(&self) -> Result<(), String> {
        let given = |name: &str| self.query.get(name).map(String::as_str);
        match SCOPE.iter().find(|(name, value)| given(name) != Some(value)) {
            Some((name, _)) => Err(format!("{name} is {:?}", given(name))),
            None => Ok(()),
        }
    }

    fn only(&self, required: &[&str], optional: &[&str]) -> Result<(), String> {
        let scope = SCOPE.map(|(name, _)| name);
        let known =
            |name: &str| scope.contains(&name) || required.contains(&name) || optional.contains(&name);
        if let Some(unknown) = self.query.keys().find(|name| !known(name)) {
            return Err(format!("{unknown} is no parameter"));
        }
        match required.iter().find(|name| !self.query.contains_key(**name)) {
            Some(missing) => Err(format!("{missing} is missing")),
            None => Ok(()),
        }
    }

    fn no_body(&self) -> Result<(), String> {
        if self.body.is_null() { Ok(()) } else { Err("it takes no body".to_owned()) }
    }

    fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Returns the id of the experiment, which is named by its id or, with `isIdentity`, by its identity.
    fn experiment(&self, world: &HarnessWorld) -> Option<String> {
        let by_identity = self.get("isIdentity") == "true";
        let found = world.experiments.iter().find(|experiment| {
            if by_identity { experiment.identity == self.id } else { experiment.id == self.id }
        });
        found.map(|experiment| experiment.id.clone())
    }

    fn launch(&self, world: &mut HarnessWorld) -> RestOutcome {
        only_keys(self.body, &["inputsetIdentity", "runtimeInputs"])?;
        let inputs = &self.body["runtimeInputs"];
        only_keys(inputs, &["experiment", "tasks"])?;
        let tasks = inputs["tasks"].as_object().into_iter().flat_map(Map::values);
        let lists = std::iter::once(&inputs["experiment"]).chain(tasks);
        for input in lists.filter_map(Value::as_array).flatten() {
            only_keys(input, &["name", "value"])?;
            if input["name"].as_str().is_none_or(str::is_empty) || input["value"].is_null() {
                return Err("an input without its name or value".to_owned());
            }
        }
        let Some(id) = self.experiment(world) else { return Ok(no_documents()) };
        Ok(match world.launch(&id, Some(inputs.clone())) {
            Ok(notify_id) => (200, json!({ "notifyID": notify_id })),
            Err(refusal) => (500, error(&refusal)),
        })
    }

    fn variables(&self, world: &mut HarnessWorld) -> RestOutcome {
        self.no_body()?;
        let Some(id) = self.experiment(world) else { return Ok(no_documents()) };
        Ok((200, world.experiment(&id).unwrap().variables.clone()))
    }

    fn stop(&self, world: &mut HarnessWorld) -> RestOutcome {
        self.no_body()?;
        let (notify_id, run_id) = (self.get("notifyId"), self.get("experimentRunId"));
        let of_it = |run: &HarnessRun| run.experiment == self.id;
        let stopped = if !notify_id.is_empty() {
            world.stop(|run| of_it(run) && run.notify_id == notify_id)
        } else if !run_id.is_empty() {
            world.stop(|run| of_it(run) && run.told_run_id() == run_id)
        } else {
            world.stops_of_all += 1;
            world.stop(|run| of_it(run) && run.now().phase == "Running")
        };
        if stopped == 0 {
            return Ok(no_documents());
        }
        // The stop is only requested, unless it is by force.
        Ok((
            200,
            json!({ "experimentId": self.id, "experimentName": "", "isStopped": self.get("force") == "true" }),
        ))
    }

    fn run_of<'w>(&self, world: &'w HarnessWorld) -> Option<&'w HarnessRun> {
        let (notify_id, run_id) = (self.get("notifyId"), self.get("experimentRunId"));
        let found = |run: &&HarnessRun| match (notify_id, run_id) {
            ("", "") => false,
            ("", run_id) => run.told_run_id() == run_id,
            (notify_id, _) => run.notify_id == notify_id,
        };
        world.runs.iter().filter(|run| run.experiment == self.id && !run.now().absent).find(found)
    }

    fn run(&self, world: &HarnessWorld) -> RestOutcome {
        self.no_body()?;
        let Some(run) = self.run_of(world) else { return Ok(no_documents()) };
        let now = run.now();
        let [passed, failed, awaited, stopped, na] = now.counts;
        Ok((
            200,
            json!({
                "accountID": ACCOUNT, "orgID": ORG, "projectID": PROJECT, "experimentID": run.experiment,
                "experimentRunID": run.told_run_id(), "notifyID": run.notify_id, "phase": now.phase,
                "completed": now.completed, "resiliencyScore": now.score, "faultsPassed": passed,
                "faultsFailed": failed, "faultsAwaited": awaited, "faultsStopped": stopped, "faultsNA": na,
                "executionData": now.execution, "errorResponse": now.error.as_deref().unwrap_or_default(),
                "securityGovernance": now.governance, "updatedAt": run.updated_at, "createdAt": run.created_at,
                "isRemoved": false,
            }),
        ))
    }

    fn pipeline(&self, world: &mut HarnessWorld) -> RestOutcome {
        self.no_body()?;
        let Some(run) = self.run_of(world).cloned() else { return Ok(no_documents()) };
        let steps = world.experiment(&run.experiment).map(|experiment| experiment.steps.clone());
        Ok((
            200,
            json!({ "accountID": ACCOUNT, "experimentID": run.experiment, "status": run.now().phase,
                "resiliencyScore": run.now().score, "nodes": steps }),
        ))
    }

    fn probes(&self, world: &HarnessWorld) -> RestOutcome {
        only_keys(self.body, &["experimentRunIds", "notifyIds"])?;
        let ids = self.body["notifyIds"].as_array().cloned().unwrap_or_default();
        if ids.is_empty() && self.body["experimentRunIds"].as_array().is_none_or(Vec::is_empty) {
            return Err("neither experimentRunIds nor notifyIds".to_owned());
        }
        let of = |run: &&HarnessRun| ids.contains(&json!(run.notify_id));
        let mut data = Vec::new();
        for run in world.runs.iter().filter(of) {
            let experiment = world.experiments.iter().find(|experiment| experiment.id == run.experiment);
            for probe in experiment.into_iter().flat_map(|experiment| &experiment.probes) {
                let mut probe = probe.clone();
                probe["notifyId"] = json!(run.notify_id);
                data.push(probe);
            }
        }
        Ok((200, json!({ "data": data })))
    }
}

fn only_keys(object: &Value, known: &[&str]) -> Result<(), String> {
    let keys = object.as_object().into_iter().flat_map(Map::keys);
    match keys.into_iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{unknown} is not a field")),
        None => Ok(()),
    }
}

fn error(why: &str) -> Value {
    json!({ "message": "failed to process the request", "description": why })
}

fn no_documents() -> (u16, Value) {
    (500, error("mongo: no documents in result"))
}
