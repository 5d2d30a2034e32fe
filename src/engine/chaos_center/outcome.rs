//! What the end of a run means. Pure: everything it needs to know is handed in.

use std::fmt::Write as _;

use super::execution::{Execution, has_failed, has_passed};
use super::manager::{Counts, Run};
use super::{phase, weights};
use crate::engine::{Judgement, Record, StopCause, asked};
use crate::model::{Evidence, Fault, FaultProbe, InjectionRule, Score, ScoreSource, State, Verdict};
use crate::text::plain;

/// Characters of what a control plane says, in a reason.
const SAID: usize = 300;
/// Faults, probes or resources that a sentence names.
const NAMED: usize = 3;
/// Lines of evidence about faults.
const LINES: usize = 20;

/// What is known besides the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The control plane.
    pub(super) title: &'a str,
    pub(super) dry_run: bool,
    pub(super) injection: InjectionRule,
    /// Why we asked for a stop, if we did.
    pub(super) stop: Option<&'a StopCause>,
    /// The run as it was told last.
    pub(super) run: Option<&'a Run>,
    /// Of a run that is over, if it could be read.
    pub(super) execution: Option<&'a Execution>,
    /// Why it could not.
    pub(super) unread: Option<&'a str>,
}

/// The score of a run that is over. What is no score is not known.
pub(super) fn score(run: &Run) -> Option<Score> {
    run.score.and_then(Score::new).filter(|_| phase::is_over(run))
}

