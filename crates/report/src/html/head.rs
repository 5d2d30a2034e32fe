//! The header of the page: the verdict, the score against what was expected, what did not pass and for how
//! long, the ways out of the page, and the facts about the run. The footer is here too.

use maud::{Markup, html};

use super::change;
use super::words::{
    MAX_CELL_CHARS, MAX_SENTENCE_CHARS, badge, between, buttons, link, moment, plain, render_link, score,
    tone,
};
use crate::words::culprits::{culprits, write_how_long};
use crate::words::{Nature, dashboards, describe_trial, own_reasons, warnings};
use faultgate_core::model::{EngineKind, ExperimentResult, Gate, RunResult};

/// Maximum number of reasons, and of warnings, that are shown.
const MAX_REASONS: usize = 20;
/// Maximum number of experiments that did not pass which are named, with how long their probes failed.
const MAX_CULPRITS: usize = 10;
/// Maximum number of consoles that are linked to.
const MAX_CONSOLES: usize = 5;

/// Renders the header. An experiment links to its section if `is_there` is true of its index.
pub(super) fn header(result: &RunResult, is_there: impl Fn(usize) -> bool) -> Markup {
    let gate = &result.gate;
    let culprits = culprits(result);
    // The reasons of culprits stand beside them.
    let reasons: Vec<&String> =
        if culprits.is_empty() { gate.reasons.iter().collect() } else { own_reasons(result).collect() };
    // No list may cut this off.
    let left = result.left_in();
    let others = reasons.iter().filter(|reason| left.as_ref() != Some(**reason));
    html! {
        header class=(tone(gate.verdict)) {
            h1 { "Chaos gate: " (badge(gate.verdict)) (Nature::of_result(result)) }
            (gauge(gate))
            (change::sentence(result))
            @if !culprits.is_empty() || !reasons.is_empty() {
                ul.reasons {
                    @if let Some(left) = &left {
                        li { strong { (plain(left, MAX_SENTENCE_CHARS)) } }
                    }
                    @for (place, experiment) in culprits.iter().take(MAX_CULPRITS) {
                        (culprit(*place, experiment, is_there(*place)))
                    }
                    @if culprits.len() > MAX_CULPRITS {
                        li {
                            "and " a href="#score" { (culprits.len() - MAX_CULPRITS) " more experiments" }
                            " did not pass"
                        }
                    }
                    @for reason in others.take(MAX_REASONS) {
                        li { (plain(reason, MAX_SENTENCE_CHARS)) }
                    }
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
            @if let Some(trial) = describe_trial(result) { p.note { strong { "Note" } ": " (trial) "." } }
            (links(result, &culprits))
            (facts(result))
        }
    }
}

/// Renders the score on a bar from 0 to 100, with a tick at the expected score. The places are percentages,
/// so that the letters keep their size on a narrow screen.
fn gauge(gate: &Gate) -> Markup {
    let (known, expected) = (score(gate.resilience_score), gate.expected_resilience_score);
    let place = format!("{expected}%");
    let anchor = match expected.get() {
        ..15.0 => "start",
        85.0.. => "end",
        _ => "middle",
    };
    html! {
        div.gauge {
            p.score { strong { (known) } " resilience score" }
            svg role="img" aria-label={ "Resilience score " (known) " of 100, expected at least " (expected) } {
                rect.track y="2" width="100%" height="14" rx="3" {}
                @if let Some(score) = gate.resilience_score {
                    rect class={ "fill " (tone(gate.verdict)) } y="2" width={ (score) "%" } height="14" rx="3" {}
                }
                line.tick-mark x1=(place) x2=(place) y1="-2" y2="20" {}
                text.tick x=(place) y="33" text-anchor=(anchor) { "expected at least " (expected) }
            }
        }
    }
}

/// Renders what did not pass, why, and for how long.
fn culprit(place: usize, experiment: &ExperimentResult, is_there: bool) -> Markup {
    let name = plain(&experiment.name, MAX_CELL_CHARS);
    let how_long = write_how_long(experiment);
    html! {
        li {
            @if is_there { a href={ "#experiment-" (place + 1) } { (name) } } @else { strong { (name) } }
            " " (experiment.verdict.as_str()) ": " (plain(&experiment.reason, MAX_SENTENCE_CHARS))
            @if !how_long.is_empty() { div.kind { (plain(&how_long, MAX_SENTENCE_CHARS)) } }
        }
    }
}

/// Renders the ways out of the page: to the pipeline, to the console of what did not pass, or of the only
/// experiment, and to the dashboards for the time of all faults.
fn links(result: &RunResult, culprits: &[(usize, &ExperimentResult)]) -> Markup {
    let pipeline = result.run.url.as_deref().map(|url| ("The pipeline's run".to_owned(), url.to_owned()));
    let alone = result.experiments.iter().filter(|_| result.experiments.len() == 1 && culprits.is_empty());
    let consoles = culprits.iter().map(|(_, experiment)| *experiment).chain(alone);
    let consoles = consoles.filter_map(|experiment| {
        let engine = EngineKind::find(&experiment.engine).map_or("its engine", EngineKind::title);
        Some((format!("{} at {engine}", experiment.name), experiment.url.clone()?))
    });
    let dashboards = dashboards(result, result.faults());
    let all: Vec<_> = pipeline.into_iter().chain(consoles.take(MAX_CONSOLES)).chain(dashboards).collect();
    buttons(&all)
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
