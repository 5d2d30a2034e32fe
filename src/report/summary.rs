//! `summary.md`: what happened, for people. The same text goes to GitHub's job summary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::SignedDuration;

use super::timeline::gantt;
use super::{Sink, files, from_write};
use crate::model::{ExperimentResult, Finding, Level, Reported, RunResult, Score, Verdict};
use crate::text;

/// Longest text from outside in one place.
const LONGEST: usize = 400;
/// Resources of a target that are shown.
const SHOWN_RESOURCES: usize = 5;

pub(super) fn render(result: &RunResult) -> String {
    let mut page = String::new();
    head(&mut page, result);
    for experiment in &result.experiments {
        section(&mut page, experiment);
    }
    if let Some(chart) = gantt(&result.experiments, result.ended_at) {
        let _ = writeln!(page, "### Timeline (UTC)\n\n{chart}");
    }
    findings(&mut page, &result.findings);
    leftovers(&mut page, result);
    let _ = writeln!(
        page,
        "<sub>faultgate {} · run {} · {} to {} · {} requests</sub>",
        result.faultgate.version,
        md(&result.run.id),
        result.started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        result.ended_at.strftime("%H:%M:%SZ"),
        result.api_calls.values().sum::<u64>(),
    );
    page
}

fn md(text: &str) -> String {
    text::markdown(text, LONGEST)
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Failed => "❌",
        Verdict::Errored => "⚠️",
        Verdict::TimedOut => "⏱️",
        Verdict::Cancelled => "🚫",
    }
}

fn or_dash(score: Option<Score>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| score.to_string())
}

fn head(page: &mut String, result: &RunResult) {
    let gate = &result.gate;
    let _ = writeln!(page, "## {} Chaos gate: {}\n", mark(gate.verdict), gate.verdict);
    if let Some(rehearsal) = &result.rehearsal {
        let _ = writeln!(
            page,
            "> **Rehearsal** of the scenario {}: {}\n",
            md(&rehearsal.scenario),
            md(&rehearsal.note)
        );
    }
    let _ = writeln!(
        page,
        "**Resilience score {}**, expected at least {}.\n",
        or_dash(gate.resilience_score),
        gate.expected_resilience_score
    );
    for reason in &gate.reasons {
        let _ = writeln!(page, "- {}", md(reason));
    }
    page.push_str("\n| Experiment | Verdict | Score | State | Duration |\n| --- | --- | --: | --- | --: |\n");
    for experiment in &result.experiments {
        let _ = writeln!(
            page,
            "| {} | {} {} | {} | {} | {} |",
            linked(experiment),
            mark(experiment.verdict),
            experiment.verdict,
            or_dash(experiment.score),
            experiment.state,
            duration(experiment),
        );
    }
    page.push('\n');
}

/// Only links that we have made ourselves are links.
fn linked(experiment: &ExperimentResult) -> String {
    match &experiment.url {
        Some(url) if url.starts_with("https://") && !url.contains([')', ' ', '<', '>', '|', '\n']) => {
            format!("[{}]({url})", md(&experiment.name))
        }
        _ => md(&experiment.name),
    }
}

fn duration(experiment: &ExperimentResult) -> String {
    match (experiment.started_at, experiment.ended_at) {
        (Some(start), Some(end)) => super::console::seconds(end.duration_since(start)),
        _ => "–".to_owned(),
    }
}

fn section(page: &mut String, experiment: &ExperimentResult) {
    let _ = writeln!(page, "### {}\n", md(&experiment.name));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(page, "- {name}: {value}");
    };
    fact("Why", &md(&experiment.reason));
    fact("Template", &md(&experiment.source));
    if let Some(id) = &experiment.id {
        fact("Experiment", &md(id));
    }
    let conditions = match experiment.stop_conditions.as_slice() {
        [] => "**none**: nothing would have stopped it".to_owned(),
        some => some.iter().map(|condition| md(condition)).collect::<Vec<_>>().join(", "),
    };
    fact("Stop conditions", &conditions);
    if experiment.id.is_some() {
        fact("How the end was learned", &learned(experiment));
    }
    if let Some(stop) = &experiment.stop {
        let confirmed = if stop.confirmed { "confirmed" } else { "**not confirmed**" };
        fact("Stopped by faultgate", &format!("{}; {confirmed}", md(&stop.why)));
    }
    if let Some(location) = &experiment.report_location {
        fact("Report of FIS", &md(location));
    }
    page.push('\n');
    actions(page, experiment);
    targets(page, experiment);
    evidence(page, experiment);
}

