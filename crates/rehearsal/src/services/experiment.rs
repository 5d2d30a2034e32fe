//! One experiment: its states, its actions, and what FIS says about them.
//!
//! A script or a client changes the state by [`FisExperiment::enter`]. Actions follow it: they are skipped if
//! their targets resolve to nothing, and end at the latest with their experiment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::forms::epoch_seconds;
use crate::services::context::ServiceContext;
use crate::services::template::FisTemplate;
use crate::story::plot::NOTHING;
use crate::story::script::Which;
use crate::story::target::FaultProgress;

/// Reason of an action that was skipped because its target resolved to nothing.
const NO_TARGET: &str = "Action was skipped: no target was found.";

/// An experiment as FIS keeps it.
#[derive(Debug)]
pub(crate) struct FisExperiment {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) template: String,
    pub(crate) client_token: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) status: String,
    reason: String,
    error: Option<Value>,
    definition: Map<String, Value>,
    actions_mode: String,
    actions: Vec<FisAction>,
    /// Resources that the targets resolve to. None until the experiment runs.
    resolved: Option<Vec<Value>>,
    /// `true` if the experiment was stopped from outside, so that its script no longer counts.
    pub(crate) overridden: bool,
    created: Timestamp,
    /// Time since which the experiment has been running.
    running: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// One action of an experiment.
#[derive(Debug)]
struct FisAction {
    name: String,
    definition: Map<String, Value>,
    status: String,
    reason: String,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// Returns `true` for a status of an experiment or an action that does not change any more.
pub(crate) fn is_terminal(status: &str) -> bool {
    ["completed", "stopped", "failed", "cancelled", "skipped"].contains(&status)
}

impl FisExperiment {
    pub(crate) fn new(
        id: String,
        template: &FisTemplate,
        client_token: &str,
        actions_mode: &str,
        tags: BTreeMap<String, String>,
        context: &ServiceContext,
    ) -> Self {
        let actions = template.definition.get("actions").and_then(Value::as_object);
        let mut actions: Vec<_> = actions
            .into_iter()
            .flatten()
            .map(|(name, definition)| FisAction {
                name: name.clone(),
                definition: definition.as_object().cloned().unwrap_or_default(),
                status: "pending".to_owned(),
                reason: String::new(),
                started: None,
                ended: None,
            })
            .collect();
        // Actions that wait for others start after those that do not; scripts name actions by this order.
        actions.sort_by_key(|action| action.definition.contains_key("startAfter"));
        Self {
            arn: context.arn("fis", &format!("experiment/{id}")),
            id,
            template: template.id.clone(),
            client_token: client_token.to_owned(),
            tags,
            status: "pending".to_owned(),
            reason: "Experiment is pending.".to_owned(),
            error: None,
            definition: template.definition.clone(),
            actions_mode: actions_mode.to_owned(),
            actions,
            resolved: None,
            overridden: false,
            created: context.now,
            running: None,
            ended: None,
        }
    }

    /// Returns `true` if the experiment only resolves its targets.
    pub(crate) fn skips_actions(&self) -> bool {
        self.actions_mode == "skip-all"
    }

    pub(crate) fn is_over(&self) -> bool {
        is_terminal(&self.status)
    }

    /// Returns how the fault of the experiment stands. The fault is in while an action is running that has
    /// targets.
    pub(crate) fn fault(&self) -> FaultProgress {
        let begun = || self.actions.iter().filter(|action| action.started.is_some() && action.has_targets());
        match begun().any(|action| action.ended.is_none()) {
            true => FaultProgress::In,
            false if begun().next().is_some() => FaultProgress::Over,
            false => FaultProgress::Never,
        }
    }

    /// Puts the experiment into a new state. Returns the event that FIS announces, or None for states that it
    /// does not announce, such as `cancelled`.
    pub(crate) fn enter(&mut self, status: &str, reason: &str, context: &ServiceContext) -> Option<Value> {
        let old = json!({"status": self.status, "reason": self.reason});
        status.clone_into(&mut self.status);
        reason.clone_into(&mut self.reason);
        if status == "running" {
            self.running.get_or_insert(context.now);
            self.resolve(context);
        }
        // An unknown word counts as an end: FIS would hardly make a new word for a state on the way.
        if !["pending", "initiating", "running", "stopping"].contains(&status) {
            self.ended = Some(context.now);
            self.end_actions(context.now);
        }
        if ["pending", "cancelled"].contains(&status) {
            return None;
        }
        let detail = json!({
            "experiment-id": self.id,
            "experiment-template-id": self.template,
            "new-state": {"status": status, "reason": reason},
            "old-state": old,
        });
        Some(context.event("aws.fis", "FIS Experiment State Change", &json!([self.arn]), &detail))
    }

