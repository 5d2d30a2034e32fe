//! The head of every summary: the verdict, the score, the reasons, and the table of experiments. The foot is
//! here too.

use std::fmt::Write as _;

use super::change;
use super::lists::some_of;
use super::safe::{link, md};
use crate::words::change::of_named;
use crate::words::warnings;
use faultgate_core::duration::coarse;
use faultgate_core::model::{ExperimentResult, RunResult, Score, Verdict};
use faultgate_core::text;

/// Maximum number of reasons, and of warnings, that are shown if there is room.
pub(super) const MAX_REASONS: usize = 20;
/// Maximum number of experiments that are shown if there is room.
const MAX_ROWS: usize = 100;
/// Returns the head. Apart from the title and the score it has at most `room` bytes.
pub(super) fn head(result: &RunResult, room: usize) -> String {
    let gate = &result.gate;
    let score = or_dash(gate.resilience_score);
    let mut head = format!("## {} Chaos gate: {}\n\n", mark(gate.verdict), gate.verdict);
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
    if result.dry_run {
        head.push_str("> **Dry run**: targets were resolved, and nothing was injected.\n\n");
    }
    let expected = gate.expected_resilience_score;
    let _ = writeln!(head, "**Resilience score {score}**, expected at least {expected}.\n");
    head.push_str(&change::line(result).unwrap_or_default());
    let reasons = gate.reasons.iter().map(|reason| format!("- {}\n", md(reason)));
    head.push_str(&some_of(reasons, MAX_REASONS, room / 3, |more| format!("- and {more} more\n")));
    let warnings: Vec<String> = warnings(result).map(|one| format!("- ⚠️ {}\n", md(&one))).collect();
    head.push_str(&some_of(warnings.into_iter(), MAX_REASONS, room / 3, |more| {
        format!("- and {more} more warnings\n")
    }));
    head.push('\n');
    if !result.experiments.is_empty() {
        head.push_str(&table(result, room / 3));
        head.push('\n');
    }
    head
}

fn table(result: &RunResult, room: usize) -> String {
    let is_compared = result.comparison.is_some();
    let row = |experiment: &ExperimentResult| {
        let change =
            if is_compared { format!(" {} |", of_named(result, &experiment.name)) } else { String::new() };
        format!(
            "| {} | {} {} | {} |{change} {} | {} |\n",
            write_link(experiment),
            mark(experiment.verdict),
            experiment.verdict,
            or_dash(experiment.score),
            experiment.state,
            duration(experiment),
        )
    };
    let rows = result.experiments.iter().map(|experiment| (experiment.verdict, row(experiment)));
    let mut rows: Vec<(Verdict, String)> = rows.collect();
    if rows.len() > MAX_ROWS || rows.iter().map(|(_, row)| row.len()).sum::<usize>() > room - room / 8 {
        // Experiments that did not pass must not be the ones that are cut.
        rows.sort_by_key(|(verdict, _)| *verdict == Verdict::Passed);
    }
    let rows = rows.into_iter().map(|(_, row)| row);
    let (title, rule, cell) = if is_compared { (" Earlier → now |", " --- |", " |") } else { ("", "", "") };
    let mut table = format!(
        "| Experiment | Verdict | Score |{title} State | Duration |\n| --- | --- | --: |{rule} --- | --: |\n"
    );
    table.push_str(&some_of(rows, MAX_ROWS, room, |more| format!("| and {more} more | | |{cell} | |\n")));
    table
}

/// Returns the line at the foot: version, run, time and number of requests.
pub(super) fn foot(result: &RunResult, html: bool) -> String {
    let foot = format!(
        "faultgate {} · run {} · {} to {} · {} requests",
        text::plain(&result.faultgate.version, 40),
        text::plain(&result.run.id, 64),
        result.started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        result.ended_at.strftime("%H:%M:%SZ"),
        result.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls)),
    );
    let foot = md(&foot);
    if html { format!("<sub>{foot}</sub>\n") } else { format!("{foot}\n") }
}

/// Returns the sign of a verdict.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Failed => "❌",
        Verdict::Errored => "⚠️",
        Verdict::TimedOut => "⏱️",
        Verdict::Cancelled => "🚫",
    }
}

fn or_dash(score: Option<Score>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| score.to_string())
}

fn write_link(experiment: &ExperimentResult) -> String {
    match experiment.url.as_deref().and_then(link) {
        Some(url) => format!("[{}]({url})", md(&experiment.name)),
        None => md(&experiment.name),
    }
}

fn duration(experiment: &ExperimentResult) -> String {
    match (experiment.started_at, experiment.ended_at) {
        (Some(start), Some(end)) => coarse(end.duration_since(start)),
        _ => "–".to_owned(),
    }
}
