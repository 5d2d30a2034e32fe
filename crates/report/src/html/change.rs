//! The comparison with an earlier run: a sentence for the header, and a section with a table.

use maud::{Markup, html};

use super::words::{MAX_CELL_CHARS, moment, plain, render_link, rows, scrolling};
use crate::words::change::{
    changed_probes, of_run, of_verdict, write_change, write_probe_score, write_score,
};
use faultgate_core::model::{ExperimentChange, Presence, ProbeChange, RunComparison, RunResult, ScoreChange};

/// Maximum number of rows of the table.
const MAX_ROWS: usize = 300;

/// Renders a sentence for the header, or nothing if the scores of the runs were not compared.
pub(super) fn sentence(result: &RunResult) -> Markup {
    let change = result.comparison.as_ref().and_then(of_run);
    html! {
        @if let Some(change) = change {
            p.score { "Compared with the earlier run: " strong { (change) } "." }
        }
    }
}

/// The subject of a row of the table.
enum ChangeRow<'a> {
    Experiment(&'a ExperimentChange),
    Probe(&'a ExperimentChange, &'a ProbeChange),
}

/// Renders the section, or nothing if the run was not compared.
pub(super) fn section(result: &RunResult) -> Markup {
    let Some(comparison) = &result.comparison else { return html! {} };
    let mut changes = Vec::new();
    for change in &comparison.experiments {
        changes.push(ChangeRow::Experiment(change));
        changes.extend(changed_probes(change).map(|probe| ChangeRow::Probe(change, probe)));
    }
    let table = html! {
        table.numbers {
            thead {
                tr {
                    th scope="col" { "Experiment" }
                    th scope="col" { "Probe that changed" }
                    th.n scope="col" { "Earlier" }
                    th.n scope="col" { "Now" }
                    th.n scope="col" { "Change" }
                    th scope="col" { "Verdict" }
                }
            }
            tbody { (rows(&changes, MAX_ROWS, 6, row)) }
        }
    };
    html! {
        section aria-labelledby="change" {
            h2 #change { "Compared with an earlier run" }
            p { (earlier(comparison)) }
            @if comparison.score.is_none() {
                p { "This run is a part of a suite: only its experiments are compared." }
            }
            @if !changes.is_empty() { (scrolling("Changes since the earlier run", &table)) }
        }
    }
}

fn earlier(comparison: &RunComparison) -> Markup {
    let run = &comparison.earlier;
    html! {
        "It was " (render_link(&plain(&run.id, MAX_CELL_CHARS), run.url.as_deref()))
        @if let Some(commit) = &run.commit { " of commit " code { (plain(commit, 64)) } }
        ", which ended at " (moment(run.ended_at)) ": " (run.verdict.as_str()) "."
    }
}

fn row(row: &ChangeRow<'_>) -> Markup {
    match row {
        ChangeRow::Experiment(change) => html! {
            tr {
                th scope="row" { (plain(&change.name, MAX_CELL_CHARS)) }
                td {}
                @match change.presence {
                    Presence::Both => {
                        td.n { (write_score(change.score.earlier())) }
                        td.n { (write_score(change.score.now())) }
                        (render_change(change.score))
                    }
                    Presence::New => {
                        td.n { "–" }
                        td.n { (write_score(change.score.now())) }
                        td.n { "new" }
                    }
                    Presence::Gone => {
                        td.n { (write_score(change.score.earlier())) }
                        td.n { "–" }
                        td.n { "gone" }
                    }
                }
                td { (of_verdict(change.verdict)) }
            }
        },
        ChangeRow::Probe(change, probe) => html! {
            tr {
                th scope="row" { (plain(&change.name, MAX_CELL_CHARS)) }
                td.t { (plain(&probe.name, MAX_CELL_CHARS)) }
                td.n { (write_probe_score(probe.score.earlier())) }
                td.n { (write_probe_score(probe.score.now())) }
                (render_change(probe.score))
                td {}
            }
        },
    }
}

/// Renders the cell of a change. The sign says all that the colour says.
fn render_change(score: ScoreChange) -> Markup {
    let tone = match score.change() {
        Some(change) if change < 0.0 => "bad",
        Some(change) if change > 0.0 => "good",
        _ => "dim",
    };
    html! { td class={ "n " (tone) } { (write_change(score).unwrap_or_else(|| "unknown".to_owned())) } }
}
