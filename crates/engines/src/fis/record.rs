//! FIS's own record of an experiment, translated into the words of the model. Nothing is asked here: the
//! answers of GetExperiment and ListExperimentResolvedTargets are handed in.

use std::collections::BTreeMap;

use aws_sdk_fis::types::{Experiment, ResolvedTarget};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::actions::effect;
use super::events::state_of;
use super::tags::{EXPERIMENT, RUN, tag_value};
use crate::{FaultTimes, OwnReport, Record};
use faultgate_core::model::{Action, Effect, EngineError, FaultWindow, Target};
use faultgate_core::text;

/// Maximum number of resources of a target that are kept for the reports.
const MAX_KEPT_RESOURCES: usize = 10;

/// The resources that FIS has resolved targets to.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved {
    pub(super) targets: Vec<ResolvedTarget>,
    /// `true` if there are more resources, which were not read.
    pub(super) has_more: bool,
}

/// The facts of FIS's record that the model has no field for, but the judgement needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecordDetails {
    /// FIS's word for the mode in which actions are carried out or skipped; None where the record has none.
    pub(super) actions_mode: Option<String>,
    /// Id of the template that the experiment was started from.
    pub(super) template: Option<String>,
    /// Id of the run that the tags name.
    pub(super) run: Option<String>,
    /// Name of the experiment that the tags name.
    pub(super) name: Option<String>,
    /// Names of the targets, with their types.
    pub(super) targets: BTreeMap<String, String>,
}

impl RecordDetails {
    /// Returns why the record belongs to another experiment than the one of this template, run and name, or
    /// None where it may be its own. A fact that the record lacks, or that is not known here, contradicts
    /// nothing.
    pub(super) fn foreign(&self, template: &str, run: &str, name: &str) -> Option<String> {
        let facts = [
            ("the template", &self.template, template),
            ("the run", &self.run, &tag_value(run)),
            ("the experiment", &self.name, &tag_value(name)),
        ];
        facts.into_iter().find_map(|(what, told, own)| {
            let other = told.as_deref().filter(|told| !own.is_empty() && *told != own)?;
            Some(format!("it is of {what} {}, and not of {own}", text::plain(other, 80)))
        })
    }
}

/// Reads the details from GetExperiment's answer.
pub(super) fn details(experiment: &Experiment) -> RecordDetails {
    let mode = experiment.experiment_options().and_then(|options| options.actions_mode());
    let tag = |key: &str| experiment.tags().and_then(|tags| tags.get(key)).cloned();
    RecordDetails {
        template: experiment.experiment_template_id().map(str::to_owned),
        run: tag(RUN),
        name: tag(EXPERIMENT),
        targets: experiment
            .targets()
            .into_iter()
            .flatten()
            .map(|(name, target)| (name.clone(), target.resource_type().unwrap_or_default().to_owned()))
            .collect(),
        actions_mode: mode.map(|mode| mode.as_str().to_owned()),
    }
}

/// Reads the record from GetExperiment's answer. `resolved` is None where the resolved targets are not known.
pub(super) fn record(experiment: &Experiment, resolved: Option<&Resolved>) -> Record {
    let state = experiment.state();
    let raw_state = state.and_then(|state| state.status()).map_or("", |status| status.as_str()).to_owned();
    let error = state.and_then(|state| state.error()).map(|error| EngineError {
        code: error.code().map(str::to_owned),
        location: error.location().map(str::to_owned),
        account: error.account_id().map(str::to_owned),
    });
    let ended_at = experiment.end_time().and_then(timestamp);
    let actions = actions(experiment);
    let targets = targets(experiment, resolved);
    Record {
        state: state_of(&raw_state),
        raw_state,
        reason: state.and_then(|state| state.reason()).filter(|reason| !reason.is_empty()).map(str::to_owned),
        started_at: experiment.start_time().or(experiment.creation_time()).and_then(timestamp),
        ended_at,
        fault: fault(&actions, &targets, ended_at),
        actions,
        targets,
        faults: Vec::new(),
        error,
        report: report(experiment),
    }
}

/// Returns the progress of the experiment report, or None where the template asks for no report.
fn report(experiment: &Experiment) -> Option<OwnReport> {
    let report = experiment.experiment_report()?;
    let state = report.state()?;
    let status = state.status().map_or("unknown", |status| status.as_str());
    if status == "completed" {
        let location = report.s3_reports().iter().find_map(|written| written.arn()).map(str::to_owned);
        let state = if location.is_some() { status } else { "completed, and FIS does not say where it is" };
        return Some(OwnReport { state: state.to_owned(), location, due: None });
    }
    let due = ["pending", "running"].contains(&status).then(|| due(experiment)).flatten();
    let code = state.error().and_then(|error| error.code());
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let reason = state.reason().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let later =
        due.filter(|_| reason.is_empty()).map(|due| format!(", not before {due:.0}")).unwrap_or_default();
    Some(OwnReport { state: format!("{status}{code}{reason}{later}"), location: None, due })
}

