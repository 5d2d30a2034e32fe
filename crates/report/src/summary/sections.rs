//! The sections of a summary below its head. Each is empty if there is nothing to tell.

use std::fmt::Write as _;

use jiff::SignedDuration;

use super::blast_radius;
use super::change;
use super::faults::faults;
use super::fit::{PageLimits, PageSection, SectionKind};
use super::head::{MAX_REASONS, duration, mark, or_dash};
use super::lists::{MAX_LINES, list, table};
use super::safe::{link, md, told};
use crate::words::arithmetic;
use crate::words::culprits::culprits;
use crate::words::own_report;
use crate::words::timeline::gantt;
use faultgate_core::duration::{coarse, from_millis};
use faultgate_core::model::{
    EngineKind, ExperimentResult, Finding, Level, Probe, Reported, RunResult, Verdict,
};

/// Maximum number of resources of a target that are shown.
const MAX_RESOURCES: usize = 5;
/// Returns all sections, in the order in which people read them.
pub(super) fn sections(result: &RunResult, page: &PageLimits) -> Vec<PageSection> {
    let mut all = Vec::new();
    let push = |all: &mut Vec<PageSection>, kind: SectionKind, experiment: Option<usize>, text: String| {
        if !text.is_empty() {
            all.push(PageSection { kind, experiment, text, close: "" });
        }
    };
    let culprits = culprits(result);
    for (place, experiment) in &culprits {
        let is_said = culprits.iter().take(MAX_REASONS).any(|(said, _)| said == place);
        let place = Some(*place);
        push(&mut all, SectionKind::NotPassed, place, title(experiment) + &facts(experiment, is_said));
        push(&mut all, SectionKind::Probes, place, probes(experiment));
        push(&mut all, SectionKind::Probes, place, faults(experiment));
        push(&mut all, SectionKind::Actions, place, actions(experiment));
        push(&mut all, SectionKind::Targets, place, preview(experiment));
        push(&mut all, SectionKind::Targets, place, targets(experiment, page.html));
        push(&mut all, SectionKind::Evidence, place, evidence(experiment, page.html));
    }
    // An experiment that passed folds if it is one of several.
    let folds = page.html && result.experiments.len() > 1;
    let passed = result.experiments.iter().enumerate();
    for (place, experiment) in passed.filter(|(_, experiment)| experiment.verdict == Verdict::Passed) {
        let is_said = culprits.is_empty()
            && result.gate.reasons.iter().take(MAX_REASONS).any(|reason| {
                reason
                    .strip_suffix(&experiment.reason)
                    .is_some_and(|name| name.is_empty() || name.ends_with(": "))
            });
        let place = Some(place);
        let facts = facts(experiment, is_said);
        let (head, close) =
            if folds { (fold(experiment), "</details>\n\n") } else { (title(experiment), "") };
        all.push(PageSection { kind: SectionKind::Passed, experiment: place, text: head + &facts, close });
        push(&mut all, SectionKind::ProbesOfPassed, place, probes(experiment));
        push(&mut all, SectionKind::ProbesOfPassed, place, faults(experiment));
        push(&mut all, SectionKind::ActionsOfPassed, place, actions(experiment));
        push(&mut all, SectionKind::TargetsOfPassed, place, preview(experiment));
        push(&mut all, SectionKind::TargetsOfPassed, place, targets(experiment, page.html));
    }
    if page.mermaid
        && let Some(chart) = gantt(&result.experiments, result.ended_at)
    {
        push(&mut all, SectionKind::Timeline, None, format!("### Timeline (UTC)\n\n{chart}\n"));
    }
    push(&mut all, SectionKind::Score, None, score(result));
    push(
        &mut all,
        SectionKind::Change,
        None,
        result.comparison.as_ref().map(change::section).unwrap_or_default(),
    );
    push(&mut all, SectionKind::Findings, None, findings(&result.findings));
    push(&mut all, SectionKind::Leftovers, None, leftovers(result));
    push(&mut all, SectionKind::Reports, None, reports(&result.reporting));
    all
}

fn title(experiment: &ExperimentResult) -> String {
    format!("### {}\n\n", md(&experiment.name))
}

/// Returns the beginning of the section of an experiment that passed, up to what unfolds.
fn fold(experiment: &ExperimentResult) -> String {
    let (name, mark) = (md(&experiment.name), mark(experiment.verdict));
    let score = or_dash(experiment.score);
    let took = duration(experiment);
    format!("<details><summary>{mark} {name}: score {score}, took {took}</summary>\n\n")
}