fn learned(experiment: &ExperimentResult) -> String {
    let monitor = &experiment.monitor;
    let how = if monitor.learned.is_empty() { "it was not" } else { &monitor.learned };
    let end = experiment.transitions.iter().rev().find(|step| step.state.is_terminal());
    let delay = match (end, experiment.ended_at) {
        (Some(end), Some(ended_at)) => {
            let delay = end.observed_at.duration_since(ended_at).max(SignedDuration::ZERO);
            format!(", {} after it happened", super::console::seconds(delay))
        }
        _ => String::new(),
    };
    format!(
        "{}{delay} ({} events, {} duplicates, {} reconciliations)",
        md(how),
        monitor.events,
        monitor.duplicates,
        monitor.reconciliations
    )
}

fn actions(page: &mut String, experiment: &ExperimentResult) {
    if experiment.actions.is_empty() {
        return;
    }
    page.push_str("| Action | What | State | Why |\n| --- | --- | --- | --- |\n");
    for action in &experiment.actions {
        let why = action.reason.as_deref().map(md).unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {why} |",
            md(&action.name),
            md(&action.action_id),
            md(&action.state)
        );
    }
    page.push('\n');
}

fn targets(page: &mut String, experiment: &ExperimentResult) {
    if experiment.targets.is_empty() {
        return;
    }
    page.push_str("| Target | Type | Resolved to |\n| --- | --- | --- |\n");
    for target in &experiment.targets {
        let mut resources: Vec<String> =
            target.resources.iter().take(SHOWN_RESOURCES).map(|resource| md(resource)).collect();
        match target.resolved {
            None => resources.push("not known".to_owned()),
            Some(0) => resources.push("**nothing**".to_owned()),
            Some(count) if count > resources.len() as u64 => {
                resources.push(format!("and {} more", count - resources.len() as u64));
            }
            Some(_) => {}
        }
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            md(&target.name),
            md(&target.resource_type),
            resources.join("<br>")
        );
    }
    page.push('\n');
}

fn evidence(page: &mut String, experiment: &ExperimentResult) {
    if experiment.evidence.is_empty() || experiment.verdict == Verdict::Passed {
        return;
    }
    page.push_str("<details><summary>Evidence</summary>\n\n");
    for evidence in &experiment.evidence {
        let _ = writeln!(page, "- {}: {}", md(&evidence.source), md(&evidence.fact));
    }
    page.push_str("\n</details>\n\n");
}

fn findings(page: &mut String, findings: &[Finding]) {
    let told: Vec<&Finding> = findings.iter().filter(|finding| finding.level > Level::Ok).collect();
    if told.is_empty() {
        return;
    }
    page.push_str("### Before the launch\n\n");
    for finding in told {
        let remedy = finding.remedy.as_deref().map(|remedy| format!(" → {}", md(remedy))).unwrap_or_default();
        let (level, subject) = (finding.level.as_str(), md(&finding.subject));
        let _ = writeln!(page, "- **{level}** {subject}: {}{remedy}", md(&finding.message));
    }
    page.push('\n');
}

fn leftovers(page: &mut String, result: &RunResult) {
    let left: Vec<&String> =
        result.subscriptions.iter().flat_map(|subscription| &subscription.leftovers).collect();
    if left.is_empty() {
        return;
    }
    page.push_str("### Not removed\n\n");
    for leftover in left {
        let _ = writeln!(page, "- {}", md(leftover));
    }
    page.push('\n');
}

pub struct SummaryFile {
    path: PathBuf,
}

impl SummaryFile {
    const SINK: &'static str = "summary.md";

    pub fn new(report_dir: &Path) -> Self {
        Self { path: report_dir.join(Self::SINK) }
    }
}

#[async_trait(?Send)]
impl Sink for SummaryFile {
    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(Self::SINK, files::replace(&self.path, render(result).as_bytes())))
    }
}

/// GitHub's job summary.
pub struct StepSummary {
    path: PathBuf,
}

impl StepSummary {
    const SINK: &'static str = "job summary";

    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait(?Send)]
impl Sink for StepSummary {
    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(Self::SINK, files::append(&self.path, &render(result))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that a stop condition stopped, with text from outside that would like to act.
    fn stopped() -> RunResult {
        serde_json::from_str(include_str!("fixtures/stopped.json")).expect("a result")
    }

    #[test]
    fn the_summary_reads_well_and_text_from_outside_does_nothing() {
        insta::assert_snapshot!(render(&stopped()));
    }

    #[test]
    fn the_closing_table_reads_well_and_text_from_outside_does_nothing() {
        insta::assert_snapshot!(crate::report::closing(&stopped(), "faultgate-report"));
    }
}
