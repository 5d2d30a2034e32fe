//! The section of one experiment: its verdict, its course over time, its arithmetic, and the reasons that are
//! known.

use maud::{Markup, html};

use super::scale::Scale;
use super::words::{
    Detail, MAX_CELL_CHARS, MAX_SENTENCE_CHARS, badge, between, buttons, maybe_moment, moment, plain,
    render_link, score,
};
use super::{arithmetic, faults, probe, tables, timeline};
use crate::words::{dashboards, own_report};
use faultgate_core::model::{ExperimentResult, RunResult, StopReport, Verdict};

/// Renders the section of the experiment at this index. An experiment that passed folds if it is one of
/// several.
pub(super) fn section(
    place: usize,
    experiment: &ExperimentResult,
    result: &RunResult,
    detail: Detail,
) -> Markup {
    let is_alone = result.experiments.len() == 1;
    let id = format!("experiment-{}", place + 1);
    let title = html! {
        h3 id=(id) { (plain(&experiment.name, MAX_CELL_CHARS)) " " (badge(experiment.verdict)) }
    };
    let content = content(place + 1, experiment, result, detail);
    if experiment.verdict == Verdict::Passed && !is_alone {
        return html! {
            details.experiment {
                summary {
                    (title)
                    span.kind { "score " (score(experiment.score)) ", took "
                        (between(experiment.started_at, experiment.ended_at)) }
                }
                (content)
            }
        };
    }
    html! { section.experiment { (title) (content) } }
}

fn content(number: usize, experiment: &ExperimentResult, result: &RunResult, detail: Detail) -> Markup {
    let until = result.ended_at;
    let scale = Scale::of(experiment, until);
    // The only experiment has the time of the run, whose links the head has.
    let fault = experiment.fault.filter(|_| result.experiments.len() > 1);
    let time = fault.map(|fault| (fault.started_at, fault.ended_at.unwrap_or(until)));
    let links: Vec<_> = dashboards(result, time).collect();
    html! {
        p.reason { (plain(&experiment.reason, MAX_SENTENCE_CHARS)) }
        (buttons(&links))
        (facts(experiment))
        @if let Some(scale) = &scale {
            (timeline::figure(number, experiment, scale, until))
        } @else {
            p.note { "Nothing of it has a time." }
        }
        @for (place, probe) in experiment.probes.iter().enumerate() {
            @let id = format!("probe-{number}-{}", place + 1);
            (probe::section(&id, probe, experiment, scale.as_ref(), detail))
        }
        h4 { "How the score came about" }
        (arithmetic::of_experiment(experiment, detail.rows))
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
                @if fault.ended_at.is_some() {
                    div { dt { "Fault in for" } dd { (between(Some(fault.started_at), fault.ended_at)) } }
                } @else {
                    div { dt { "Fault in since" } dd { (moment(fault.started_at)) ", end not known" } }
                }
            }
        }
    }
}

/// Renders the evidence for the verdict.
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
        h4 { "Why" }
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