/// Returns the earliest time at which the report can be written: FIS goes on to collect data after the end,
/// for as long as the template says.
fn due(experiment: &Experiment) -> Option<Timestamp> {
    let ended_at = experiment.end_time().and_then(timestamp)?;
    let after = experiment.experiment_report_configuration();
    let after = after.and_then(|wanted| wanted.post_experiment_duration());
    let after = after.and_then(|after| after.parse::<SignedDuration>().ok()).unwrap_or_default();
    ended_at.checked_add(after).ok()
}

/// Returns the SDK's time as a timestamp; None where it is out of range.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// Returns the fault window: it goes from the first start to the last end of the actions that inject and
/// found a resource. `ended_at` is the end of the experiment, if it has ended. Before that, an action that is
/// still to begin keeps the window open.
fn fault(actions: &[Action], targets: &[Target], ended_at: Option<Timestamp>) -> FaultTimes {
    let is_empty = |name: &String| targets.iter().any(|t| t.name == *name && t.resolved == Some(0));
    let injects = |action: &&Action| action.effect == Effect::Injects && !action.targets.iter().any(is_empty);
    let injecting = || actions.iter().filter(injects);
    let has_acted = |action: &&Action| match action.state.as_str() {
        "pending" | "skipped" => false,
        // FIS says `cancelled` of an action that it has not started, too.
        "cancelled" => action.started_at.is_some(),
        _ => true,
    };
    let acted = || injecting().filter(has_acted);
    // An action that failed may have failed before it did anything: alone it proves no fault.
    if acted().all(|action| action.state == "failed") {
        return FaultTimes::Never;
    }
    // `None` is the least, so one action without a start makes the whole window unknown.
    let Some(started_at) = acted().map(|action| action.started_at).min().flatten() else {
        return FaultTimes::Untold;
    };
    let is_pending = |action: &Action| action.state == "pending" && ended_at.is_none();
    let end = |action: &Action| action.ended_at.or(ended_at).filter(|_| !is_pending(action));
    let ends: Option<Vec<Timestamp>> =
        injecting().filter(|action| has_acted(action) || is_pending(action)).map(end).collect();
    FaultTimes::In(FaultWindow { started_at, ended_at: ends.and_then(|ends| ends.into_iter().max()) })
}

/// Reads the actions, in the order of their starts.
fn actions(experiment: &Experiment) -> Vec<Action> {
    let mut actions: Vec<Action> = experiment
        .actions()
        .into_iter()
        .flatten()
        .map(|(name, action)| {
            let state = action.state();
            let mut targets: Vec<String> =
                action.targets().into_iter().flatten().map(|(_, t)| t.clone()).collect();
            targets.sort();
            Action {
                name: name.clone(),
                action_id: action.action_id().unwrap_or_default().to_owned(),
                effect: effect(action.action_id().unwrap_or_default()),
                state: state.and_then(|s| s.status()).map_or("unknown", |status| status.as_str()).to_owned(),
                reason: state.and_then(|state| state.reason()).filter(|r| !r.is_empty()).map(str::to_owned),
                started_at: action.start_time().and_then(timestamp),
                ended_at: action.end_time().and_then(timestamp),
                targets,
            }
        })
        .collect();
    actions.sort_by(|a, b| (a.started_at, &a.name).cmp(&(b.started_at, &b.name)));
    actions
}

/// Reads the targets, each with the resources that it resolved to. A target that only its resources name is
/// one as well.
fn targets(experiment: &Experiment, resolved: Option<&Resolved>) -> Vec<Target> {
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    for target in resolved.into_iter().flat_map(|resolved| &resolved.targets) {
        let name = target.target_name().unwrap_or_default();
        found.entry(name).or_default().push(describe(target));
        types.insert(name, target.resource_type().unwrap_or_default());
    }
    let own = experiment.targets().into_iter().flatten();
    types.extend(own.map(|(name, target)| (name.as_str(), target.resource_type().unwrap_or_default())));
    types
        .into_iter()
        .map(|(name, kind)| {
            let resources = found.remove(name).unwrap_or_default();
            Target {
                name: name.to_owned(),
                resource_type: kind.to_owned(),
                // A target that was not seen may have resources, where not all of them were read.
                resolved: resolved
                    .filter(|resolved| !resolved.has_more || !resources.is_empty())
                    .map(|_| resources.len() as u64),
                has_more: !resources.is_empty() && resolved.is_some_and(|resolved| resolved.has_more),
                resources: resources.into_iter().take(MAX_KEPT_RESOURCES).collect(),
            }
        })
        .collect()
}

/// Returns the ARN of a resource, or all that FIS says of it where it has no ARN.
fn describe(target: &ResolvedTarget) -> String {
    let Some(information) = target.target_information() else {
        return target.resource_type().unwrap_or_default().to_owned();
    };
    if let Some(arn) = information.get("arn") {
        return arn.clone();
    }
    let sorted: BTreeMap<_, _> = information.iter().collect();
    sorted.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
