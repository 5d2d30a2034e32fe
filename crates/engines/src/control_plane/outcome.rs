//! The judgement of a run that is over. Pure: everything that it needs to know is handed in. A run passes
//! only if its control plane says that it has completed, something was injected, there is a score, and no
//! detail contradicts it.

use std::fmt::Write as _;

use super::agreement;
use super::course::{FaultCourse, has_failed, has_passed};
use super::execution::Execution;
use super::injected::{Injected, in_words, judge_injected};
use super::manager::Run;
use super::phase::score;
use super::weights::{self, Worth};
use crate::stop_judgement::judge_stop;
use crate::{Judgement, Record, StopCause};
use faultgate_core::model::{Evidence, Fault, FaultProbe, InjectionRule, Score, ScoreSource, State, Verdict};
use faultgate_core::text::plain;

/// Most characters of a control plane's words in a reason.
const MAX_SAID_CHARS: usize = 300;
/// Most faults, probes or resources that a sentence names.
const MAX_NAMED: usize = 3;
/// Most faults that are told of as evidence.
const MAX_FAULTS: usize = 20;
/// The end of a sentence about a run that injected nothing and passes all the same.
const ACCEPTED: &str = "which allow-empty-targets accepts";

/// The facts besides the record that a judgement depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext<'a> {
    /// The name of the control plane.
    pub(super) title: &'a str,
    pub(super) dry_run: bool,
    pub(super) injection: InjectionRule,
    /// The reason why faultgate asked for a stop, if it did.
    pub(super) stop: Option<&'a StopCause>,
    /// The run as it was told last.
    pub(super) run: Option<&'a Run>,
    /// The details of a run that is over, if they could be read.
    pub(super) execution: Option<&'a Execution>,
    /// The reason why the details could not be read.
    pub(super) unread: Option<&'a str>,
}

/// Judges a run. A stop that faultgate asked for decides before everything that the control plane says.
pub(super) fn judge(record: &Record, context: &RunContext<'_>) -> Judgement {
    let title = context.title;
    let asked = context.stop.and_then(|cause| judge_stop(cause, record, title, "the experiment"));
    let was_left_pending = asked.is_some() && matches!(context.stop, Some(StopCause::QueueTimeout(_)));
    let mut judgement = asked.unwrap_or_else(|| natural(record, context));
    if was_left_pending {
        let _ = write!(
            judgement.reason,
            ". Its agent (the chaos infrastructure) is probably inactive, or not connected to {title}: see that the \
             infrastructure of this experiment is active and its agent runs, or set a longer queue-timeout"
        );
    }
    if record.state == State::Stopped {
        judgement.reason += "; that it is stopped does not prove that its faults are reverted";
    }
    if !context.dry_run {
        judgement.evidence.extend(evidence(record, context));
    }
    judgement
}

/// Judges an end that faultgate did not ask for.
fn natural(record: &Record, context: &RunContext<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(record.state, Verdict::Errored, reason);
    let (raw, title) = (plain(&record.raw_state, MAX_SAID_CHARS), context.title);
    if context.dry_run {
        let reason = "dry run: what can be verified is as it should be; nothing was launched".to_owned();
        return Judgement::plain(State::Completed, Verdict::Passed, reason);
    }
    if !record.has_ended() {
        return errored(format!("{title} does not say that it has ended: the experiment is {raw}"));
    }
    let why = why(record, context);
    match record.state {
        State::Completed => judge_completed(record, context),
        State::Stopped => errored(format!("somebody else stopped it in {title} ({raw}){why}")),
        State::Failed => errored(match raw.to_ascii_lowercase().as_str() {
            "blocked" => format!("{title} did not let it run: a policy (ChaosGuard) refused it{why}"),
            "skipped" => format!("{title} skipped it{why}"),
            "timeout" => format!("{title} gave it up after a time limit of its own{why}"),
            _ => format!("{title} could not carry it out ({raw}){why}"),
        }),
        State::Pending
        | State::Running
        | State::Stopping
        | State::Cancelled
        | State::TimedOut
        | State::Unknown => errored(format!("it ended in a state that faultgate does not know: {raw}{why}")),
    }
}

