//! Harness Chaos Engineering as a control plane. GraphQL is the path that every server has; REST is taken
//! where it tells more or is safer. No request ever stops a run that is not ours.
//!
//! `api` sends the requests, and `queries` has the texts of the GraphQL ones. `experiments` finds
//! experiments, `check` looks at them before a launch, `runs` reads runs, `details` reads what became of
//! their faults, and `stop` stops one run. `row` reads single values, which come in several forms. `words`
//! has what people are told.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use crate::control_plane::{Asked, Manager, Run, RunDetails, RunKey, Trouble, TroubleKind};
use faultgate_core::model::{
    EngineSpec, ExperimentPlan, Finding, HarnessProject, HarnessSpec, RuntimeInputs,
};
use faultgate_core::secret::Secret;

mod api;
mod check;
mod details;
mod experiments;
mod queries;
mod row;
mod runs;
mod stop;
mod words;

use api::{Api, Rest};
use experiments::KnownExperiments;

/// One project of Harness, as one API key sees it.
pub struct Harness {
    api: Api,
    key: Secret,
    known: KnownExperiments,
}

impl Harness {
    /// Creates the control plane. The key is hidden in every text from the server.
    pub fn new(project: HarnessProject, api_key: Secret, http: reqwest::Client) -> Self {
        Self { api: Api::new(project, &api_key, http), key: api_key, known: KnownExperiments::default() }
    }

    /// Launches a run with inputs, which only REST takes.
    async fn launch_with(&self, id: &str, inputs: &RuntimeInputs) -> Result<Value, Trouble> {
        // The values are hidden before they are sent: they may be secrets, and a refusal may quote them.
        let values = inputs.experiment.values().chain(inputs.tasks.values().flat_map(BTreeMap::values));
        values.for_each(|value| self.api.hide(value));
        let rest = Rest {
            operation: "runChaosV2Experiment",
            method: Method::POST,
            path: &["experiments", id, "run"],
            query: &[("isIdentity", "false"), ("isOnboardingRun", "false")],
            body: Some(json!({ "runtimeInputs": write_inputs(inputs) })),
        };
        self.api.rest(rest).await.map_err(|trouble| {
            if api::is_no_such_place(&trouble) {
                let why = "this Harness has no REST v2 API, which `runtime-inputs` need";
                return Trouble::new(TroubleKind::Refused, why);
            }
            trouble
        })
    }
}

fn spec(experiment: &ExperimentPlan) -> Result<&HarnessSpec, Trouble> {
    let EngineSpec::Harness(spec) = &experiment.spec else {
        return Err(Trouble::new(TroubleKind::Unsent, "this is no experiment of Harness"));
    };
    Ok(spec)
}

/// Writes the inputs as the API wants them: lists of names and values.
fn write_inputs(inputs: &RuntimeInputs) -> Value {
    let list = |inputs: &BTreeMap<String, String>| -> Value {
        inputs.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    let mut body = json!({});
    if !inputs.experiment.is_empty() {
        body["experiment"] = list(&inputs.experiment);
    }
    if !inputs.tasks.is_empty() {
        body["tasks"] = inputs.tasks.iter().map(|(task, inputs)| (task.clone(), list(inputs))).collect();
    }
    body
}

#[async_trait(?Send)]
impl Manager for Harness {
    fn title(&self) -> &'static str {
        "Harness"
    }

    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        let specs: Vec<&HarnessSpec> =
            experiments.iter().filter_map(|experiment| spec(experiment).ok()).collect();
        check::check(&self.api, &self.key, &self.known, &specs).await
    }

    async fn launch(&self, experiment: &ExperimentPlan) -> Result<RunKey, Trouble> {
        let spec = spec(experiment)?;
        // The search for the id has launched nothing, so its lost answer must not make the launch doubtful.
        let id = self.known.id(&self.api, &spec.experiment).await.map_err(|trouble| match trouble.kind {
            TroubleKind::Unanswered => Trouble { kind: TroubleKind::Unsent, ..trouble },
            _ => trouble,
        })?;
        let told = if spec.runtime_inputs.is_empty() {
            let variables = json!({ "workflowID": id });
            let answer = self.api.graphql("RunChaosExperiment", queries::LAUNCH, variables).await?;
            answer["runChaosExperiment"].clone()
        } else {
            self.launch_with(&id, &spec.runtime_inputs).await?
        };
        // An empty notify id is handed on: the engine says what it means.
        let notify_id = told["notifyID"].as_str().unwrap_or_default().to_owned();
        let run_id = told["experimentRunId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
        Ok(RunKey { experiment: id, notify_id, run_id })
    }

    async fn read(&self, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>> {
        runs::read(&self.api, runs).await
    }

    fn requests(&self, runs: usize) -> usize {
        runs::requests(&self.api, runs)
    }

    async fn details(&self, run: &RunKey) -> Result<RunDetails, Trouble> {
        details::details(&self.api, run).await
    }

    async fn recent(&self, experiment: &ExperimentPlan) -> Result<Vec<Run>, Trouble> {
        let id = self.known.id(&self.api, &spec(experiment)?.experiment).await?;
        runs::recent(&self.api, &id).await
    }

    async fn stop(&self, run: &RunKey) -> Result<(), Trouble> {
        let id = self.known.id(&self.api, &run.experiment).await?;
        stop::stop(&self.api, run, &id).await
    }

    fn link(&self, run: &RunKey) -> Option<String> {
        words::link(&self.api, run)
    }

    fn stop_by_hand(&self, run: &RunKey) -> String {
        words::stop_by_hand(&self.api, run)
    }

    fn remedy(&self, trouble: &Trouble, what: Asked) -> Option<String> {
        words::remedy(self.api.project(), trouble, what)
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.api.calls()
    }
}
