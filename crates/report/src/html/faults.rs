//! Tables of the faults of an engine that weighs and judges each of them, and of the probes of these faults.

use maud::{Markup, html};

use super::tables::table;
use super::words::{Detail, MAX_CELL_CHARS, MAX_SENTENCE_CHARS, fold, plain, rows};
use faultgate_core::model::{ExperimentResult, Fault, FaultProbe};

/// Renders the tables, or nothing if the engine tells no faults.
pub(super) fn faults(experiment: &ExperimentResult, detail: Detail) -> Markup {
    if experiment.faults.is_empty() {
        return html! {};
    }
    let body = rows(&experiment.faults, detail.rows, 6, |fault| {
        html! {
            tr {
                th scope="row" { (plain(&fault.name, MAX_CELL_CHARS)) }
                td { @if let Some(weight) = fault.weight { (weight) } @else { "–" } }
                td.s { (or_dash(&fault.verdict)) }
                td { @if let Some(success) = fault.probe_success { (success) " %" } @else { "–" } }
                td.t { (plain(fault.fail_step.as_deref().unwrap_or_default(), MAX_SENTENCE_CHARS)) }
                td.t { code { (plain(fault.error_code.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) } }
            }
        }
    });
    let columns = ["Fault", "Weight", "Verdict", "Probe success", "Failing step", "Error code"];
    html! {
        h4 { "Faults" }
        (table("Faults", &columns, &body))
        (probes(&experiment.faults, detail))
    }
}

fn probes(faults: &[Fault], detail: Detail) -> Markup {
    let probes: Vec<(&Fault, &FaultProbe)> =
        faults.iter().flat_map(|fault| fault.probes.iter().map(move |probe| (fault, probe))).collect();
    if probes.is_empty() {
        return html! {};
    }
    let body = rows(&probes, detail.rows, 6, |(fault, probe)| {
        html! {
            tr {
                td.t { (plain(&fault.name, MAX_CELL_CHARS)) }
                th scope="row" { (plain(&probe.name, MAX_CELL_CHARS)) }
                td.t { code { (plain(&probe.kind, MAX_CELL_CHARS)) } }
                td.s { (or_dash(probe.mode.as_deref().unwrap_or_default())) }
                td.s { (or_dash(&probe.verdict)) }
                td.t { (plain(probe.description.as_deref().unwrap_or_default(), MAX_SENTENCE_CHARS)) }
            }
        }
    });
    let columns = ["Of the fault", "Engine's probe", "Kind", "Mode", "Verdict", "Why"];
    fold("Probes of the faults", &table("Probes of the faults", &columns, &body))
}

fn or_dash(word: &str) -> String {
    match plain(word, MAX_CELL_CHARS) {
        word if word.is_empty() => "–".to_owned(),
        word => word,
    }
}
