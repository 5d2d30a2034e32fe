//! Tables of the faults of an engine that weighs and judges each of them, and of the probes of these faults.

use super::lists::table;
use super::safe::md;
use faultgate_core::model::{ExperimentResult, Fault};

/// Returns both tables, or nothing if the engine tells no faults.
pub(super) fn faults(experiment: &ExperimentResult) -> String {
    let faults = experiment.faults.iter().map(|fault| {
        format!(
            "| {} | {} | {} | {} | {} |\n",
            md(&fault.name),
            fault.weight.map_or_else(|| "–".to_owned(), |weight| weight.to_string()),
            or_dash(&fault.verdict),
            fault.probe_success.map_or_else(|| "–".to_owned(), |success| format!("{success} %")),
            failing_step(fault),
        )
    });
    let probes: Vec<String> = experiment
        .faults
        .iter()
        .flat_map(|fault| fault.probes.iter().map(move |probe| (fault, probe)))
        .map(|(fault, probe)| {
            format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                md(&fault.name),
                md(&probe.name),
                md(&probe.kind),
                or_dash(probe.mode.as_deref().unwrap_or_default()),
                or_dash(&probe.verdict),
                md(probe.description.as_deref().unwrap_or_default()),
            )
        })
        .collect();
    table(&["Fault", "Weight", "Verdict", "Probe success", "Failing step"], faults)
        + &table(&["Of the fault", "Engine's probe", "Kind", "Mode", "Verdict", "Why"], probes.into_iter())
}

/// Writes the step that failed, with the error code unless the step tells it already.
fn failing_step(fault: &Fault) -> String {
    let step = fault.fail_step.as_deref().unwrap_or_default();
    match fault.error_code.as_deref().filter(|code| !step.contains(code)) {
        Some(code) => format!("{} ({})", md(step), md(code)),
        None => md(step),
    }
}

fn or_dash(word: &str) -> String {
    if word.is_empty() { "–".to_owned() } else { md(word) }
}
