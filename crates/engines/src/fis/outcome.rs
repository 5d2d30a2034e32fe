//! The judgement on the end of an FIS experiment. It is pure: everything it needs to know is handed in.
//! `passed` needs FIS's own record of a completed experiment that injected something; a fact that is not
//! known never makes a verdict better.

use super::accounts::{Reach, TargetAccounts};
use super::actions::{FoundTargets, find_targets, purpose};
use super::preflight::{StopAlarm, lever_is_engaged};
use super::record::RecordDetails;
use super::watch::{RUN_ALL, SKIP_ALL};
use crate::cloudwatch::IN_ALARM;
use crate::injection::{Idle, Injection, Weighed};
use crate::stop_judgement::judge_stop;
use crate::{Judgement, Record, StopCause};
use faultgate_core::model::{
    AlarmChange, Effect, Evidence, InjectionRule, Score, ScoreSource, State, Verdict,
};
use faultgate_core::text;

/// The facts besides the record that the judgement depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FisContext<'a> {
    pub(super) dry_run: bool,
    pub(super) injection: InjectionRule,
    /// The reason for which faultgate asked for a stop, if it did.
    pub(super) stop: Option<&'a StopCause>,
    /// The template's stop-condition alarms after the end; none of them was in ALARM before the launch.
    /// None where they could not be read.
    pub(super) alarms: Option<&'a [StopAlarm]>,
    /// Changes of these alarms since the launch, as events told them.
    pub(super) told: &'a [AlarmChange],
    /// The state of the safety lever after the end, in FIS's word.
    pub(super) lever: Option<&'a str>,
    /// The reason that the last event gave.
    pub(super) announced: Option<&'a str>,
    /// The details of the record.
    pub(super) details: Option<&'a RecordDetails>,
    /// The sentence that says why the record is that of another experiment, if it is.
    pub(super) foreign: Option<&'a str>,
    /// The accounts in which the experiment acted, if it acts in several.
    pub(super) accounts: Option<&'a TargetAccounts>,
}

/// Judges the end of an experiment, with the evidence.
pub(super) fn judge(record: &Record, context: &FisContext<'_>) -> Judgement {
    let asked = context.stop.and_then(|cause| judge_stop(cause, record, "FIS", "the experiment"));
    let mut judgement = asked.unwrap_or_else(|| natural(record, context));
    judgement.warnings.extend(warn_of_alarms(record, context));
    judgement.evidence.extend(evidence(record, context));
    judgement
}

/// Judges an end that faultgate did not ask for.
fn natural(record: &Record, context: &FisContext<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(record.state, Verdict::Errored, reason);
    let said =
        record.reason.as_deref().or(context.announced).map(|why| format!(" ({why})")).unwrap_or_default();
    if !record.has_ended() {
        return errored(format!(
            "FIS does not say that it has ended: the experiment is {}",
            record.raw_state
        ));
    }
    // Nothing in the record of another experiment may lead to `passed`.
    if let Some(foreign) = context.foreign {
        return errored(format!("the record that FIS has of it is that of another experiment: {foreign}"));
    }
    match record.state {
        State::Completed if context.dry_run => dry_run(record, context),
        State::Completed => judge_completed(record, context),
        State::Stopped => judge_stopped(record, context, &said),
        State::Failed => {
            let code =
                record.error.as_ref().and_then(|error| error.code.as_deref()).unwrap_or("no error code");
            let account = record.error.as_ref().and_then(|error| error.account.as_deref());
            let account = account.map(|account| format!(" in the account {account}")).unwrap_or_default();
            errored(format!("FIS could not carry it out: {code}{account}{said}"))
        }
        State::Cancelled if context.lever.is_some_and(lever_is_engaged) => {
            errored(format!("FIS cancelled it: the safety lever is engaged{said}"))
        }
        State::Cancelled => errored(format!("FIS cancelled it before anything was injected{said}")),
        State::Pending | State::Running | State::Stopping | State::TimedOut | State::Unknown => {
            errored(format!("it ended in a state that faultgate does not know: {}", record.raw_state))
        }
    }
}

