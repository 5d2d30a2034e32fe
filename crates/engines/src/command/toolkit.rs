//! The meaning of a Chaos Toolkit experiment's journal. Pure: everything that it needs to know is handed in.

use super::chaos_toolkit::ToolkitJournal;
use super::context::{CommandContext, describe_end, judge_passed};
use super::end::CommandEnd;
use crate::injection::{Injection, Weighed};
use crate::{Judgement, Record};
use faultgate_core::model::{Score, ScoreSource, Verdict};

/// Number of activities that a sentence names.
const MAX_NAMED: usize = 5;

/// Returns `true` if the system left its steady state because of the method. Chaos Toolkit says `deviated`
/// only of what it sees after the method; a deviation during the method just ends it.
pub(super) fn is_deviated(journal: &ToolkitJournal) -> bool {
    let seen = match journal.status.as_str() {
        "completed" => journal.deviated,
        "failed" => journal.deviated || !journal.deviations().is_empty(),
        _ => false,
    };
    seen && journal.not_steady_before().is_none()
}

/// Judges an experiment by its journal.
pub(super) fn judge(
    record: &Record,
    context: &CommandContext<'_>,
    end: &CommandEnd,
    journal: &ToolkitJournal,
) -> Judgement {
    let injection = journal.injection();
    let named = cut(&injection.done);
    let verdict = by_journal(record, context, end, journal, &injection)
        .unwrap_or_else(|why| why.into_judgement(record));
    let blind = journal.blind_probes().into_iter().take(MAX_NAMED);
    Judgement {
        injected: named,
        warnings: blind.map(|probe| format!("a probe of the method could not look: {probe}")).collect(),
        ..verdict
    }
}

/// The reason why a journal says nothing of the system.
struct Unfit(String);

impl Unfit {
    fn into_judgement(self, record: &Record) -> Judgement {
        Judgement::plain(record.state, Verdict::Errored, self.0)
    }
}

/// Judges by the journal alone. The order of the checks is the order of causes: an early cause explains the
/// later ones.
fn by_journal(
    record: &Record,
    context: &CommandContext<'_>,
    end: &CommandEnd,
    journal: &ToolkitJournal,
    injection: &Injection,
) -> Result<Judgement, Unfit> {
    if let Some(kind) = journal.dry() {
        return Err(Unfit(dry(&kind)));
    }
    if let Some(probe) = journal.not_steady_before() {
        return Err(Unfit(format!("the system was not steady before anything was done: {probe}")));
    }
    // Words and details may disagree in a journal that was broken off, which is judged by its status below.
    let is_at_its_end = matches!(journal.status.as_str(), "completed" | "failed");
    if let Some(why) = journal.contradiction().filter(|_| is_at_its_end) {
        return Err(Unfit(format!("the journal contradicts itself: {why}")));
    }
    if is_deviated(journal) {
        // A deviation ends the method early, so actions that were never begun take nothing from it.
        let never_begun = if journal.deviated_meanwhile() { Vec::new() } else { journal.never_begun() };
        require_injection(context, injection, &never_begun)?;
        return Ok(judge_deviation(record, journal));
    }
    if journal.status != "completed" {
        return Err(Unfit(format!(
            "Chaos Toolkit says {}; {}",
            journal.status,
            describe_end(end, context.spec)
        )));
    }
    if !end.expected {
        return Err(Unfit(format!("Chaos Toolkit says completed, but {}", describe_end(end, context.spec))));
    }
    require_injection(context, injection, &journal.never_begun())?;
    if journal.is_unmeasured_after() {
        if journal.deviated_meanwhile() {
            return Ok(judge_deviation(record, journal));
        }
        return Err(Unfit(UNMEASURED.to_owned()));
    }
    let reason = format!("Chaos Toolkit says completed; injected: {}", list(&injection.done));
    Ok(Judgement { losses: journal.losses(), ..judge_passed(record, journal.share(), reason) })
}

/// The reason of a journal without a round after the method.
const UNMEASURED: &str = "the steady state was not measured after the method, so nothing is known of the system; let chaos run \
                          take the hypothesis strategy default or continuously";

