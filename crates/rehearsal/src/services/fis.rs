//! FIS: templates, experiments and the safety lever.
//!
//! Requests change the state at once; whatever takes time is a consequence that the world carries out later.
//! An experiment that was stopped from outside no longer follows its script.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::forms::resource_id;
use crate::protocol::call::{ApiCall, ApiError, page, tags};
use crate::services::context::{Consequence, ServiceContext};
use crate::services::experiment::FisExperiment;
use crate::services::template::FisTemplate;
use crate::story::script::{Beat, CANCELLED, Step};

const LEVER_ID: &str = "default";

/// The state of FIS in one Region.
#[derive(Debug)]
pub(crate) struct Fis {
    templates: BTreeMap<String, FisTemplate>,
    pub(crate) experiments: BTreeMap<String, FisExperiment>,
    /// Most experiments at once so far.
    pub(crate) most_active: usize,
    lever: Lever,
    lever_reason: String,
}

/// The state of the safety lever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lever {
    Disengaged,
    Engaging,
    Engaged,
}

impl Fis {
    pub(crate) fn new(context: &ServiceContext) -> Self {
        let born = |id: &String| (id.clone(), FisTemplate::from_plot(id, context));
        Self {
            templates: context.templates.iter().map(born).collect(),
            experiments: BTreeMap::new(),
            most_active: 0,
            lever: Lever::Disengaged,
            lever_reason: "the lever was never engaged".to_owned(),
        }
    }

    /// Answers a request of a client.
    pub(crate) fn answer(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        match call.operation.as_str() {
            "CreateExperimentTemplate" => self.create_template(call, context),
            "GetExperimentTemplate" => {
                let template = self.template(call.text("id")?)?;
                Ok(json!({"experimentTemplate": template.describe()}))
            }
            "ListExperimentTemplates" => {
                let templates = self.templates.values().map(FisTemplate::summary).collect();
                list_page("experimentTemplates", templates, call)
            }
            "DeleteExperimentTemplate" => {
                let template = self.template(call.text("id")?)?.describe();
                self.templates.remove(call.text("id")?);
                Ok(json!({"experimentTemplate": template}))
            }
            "ListTargetAccountConfigurations" => {
                let template = self.template(call.text("experimentTemplateId")?)?;
                list_page("targetAccountConfigurations", template.target_accounts(), call)
            }
            "CreateTargetAccountConfiguration"
            | "DeleteTargetAccountConfiguration"
            | "GetTargetAccountConfiguration"
            | "UpdateTargetAccountConfiguration" => {
                let id = call.text("experimentTemplateId")?;
                let template = self.templates.get_mut(id).ok_or_else(|| missing_template(id))?;
                template.answer_for_account(call)
            }
            "StartExperiment" => self.start(call, context),
            "GetExperiment" => {
                let experiment = self.experiment(call.text("id")?)?;
                Ok(json!({"experiment": experiment.describe(context.now)}))
            }
            "ListExperiments" => {
                let template = call.optional_text("experimentTemplateId");
                let wanted = self
                    .experiments
                    .values()
                    .filter(|experiment| template.is_none_or(|id| id == experiment.template));
                list_page("experiments", wanted.map(FisExperiment::summary).collect(), call)
            }
            "StopExperiment" => self.stop(call, context),
            "ListExperimentResolvedTargets" => {
                let experiment = self.experiment(call.text("experimentId")?)?;
                let resolved = experiment.list_resolved(call.optional_text("targetName"));
                list_page("resolvedTargets", resolved, call)
            }
            // Every experiment acts in the one account that the world is.
            "ListExperimentTargetAccountConfigurations" => {
                self.experiment(call.text("experimentId")?)?;
                Ok(json!({"targetAccountConfigurations": []}))
            }
            "GetSafetyLever" => {
                is_lever(call)?;
                Ok(self.lever(context))
            }
            "UpdateSafetyLeverState" => self.update_lever(call, context),
            "TagResource" => {
                let wanted = tags(call.object("tags"));
                self.tags_of(call)?.extend(wanted);
                Ok(json!({}))
            }
            "UntagResource" => {
                let tags = self.tags_of(call)?;
                for key in call.texts("tagKeys") {
                    tags.remove(key);
                }
                Ok(json!({}))
            }
            "ListTagsForResource" => Ok(json!({"tags": self.tags_of(call)?})),
            _ => Err(call.unknown()),
        }
    }

    fn template(&self, id: &str) -> Result<&FisTemplate, ApiError> {
        self.templates.get(id).ok_or_else(|| missing_template(id))
    }

    fn experiment(&mut self, id: &str) -> Result<&mut FisExperiment, ApiError> {
        self.experiments.get_mut(id).ok_or_else(|| not_found(format!("experiment {id} was not found")))
    }