/// Judges an experiment that completed, by what it injected.
fn judge_completed(record: &Record, context: &FisContext<'_>) -> Judgement {
    let passed = |reason| Judgement {
        score: Some(Score::FULL),
        score_source: Some(ScoreSource::Completion),
        ..Judgement::plain(State::Completed, Verdict::Passed, reason)
    };
    let errored = |reason| Judgement::plain(State::Completed, Verdict::Errored, reason);
    if skips_all(context) {
        return errored(
            "FIS skipped all actions (actionsMode is skip-all), although this was no dry run".to_owned(),
        );
    }
    // A mode that this version does not know might skip actions, too.
    if let Some(mode) = mode(context).filter(|mode| *mode != RUN_ALL) {
        let mode = text::plain(mode, 40);
        return errored(format!(
            "it completed, but it is not known whether its actions were carried out: actionsMode is {mode}"
        ));
    }
    if record.actions.is_empty() {
        return errored("it completed, but FIS lists no action: it is not known what it did".to_owned());
    }
    let injection = injection(record, context);
    let (warnings, rule) = (list_unknown(record, context), context.injection);
    match injection.weigh(rule) {
        // All accounts are required, and it is not known of some if they had a target.
        Weighed::Enough { .. } if rule.requires_all && has_blind_accounts(context) => {
            errored(format!("it completed, but {}, and require-actions is all", warnings.join("; ")))
        }
        Weighed::Enough { warnings: idle } => Judgement {
            warnings: idle.into_iter().chain(warnings).collect(),
            injected: injection.done.clone(),
            ..passed(format!("it completed; injected: {}", injection.done.join(", ")))
        },
        Weighed::TooLittle(why) => errored(format!("it completed, but {why}")),
        Weighed::Nothing(why) => {
            let injects = record.actions.iter().any(|action| action.effect == Effect::Injects);
            let why = if injects || !injection.broken.is_empty() { why } else { only_harmless(record) };
            if rule.accepts_nothing && injection.broken.is_empty() {
                passed(format!(
                    "it completed; nothing was injected ({why}), which allow-empty-targets accepts"
                ))
            } else {
                errored(format!(
                    "it completed, but nothing was injected: {why}; nothing is known about the system's resilience"
                ))
            }
        }
    }
}

/// Returns `true` if FIS's record says that all actions were skipped.
fn skips_all(context: &FisContext<'_>) -> bool {
    mode(context) == Some(SKIP_ALL)
}

/// Returns FIS's word for whether actions are carried out. Experiments from before FIS had dry runs have
/// none; they carry their actions out.
fn mode<'a>(context: &FisContext<'a>) -> Option<&'a str> {
    context.details?.actions_mode.as_deref()
}

/// Sorts the actions that inject by what became of them, and adds the accounts that had no target.
fn injection(record: &Record, context: &FisContext<'_>) -> Injection {
    let mut all = Injection::default();
    for action in &record.actions {
        let injects = action.effect == Effect::Injects;
        match action.state.as_str() {
            "completed" | "skipped" if !injects => {}
            "completed" => match find_targets(action, &record.targets) {
                FoundTargets::Resources | FoundTargets::Unread => all.done.push(action.name.clone()),
                FoundTargets::Nothing(why) => all.idle.push(Idle::new(&action.name, why)),
            },
            "skipped" => all.idle.push(Idle::new(&action.name, "was skipped")),
            "failed" => all.broken.push(Idle::new(&action.name, "failed")),
            // The experiment has ended, so an action in any other state was broken off.
            state => all.broken.push(Idle::new(&action.name, format!("was {state}"))),
        }
    }
    for account in reach(context).missed {
        all.idle.push(Idle::new(format!("the account {account}"), "had no target"));
    }
    if let Some(error) = &record.error {
        let place =
            error.account.as_deref().map_or("FIS".to_owned(), |account| format!("the account {account}"));
        let code = error.code.as_deref().unwrap_or("an error without a code");
        all.broken.push(Idle::new(place, format!("failed ({code})")));
    }
    all
}

fn reach(context: &FisContext<'_>) -> Reach {
    context.accounts.map(TargetAccounts::reach).unwrap_or_default()
}

/// Returns `true` if some account may have had no target.
fn has_blind_accounts(context: &FisContext<'_>) -> bool {
    !reach(context).unknown.is_empty()
}

/// Returns a sentence for each fact that could not be read.
fn list_unknown(record: &Record, context: &FisContext<'_>) -> Vec<String> {
    let unread = record.actions.iter().filter(|action| {
        let acted = action.effect == Effect::Injects && action.state == "completed";
        acted && find_targets(action, &record.targets) == FoundTargets::Unread
    });
    let unread = unread.map(|action| {
        let name = &action.name;
        format!("what {name} acted on could not be read: that it did is known by its state alone")
    });
    unread.chain(reach(context).unknown).collect()
}

/// Returns why nothing was injected by an experiment that has no action which injects.
fn only_harmless(record: &Record) -> String {
    let told = record.actions.iter().map(|action| {
        let purpose = purpose(&action.action_id).unwrap_or("injects nothing");
        format!("{} ({}) {purpose}", action.name, action.action_id)
    });
    format!("no action of it injects a fault: {}", told.collect::<Vec<_>>().join("; "))
}

