//! The section of one experiment: its verdict, its course over time, its arithmetic, and the reasons that are
//! known.

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::Scale;
use super::words::{
    Detail, MAX_CELL_CHARS, MAX_SENTENCE_CHARS, badge, between, maybe_moment, moment, plain, render_link,
};
use super::{arithmetic, faults, probe, tables, timeline};
use crate::words::own_report;
use faultgate_core::model::{ExperimentResult, MonitorRecord, StopReport};

/// Renders the section of the experiment at this index. A state that has not ended is drawn until `until`.
pub(super) fn section(
    place: usize,
    experiment: &ExperimentResult,
    until: Timestamp,
    detail: Detail,
) -> Markup {
    let number = place + 1;
    let id = format!("experiment-{number}");
    let scale = Scale::of(experiment, until);
    html! {
        section.experiment {
            h3 id=(id) { (plain(&experiment.name, MAX_CELL_CHARS)) " " (badge(experiment.verdict)) }
            p.reason { (plain(&experiment.reason, MAX_SENTENCE_CHARS)) }
            (facts(experiment))
            @if let Some(scale) = &scale {
                (timeline::figure(number, experiment, scale, until))
            } @else {
                p.note { "Nothing of it has a time." }
            }
            (arithmetic::of_experiment(experiment, detail.rows))
            @for (place, probe) in experiment.probes.iter().enumerate() {
                @let id = format!("probe-{number}-{}", place + 1);
                (probe::section(&id, probe, scale.as_ref(), experiment.fault, detail))
            }
            (faults::faults(experiment, detail))
            (why(experiment, detail))
            @if let Some(scale) = &scale {
                (tables::states(experiment, scale, detail))
                (tables::alarms(experiment, scale, detail))
            }
            (tables::actions(experiment, detail))
            (tables::previewed_targets(experiment, detail))
            (tables::targets(experiment, detail))
        }
    }
}

fn facts(experiment: &ExperimentResult) -> Markup {
    // The word of the engine is shown only if it says something else than ours.
    let raw = experiment.raw_state.as_deref().filter(|raw| *raw != experiment.state.as_str());
    html! {
        dl.facts {
            div {
                dt { "Engine" }
                dd {
                    (plain(&experiment.engine, 40)) " "
                    code { (plain(&experiment.source, MAX_CELL_CHARS)) }
                }
            }
            @if let Some(id) = &experiment.id {
                div {
                    dt { "Id" }
                    dd { (render_link(&plain(id, MAX_CELL_CHARS), experiment.url.as_deref())) }
                }
            }
            @if let Some(region) = &experiment.region { div { dt { "Region" } dd { (plain(region, 64)) } } }
            div {
                dt { "State" }
                dd { (experiment.state.as_str()) @if let Some(raw) = raw { " (" (plain(raw, 64)) ")" } }
            }
            div { dt { "Began" } dd { (maybe_moment(experiment.started_at)) } }
            div { dt { "Ended" } dd { (maybe_moment(experiment.ended_at)) } }
            div { dt { "Took" } dd { (between(experiment.started_at, experiment.ended_at)) } }
            @if let Some(preview) = &experiment.preview {
                div {
                    dt { "Blast radius" }
                    dd {
                        (plain(&preview.describe(), MAX_CELL_CHARS)) " (preview "
                        code { (plain(&preview.experiment_id, MAX_CELL_CHARS)) } ")"
                    }
                }
            }
            @if let Some(fault) = experiment.fault {
                div { dt { "Fault in for" } dd { (between(Some(fault.started_at), fault.ended_at)) } }
            }
        }
    }
}

/// Renders the evidence for the verdict, and the way by which the end was learned.
fn why(experiment: &ExperimentResult, detail: Detail) -> Markup {
    let error = experiment.error.as_ref();
    let error: Vec<(&str, &str)> = [
        ("Code", error.and_then(|error| error.code.as_deref())),
        ("Location", error.and_then(|error| error.location.as_deref())),
        ("Account", error.and_then(|error| error.account.as_deref())),
    ]
    .into_iter()
    .filter_map(|(what, value)| Some((what, value?)))
    .collect();
    html! {
        h4 { "Why, and how it was learned" }
        ul.evidence {
            @for evidence in experiment.evidence.iter().take(detail.rows) {
                li {
                    (plain(&evidence.source, MAX_CELL_CHARS)) ": "
                    (plain(&evidence.fact, MAX_SENTENCE_CHARS))
                }
            }
            @if experiment.evidence.len() > detail.rows {
                li { "and " (experiment.evidence.len() - detail.rows) " more, in result.json" }
            }
            (monitor(&experiment.monitor))
        }
        dl.facts {
            @for (what, value) in error {
                div { dt { "Error: " (what) } dd { (plain(value, MAX_CELL_CHARS)) } }
            }
            @for condition in experiment.stop_conditions.iter().take(detail.rows) {
                div { dt { "Stop condition" } dd { code { (plain(condition, MAX_CELL_CHARS)) } } }
            }
            @if let Some((what, page)) = own_report(experiment) {
                div {
                    dt { "The engine's own report" }
                    dd { (render_link(&plain(what, MAX_SENTENCE_CHARS), page.as_deref())) }
                }
            }
        }
        @if let Some(stop) = &experiment.stop { (render_stop(stop)) }
    }
}

fn monitor(monitor: &MonitorRecord) -> Markup {
    let requests = monitor.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls));
    html! {
        li {
            @if monitor.learned.is_empty() { "The end was not learned" }
            @else { "The end was learned " (plain(&monitor.learned, MAX_SENTENCE_CHARS)) }
            " (monitor " (monitor.mode.as_str()) ": " (monitor.events) " events, " (monitor.duplicates) " duplicates, "
            (monitor.malformed) " malformed, "
            @if monitor.let_go > 0 { (monitor.let_go) " let go, " }
            (monitor.reconciliations) " reconciliations, " (requests) " requests)."
        }
    }
}

fn render_stop(stop: &StopReport) -> Markup {
    html! {
        p.note {
            "A stop was requested at " (moment(stop.requested_at)) ": "
            (plain(&stop.why, MAX_SENTENCE_CHARS)) ". It was "
            (if stop.accepted { "accepted" } else { "not accepted" }) " and is "
            strong { (if stop.confirmed { "confirmed" } else { "not confirmed" }) } "."
            @if let Some(error) = &stop.error { " " (plain(error, MAX_SENTENCE_CHARS)) }
        }
    }
}
