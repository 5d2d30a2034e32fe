//! Words that several reports have in common, so that no two of them tell the same thing in another way.
//!
//! - `culprits` names what did not pass and for how long, `arithmetic` writes sums, `change` what differs from an
//!   earlier run, and `timeline` the course of time as a chart.
//! - `nature` names a run that is only a trial, or only a part of a suite, `engine_report` the report that an
//!   engine writes itself, and `missing` the reports that are missing for one reason.

use jiff::Timestamp;

use faultgate_core::model::{ExperimentResult, Gate, RunResult, Verdict};
use faultgate_core::text;

pub(crate) mod arithmetic;
pub(crate) mod change;
pub(crate) mod culprits;
mod engine_report;
mod missing;
mod nature;
pub(crate) mod timeline;

pub(crate) use engine_report::own_report;
pub(crate) use missing::group_missing;
pub use nature::Nature;

use change::write_score;

/// Maximum length of a name within a sentence, in characters.
const MAX_NAME_CHARS: usize = 80;

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

/// Says what a run is that was only a trial; `None` of a real one, and of a rehearsal, whose note says it.
pub(crate) fn describe_trial(result: &RunResult) -> Option<&'static str> {
    let said = "dry run: no fault was launched, so this shows only that the run could begin";
    result.dry_run.then_some(said)
}

/// Returns the state of an experiment. Of a dry run it is the engine's own word: only some engines launch
/// something that completes.
pub(crate) fn write_state(result: &RunResult, experiment: &ExperimentResult) -> String {
    let told = experiment.raw_state.as_deref().filter(|_| result.dry_run);
    told.map_or_else(|| experiment.state.to_string(), |told| text::plain(told, MAX_NAME_CHARS))
}

/// Writes the score of the run beside what was expected. Where it was reached and the gate has not passed, it
/// says what decided: `resilience score 50, expected at least 50; y is below its own floor: 0 < 50`.
pub(crate) fn score_line(result: &RunResult) -> String {
    let Gate { verdict, resilience_score, expected_resilience_score: expected, .. } = &result.gate;
    let line = format!("resilience score {}, expected at least {expected}", write_score(*resilience_score));
    let is_reached = *verdict != Verdict::Passed && resilience_score.is_some_and(|score| score >= *expected);
    let of_verdict: Vec<&ExperimentResult> =
        result.experiments.iter().filter(|experiment| is_reached && experiment.verdict == *verdict).collect();
    let Some(first) = of_verdict.first().filter(|_| result.experiments.len() > 1) else { return line };
    let name = text::short(&first.name, MAX_NAME_CHARS);
    let what = match (first.score, first.expected_resilience_score) {
        (Some(score), Some(floor)) if score < floor => {
            format!("{name} is below its own floor: {score} < {floor}")
        }
        _ => format!("{name} is {verdict}"),
    };
    match of_verdict.len() {
        1 => format!("{line}; {what}"),
        more => format!("{line}; {what}, and {} more are {verdict}", more - 1),
    }
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