pub(super) fn judge(record: &Record, context: &Context<'_>) -> Judgement {
    let title = context.title;
    let asked = context.stop.and_then(|cause| asked::judge(cause, record, title, "the experiment"));
    let mut judgement = asked.unwrap_or_else(|| natural(record, context));
    if context.stop == Some(&StopCause::QueueTimeout) {
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

/// An end that we did not ask for.
fn natural(record: &Record, context: &Context<'_>) -> Judgement {
    let errored = |reason| Judgement::plain(record.state, Verdict::Errored, reason);
    let (raw, title) = (plain(&record.raw_state, SAID), context.title);
    if context.dry_run {
        let reason = "dry run: what can be verified is as it should be; nothing was launched".to_owned();
        return Judgement::plain(State::Completed, Verdict::Passed, reason);
    }
    if !record.has_ended() {
        return errored(format!("{title} does not say that it has ended: the experiment is {raw}"));
    }
    let why = why(record, context);
    match record.state {
        State::Completed => completed(record, context),
        State::Stopped => errored(format!("somebody else stopped it in {title} ({raw}){why}")),
        State::Failed => errored(match raw.to_ascii_lowercase().as_str() {
            "blocked" => format!("{title} did not let it run: a policy (ChaosGuard) refused it{why}"),
            "skipped" => format!("{title} skipped it{why}"),
            "timeout" => format!("{title} gave it up after a time limit of its own{why}"),
            _ => format!("{title} could not carry it out ({raw}){why}"),
        }),
        _ => errored(format!("it ended in a state that faultgate does not know: {raw}{why}")),
    }
}

/// What the control plane says of the cause, and the step that failed.
fn why(record: &Record, context: &Context<'_>) -> String {
    let run = context.run;
    let mut said: Vec<String> = [
        run.and_then(|run| run.blocked.as_deref()),
        run.and_then(|run| run.error.as_deref()),
        context.execution.and_then(|execution| execution.message.as_deref()),
    ]
    .into_iter()
    .flatten()
    .map(|said| plain(said, SAID))
    .filter(|said| !said.is_empty())
    .collect();
    said.dedup();
    said.extend(record.faults.iter().filter_map(failing_step).take(NAMED));
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

fn completed(record: &Record, context: &Context<'_>) -> Judgement {
    let title = context.title;
    let errored = |reason| Judgement::plain(State::Completed, Verdict::Errored, reason);
    let score = context.run.and_then(score);
    let passed = |score: Score, source, reason| Judgement {
        score: Some(score),
        score_source: Some(source),
        ..Judgement::plain(State::Completed, Verdict::Passed, reason)
    };
    let accepts = "which allow-empty-targets accepts";
    match (injected(context), score) {
        (Injected::Nothing(why), _) if context.injection.accepts_nothing => passed(
            Score::FULL,
            ScoreSource::Completion,
            format!("it completed; nothing was injected ({why}), {accepts}"),
        ),
        (Injected::Nothing(why), _) => errored(format!(
            "it completed, but nothing was injected: {why}; nothing is known about the system's resilience"
        )),
        (Injected::Unknown(why), _) if !context.injection.accepts_nothing => {
            errored(format!("it completed, but whether anything was injected is not known: {why}"))
        }
        (_, None) => {
            let told = context.run.and_then(|run| run.score);
            let told = told.map_or_else(|| "none".to_owned(), |score| score.to_string());
            errored(format!("it completed, but {title} tells no resilience score (it says {told})"))
        }
        (Injected::Unknown(why), Some(score)) => passed(
            score,
            ScoreSource::Engine,
            format!(
                "it completed ({}); {why}, {accepts}; {}",
                record.raw_state,
                scored(record, context, score)
            ),
        ),
        (Injected::Something(what), Some(score)) => passed(
            score,
            ScoreSource::Engine,
            format!(
                "it completed ({}); injected: {what}; {}",
                plain(&record.raw_state, SAID),
                scored(record, context, score)
            ),
        ),
    }
}

/// The score and what took from it.
fn scored(record: &Record, context: &Context<'_>, score: Score) -> String {
    let mut reason = format!("{}'s resilience score is {score}", context.title);
    let lost: Vec<String> = record.faults.iter().filter_map(lost).collect();
    for what in lost.iter().take(NAMED) {
        reason = format!("{reason}; {what}");
    }
    if lost.len() > NAMED {
        reason = format!("{reason}; and {} more faults", lost.len() - NAMED);
    }
    if context.execution.is_some_and(no_probe_said_anything) {
        reason += "; it rests on no probe that was evaluated";
    }
    reason
}

/// What was injected, or why nothing was.
enum Injected {
    Something(String),
    Nothing(String),
    Unknown(String),
}

/// Both the counts and the faults' own verdicts must say so, where they say anything.
fn injected(context: &Context<'_>) -> Injected {
    let counts = context.run.map(|run| run.counts).unwrap_or_default();
    let counted = counted(&counts);
    let (ran, idle) = match context.execution {
        Some(execution) => (execution.ran.as_slice(), execution.idle.as_slice()),
        None => (&[][..], &[][..]),
    };
    match counted {
        Counted::None(why) => Injected::Nothing(why),
        _ if ran.is_empty() && !idle.is_empty() => {
            Injected::Nothing(format!("no fault has a verdict ({})", idle.join(", ")))
        }
        _ if !ran.is_empty() => Injected::Something(ran.join(", ")),
        Counted::Some(count) => Injected::Something(match count {
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        }),
        Counted::Unknown => Injected::Unknown("neither counts nor faults were told".to_owned()),
    }
}

enum Counted {
    None(String),
    Some(u64),
    Unknown,
}

fn counted(counts: &Counts) -> Counted {
    let ran = [counts.passed, counts.failed, counts.stopped];
    let sum = ran.iter().flatten().fold(0_u64, |sum, count| sum.saturating_add(*count));
    match counts.total {
        Some(0) => Counted::None("it has no faults".to_owned()),
        _ if sum > 0 => Counted::Some(sum),
        // One that is not told may be any number.
        _ if ran.iter().any(Option::is_none) => Counted::Unknown,
        _ => Counted::None(format!("no fault ran ({})", in_words(counts))),
    }
}

fn in_words(counts: &Counts) -> String {
    let all = [
        ("in all", counts.total),
        ("passed", counts.passed),
        ("failed", counts.failed),
        ("awaited", counts.awaited),
        ("stopped", counts.stopped),
        ("not available", counts.not_available),
    ];
    let told: Vec<String> =
        all.into_iter().filter_map(|(what, count)| Some(format!("{} {what}", count?))).collect();
    told.join(", ")
}

/// What a fault took from the score, if it did.
fn lost(fault: &Fault) -> Option<String> {
    let full = fault.probe_success.is_none_or(|success| success == Score::FULL);
    let failed: Vec<&FaultProbe> = fault.probes.iter().filter(|probe| has_failed(&probe.verdict)).collect();
    if full && failed.is_empty() && !has_failed(&fault.verdict) {
        return None;
    }
    let mut what = format!("{}: {}", fault.name, verdict(&fault.verdict));
    if let Some(success) = fault.probe_success {
        what = format!("{what}, probe success {success} %");
    }
    for probe in failed.iter().take(NAMED) {
        let why =
            probe.description.as_deref().map(|why| format!(" ({})", plain(why, SAID))).unwrap_or_default();
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

/// A probe that could not run says nothing of the system.
fn broken_check(fault: &Fault) -> Option<String> {
    let texts = [fault.error_code.as_deref(), fault.fail_step.as_deref()];
    let broken =
        texts.iter().flatten().find(|text| text.contains("PROBE_ERROR") || text.contains("E2008"))?;
    Some(format!("a probe of {} could not run ({broken}): a broken check, not a weak system", fault.name))
}

fn no_probe_said_anything(execution: &Execution) -> bool {
    execution.unreadable.is_none() && execution.evaluated() == 0
}

fn evidence(record: &Record, context: &Context<'_>) -> Vec<Evidence> {
    let title = context.title;
    let mut all = vec![Evidence::new(title, format!("the phase is {}", plain(&record.raw_state, SAID)))];
    let mut add = |fact: String| all.push(Evidence::new(title, fact));
    if let Some(run) = context.run {
        let counts = in_words(&run.counts);
        if !counts.is_empty() {
            add(format!("faults: {counts}"));
        }
        for said in [&run.blocked, &run.error].into_iter().flatten() {
            add(plain(said, SAID));
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

fn about_faults(execution: &Execution, context: &Context<'_>, add: &mut impl FnMut(String)) {
    if let Some(why) = &execution.unreadable {
        add(format!("its faults are not told: {why}"));
    }
    for fault in execution.faults.iter().take(LINES) {
        if let Some(lost) = lost(fault) {
            add(lost);
        } else if let Some(broken) = broken_check(fault) {
            add(broken);
        }
    }
    if !execution.ran.is_empty() && !execution.idle.is_empty() {
        add(format!("faults without a verdict: {}", execution.idle.join(", ")));
    }
    let Some(score) = context.run.and_then(score) else { return };
    if context.run.is_none_or(|run| phase::state(run) != State::Completed) {
        return;
    }
    if no_probe_said_anything(execution) {
        add(format!("warning: the score {score} rests on no probe that was evaluated"));
    }
    match execution.recomputed {
        Some(ours) if !weights::agree(ours, score) => add(format!(
            "warning: the weights and the probes' success make {ours}, and {} says {score}; what it says counts",
            context.title
        )),
        Some(ours) => add(format!("the weights and the probes' success make {ours}, as it says")),
        None => {}
    }
    if !execution.unreverted.is_empty() {
        let named: Vec<&str> = execution.unreverted.iter().take(NAMED).map(String::as_str).collect();
        let more = execution.unreverted.len().checked_sub(NAMED).filter(|more| *more > 0);
        let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
        add(format!(
            "warning: the agent's last word on {}{more} is injected, not reverted",
            named.join(", ")
        ));
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
