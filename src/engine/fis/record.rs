//! FIS's own record of an experiment, in our words.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_fis::types::{Experiment, ResolvedTarget};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::actions::effect;
use super::events::state_of;
use crate::engine::{FaultTimes, Record};
use crate::model::{Action, Effect, EngineError, FaultWindow, Target};

/// Resources of a target that are kept for the reports.
const KEPT_RESOURCES: usize = 10;

/// Reads GetExperiment's answer. `resolved` is None where the resolved targets could not be asked for.
pub(super) fn record(experiment: &Experiment, resolved: Option<&[ResolvedTarget]>) -> Record {
    let state = experiment.state();
    let raw_state = state.and_then(|state| state.status()).map_or("", |status| status.as_str()).to_owned();
    let error = state.and_then(|state| state.error()).map(|error| EngineError {
        code: error.code().map(str::to_owned),
        location: error.location().map(str::to_owned),
        account: error.account_id().map(str::to_owned),
    });
    let ended_at = experiment.end_time().and_then(timestamp);
    let actions = actions(experiment);
    Record {
        state: state_of(&raw_state),
        raw_state,
        reason: state.and_then(|state| state.reason()).filter(|reason| !reason.is_empty()).map(str::to_owned),
        started_at: experiment.start_time().or(experiment.creation_time()).and_then(timestamp),
        ended_at,
        fault: fault(&actions, ended_at),
        actions,
        targets: targets(experiment, resolved),
        faults: Vec::new(),
        error,
        report_location: experiment
            .experiment_report()
            .and_then(|report| report.state())
            .and_then(|_| experiment.experiment_report_configuration())
            .and_then(|configuration| configuration.outputs())
            .and_then(|outputs| outputs.s3_configuration())
            .and_then(|s3| {
                let prefix = s3.prefix().unwrap_or_default();
                s3.bucket_name().map(|bucket| format!("s3://{bucket}/{prefix}"))
            }),
    }
}

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// From the first start to the last end of the actions that inject. `ended_at` is the experiment's end, if it has ended:
/// before that, an action that is still to begin keeps the window open.
fn fault(actions: &[Action], ended_at: Option<Timestamp>) -> FaultTimes {
    let injecting = || actions.iter().filter(|action| action.effect == Effect::Injects);
    let has_acted = |action: &&Action| !matches!(action.state.as_str(), "pending" | "skipped" | "cancelled");
    let acted = || injecting().filter(has_acted);
    if acted().next().is_none() {
        return FaultTimes::Never;
    }
    let Some(started_at) = acted().map(|action| action.started_at).min().flatten() else {
        return FaultTimes::Untold;
    };
    let is_pending = |action: &Action| action.state == "pending" && ended_at.is_none();
    let end = |action: &Action| action.ended_at.or(ended_at).filter(|_| !is_pending(action));
    let ends: Option<Vec<Timestamp>> =
        injecting().filter(|action| has_acted(action) || is_pending(action)).map(end).collect();
    FaultTimes::In(FaultWindow { started_at, ended_at: ends.and_then(|ends| ends.into_iter().max()) })
}

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

fn targets(experiment: &Experiment, resolved: Option<&[ResolvedTarget]>) -> Vec<Target> {
    let mut found: HashMap<&str, Vec<String>> = HashMap::new();
    for target in resolved.unwrap_or_default() {
        found.entry(target.target_name().unwrap_or_default()).or_default().push(describe(target));
    }
    let mut targets: Vec<Target> = experiment
        .targets()
        .into_iter()
        .flatten()
        .map(|(name, target)| {
            let resources = found.get(name.as_str()).cloned().unwrap_or_default();
            Target {
                name: name.clone(),
                resource_type: target.resource_type().unwrap_or_default().to_owned(),
                resolved: resolved.map(|_| resources.len() as u64),
                resources: resources.into_iter().take(KEPT_RESOURCES).collect(),
            }
        })
        .collect();
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    targets
}

/// The ARN where there is one, else all that FIS says.
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
