//! The meaning of a command's end. Pure: everything that it needs to know is handed in.

use super::context::{CommandContext, MAX_SAID_CHARS, by_hand, describe_end, judge_passed};
use super::end::{CommandEnd, Exit, list};
use super::toolkit::{self, is_deviated};
use crate::stop_judgement::judge_stop;
use crate::{FaultTimes, Judgement, Record};
use faultgate_core::model::{Action, CommandSpec, Effect, Evidence, FaultWindow, State, Verdict};
use faultgate_core::text;

/// Returns the state that an end leaves behind, and the engine's own words for it.
pub(super) fn state(end: &CommandEnd) -> (State, String) {
    let Some(exit) = &end.exit else {
        return (State::Unknown, "it could not be killed".to_owned());
    };
    if end.stopped && !end.survivors.is_empty() {
        return (State::Unknown, format!("processes of it live on: {}", list(&end.survivors)));
    }
    let failed_undo = end.undone.as_ref().is_some_and(|undone| undone.failed.is_some());
    if end.stopped {
        // The process is gone, but the user asked for an end of the fault.
        let state = if failed_undo { State::Unknown } else { State::Stopped };
        let raw = if failed_undo { "stop failed".to_owned() } else { format!("stopped ({exit})") };
        return (state, raw);
    }
    if failed_undo {
        return (State::Failed, format!("{exit}, stop failed"));
    }
    if !end.survivors.is_empty() {
        return (State::Failed, format!("{exit}, processes of it live on"));
    }
    // A journal says more than an exit code: Chaos Toolkit ends with 0 or 1 for several reasons.
    match &end.journal {
        Some(Ok(journal)) => {
            let word = if journal.deviated { "deviated" } else { journal.status.as_str() };
            let state = match journal.status.as_str() {
                _ if is_deviated(journal) => State::Completed,
                "completed" if !end.expected || journal.not_steady_before().is_some() => State::Failed,
                "completed" => State::Completed,
                "interrupted" => State::Stopped,
                _ => State::Failed,
            };
            (state, format!("{word} ({exit})"))
        }
        None if end.expected => (State::Completed, exit.to_string()),
        Some(Err(_)) | None => (State::Failed, exit.to_string()),
    }
}

/// Returns the record of a process that has ended.
pub(super) fn record(end: &CommandEnd, spec: &CommandSpec, program: &str) -> Record {
    let (state, raw_state) = state(end);
    let ran = Action {
        name: "run".to_owned(),
        action_id: program.to_owned(),
        effect: Effect::Injects,
        state: if end.expected {
            "completed"
        } else if end.stopped {
            "stopped"
        } else {
            "failed"
        }
        .to_owned(),
        reason: end.exit.as_ref().map(ToString::to_string),
        started_at: Some(end.started_at),
        ended_at: Some(end.exited_at),
        targets: Vec::new(),
    };
    let mut actions = match &end.journal {
        Some(Ok(journal)) if !journal.actions().is_empty() => journal.actions(),
        _ => vec![ran],
    };
    if let (Some(undone), Some(stop)) = (&end.undone, &spec.stop) {
        actions.push(Action {
            name: "stop".to_owned(),
            action_id: shown_program(stop.program(), &stop.shown),
            effect: Effect::Recovers,
            state: if undone.failed.is_some() { "failed" } else { "completed" }.to_owned(),
            reason: undone.failed.clone(),
            started_at: Some(undone.started_at),
            ended_at: Some(undone.ended_at),
            targets: Vec::new(),
        });
    }
    Record {
        state,
        raw_state,
        started_at: Some(end.started_at),
        ended_at: (state != State::Unknown).then_some(end.ended_at),
        fault: fault(end),
        actions,
        ..Record::unknown()
    }
}

/// Returns the fault window: from the start of the process, or of the first action in its journal, until the
/// fault was taken away by a rollback, by `stop`, by the end of the journal's last action, or by the end of
/// the process.
fn fault(end: &CommandEnd) -> FaultTimes {
    let has_journal = matches!(end.journal, Some(Ok(_)));
    // Only the exit code that was expected says that the fault went in, and a proof says more.
    if end.unproved.is_some() || !(end.expected || end.stopped || has_journal) {
        return FaultTimes::Never;
    }
    let undone_at = end.undone.as_ref().map(|undone| undone.started_at);
    let told = match &end.journal {
        Some(Ok(journal)) => journal.fault(undone_at),
        _ => Some(FaultWindow { started_at: end.started_at, ended_at: undone_at }),
    };
    told.map_or(FaultTimes::Never, |told| {
        FaultTimes::In(FaultWindow { ended_at: told.ended_at.or(Some(end.exited_at)), ..told })
    })
}

/// Returns the name of the program, or the beginning of the shown command line if a variable stands for the
/// name.
pub(super) fn shown_program(program: &str, shown: &str) -> String {
    if shown.contains(program) {
        program.to_owned()
    } else {
        shown.split(' ').next().unwrap_or("").to_owned()
    }
}