    fn tags_of(&mut self, call: &ApiCall) -> Result<&mut BTreeMap<String, String>, ApiError> {
        let arn = call.text("resourceArn")?;
        let templates = self.templates.values_mut().map(|template| (&template.arn, &mut template.tags));
        let experiments =
            self.experiments.values_mut().map(|experiment| (&experiment.arn, &mut experiment.tags));
        templates
            .chain(experiments)
            .find(|(candidate, _)| *candidate == arn)
            .map(|(_, tags)| tags)
            .ok_or_else(|| not_found(format!("{arn} was not found")))
    }

    fn create_template(&mut self, call: &ApiCall, context: &ServiceContext) -> Result<Value, ApiError> {
        let token = call.optional_text("clientToken");
        // A request with a known client token is a repeat, and makes no second template.
        let same = |template: &&FisTemplate| token.is_some() && template.client_token.as_deref() == token;
        if let Some(template) = self.templates.values().find(same) {
            return Ok(json!({"experimentTemplate": template.describe()}));
        }
        let template = FisTemplate::from_call(resource_id("EXT"), call, context)?;
        let described = template.describe();
        self.templates.insert(template.id.clone(), template);
        Ok(json!({"experimentTemplate": described}))
    }

    fn start(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        let (token, wanted) = (call.text("clientToken")?, call.text("experimentTemplateId")?);
        // A request with a known client token is a repeat, and starts no second experiment.
        let started = self.experiments.values().find(|experiment| experiment.client_token == token);
        match started {
            Some(experiment) if experiment.template == wanted => {
                return Ok(json!({"experiment": experiment.describe(context.now)}));
            }
            Some(_) => {
                let message = "the client token was used with another experiment template";
                return Err(ApiError::new(409, "ConflictException", message));
            }
            None => {}
        }
        let mode = match call.input.pointer("/experimentOptions/actionsMode") {
            None | Some(Value::Null) => "run-all",
            Some(Value::String(mode)) if ["run-all", "skip-all"].contains(&mode.as_str()) => mode,
            Some(_) => return Err(call.invalid("actionsMode is run-all or skip-all")),
        };
        let template = self.template(wanted)?;
        let active = self.experiments.values().filter(|experiment| !experiment.is_over()).count();
        if context.active_quota.is_some_and(|quota| active >= quota) {
            let message = format!("{active} experiments are active, and the quota allows no more");
            return Err(ApiError::new(402, "ServiceQuotaExceededException", message));
        }
        let id = resource_id("EXP");
        let experiment =
            FisExperiment::new(id.clone(), template, token, mode, tags(call.object("tags")), context);
        let described = experiment.describe(context.now);
        context.consequences.push(Consequence::Live { place: context.place.clone(), experiment: id.clone() });
        self.experiments.insert(id, experiment);
        self.most_active = self.most_active.max(active + 1);
        Ok(json!({"experiment": described}))
    }

    /// Begins an experiment of somebody else, and returns its id.
    pub(crate) fn start_foreign(
        &mut self,
        template: &str,
        tags: BTreeMap<String, String>,
        context: &mut ServiceContext,
    ) -> String {
        let id = resource_id("EXP");
        let template = FisTemplate::from_plot(template, context);
        let experiment = FisExperiment::new(id.clone(), &template, &id, "run-all", tags, context);
        let (place, experiment_id) = (context.place.clone(), id.clone());
        context.consequences.push(Consequence::Live { place, experiment: experiment_id });
        self.experiments.insert(id.clone(), experiment);
        id
    }

    /// Returns the script that a new experiment follows: unless the lever is disengaged, FIS cancels
    /// whatever is started.
    pub(crate) fn life(&self, scripted: Vec<Beat>) -> Vec<Beat> {
        match self.lever {
            Lever::Disengaged => scripted,
            Lever::Engaging | Lever::Engaged => CANCELLED.to_vec(),
        }
    }

    fn stop(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        let id = call.text("id")?;
        let experiment = self.experiment(id)?;
        if experiment.is_over() {
            let message = format!("experiment {id} has ended already and cannot be stopped");
            return Err(call.invalid(message));
        }
        halt(experiment, "Experiment stopped by user.", context);
        Ok(json!({"experiment": experiment.describe(context.now)}))
    }

    /// Returns `true` while an experiment's own script still decides about it.
    pub(crate) fn follows_script(&self, id: &str) -> bool {
        let experiment = self.experiments.get(id);
        experiment.is_some_and(|experiment| !experiment.overridden && !experiment.is_over())
    }

    /// Carries out a step of an experiment's own script.
    pub(crate) fn advance(&mut self, id: &str, step: &Step, context: &mut ServiceContext) {
        let Some(experiment) = self.experiments.get_mut(id) else {
            return;
        };
        let announced = match *step {
            Step::Experiment { status, reason } => experiment.enter(status, reason, context),
            Step::Failed { code, location, reason } => experiment.fail(code, location, reason, context),
            Step::Actions { which, status, reason } => {
                experiment.change_actions(which, status, reason, context.now);
                None
            }
            Step::Alarm { .. } => None,
            Step::Lever { engaged } => {
                let reason = if engaged { "engaged by an operator" } else { "disengaged by an operator" };
                let lever = if engaged { Lever::Engaged } else { Lever::Disengaged };
                self.turn_lever(lever, reason, context);
                None
            }
        };
        context.consequences.extend(announced.map(Consequence::Announce));
    }

