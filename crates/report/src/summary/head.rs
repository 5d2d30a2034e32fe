//! The head of every summary: the verdict, the score, the reasons, and the table of experiments. The foot is
//! here too.

use std::fmt::Write as _;

use super::change;
use super::lists::some_of;
use super::safe::{MAX_TOLD_CHARS, link, md, told};
use crate::words::change::of_named;
use crate::words::culprits::{culprits, write_how_long};
use crate::words::{Nature, dashboards, describe_trial, own_reasons, warnings, write_state};
use faultgate_core::duration::coarse;
use faultgate_core::model::{ExperimentResult, RunResult, Score, Verdict};
use faultgate_core::text;

/// Maximum number of reasons, and of warnings, that are shown if there is room.
pub(super) const MAX_REASONS: usize = 20;
/// Length, in characters, to which a reason is not cut for the sake of others.
const MIN_REASON_CHARS: usize = 400;
/// Maximum number of experiments that are shown if there is room.
const MAX_ROWS: usize = 100;
/// Maximum number of passed experiments whose rows stay open. More of them fold.
const MAX_OPEN_PASSED: usize = 10;

/// Returns the head. Apart from the title and the score it has at most `room` bytes.
pub(super) fn head(result: &RunResult, room: usize, html: bool) -> String {
    let gate = &result.gate;
    let score = or_dash(gate.resilience_score);
    let nature = Nature::of_result(result);
    let mut head = format!("## {} Chaos gate: {}{nature}\n\n", mark(gate.verdict), gate.verdict);
    if let Some(rehearsal) = &result.rehearsal {
        let note = format!(
            "> **Rehearsal** of the scenario {}: {}\n\n",
            md(&rehearsal.scenario),
            md(&rehearsal.note)
        );
        // The scenario comes from outside and may be long. It must not take the room of the reasons.
        if note.len() <= room / 3 {
            head.push_str(&note);
        }
    }
    if let Some(trial) = describe_trial(result) {
        let _ = writeln!(head, "> **Note**: {trial}.\n");
    }
    let expected = gate.expected_resilience_score;
    let _ = writeln!(head, "**Resilience score {score}**, expected at least {expected}.\n");
    head.push_str(&change::line(result).unwrap_or_default());
    // No list of reasons may cut this off.
    if let Some(left) = result.left_in() {
        let _ = writeln!(head, "- **{}**", md(&left));
    }
    let reasons = reasons(result, room / 3).into_iter();
    head.push_str(&some_of(reasons, MAX_REASONS, room / 3, |more| format!("- and {more} more\n")));
    let warnings: Vec<String> = warnings(result).map(|one| format!("- ⚠️ {}\n", told(&one))).collect();
    head.push_str(&some_of(warnings.into_iter(), MAX_REASONS, room / 3, |more| {
        format!("- and {more} more warnings\n")
    }));
    head.push('\n');
    let links = dashboards(result, result.faults()).filter_map(|(name, url)| {
        let url = link(&url)?;
        Some(format!("[{}]({url})", md(&name)))
    });
    let links = links.collect::<Vec<_>>().join(" · ");
    if !links.is_empty() && links.len() <= room / 6 {
        let _ = writeln!(head, "While the fault was in: {links}\n");
    }
    if !result.experiments.is_empty() {
        head.push_str(&tables(result, room / 3, html));
        head.push('\n');
    }
    head
}