    pub(crate) fn fail(
        &mut self,
        code: &str,
        location: &str,
        reason: &str,
        context: &ServiceContext,
    ) -> Option<Value> {
        self.error = Some(json!({
            "accountId": context.place.account,
            "code": code,
            "location": location,
        }));
        self.enter("failed", reason, context)
    }

    /// Changes the status of the chosen actions, except those that have ended.
    pub(crate) fn change_actions(&mut self, which: Which, status: &str, reason: &str, now: Timestamp) {
        let chosen = which.places(self.actions.len());
        for action in &mut self.actions[chosen] {
            if !is_terminal(&action.status) {
                if status == "completed" {
                    // The start of this action was not scripted, so it began together with the experiment.
                    action.started = action.started.or(self.running);
                }
                action.enter(status, reason, now);
            }
        }
    }

    /// Returns the ARNs of the alarms among the stop conditions.
    pub(crate) fn stop_alarms(&self) -> impl Iterator<Item = &str> {
        let conditions = self.definition.get("stopConditions").and_then(Value::as_array);
        let alarms = conditions
            .into_iter()
            .flatten()
            .filter(|condition| condition["source"] == "aws:cloudwatch:alarm");
        alarms.filter_map(|condition| condition["value"].as_str())
    }

    /// Returns the resources that a target resolved to, or those of all targets.
    pub(crate) fn list_resolved(&self, target: Option<&str>) -> Vec<Value> {
        let resolved = self.resolved.iter().flatten();
        resolved.filter(|entry| target.is_none_or(|name| entry["targetName"] == name)).cloned().collect()
    }

    /// Adds as many resources to those that the targets have resolved to, all like the first of them.
    pub(crate) fn resolve_more(&mut self, more: usize) {
        if let Some(first) = self.resolved.as_ref().and_then(|resolved| resolved.first().cloned()) {
            self.resolved
                .iter_mut()
                .for_each(|resolved| resolved.resize(resolved.len() + more, first.clone()));
        }
    }

    /// Resolves the targets, and skips actions that have nothing to act on.
    fn resolve(&mut self, context: &ServiceContext) {
        let targets = self.definition.get("targets").and_then(Value::as_object);
        let resolved = if context.targets_resolve {
            let (in_preview, at_launch) = context.found;
            let found = if self.skips_actions() { in_preview } else { at_launch };
            let resources = |(name, target): (&String, &Value)| resources_of(name, target, found, context);
            let targets = targets.map(|targets| targets.iter().filter(|(name, _)| *name != NOTHING));
            targets.into_iter().flatten().flat_map(resources).collect()
        } else {
            Vec::new()
        };
        let found = |name: &Value| resolved.iter().any(|entry: &Value| entry["targetName"] == *name);
        let nothing_found = resolved.is_empty() && targets.is_some_and(|targets| !targets.is_empty());
        let idle: Vec<usize> = self
            .actions
            .iter()
            .enumerate()
            .filter(|(_, action)| !action.targets().all(found))
            .map(|(place, _)| place)
            .collect();
        self.resolved = Some(resolved);
        if self.skips_actions() {
            self.change_actions(Which::All, "skipped", "Actions are skipped.", context.now);
        } else if nothing_found {
            self.change_actions(Which::All, "skipped", NO_TARGET, context.now);
        } else {
            for place in idle {
                self.actions[place].enter("skipped", NO_TARGET, context.now);
            }
        }
    }

    /// Ends all actions: none outlives its experiment.
    fn end_actions(&mut self, now: Timestamp) {
        for action in &mut self.actions {
            let began = action.started.is_some();
            let (status, reason) = match self.status.as_str() {
                "completed" => ("completed", "Action was completed."),
                "stopped" | "failed" if began => ("stopped", "Action was stopped."),
                _ => ("cancelled", "Action was cancelled."),
            };
            if !is_terminal(&action.status) {
                action.enter(status, reason, now);
            }
        }
    }

