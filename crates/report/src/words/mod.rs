//! Words that several reports have in common, so that no two of them tell the same thing in another way.
//!
//! - `culprits` names what did not pass and for how long, `arithmetic` writes sums, `change` what differs from an
//!   earlier run, and `timeline` the course of time as a chart.
//! - `nature` names a run that is only a trial, or only a part of a suite, and `engine_report` the report that an
//!   engine writes itself.

use jiff::Timestamp;

use faultgate_core::model::{ExperimentResult, RunResult};

pub(crate) mod arithmetic;
pub(crate) mod change;
pub(crate) mod culprits;
mod engine_report;
mod nature;
pub(crate) mod timeline;

pub(crate) use engine_report::own_report;
pub use nature::Nature;

/// The warnings of all experiments, which the reader of a verdict has to know too. Each begins with the name
/// of its experiment if there are several.
pub(crate) fn warnings(result: &RunResult) -> impl Iterator<Item = String> {
    let is_alone = result.experiments.len() == 1;
    result
        .experiments
        .iter()
        .flat_map(move |experiment| name_warnings(&experiment.name, &experiment.warnings, is_alone))
}

/// The warnings of one experiment, each behind its name if there are others.
pub(crate) fn name_warnings<'w>(
    name: &'w str,
    warnings: &'w [String],
    is_alone: bool,
) -> impl Iterator<Item = String> + 'w {
    let name = if is_alone { String::new() } else { format!("{name}: ") };
    warnings.iter().map(move |warning| format!("{name}{warning}"))
}

/// Returns the links of the suite for this time, each with its text. There are none without a time.
pub(crate) fn dashboards(
    result: &RunResult,
    time: Option<(Timestamp, Timestamp)>,
) -> impl Iterator<Item = (String, String)> {
    let links =
        time.map(|(from, to)| result.links.iter().map(move |link| (link.name.clone(), link.at(from, to))));
    links.into_iter().flatten()
}

/// Returns the reasons of the gate without those of experiments, which stand beside the experiments already.
pub(crate) fn own_reasons(result: &RunResult) -> impl Iterator<Item = &String> {
    result.gate.reasons.iter().filter(|reason| {
        let is_of = |experiment: &ExperimentResult| {
            // The gate puts the name before a reason if there are several experiments.
            let rest = reason.strip_prefix(&experiment.name).and_then(|rest| rest.strip_prefix(": "));
            rest.unwrap_or(reason) == experiment.reason
        };
        !result.experiments.iter().any(is_of)
    })
}