/// Judges a dry run. It passes if every target resolves. It measures nothing, so it has no score.
fn dry_run(record: &Record, context: &FisContext<'_>) -> Judgement {
    let acted = record
        .actions
        .iter()
        .filter(|action| action.effect == Effect::Injects && action.state == "completed");
    let contradictions = acted.map(|action| {
        format!(
            "FIS says that {} completed, although its record says that all actions were skipped",
            action.name
        )
    });
    let warnings: Vec<String> = contradictions.collect();
    let judged = |verdict, reason: String| Judgement {
        warnings: warnings.clone(),
        ..Judgement::plain(record.state, verdict, format!("dry run: {reason}"))
    };
    let errored = |reason| judged(Verdict::Errored, reason);
    let of = |wanted: Option<u64>| {
        let targets = record.targets.iter().filter(move |target| target.resolved == wanted);
        targets.map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (unread, empty) = (of(None), of(Some(0)));
    // The order matters: what may have acted is told before what was not found.
    if !skips_all(context) {
        errored("FIS does not say that it skipped the actions: they may have acted".to_owned())
    } else if !unread.is_empty() {
        errored(format!("the resolved targets could not be read: {unread}"))
    } else if !empty.is_empty() && !context.injection.accepts_nothing {
        errored(format!("no resource for the target {empty}"))
    } else if !empty.is_empty() {
        judged(Verdict::Passed, "targets without resources, which allow-empty-targets accepts".to_owned())
    } else if record.targets.is_empty() && !context.injection.accepts_nothing {
        errored("the template has no targets".to_owned())
    } else if record.targets.is_empty() {
        judged(Verdict::Passed, "the template has no targets, which allow-empty-targets accepts".to_owned())
    } else {
        let found: u64 = record.targets.iter().filter_map(|target| target.resolved).sum();
        let least = if record.targets.iter().any(|target| target.has_more) { "at least " } else { "" };
        let reason =
            format!("every target resolves, to {least}{found} resources in all; nothing was injected");
        judged(Verdict::Passed, reason)
    }
}

/// Judges an experiment that was stopped, by who stopped it. The alarms say so best, since none was in ALARM
/// at the launch. FIS's text may change at any time, so it decides only where nothing else does, and never
/// towards `passed`.
fn judge_stopped(record: &Record, context: &FisContext<'_>, said: &str) -> Judgement {
    let texts = [record.reason.as_deref(), context.announced];
    let mentions = |words: &str| texts.iter().flatten().any(|text| text.to_lowercase().contains(words));
    let fired: Vec<&str> = context
        .alarms
        .unwrap_or_default()
        .iter()
        .filter(|alarm| alarm.is_in_alarm())
        .map(|alarm| alarm.name.as_str())
        .collect();
    // Only a change from before the end can have been the cause.
    let rang = |change: &&AlarmChange| {
        change.state == IN_ALARM && record.ended_at.is_none_or(|end| change.at <= end)
    };
    let told: Vec<&AlarmChange> = context.told.iter().filter(rang).collect();
    let named = |name: &str| {
        let change = told.iter().find(|change| change.alarm == name);
        change.map_or_else(|| name.to_owned(), |change| change.in_words())
    };
    let by_events = told.iter().map(|change| change.in_words()).collect::<Vec<_>>().join(", ");
    let weakness = |reason: String| Judgement::weakness(State::Stopped, ScoreSource::StopCondition, reason);
    let by_others = |reason: String| Judgement {
        stopped_by_others: true,
        ..Judgement::plain(State::Stopped, Verdict::Errored, reason)
    };
    if !fired.is_empty() {
        let fired: Vec<String> = fired.into_iter().map(named).collect();
        weakness(format!("a stop condition fired: {}{said}", fired.join(", ")))
    } else if mentions("stop condition") {
        let which = if told.is_empty() { String::new() } else { format!(": {by_events}") };
        weakness(format!("a stop condition fired{which}{said}"))
    } else if context.lever.is_some_and(lever_is_engaged) || mentions("safety lever") {
        by_others(format!("the safety lever stopped it{said}"))
    } else if !told.is_empty() {
        // An alarm that is calm again rang before the end, and the record names no other cause.
        weakness(format!("a stop condition fired: {by_events}{said}"))
    } else {
        by_others(format!("somebody else stopped it{said}"))
    }
}

/// Warns of each stop condition whose alarm rang while the experiment went on, and which did not stop it.
fn warn_of_alarms(record: &Record, context: &FisContext<'_>) -> Vec<String> {
    if record.state != State::Completed {
        return Vec::new();
    }
    let during = |change: &&AlarmChange| {
        change.state == IN_ALARM
            && record.started_at.is_none_or(|start| change.at >= start)
            && record.ended_at.is_none_or(|end| change.at < end)
    };
    let rang = context.told.iter().filter(during);
    rang.map(|change| {
        format!("a stop condition rang, and FIS did not stop the experiment: {}", change.in_words())
    })
    .collect()
}

/// Collects the facts that the judgement rests on, each with the request or event that told it.
fn evidence(record: &Record, context: &FisContext<'_>) -> Vec<Evidence> {
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
    for change in context.told {
        let why = change.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        all.push(Evidence::new("event", format!("{}{why}", change.in_words())));
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