fn preview(experiment: &ExperimentResult) -> String {
    experiment.preview.as_ref().map(blast_radius::render_preview).unwrap_or_default()
}

/// Returns the facts as a list. The reason is not told again if the head has it (`is_said`).
fn facts(experiment: &ExperimentResult, is_said: bool) -> String {
    let mut page = String::new();
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(page, "- {name}: {value}");
    };
    if !is_said {
        fact("Why", &told(&experiment.reason));
    }
    // A result of a later version may name an engine that this one does not know.
    let engine = EngineKind::find(&experiment.engine);
    let (source, id) = engine.map_or(("Experiment", "Run"), EngineKind::headings);
    fact(source, &md(&experiment.source));
    if let Some(of_run) = &experiment.id {
        fact(id, &md(of_run));
    }
    if let Some(preview) = &experiment.preview {
        let took = coarse(SignedDuration::from_millis(i64::try_from(preview.took_ms).unwrap_or(i64::MAX)));
        let id = md(&preview.experiment_id);
        fact("Blast radius", &format!("{} (preview {id}, which took {took})", md(&preview.describe())));
    }
    match experiment.stop_conditions.as_slice() {
        [] if engine.is_some_and(EngineKind::has_stop_conditions) => {
            fact("Stop conditions", "**none**: nothing would have stopped it");
        }
        [] => {}
        some => {
            let some: Vec<_> = some.iter().take(MAX_LINES).map(|condition| md(condition)).collect();
            fact("Stop conditions", &some.join(", "));
        }
    }
    if experiment.id.is_some() {
        fact("How the end was learned", &describe_end(experiment));
    }
    if let Some(stop) = &experiment.stop {
        let confirmed = if stop.confirmed { "confirmed" } else { "**not confirmed**" };
        fact("Stopped by faultgate", &format!("{}; {confirmed}", told(&stop.why)));
    }
    if let Some((what, page)) = own_report(experiment) {
        let page = page.as_deref().and_then(link);
        fact(
            "The engine's own report",
            &page.map_or_else(|| md(what), |page| format!("[{}]({page})", md(what))),
        );
    }
    page.push('\n');
    page
}

fn describe_end(experiment: &ExperimentResult) -> String {
    let monitor = &experiment.monitor;
    let how = if monitor.learned.is_empty() { "it was not" } else { &monitor.learned };
    let end = experiment.transitions.iter().rev().find(|step| step.state.is_terminal());
    let delay = match (end, experiment.ended_at) {
        (Some(end), Some(ended_at)) => {
            // The clocks differ: an end may seem to be learned before it happened.
            let delay = end.observed_at.duration_since(ended_at).max(SignedDuration::ZERO);
            format!(", {} after it happened", coarse(delay))
        }
        _ => String::new(),
    };
    format!(
        "{}{delay} ({}, {}, {})",
        md(how),
        count(monitor.events, "event"),
        count(monitor.duplicates, "duplicate"),
        count(monitor.reconciliations, "reconciliation"),
    )
}

/// Writes a number of things: `1 event`, `3 events`.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn actions(experiment: &ExperimentResult) -> String {
    let rows = experiment.actions.iter().map(|action| {
        // "Action was completed." says no more than the state.
        let says_more = |reason: &&str| !reason.trim_end_matches('.').ends_with(&action.state);
        let why = action.reason.as_deref().filter(says_more).map(md).unwrap_or_default();
        format!("| {} | {} | {} | {why} |\n", md(&action.name), md(&action.action_id), md(&action.state))
    });
    table(&["Action", "What", "State", "Why"], rows)
}

/// Returns the table of the probes: their evaluations, their scores, and the times that they tell about the
/// fault.
fn probes(experiment: &ExperimentResult) -> String {
    let columns = ["Probe", "Kind", "Passed", "Score", "Weight", "Detected", "Recovered", "Last failure"];
    let rows = experiment.probes.iter().map(|probe| {
        let why = match probe.unevaluated {
            Some(_) => "never evaluated".to_owned(),
            None => probe.last_failure_in_words().as_deref().map(md).unwrap_or_default(),
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {why} |\n",
            md(&probe.name),
            md(&probe.kind),
            describe_passed(probe),
            or_dash(arithmetic::score_of_probe(probe, experiment)),
            probe.weight,
            after(probe.detected_after_ms),
            if probe.flaps { "it flaps".to_owned() } else { after(probe.recovered_after_ms) },
        )
    });
    table(&columns, rows)
}