    /// Returns the experiment as `GetExperiment` describes it.
    pub(crate) fn describe(&self, now: Timestamp) -> Value {
        let mut described = json!({
            "id": self.id,
            "arn": self.arn,
            "experimentTemplateId": self.template,
            "state": self.state(),
            "creationTime": epoch_seconds(self.created),
            "startTime": epoch_seconds(self.created),
            "tags": self.tags,
            "experimentOptions": self.options(),
            "targetAccountConfigurationsCount": 0,
        });
        for member in ["roleArn", "stopConditions", "logConfiguration", "experimentReportConfiguration"] {
            if let Some(value) = self.definition.get(member) {
                described[member] = value.clone();
            }
        }
        if let Some(ended) = self.ended {
            described["endTime"] = epoch_seconds(ended);
        }
        if let Some(wanted) = self.definition.get("experimentReportConfiguration") {
            described["experimentReport"] = self.report(wanted, now);
        }
        let action = |action: &FisAction| (action.name.clone(), action.describe());
        described["actions"] = Value::Object(self.actions.iter().map(action).collect());
        described["targets"] = self.targets();
        described
    }

    /// Returns the state of the experiment's report. FIS writes it after the time for which the template
    /// wants data beyond the end.
    fn report(&self, wanted: &Value, now: Timestamp) -> Value {
        let after = wanted["postExperimentDuration"].as_str().and_then(|after| after.parse().ok());
        let after: SignedDuration = after.unwrap_or_default();
        let is_written = self.ended.is_some_and(|ended| now.duration_since(ended) >= after);
        let to = &wanted["outputs"]["s3Configuration"];
        match to["bucketName"].as_str() {
            _ if !is_written => json!({"state": {"status": "pending"}}),
            Some(bucket) => {
                let prefix = to["prefix"].as_str().map(|prefix| format!("{prefix}/")).unwrap_or_default();
                let arn = format!("arn:aws:s3:::{bucket}/{prefix}{}.pdf", self.id);
                let reports = json!([{"arn": arn, "reportType": "PDF"}]);
                json!({"state": {"status": "completed"}, "s3Reports": reports})
            }
            None => {
                let error = json!({"code": "InvalidConfiguration"});
                json!({"state": {"status": "failed", "reason": "no bucket is given", "error": error}})
            }
        }
    }

    /// Returns the experiment as lists show it.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "id": self.id,
            "arn": self.arn,
            "experimentTemplateId": self.template,
            "state": self.state(),
            "creationTime": epoch_seconds(self.created),
            "tags": self.tags,
            "experimentOptions": self.options(),
        })
    }

    fn state(&self) -> Value {
        let mut state = json!({"status": self.status, "reason": self.reason});
        if let Some(error) = &self.error {
            state["error"] = error.clone();
        }
        state
    }

    fn options(&self) -> Value {
        let mut options = self.definition.get("experimentOptions").cloned().unwrap_or_default();
        options["actionsMode"] = self.actions_mode.as_str().into();
        options
    }

    /// Returns the targets as the template defines them. Resources that were found by tags are only in the
    /// list of resolved targets, as at FIS.
    fn targets(&self) -> Value {
        self.definition.get("targets").cloned().unwrap_or_else(|| json!({}))
    }
}

impl FisAction {
    /// Returns the names of the action's targets.
    fn targets(&self) -> impl Iterator<Item = &Value> {
        self.definition.get("targets").and_then(Value::as_object).into_iter().flat_map(Map::values)
    }

    fn has_targets(&self) -> bool {
        self.targets().next().is_some()
    }

    fn enter(&mut self, status: &str, reason: &str, now: Timestamp) {
        status.clone_into(&mut self.status);
        reason.clone_into(&mut self.reason);
        if status == "running" || status == "completed" {
            self.started.get_or_insert(now);
        }
        if is_terminal(status) {
            self.ended = Some(now);
        }
    }

    fn describe(&self) -> Value {
        let mut described = self.definition.clone();
        described.insert("state".to_owned(), json!({"status": self.status, "reason": self.reason}));
        let times = [("startTime", self.started), ("endTime", self.ended)];
        for (name, time) in times {
            if let Some(time) = time {
                described.insert(name.to_owned(), epoch_seconds(time));
            }
        }
        Value::Object(described)
    }
}

/// Returns the resources that a target names, or so many invented ones if it selects them by tags.
fn resources_of(name: &str, target: &Value, found: usize, context: &ServiceContext) -> Vec<Value> {
    let kind = target["resourceType"].as_str().unwrap_or("aws:ec2:instance");
    let mut words = kind.splitn(3, ':').skip(1);
    let (service, resource) = (words.next().unwrap_or("ec2"), words.next().unwrap_or("instance"));
    let arns = match target["resourceArns"].as_array() {
        Some(arns) if !arns.is_empty() => arns.clone(),
        _ => (1..=found).map(|n| context.arn(service, &format!("{resource}/rehearsal-{n}")).into()).collect(),
    };
    arns.into_iter()
        .map(|arn| {
            json!({
                "resourceType": kind,
                "targetName": name,
                "targetInformation": {"arn": arn},
            })
        })
        .collect()
}