/// Returns the control plane's words for the cause, and the steps that failed.
fn why(record: &Record, context: &RunContext<'_>) -> String {
    let run = context.run;
    let mut said: Vec<String> = [
        run.and_then(|run| run.blocked.as_deref()),
        run.and_then(|run| run.error.as_deref()),
        context.execution.and_then(|execution| execution.message.as_deref()),
    ]
    .into_iter()
    .flatten()
    .map(|said| plain(said, MAX_SAID_CHARS))
    .filter(|said| !said.is_empty())
    .collect();
    said.dedup();
    said.extend(record.faults.iter().filter_map(failing_step).take(MAX_NAMED));
    if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) }
}

fn failing_step(fault: &Fault) -> Option<String> {
    let step = fault.fail_step.as_deref().filter(|_| !has_passed(&fault.verdict))?;
    Some(format!("{}: {}", fault.name, with_code(step, fault.error_code.as_deref())))
}

fn with_code(step: &str, code: Option<&str>) -> String {
    match code.filter(|code| !step.contains(code)) {
        Some(code) => format!("{step} ({code})"),
        None => step.to_owned(),
    }
}

/// Judges a run that has completed, by what it has injected.
fn judge_completed(record: &Record, context: &RunContext<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(State::Completed, Verdict::Errored, reason);
    let accepts_nothing = context.injection.accepts_nothing;
    let counts = context.run.map(|run| run.counts).unwrap_or_default();
    let told = context.execution.map(|execution| execution.told.as_slice()).unwrap_or_default();
    match judge_injected(&counts, told, context.injection) {
        Injected::Unsteady(why) => {
            errored(format!("the system was not steady: {why}; nothing is known about its resilience"))
        }
        Injected::Nothing { why, by_choice: true } if accepts_nothing => Judgement {
            score: Some(Score::FULL),
            score_source: Some(ScoreSource::Completion),
            ..Judgement::plain(
                State::Completed,
                Verdict::Passed,
                format!("it completed; nothing was injected ({why}), {ACCEPTED}"),
            )
        },
        Injected::Nothing { why, .. } => errored(format!(
            "it completed, but nothing was injected: {why}; nothing is known about the system's resilience"
        )),
        Injected::TooLittle(why) => errored(format!("it completed, but not all of it was injected: {why}")),
        Injected::Unknown(why) if !accepts_nothing => {
            errored(format!("it completed, but whether all of it was injected is not known: {why}"))
        }
        Injected::Unknown(why) => {
            judge_scored(record, context, Vec::new(), vec![format!("{why}, {ACCEPTED}")])
        }
        Injected::Something { names, warnings } => judge_scored(record, context, names, warnings),
    }
}

/// Judges a run that has injected something, by its score and by what speaks against it.
fn judge_scored(
    record: &Record,
    context: &RunContext<'_>,
    injected: Vec<String>,
    mut warnings: Vec<String>,
) -> Judgement {
    let title = context.title;
    let errored = |reason: String| Judgement {
        injected: injected.clone(),
        ..Judgement::plain(State::Completed, Verdict::Errored, reason)
    };
    let Some(run) = context.run else { return errored(format!("{title} told nothing of its end")) };
    let Some(score) = score(run) else {
        let told = run.score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        return errored(format!("it completed, but {title} tells no resilience score (it says {told})"));
    };
    // A score of faults without any weight is told all the same, and says nothing.
    if context.execution.is_some_and(|execution| execution.worth == Some(Worth::Weightless)) {
        return errored(format!(
            "it completed, but all of its faults have the weight 0, so the score that {title} gives it ({score}) says \
             nothing: give them weights"
        ));
    }
    if let Some(why) = agreement::contradiction(run, score, context.execution) {
        return errored(format!(
            "{title} contradicts itself: {why}; which of them is true is not known: look at the run"
        ));
    }
    // A fault that its own probe ended is a weakness that was found, whatever is left of the score.
    if let Some(cut) = context.execution.and_then(cut) {
        let weakness = Judgement::weakness(State::Completed, ScoreSource::StopCondition, cut);
        return Judgement { injected, warnings, ..weakness };
    }
    warnings.extend(doubts(context, score));
    let losses = context.execution.filter(|_| score < Score::FULL).map(losses).unwrap_or_default();
    let judgement = Judgement::plain(State::Completed, Verdict::Passed, how_it_ended(record, &injected));
    Judgement {
        score: Some(score),
        score_source: Some(ScoreSource::Engine),
        injected,
        losses,
        warnings,
        ..judgement
    }
}

