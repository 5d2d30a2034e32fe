//! What the end of an FIS experiment means. Pure: everything it needs to know is handed in.

use super::preflight::{Alarm, lever_is_engaged};
use crate::engine::{Judgement, Record, StopCause, asked};
use crate::model::{Action, Effect, Evidence, InjectionRule, Score, ScoreSource, State, Target, Verdict};

/// What is known besides the record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context<'a> {
    pub(super) dry_run: bool,
    pub(super) injection: InjectionRule,
    /// Why we asked for a stop, if we did.
    pub(super) stop: Option<&'a StopCause>,
    /// The template's stop-condition alarms after the end; none of them was in ALARM before the launch.
    /// None where they could not be read.
    pub(super) alarms: Option<&'a [Alarm]>,
    /// The safety lever's state after the end.
    pub(super) lever: Option<&'a str>,
    /// The reason that the last event gave.
    pub(super) announced: Option<&'a str>,
}

pub(super) fn judge(record: &Record, context: &Context<'_>) -> Judgement {
    let asked = context.stop.and_then(|cause| asked::judge(cause, record, "FIS", "the experiment"));
    let mut judgement = asked.unwrap_or_else(|| natural(record, context));
    judgement.evidence.extend(evidence(record, context));
    judgement
}

/// An end that we did not ask for.
fn natural(record: &Record, context: &Context<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(record.state, Verdict::Errored, reason);
    let said =
        record.reason.as_deref().or(context.announced).map(|why| format!(" ({why})")).unwrap_or_default();
    if !record.has_ended() {
        return errored(format!(
            "FIS does not say that it has ended: the experiment is {}",
            record.raw_state
        ));
    }
    match record.state {
        State::Completed if context.dry_run => dry_run(record, context),
        State::Completed => completed(record, context),
        State::Stopped => stopped(record, context, &said),
        State::Failed => {
            let code =
                record.error.as_ref().and_then(|error| error.code.as_deref()).unwrap_or("no error code");
            errored(format!("FIS could not carry it out: {code}{said}"))
        }
        State::Cancelled if context.lever.is_some_and(lever_is_engaged) => {
            errored(format!("FIS cancelled it: the safety lever is engaged{said}"))
        }
        State::Cancelled => errored(format!("FIS cancelled it before anything was injected{said}")),
        _ => errored(format!("it ended in a state that faultgate does not know: {}", record.raw_state)),
    }
}

fn completed(record: &Record, context: &Context<'_>) -> Judgement {
    let passed = |reason| Judgement {
        score: Some(Score::FULL),
        score_source: Some(ScoreSource::Completion),
        ..Judgement::plain(State::Completed, Verdict::Passed, reason)
    };
    match injected(record) {
        Ok(actions) => Judgement {
            injected: actions.clone(),
            ..passed(format!("it completed; injected: {}", actions.join(", ")))
        },
        Err(why) if context.injection.accepts_nothing => {
            passed(format!("it completed; nothing was injected ({why}), which allow-empty-targets accepts"))
        }
        Err(why) => Judgement::plain(
            State::Completed,
            Verdict::Errored,
            format!(
                "it completed, but nothing was injected: {why}; nothing is known about the system's resilience"
            ),
        ),
    }
}

/// The actions that really did something, or why none did.
fn injected(record: &Record) -> Result<Vec<String>, String> {
    let (harmless, real): (Vec<&Action>, Vec<&Action>) =
        record.actions.iter().partition(|action| action.effect != Effect::Injects);
    let done: Vec<String> = real
        .iter()
        .filter(|action| action.state == "completed" && had_targets(action, &record.targets))
        .map(|action| action.name.clone())
        .collect();
    if !done.is_empty() {
        return Ok(done);
    }
    if record.actions.is_empty() {
        return Err("FIS lists no action".to_owned());
    }
    if real.is_empty() {
        return Err(format!("its only actions were {}", names(&harmless)));
    }
    Err(real
        .iter()
        .map(|action| match action.state.as_str() {
            "completed" => format!("{} had no targets", action.name),
            state => format!("{} was {state}", action.name),
        })
        .collect::<Vec<_>>()
        .join(", "))
}