/// Returns the judgement of a steady state that did not hold.
fn judge_deviation(record: &Record, journal: &ToolkitJournal) -> Judgement {
    let probes = journal.deviations().join(", ");
    Judgement {
        score: journal.share().or(Some(Score::ZERO)),
        score_source: Some(ScoreSource::Engine),
        ..Judgement::plain(record.state, Verdict::Failed, format!("the steady state has deviated: {probes}"))
    }
}

/// Returns the reason of a dry run that Chaos Toolkit made by itself.
fn dry(kind: &str) -> String {
    let left_out = match kind {
        "probes" => "the system was not looked at",
        "pause" => "its pauses were left out, so the fault was not in for as long as the experiment says",
        _ => "nothing was injected",
    };
    format!("Chaos Toolkit made a dry run ({kind}): {left_out}; run it without --dry")
}

/// Requires that each action of the method has acted, whatever `require-actions` says.
fn require_injection(
    context: &CommandContext<'_>,
    injection: &Injection,
    never_begun: &[String],
) -> Result<(), Unfit> {
    if injection.broken.is_empty() && !never_begun.is_empty() {
        return Err(Unfit(format!("actions of its method were never begun: {}", list(never_begun))));
    }
    let short = Injection {
        done: cut(&injection.done),
        idle: Vec::new(),
        broken: injection.broken.iter().take(MAX_NAMED).cloned().collect(),
    };
    match short.weigh(context.injection) {
        Weighed::Enough { .. } => Ok(()),
        Weighed::Nothing(_) if injection.broken.is_empty() && context.injection.accepts_nothing => Ok(()),
        Weighed::Nothing(_) if injection.broken.is_empty() => {
            Err(Unfit("it completed, but nothing was injected: its method has no action".to_owned()))
        }
        Weighed::Nothing(why) => Err(Unfit(format!("nothing was injected: {why}"))),
        Weighed::TooLittle(why) => Err(Unfit(format!("an action of its method did not act: {why}"))),
    }
}

/// Adds rollbacks that failed or were not played. A fault that may still be in says more than a score: the
/// experiment has not come to its end, whatever it measured.
pub(super) fn add_rollbacks(judgement: &mut Judgement, end: &CommandEnd, journal: &ToolkitJournal) {
    let unrolled = journal.find_unrolled();
    let mut told = Vec::new();
    if !unrolled.failed.is_empty() {
        told.push(format!("rollbacks did not succeed: {}", list(&unrolled.failed)));
    }
    if !unrolled.not_played.is_empty() {
        told.push(format!("declared rollbacks were not played: {}", list(&unrolled.not_played)));
    }
    if told.is_empty() {
        return;
    }
    let undone = end.undone.as_ref().is_some_and(|undone| undone.failed.is_none());
    judgement.fault_may_be_in |= !undone;
    let so = if undone { "; its stop command has succeeded" } else { ", so the fault may still be in" };
    let told = told.join(", and ") + so;
    let reason = match judgement.verdict {
        Verdict::Passed => told,
        Verdict::Failed => format!("{told}; {}", judgement.reason),
        Verdict::Cancelled | Verdict::TimedOut | Verdict::Errored => {
            judgement.reason = format!("{}; {told}", judgement.reason);
            return;
        }
    };
    *judgement = Judgement {
        verdict: Verdict::Errored,
        score: None,
        score_source: None,
        losses: Vec::new(),
        reason,
        ..judgement.clone()
    };
}

/// Cuts a list of names, and counts the rest.
fn cut(names: &[String]) -> Vec<String> {
    let left_out = names.len().saturating_sub(MAX_NAMED);
    let mut shown: Vec<String> = names.iter().take(MAX_NAMED).cloned().collect();
    shown.extend((left_out > 0).then(|| format!("{left_out} more")));
    shown
}

fn list(names: &[String]) -> String {
    cut(names).join(", ")
}

#[cfg(test)]
#[path = "toolkit_tests.rs"]
pub(super) mod tests;