fn how_it_ended(record: &Record, injected: &[String]) -> String {
    let ended = if record.raw_state.eq_ignore_ascii_case("completed") {
        "it completed".to_owned()
    } else {
        format!("it ended as {}", plain(&record.raw_state, MAX_SAID_CHARS))
    };
    if injected.is_empty() { ended } else { format!("{ended}; injected: {}", injected.join(", ")) }
}

/// Returns the sentence about a fault that one of its own probes stopped, as a stop condition would.
fn cut(execution: &Execution) -> Option<String> {
    execution.told.iter().find_map(|told| match &told.course {
        FaultCourse::Cut(why) => Some(format!("{} {why} while it was in", told.name)),
        FaultCourse::Acted
        | FaultCourse::Idle(_)
        | FaultCourse::NoTarget(_)
        | FaultCourse::Broken(_)
        | FaultCourse::Unsteady(_)
        | FaultCourse::Untold(_) => None,
    })
}

/// Returns what took from the score, the most costly first.
fn losses(execution: &Execution) -> Vec<String> {
    let loss = |(place, fault): (usize, &Fault)| {
        // A fault without a known weight still has to stand somewhere in the order.
        let weight = f64::from(fault.weight.unwrap_or(1));
        let course = execution.told.get(place).map(|told| &told.course);
        let idle = match course {
            Some(FaultCourse::Idle(why)) if weight > 0.0 && fault.probe_success != Some(Score::FULL) => {
                Some(format!("{} did not act: it {why}", fault.name))
            }
            _ => None,
        };
        let what = idle.or_else(|| describe_loss(fault))?;
        let success = fault.probe_success.map_or(0.0, Score::get);
        Some((weight * (Score::FULL.get() - success), what))
    };
    let mut losses: Vec<(f64, String)> = execution.faults.iter().enumerate().filter_map(loss).collect();
    losses.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    losses.into_iter().map(|(_, what)| what).collect()
}

/// Returns what a fault took from the score, if it took something.
fn describe_loss(fault: &Fault) -> Option<String> {
    let full = fault.probe_success.is_none_or(|success| success == Score::FULL);
    let failed: Vec<&FaultProbe> = fault.probes.iter().filter(|probe| has_failed(&probe.verdict)).collect();
    if full && failed.is_empty() && !has_failed(&fault.verdict) {
        return None;
    }
    let mut what = format!("{}: {}", fault.name, verdict(&fault.verdict));
    if let Some(success) = fault.probe_success {
        what = format!("{what}, probe success {success} %");
    }
    for probe in failed.iter().take(MAX_NAMED) {
        let why = probe
            .description
            .as_deref()
            .map(|why| format!(" ({})", plain(why, MAX_SAID_CHARS)))
            .unwrap_or_default();
        what = format!("{what}, probe {} failed{why}", probe.name);
    }
    if let Some(step) = &fault.fail_step {
        what = format!("{what}, failing step {}", with_code(step, fault.error_code.as_deref()));
    }
    if let Some(broken) = broken_check(fault) {
        what = format!("{what}; {broken}");
    }
    Some(what)
}

fn verdict(verdict: &str) -> &str {
    if verdict.is_empty() { "no verdict" } else { verdict }
}