/// Returns the reasons: what did not pass and for how long, and then what the gate says of the run.
/// Each is so short that it leaves others some of the room.
fn reasons(result: &RunResult, room: usize) -> Vec<String> {
    let is_alone = result.experiments.len() == 1;
    let culprits = culprits(result);
    let max_chars = (room / 2 / culprits.len().max(1)).clamp(MIN_REASON_CHARS, MAX_TOLD_CHARS);
    let told = |reason: &str| text::markdown_with_code(reason, max_chars);
    if culprits.is_empty() {
        return result.gate.reasons.iter().map(|reason| format!("- {}\n", told(reason))).collect();
    }
    let of_culprit = |experiment: &ExperimentResult| {
        let name = if is_alone { String::new() } else { format!("**{}**: ", md(&experiment.name)) };
        let how_long = match write_how_long(experiment) {
            nothing if nothing.is_empty() => nothing,
            how_long => format!("  - {}\n", md(&how_long)),
        };
        format!("- {name}{}\n{how_long}", told(&experiment.reason))
    };
    let of_culprits = culprits.iter().map(|(_, experiment)| of_culprit(experiment));
    let left = result.left_in();
    let of_run = own_reasons(result).filter(|reason| left.as_ref() != Some(reason));
    of_culprits.chain(of_run.map(|reason| format!("- {}\n", told(reason)))).collect()
}

/// Returns the table of experiments, the worst first. Where many passed, their rows fold.
fn tables(result: &RunResult, room: usize, html: bool) -> String {
    let all: Vec<_> = result.worst_first().into_iter().map(|(_, experiment)| experiment).collect();
    let open = all.partition_point(|one| one.verdict != Verdict::Passed || one.may_be_in());
    let (open, passed) = all.split_at(open);
    if !html || passed.len() <= MAX_OPEN_PASSED {
        return table(result, &all, room);
    }
    let mut tables = if open.is_empty() { String::new() } else { table(result, open, room) + "\n" };
    let _ = writeln!(
        tables,
        "<details><summary>{} {} passed</summary>\n\n{}\n</details>",
        mark(Verdict::Passed),
        passed.len(),
        table(result, passed, room.saturating_sub(tables.len())),
    );
    tables
}

fn table(result: &RunResult, experiments: &[&ExperimentResult], room: usize) -> String {
    let is_compared = result.comparison.is_some();
    let rows = experiments.iter().map(|experiment| {
        let change =
            if is_compared { format!(" {} |", of_named(result, &experiment.name)) } else { String::new() };
        format!(
            "| {} | {} {} | {} |{change} {} | {} |\n",
            write_link(experiment),
            mark(experiment.verdict),
            experiment.verdict,
            or_dash(experiment.score),
            md(&write_state(result, experiment)),
            duration(experiment),
        )
    });
    let (title, rule, cell) = if is_compared { (" Earlier → now |", " --- |", " |") } else { ("", "", "") };
    let mut table = format!(
        "| Experiment | Verdict | Score |{title} State | Duration |\n| --- | --- | --: |{rule} --- | --: |\n"
    );
    table.push_str(&some_of(rows, MAX_ROWS, room, |more| format!("| and {more} more | | |{cell} | |\n")));
    table
}

/// Returns the line at the foot: version, run, time and number of requests.
pub(super) fn foot(result: &RunResult, html: bool) -> String {
    let is_one_day =
        result.started_at.strftime("%F").to_string() == result.ended_at.strftime("%F").to_string();
    let foot = format!(
        "faultgate {} · run {} · {} to {} · {} requests",
        text::plain(&result.faultgate.version, 40),
        text::plain(&result.run.id, 64),
        result.started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        result.ended_at.strftime(if is_one_day { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%SZ" }),
        result.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls)),
    );
    let foot = md(&foot);
    if html { format!("<sub>{foot}</sub>\n") } else { format!("{foot}\n") }
}

/// Returns the sign of a verdict.
pub(super) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Failed => "❌",
        Verdict::Errored => "⚠️",
        Verdict::TimedOut => "⏱️",
        Verdict::Cancelled => "🚫",
    }
}

pub(super) fn or_dash(score: Option<Score>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| score.to_string())
}

fn write_link(experiment: &ExperimentResult) -> String {
    match experiment.url.as_deref().and_then(link) {
        Some(url) => format!("[{}]({url})", md(&experiment.name)),
        None => md(&experiment.name),
    }
}

pub(super) fn duration(experiment: &ExperimentResult) -> String {
    match (experiment.started_at, experiment.ended_at) {
        (Some(start), Some(end)) => coarse(end.duration_since(start)),
        _ => "–".to_owned(),
    }
}