/// Judges a record: by the stop if the run asked for one, and otherwise by the command's own end.
pub(super) fn judge(record: &Record, context: &CommandContext<'_>) -> Judgement {
    let asked = context.stop.and_then(|cause| judge_stop(cause, record, "the system", "the command"));
    let mut judgement = asked.unwrap_or_else(|| natural(record, context));
    if let Some(end) = context.end {
        if let Some(Ok(journal)) = &end.journal {
            toolkit::add_rollbacks(&mut judgement, end, journal);
        }
        add_undo(&mut judgement, context, end);
        add_processes(&mut judgement, end);
        judgement.evidence.extend(evidence(end, context.spec));
    }
    judgement
}

/// Judges an end that the run did not ask for.
fn natural(record: &Record, context: &CommandContext<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(record.state, Verdict::Errored, reason);
    if context.dry_run {
        let reason = "dry run: its program is there; it was not started".to_owned();
        return Judgement::plain(State::Completed, Verdict::Passed, reason);
    }
    let Some(end) = context.end else {
        return errored("its process is not known to have ended".to_owned());
    };
    if let Some(why) = &end.unproved {
        return errored(format!(
            "nothing proves that the fault was in: {why}; {}",
            describe_end(end, context.spec)
        ));
    }
    match &end.journal {
        Some(Ok(journal)) => toolkit::judge(record, context, end, journal),
        Some(Err(why)) => errored(format!("{why}; {}", describe_end(end, context.spec))),
        None if end.expected => judge_passed(record, None, describe_end(end, context.spec)),
        None => errored(format!("it could not be carried out: {}", describe_end(end, context.spec))),
    }
}

/// Adds a `stop` command that failed. A fault that may still be in is no pass, and the reader must learn how
/// to end it.
fn add_undo(judgement: &mut Judgement, context: &CommandContext<'_>, end: &CommandEnd) {
    let failed = end.undone.as_ref().and_then(|undone| undone.failed.as_deref());
    let (Some(why), Some(stop)) = (failed, &context.spec.stop) else {
        return;
    };
    judgement.fault_may_be_in = true;
    let why = text::plain(why, MAX_SAID_CHARS);
    // A stop that was asked for and not confirmed is told with its command by the lifecycle.
    let by_hand = if context.stop.is_none() {
        format!("; undo it by: {}", by_hand(&stop.shown))
    } else {
        String::new()
    };
    let reason = &judgement.reason;
    // The remedy comes first, since the end may be cut off where a line is short.
    judgement.reason = if end.unproved.is_none() {
        format!("a fault may be left in{by_hand} (the stop command failed: {why}); {reason}")
    } else {
        // The proof was not there in time, and nobody knows whether it would have come.
        let so = "though nothing shows that there was a fault to undo";
        format!("{reason}; the stop command failed, {so} ({why}){by_hand}")
    };
    if matches!(judgement.verdict, Verdict::Passed) {
        judgement.verdict = Verdict::Errored;
        judgement.score = None;
        judgement.score_source = None;
    }
}

/// Adds processes that were left behind: those that were ended are a warning, and survivors mean that the
/// fault may still be in.
fn add_processes(judgement: &mut Judgement, end: &CommandEnd) {
    if !end.left.is_empty() {
        let left = list(&end.left);
        judgement.warnings.push(format!("run left processes behind, which were told to end: {left}"));
    }
    if end.survivors.is_empty() {
        return;
    }
    judgement.fault_may_be_in = true;
    let survivors = text::plain(&list(&end.survivors), MAX_SAID_CHARS);
    judgement.reason = format!(
        "processes live on that could not be killed, so a fault may be left in: {survivors}; {}",
        judgement.reason
    );
    if judgement.verdict == Verdict::Passed {
        judgement.verdict = Verdict::Errored;
        judgement.score = None;
        judgement.score_source = None;
    }
}

/// Returns the facts that the report shows.
fn evidence(end: &CommandEnd, spec: &CommandSpec) -> Vec<Evidence> {
    let mut all = Vec::new();
    if let Some(exit) = &end.exit {
        all.push(Evidence::new(&spec.run.shown, exit.to_string()));
    }
    if let (Some(undone), Some(stop)) = (&end.undone, &spec.stop) {
        let fact = undone.failed.clone().unwrap_or_else(|| Exit::Code(0).to_string());
        all.push(Evidence::new(&stop.shown, fact));
    }
    if let Some(Ok(journal)) = &end.journal {
        let deviated = if journal.deviated { ", deviated" } else { "" };
        all.push(Evidence::new("journal", format!("status {}{deviated}", journal.status)));
        if journal.count_not_shown() > 0 {
            let fact = format!("{} more activities were judged and are not shown", journal.count_not_shown());
            all.push(Evidence::new("journal", fact));
        }
    }
    all.extend(end.output.iter().map(|line| Evidence::new("output", line)));
    all
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
pub(super) mod tests;
