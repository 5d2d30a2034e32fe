//! The header of the page: the verdict, the score, the reasons, and the facts about the run. The footer is
//! here too.

use maud::{Markup, html};

use super::change;
use super::words::{
    MAX_CELL_CHARS, MAX_SENTENCE_CHARS, badge, between, link, moment, plain, render_link, score, tone,
};
use crate::words::warnings;
use faultgate_core::model::RunResult;

/// Maximum number of reasons, and of warnings, that are shown.
const MAX_REASONS: usize = 20;

/// Renders the header.
pub(super) fn header(result: &RunResult) -> Markup {
    let gate = &result.gate;
    html! {
        header class=(tone(gate.verdict)) {
            h1 { "Chaos gate: " (badge(gate.verdict)) }
            p.score {
                "Resilience score " strong { (score(gate.resilience_score)) }
                ", expected at least " strong { (gate.expected_resilience_score) } "."
            }
            (change::sentence(result))
            ul.reasons {
                @for reason in gate.reasons.iter().take(MAX_REASONS) {
                    li { (plain(reason, MAX_SENTENCE_CHARS)) }
                }
                @if gate.reasons.len() > MAX_REASONS {
                    li { "and " (gate.reasons.len() - MAX_REASONS) " more" }
                }
            }
            @for warning in warnings(result).take(MAX_REASONS) {
                p.note { strong { "Warning" } ": " (plain(&warning, MAX_SENTENCE_CHARS)) }
            }
            @if let Some(rehearsal) = &result.rehearsal {
                p.note {
                    strong { "Rehearsal" } " of the scenario "
                    (plain(&rehearsal.scenario, MAX_CELL_CHARS)) ": "
                    (plain(&rehearsal.note, MAX_SENTENCE_CHARS))
                }
            }
            @if result.dry_run {
                p.note { strong { "Dry run" } ": targets were resolved, and nothing was injected." }
            }
            (facts(result))
        }
    }
}

fn facts(result: &RunResult) -> Markup {
    let run = &result.run;
    let id = plain(&run.id, MAX_CELL_CHARS);
    html! {
        dl.facts {
            div { dt { "Run" } dd { (render_link(&id, run.url.as_deref())) } }
            @if let Some(shard) = run.shard { div { dt { "Shard" } dd { (shard) } } }
            @if let Some(repository) = &run.repository {
                div { dt { "Repository" } dd { (plain(repository, MAX_CELL_CHARS)) } }
            }
            @if let Some(commit) = &run.commit { div { dt { "Commit" } dd { code { (plain(commit, 64)) } } } }
            div { dt { "CI" } dd { (plain(&run.ci, MAX_CELL_CHARS)) } }
            div { dt { "Began" } dd { (moment(result.started_at)) } }
            div { dt { "Took" } dd { (between(Some(result.started_at), Some(result.ended_at))) } }
            div { dt { "Exit code" } dd { (gate_code(result)) } }
        }
    }
}

fn gate_code(result: &RunResult) -> String {
    match result.gate.signal {
        Some(signal) => format!("{} ({})", result.gate.exit_code, signal.as_str()),
        None => result.gate.exit_code.to_string(),
    }
}

/// Renders the line at the foot of the page.
pub(super) fn foot(result: &RunResult) -> Markup {
    let requests = result.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls));
    html! {
        "faultgate " (plain(&result.faultgate.version, 40)) " · run " (plain(&result.run.id, 64)) " · "
        (requests) " requests"
        @if let Some(url) = result.run.url.as_deref().and_then(link) {
            span.print { " · " (url) }
        }
    }
}
