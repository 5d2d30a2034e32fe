//! The end of the log: the table of experiments, the verdict, and what else the reader has to know.

use std::fmt::Write as _;

use faultgate_core::model::{Level, Outcome, Reported, RunResult};
use faultgate_core::text;

use super::line::MAX_LINE_CHARS;
use crate::folder::is_report_file;
use crate::words::{change, own_reasons, warnings};

/// Returns the end of the log: the table of experiments, the verdict, the warnings and the reports that are
/// missing.
pub fn closing(result: &RunResult, report_dir: &str) -> String {
    let mut rows = vec![["experiment", "verdict", "score", "state", "why"].map(str::to_owned)];
    for experiment in &result.experiments {
        rows.push([
            text::plain(&experiment.name, 40),
            experiment.verdict.to_string(),
            experiment.score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
            experiment.state.to_string(),
            text::plain(&experiment.reason, MAX_LINE_CHARS),
        ]);
    }
    // The last column is not padded.
    let widths: Vec<usize> = (0..4)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let mut closing = "\n".to_owned();
    for [name, verdict, score, state, why] in &rows {
        let _ = writeln!(
            closing,
            "{name:<0$}  {verdict:<1$}  {score:>2$}  {state:<3$}  {why}",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    let gate = &result.gate;
    let score = gate.resilience_score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    let _ = writeln!(
        closing,
        "\n{}: resilience score {score}, expected at least {} (exit code {})",
        gate.verdict.as_str().to_uppercase(),
        gate.expected_resilience_score,
        gate.exit_code
    );
    for reason in own_reasons(result) {
        let _ = writeln!(closing, "  {}", text::plain(reason, MAX_LINE_CHARS));
    }
    for warning in warnings(result) {
        let _ = writeln!(closing, "warning: {}", text::plain(&warning, MAX_LINE_CHARS));
    }
    closing.push_str(&describe_comparison(result));
    for finding in result.findings.iter().filter(|finding| finding.level == Level::Warning) {
        let warning = text::plain(&format!("{}: {}", finding.subject, finding.message), MAX_LINE_CHARS);
        let _ = writeln!(closing, "warning: {warning}");
    }
    for reported in result.reporting.iter().filter(|reported| reported.is_missing()) {
        let detail = text::plain(reported.detail.as_deref().unwrap_or_default(), MAX_LINE_CHARS);
        let sink = text::plain(&reported.sink, 80);
        let _ = match reported.outcome {
            Outcome::Failed => writeln!(closing, "warning: {sink} was not written: {detail}"),
            Outcome::Written | Outcome::Skipped => writeln!(closing, "note: {sink} was skipped: {detail}"),
        };
    }
    let is_there =
        |reported: &Reported| is_report_file(&reported.sink) && reported.outcome == Outcome::Written;
    if result.reporting.iter().any(is_there) {
        let _ = writeln!(closing, "Reports are in {}", text::plain(report_dir, MAX_LINE_CHARS));
    }
    closing
}

/// Returns the changes since the earlier run, or nothing if the run was not compared.
fn describe_comparison(result: &RunResult) -> String {
    let Some(comparison) = &result.comparison else { return String::new() };
    let run = &comparison.earlier;
    let (id, ended_at) = (text::plain(&run.id, 64), run.ended_at.strftime("%Y-%m-%d %H:%M:%SZ"));
    let score = change::of_run(comparison).map(|score| format!(": {score}")).unwrap_or_default();
    let mut lines = format!("Compared with run {id} of {ended_at}, {}{score}\n", run.verdict);
    let mut unchanged = 0;
    for experiment in &comparison.experiments {
        if experiment.has_changed() {
            let name = text::plain(&experiment.name, 40);
            // The whole line is made plain: a name that ends with a colon may begin a command of the CI.
            let line = text::plain(&format!("{name}: {}", change::of_experiment(experiment)), MAX_LINE_CHARS);
            let _ = writeln!(lines, "  {line}");
        } else {
            unchanged += 1;
        }
    }
    if unchanged > 0 {
        let plural = if unchanged == 1 { "" } else { "s" };
        let _ = writeln!(lines, "  {unchanged} experiment{plural} without a change");
    }
    lines
}