fn names(actions: &[&Action]) -> String {
    actions.iter().map(|action| action.action_id.as_str()).collect::<Vec<_>>().join(", ")
}

/// False where FIS was asked for the resources and named none. An action without targets needs none.
fn had_targets(action: &Action, targets: &[Target]) -> bool {
    let of_action = || targets.iter().filter(|target| action.targets.contains(&target.name));
    of_action().next().is_none() || of_action().any(|target| target.resolved != Some(0))
}

/// A dry run passes if every target resolves. It measures nothing, so it has no score.
fn dry_run(record: &Record, context: &Context<'_>) -> Judgement {
    let unresolved: Vec<&str> = record
        .targets
        .iter()
        .filter(|target| target.resolved.is_none_or(|count| count == 0))
        .map(|target| target.name.as_str())
        .collect();
    let unknown = record.targets.iter().any(|target| target.resolved.is_none());
    let found: u64 = record.targets.iter().filter_map(|target| target.resolved).sum();
    let (verdict, reason) = if unknown {
        (Verdict::Errored, "dry run: the resolved targets could not be read".to_owned())
    } else if unresolved.is_empty() && found > 0 {
        (
            Verdict::Passed,
            format!("dry run: every target resolves, to {found} resources in all; nothing was injected"),
        )
    } else if context.injection.accepts_nothing {
        (Verdict::Passed, "dry run: targets without resources, which allow-empty-targets accepts".to_owned())
    } else if record.targets.is_empty() {
        (Verdict::Errored, "dry run: the template has no targets".to_owned())
    } else {
        (Verdict::Errored, format!("dry run: no resource for the target {}", unresolved.join(", ")))
    };
    Judgement::plain(record.state, verdict, reason)
}

/// Who stopped it? The alarms say so best: none was in ALARM at the launch. FIS's text may change at any
/// time, so it only decides where nothing else does, and never towards `passed`.
fn stopped(record: &Record, context: &Context<'_>, said: &str) -> Judgement {
    let texts = [record.reason.as_deref(), context.announced];
    let mentions = |words: &str| texts.iter().flatten().any(|text| text.to_lowercase().contains(words));
    let fired: Vec<&str> = context
        .alarms
        .unwrap_or_default()
        .iter()
        .filter(|alarm| alarm.is_in_alarm())
        .map(|alarm| alarm.name.as_str())
        .collect();
    let weakness = |reason: String| Judgement::weakness(State::Stopped, ScoreSource::StopCondition, reason);
    let errored = |reason: String| Judgement::plain(State::Stopped, Verdict::Errored, reason);
    if !fired.is_empty() {
        weakness(format!("a stop condition fired: {}{said}", fired.join(", ")))
    } else if mentions("stop condition") {
        weakness(format!("a stop condition fired{said}"))
    } else if context.lever.is_some_and(lever_is_engaged) || mentions("safety lever") {
        errored(format!("the safety lever stopped it{said}"))
    } else {
        errored(format!("somebody else stopped it{said}"))
    }
}

fn evidence(record: &Record, context: &Context<'_>) -> Vec<Evidence> {
    let mut all = vec![Evidence::new("GetExperiment", format!("the state is {}", record.raw_state))];
    if let Some(reason) = &record.reason {
        all.push(Evidence::new("GetExperiment", reason));
    }
    if let Some(reason) = context.announced.filter(|reason| record.reason.as_deref() != Some(reason)) {
        all.push(Evidence::new("event", reason));
    }
    if let Some(error) = &record.error {
        let place = error.location.as_deref().map(|place| format!(" at {place}")).unwrap_or_default();
        let account =
            error.account.as_deref().map(|account| format!(" in account {account}")).unwrap_or_default();
        all.push(Evidence::new(
            "GetExperiment",
            format!("error {}{place}{account}", error.code.as_deref().unwrap_or("without a code")),
        ));
    }
    for alarm in context.alarms.unwrap_or_default() {
        let why = alarm.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        all.push(Evidence::new("DescribeAlarms", format!("{} is {}{why}", alarm.name, alarm.state)));
    }
    if let Some(lever) = context.lever {
        all.push(Evidence::new("GetSafetyLever", format!("the safety lever is {lever}")));
    }
    all
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