/// Writes how much passed: time, or evaluations, with the number of all if some of them do not count.
fn describe_passed(probe: &Probe) -> String {
    if let Some(time) = &probe.by_time {
        let [ok, all] = [time.ok_ms, time.fault_ms].map(|millis| coarse(from_millis(millis)));
        return format!("{ok} of {all}, by time");
    }
    let counted = format!("{}/{}", probe.passed_counted, probe.counted);
    if probe.counted == probe.total {
        counted
    } else {
        format!("{counted} ({}/{} in all)", probe.passed, probe.total)
    }
}

fn after(millis: Option<u64>) -> String {
    let duration = millis.and_then(|millis| i64::try_from(millis).ok()).map(SignedDuration::from_millis);
    duration.map_or_else(|| "–".to_owned(), |duration| format!("after {}", coarse(duration)))
}

/// Returns the sums from the samples to the score of the run, or nothing if no probe measured anything.
fn score(result: &RunResult) -> String {
    if result.experiments.iter().all(|experiment| experiment.probes.is_empty()) {
        return String::new();
    }
    let mut lines = Vec::new();
    for experiment in &result.experiments {
        lines.push(format!("- {}: {}\n", md(&experiment.name), md(&arithmetic::of_experiment(experiment))));
        for probe in &experiment.probes {
            let sum = arithmetic::of_probe(probe, experiment);
            let sum = if probe.unmeasured.is_some() { md(&sum) } else { sum };
            lines.push(format!("  - {}, weight {}: {sum}\n", md(&probe.name), probe.weight));
            let intervals = arithmetic::of_intervals(probe);
            lines.extend(intervals.iter().map(|told| format!("    - {}\n", md(told))));
            let phases = arithmetic::of_phases(probe);
            if !phases.is_empty() {
                lines.push(format!("    - Looks that passed: {phases}\n"));
            }
        }
    }
    lines.push(format!("- **The run**: {}\n", md(&arithmetic::of_run(result))));
    list("### How the score came about", lines.into_iter())
}

fn targets(experiment: &ExperimentResult, html: bool) -> String {
    let rows = experiment.targets.iter().map(|target| {
        let mut resources: Vec<String> =
            target.resources.iter().take(MAX_RESOURCES).map(|resource| md(resource)).collect();
        match target.resolved {
            None => resources.push("not known".to_owned()),
            Some(0) => resources.push("**nothing**".to_owned()),
            Some(count) if target.has_more || count > resources.len() as u64 => {
                let least = if target.has_more { "at least " } else { "" };
                resources.push(format!("and {least}{} more", count.saturating_sub(resources.len() as u64)));
            }
            Some(_) => {}
        }
        let resources = resources.join(if html { "<br>" } else { ", " });
        format!("| {} | {} | {resources} |\n", md(&target.name), md(&target.resource_type))
    });
    table(&["Target", "Type", "Resolved to"], rows)
}

fn evidence(experiment: &ExperimentResult, html: bool) -> String {
    let lines = experiment.evidence.iter();
    let lines = lines.map(|evidence| format!("- {}: {}\n", md(&evidence.source), md(&evidence.fact)));
    if experiment.evidence.is_empty() {
        String::new()
    } else if html {
        list("<details><summary>Evidence</summary>", lines) + "</details>\n\n"
    } else {
        list("Evidence:", lines)
    }
}

fn findings(findings: &[Finding]) -> String {
    let shown: Vec<&Finding> = findings.iter().filter(|finding| finding.level > Level::Ok).collect();
    let lines = shown.into_iter().map(|finding| {
        let remedy =
            finding.remedy.as_deref().map(|remedy| format!(" → {}", told(remedy))).unwrap_or_default();
        let (level, subject) = (finding.level.as_str(), md(&finding.subject));
        format!("- **{level}** {subject}: {}{remedy}\n", told(&finding.message))
    });
    list("### Before the launch", lines)
}

fn leftovers(result: &RunResult) -> String {
    let left: Vec<&String> =
        result.subscriptions.iter().flat_map(|subscription| &subscription.leftovers).collect();
    list("### Not removed", left.into_iter().map(|leftover| format!("- {}\n", told(leftover))))
}

fn reports(reporting: &[Reported]) -> String {
    let missing: Vec<&Reported> = reporting.iter().filter(|reported| reported.is_missing()).collect();
    let lines = missing.into_iter().map(|reported| {
        let detail = told(reported.detail.as_deref().unwrap_or_default());
        format!("- **{}** {}: {detail}\n", reported.outcome.as_str(), md(&reported.sink))
    });
    list("### Reports that are missing", lines)
}