/// Returns the sentence about a probe that could not run, and so says nothing of the system.
fn broken_check(fault: &Fault) -> Option<String> {
    let texts = [fault.error_code.as_deref(), fault.fail_step.as_deref()];
    let broken =
        texts.iter().flatten().find(|text| text.contains("PROBE_ERROR") || text.contains("E2008"))?;
    Some(format!("a probe of {} could not run ({broken}): a broken check, not a weak system", fault.name))
}

/// Returns `true` if the faults are known, and none of their probes passed or failed.
fn no_probe_said_anything(execution: &Execution) -> bool {
    execution.unreadable.is_none() && execution.count_evaluated() == 0
}

fn evidence(record: &Record, context: &RunContext<'_>) -> Vec<Evidence> {
    let title = context.title;
    let mut all =
        vec![Evidence::new(title, format!("the phase is {}", plain(&record.raw_state, MAX_SAID_CHARS)))];
    let mut add = |fact: String| all.push(Evidence::new(title, fact));
    if let Some(run) = context.run {
        let counts = in_words(&run.counts);
        if !counts.is_empty() {
            add(format!("faults: {counts}"));
        }
        for said in [&run.blocked, &run.error].into_iter().flatten() {
            add(plain(said, MAX_SAID_CHARS));
        }
    }
    if let Some(unread) = context.unread {
        add(format!("its faults and probes are not told here: {unread}"));
    }
    if let Some(execution) = context.execution {
        about_faults(execution, context, &mut add);
    }
    if record.state == State::Stopped {
        add("a run that is stopped is not followed by its agent's last report, so nothing says that its faults are \
             reverted: look at the targets"
            .to_owned());
    }
    all
}

fn about_faults(execution: &Execution, context: &RunContext<'_>, add: &mut impl FnMut(String)) {
    if let Some(why) = &execution.unreadable {
        add(format!("its faults are not told: {why}"));
    }
    for fault in execution.faults.iter().take(MAX_FAULTS) {
        if let Some(lost) = describe_loss(fault) {
            add(lost);
        } else if let Some(broken) = broken_check(fault) {
            add(broken);
        }
    }
    for told in execution.told.iter().take(MAX_FAULTS) {
        if let Some(why) = amiss(&told.course) {
            add(format!("{} {why}", told.name));
        }
    }
    let Some(score) = context.run.and_then(score) else { return };
    match execution.worth {
        Some(Worth::Mean(ours)) if weights::agree(ours, score) => {
            add(format!("the weights and the probes' success make {ours}, as it says"));
        }
        Some(Worth::Mean(ours)) => {
            add(format!(
                "the weights and the probes' success make {ours}, and {} says {score}",
                context.title
            ));
        }
        Some(Worth::Least(_) | Worth::Weightless) | None => {}
    }
}

/// Returns what went amiss with a fault, if anything did.
fn amiss(course: &FaultCourse) -> Option<&str> {
    match course {
        FaultCourse::Acted => None,
        FaultCourse::Cut(why)
        | FaultCourse::Idle(why)
        | FaultCourse::NoTarget(why)
        | FaultCourse::Broken(why)
        | FaultCourse::Unsteady(why)
        | FaultCourse::Untold(why) => Some(why),
    }
}

/// Returns the warnings that a reader of the score needs.
fn doubts(context: &RunContext<'_>, score: Score) -> Vec<String> {
    let Some(execution) = context.execution else { return Vec::new() };
    let mut doubts = Vec::new();
    if no_probe_said_anything(execution) {
        doubts.push(format!("the score {score} rests on no probe that was evaluated"));
    }
    if !execution.unreverted.is_empty() {
        let named: Vec<&str> = execution.unreverted.iter().take(MAX_NAMED).map(String::as_str).collect();
        let more = execution.unreverted.len().checked_sub(MAX_NAMED).filter(|more| *more > 0);
        let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
        doubts.push(format!("the agent's last word on {}{more} is injected, not reverted", named.join(", ")));
    }
    doubts
}

#[cfg(test)]
#[path = "outcome_laws.rs"]
mod laws;
#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