    /// Stops every running experiment that has one of these alarms as a stop condition.
    pub(crate) fn halt_for(&mut self, firing: &[String], context: &mut ServiceContext) {
        for experiment in self.experiments.values_mut() {
            let is_hit = experiment.stop_alarms().any(|alarm| firing.iter().any(|arn| arn == alarm));
            if experiment.status == "running" && is_hit {
                halt(experiment, "Experiment halted by stop condition.", context);
            }
        }
    }

    /// Puts an experiment that was stopping into the state `stopped`.
    pub(crate) fn finish(&mut self, id: &str, reason: &str, context: &mut ServiceContext) {
        if let Some(experiment) = self.experiments.get_mut(id) {
            let announced = experiment.enter("stopped", reason, context);
            context.consequences.extend(announced.map(Consequence::Announce));
        }
    }

    fn lever(&self, context: &ServiceContext) -> Value {
        let status = match self.lever {
            Lever::Disengaged => "disengaged",
            Lever::Engaging => "engaging",
            Lever::Engaged => "engaged",
        };
        json!({"safetyLever": {
            "id": LEVER_ID,
            "arn": context.arn("fis", "safety-lever/default"),
            "state": {"status": status, "reason": self.lever_reason},
        }})
    }

    /// Ends the time in which the lever is `engaging`.
    pub(crate) fn engage(&mut self) {
        if self.lever == Lever::Engaging {
            self.lever = Lever::Engaged;
        }
    }

    fn turn_lever(&mut self, lever: Lever, reason: &str, context: &mut ServiceContext) {
        self.lever = lever;
        reason.clone_into(&mut self.lever_reason);
        if lever != Lever::Disengaged {
            for experiment in self.experiments.values_mut() {
                let reason = "Experiment stopped: the safety lever was engaged.";
                halt(experiment, reason, context);
            }
        }
    }

    fn update_lever(&mut self, call: &ApiCall, context: &mut ServiceContext) -> Result<Value, ApiError> {
        is_lever(call)?;
        let state = call.object("state");
        let member = |name: &str| state.and_then(|state| state.get(name)).and_then(Value::as_str);
        let wanted = match member("status") {
            Some("engaged") => Lever::Engaged,
            Some("disengaged") => Lever::Disengaged,
            _ => return Err(call.invalid("the state's status is engaged or disengaged")),
        };
        let Some(reason) = member("reason").map(str::to_owned) else {
            return Err(call.invalid("the state has a reason"));
        };
        if wanted == self.lever || self.lever == Lever::Engaging {
            let message = "the safety lever is in that state already, or on its way to another one";
            return Err(ApiError::new(409, "ConflictException", message));
        }
        let takes_time = wanted == Lever::Engaged && !context.engaging.is_zero();
        self.turn_lever(if takes_time { Lever::Engaging } else { wanted }, &reason, context);
        if takes_time {
            let (place, after) = (context.place.clone(), context.engaging);
            context.consequences.push(Consequence::Engage { place, after });
        }
        Ok(self.lever(context))
    }
}

/// Stops an experiment from outside: it is `stopping` first, and `stopped` some time later.
fn halt(experiment: &mut FisExperiment, reason: &str, context: &mut ServiceContext) {
    if experiment.is_over() || experiment.overridden {
        return;
    }
    experiment.overridden = true;
    let announced = experiment.enter("stopping", reason, context);
    context.consequences.extend(announced.map(Consequence::Announce));
    context.consequences.push(Consequence::Finish {
        place: context.place.clone(),
        experiment: experiment.id.clone(),
        after: context.stopping,
        reason: reason.to_owned(),
    });
}

fn is_lever(call: &ApiCall) -> Result<(), ApiError> {
    match call.text("id")? {
        LEVER_ID => Ok(()),
        other => Err(not_found(format!("safety lever {other} was not found in this account"))),
    }
}

fn list_page(member: &str, items: Vec<Value>, call: &ApiCall) -> Result<Value, ApiError> {
    let (items, next) = page(items, call.number("maxResults", 1..=100)?, call.optional_text("nextToken"))?;
    let mut output = json!({member: items});
    if let Some(next) = next {
        output["nextToken"] = next.into();
    }
    Ok(output)
}

fn missing_template(id: &str) -> ApiError {
    not_found(format!("experiment template {id} was not found"))
}

pub(crate) fn not_found(message: String) -> ApiError {
    ApiError::new(404, "ResourceNotFoundException", message)
}
