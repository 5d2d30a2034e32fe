//! The section of one experiment: its verdict, its course over time, its arithmetic, and the reasons that are
//! known.

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::Scale;
use super::words::{CELL, Detail, SENTENCE, badge, between, linked, maybe_moment, moment, plain};
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
            h3 id=(id) { (plain(&experiment.name, CELL)) " " (badge(experiment.verdict)) }
            p.reason { (plain(&experiment.reason, SENTENCE)) }
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
            @if let Some(scale) = &scale { (tables::states(experiment, scale, detail)) }
            (tables::actions(experiment, detail))
            (tables::preview(experiment, detail))
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
                dd { (plain(&experiment.engine, 40)) " " code { (plain(&experiment.source, CELL)) } }
            }
            @if let Some(id) = &experiment.id {
                div { dt { "Id" } dd { (linked(&plain(id, CELL), experiment.url.as_deref())) } }
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
                    dd { (plain(&preview.told(), CELL)) " (preview " code { (plain(&preview.experiment_id, CELL)) } ")" }
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
                li { (plain(&evidence.source, CELL)) ": " (plain(&evidence.fact, SENTENCE)) }
            }
            @if experiment.evidence.len() > detail.rows {
                li { "and " (experiment.evidence.len() - detail.rows) " more, in result.json" }
            }
            (monitor(&experiment.monitor))
        }
        dl.facts {
            @for (what, value) in error { div { dt { "Error: " (what) } dd { (plain(value, CELL)) } } }
            @for condition in experiment.stop_conditions.iter().take(detail.rows) {
                div { dt { "Stop condition" } dd { code { (plain(condition, CELL)) } } }
            }
            @if let Some((what, page)) = own_report(experiment) {
                div { dt { "The engine's own report" } dd { (linked(&plain(what, SENTENCE), page.as_deref())) } }
            }
        }
        @if let Some(stop) = &experiment.stop { (stopped(stop)) }
    }
}

fn monitor(monitor: &MonitorRecord) -> Markup {
    let requests = monitor.api_calls.values().fold(0_u64, |sum, calls| sum.saturating_add(*calls));
    html! {
        li {
            @if monitor.learned.is_empty() { "The end was not learned" }
            @else { "The end was learned " (plain(&monitor.learned, SENTENCE)) }
            " (monitor " (monitor.mode.as_str()) ": " (monitor.events) " events, " (monitor.duplicates) " duplicates, "
            (monitor.malformed) " malformed, "
            @if monitor.let_go > 0 { (monitor.let_go) " let go, " }
            (monitor.reconciliations) " reconciliations, " (requests) " requests)."
        }
    }
}

fn stopped(stop: &StopReport) -> Markup {
    html! {
        p.note {
            "A stop was requested at " (moment(stop.requested_at)) ": " (plain(&stop.why, SENTENCE)) ". It was "
            (if stop.accepted { "accepted" } else { "not accepted" }) " and is "
            strong { (if stop.confirmed { "confirmed" } else { "not confirmed" }) } "."
            @if let Some(error) = &stop.error { " " (plain(error, SENTENCE)) }
        }
    }
}
