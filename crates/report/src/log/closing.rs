//! The end of the log: the table of experiments, the verdict, and what else the reader has to know.

use std::fmt::Write as _;
use std::path::Path;

use faultgate_core::model::{ExperimentResult, Level, Outcome, Reported, RunResult, Verdict};
use faultgate_core::text;

use super::line::MAX_LINE_CHARS;
use super::medium::{Medium, Tone, measure, wrap};
use crate::folder::is_report_file;
use crate::html;
use crate::words::{change, describe_trial, group_missing, own_reasons, score_line, warnings, write_state};

/// Number of experiments that the table shows, the worst first. Of more, it shows those that did not pass.
const MAX_ROWS: usize = 20;
/// Number of warnings of one kind that are shown, and of changes since an earlier run.
const MAX_LISTED: usize = 20;
/// Fewest columns beside the others in which reasons are wrapped. With less room they stand below.
const MIN_REASON: usize = 30;

/// Returns the end of the log: the table of experiments, the verdict, the warnings and the reports that are
/// missing. A terminal gets it in its width.
pub fn closing(result: &RunResult, report_dir: &str, medium: Medium) -> String {
    let mut closing = "\n".to_owned();
    add_table(&mut closing, result, medium);
    let gate = &result.gate;
    let trial = describe_trial(result).map(|trial| format!("{trial}; ")).unwrap_or_default();
    let verdict = medium.paint(tone_of(gate.verdict), &gate.verdict.as_str().to_uppercase());
    let _ = writeln!(closing, "\n{verdict}: {trial}{} (exit code {})", score_line(result), gate.exit_code);
    for reason in own_reasons(result) {
        add(&mut closing, medium, Tone::Plain, "  ", reason);
    }
    add_all(&mut closing, medium, warnings(result).map(|warning| format!("warning: {warning}")));
    add_comparison(&mut closing, result, medium);
    let findings = result.findings.iter().filter(|finding| finding.level == Level::Warning);
    let findings = findings.map(|finding| format!("warning: {}: {}", finding.subject, finding.message));
    add_all(&mut closing, medium, findings);
    let missing = group_missing(result).into_iter().map(|missing| {
        let (sinks, verb, detail) = (missing.name(), missing.verb(), missing.detail);
        match missing.outcome {
            Outcome::Failed => format!("warning: {sinks} {verb} not written: {detail}"),
            Outcome::Written | Outcome::Skipped => format!("note: {sinks} {verb} skipped: {detail}"),
        }
    });
    add_all(&mut closing, medium, missing);
    let is_there =
        |reported: &&Reported| is_report_file(&reported.sink) && reported.outcome == Outcome::Written;
    let mut there = result.reporting.iter().filter(is_there).peekable();
    if there.peek().is_some() {
        // Somebody at a terminal can open a page; a CI keeps the folder.
        let page = there.find(|reported| medium.columns.is_some() && reported.sink == html::FILE_NAME);
        let told = match page {
            Some(page) => format!("Open {}", Path::new(report_dir).join(&page.sink).display()),
            None => format!("Reports are in {report_dir}"),
        };
        let _ = writeln!(closing, "{}", text::plain(&told, MAX_LINE_CHARS));
    }
    closing
}

/// Adds the table of experiments. Of a large run it holds the culprits alone, and a count of the others.
fn add_table(closing: &mut String, result: &RunResult, medium: Medium) {
    let has_passed = |experiment: &&ExperimentResult| experiment.verdict == Verdict::Passed;
    let is_large = result.experiments.len() > MAX_ROWS;
    let mut experiments: Vec<&ExperimentResult> =
        result.worst_first().into_iter().map(|(_, experiment)| experiment).collect();
    experiments.retain(|experiment| !is_large || !has_passed(experiment));
    let shown = experiments.len().min(MAX_ROWS);
    if shown > 0 {
        add_rows(closing, result, &experiments[..shown], medium);
    }
    if is_large {
        let (passed, more) =
            (result.experiments.iter().filter(has_passed).count(), experiments.len() - shown);
        if more > 0 {
            let _ = writeln!(closing, "and {more} more that did not pass");
        }
        let _ = writeln!(closing, "{passed} of {} experiments passed", result.experiments.len());
    }
}

fn add_rows(closing: &mut String, result: &RunResult, experiments: &[&ExperimentResult], medium: Medium) {
    let mut rows = vec![(Tone::Faint, ["experiment", "verdict", "score", "state", "why"].map(str::to_owned))];
    rows.extend(experiments.iter().map(|experiment| {
        let cells = [
            text::short(&experiment.name, 40),
            experiment.verdict.to_string(),
            experiment.score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
            write_state(result, experiment),
            text::plain(&experiment.reason, MAX_LINE_CHARS),
        ];
        (tone_of(experiment.verdict), cells)
    }));
    // The last column is not padded.
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|(_, row)| measure(&row[column])).max().unwrap_or_default()
    });
    let before: usize = widths.iter().map(|width| width + 2).sum();
    for (number, (tone, [name, verdict, score, state, why])) in rows.iter().enumerate() {
        let pad = |text: &str, width: usize| format!("{text}{}", " ".repeat(width - measure(text)));
        // The head is faint as a whole; of a row, the verdict alone has a colour.
        let rest = if number == 0 { *tone } else { Tone::Plain };
        let name = medium.paint(rest, &pad(name, widths[0]));
        let verdict = medium.paint(*tone, &pad(verdict, widths[1]));
        let score = format!("{}{score}  {}", " ".repeat(widths[2] - measure(score)), pad(state, widths[3]));
        let row = format!("{name}  {verdict}  {}", medium.paint(rest, &score));
        let Some(columns) = medium.columns else {
            let _ = writeln!(closing, "{row}  {why}");
            continue;
        };
        let (indent, room) = match columns.checked_sub(before) {
            Some(room) if room >= MIN_REASON => (before, room),
            _ => (4, columns.saturating_sub(4).max(MIN_REASON)),
        };
        if indent != before {
            let _ = writeln!(closing, "{}", row.trim_end());
            if number == 0 {
                continue;
            }
        }
        for (place, line) in wrap(why, room).iter().enumerate() {
            if place == 0 && indent == before {
                let _ = writeln!(closing, "{row}  {}", medium.paint(rest, line));
            } else {
                let _ = writeln!(closing, "{:indent$}{}", "", text::plain(line, MAX_LINE_CHARS));
            }
        }
    }
}

/// Adds a few lines, and the number of the others.
fn add_all(closing: &mut String, medium: Medium, lines: impl Iterator<Item = String>) {
    let mut more = 0;
    for (number, line) in lines.enumerate() {
        if number < MAX_LISTED {
            let tone = if line.starts_with("warning") { Tone::Caution } else { Tone::Plain };
            add(closing, medium, tone, "", &line);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let _ = writeln!(closing, "and {more} more of these, which the report files tell");
    }
}

/// Adds one line, wrapped to the width of the terminal.
fn add(closing: &mut String, medium: Medium, tone: Tone, indent: &str, line: &str) {
    let line = text::plain(line, MAX_LINE_CHARS);
    let room =
        medium.columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent.len() + 2).max(MIN_REASON));
    for (number, part) in wrap(&line, room).iter().enumerate() {
        let further = if number == 0 { "" } else { "  " };
        let part = medium.paint(tone, &text::plain(part, MAX_LINE_CHARS));
        let _ = writeln!(closing, "{indent}{further}{part}");
    }
}

fn tone_of(verdict: Verdict) -> Tone {
    if verdict == Verdict::Passed { Tone::Good } else { Tone::Bad }
}

/// Adds the changes since the earlier run, if the run was compared.
fn add_comparison(closing: &mut String, result: &RunResult, medium: Medium) {
    let Some(comparison) = &result.comparison else { return };
    let mut add_line = |indent, line: &str| add(closing, medium, Tone::Plain, indent, line);
    let run = &comparison.earlier;
    let (id, ended_at) = (text::plain(&run.id, 64), run.ended_at.strftime("%Y-%m-%d %H:%M:%SZ"));
    let score = change::of_run(comparison).map(|score| format!(": {score}")).unwrap_or_default();
    add_line("", &format!("Compared with run {id} of {ended_at}, {}{score}", run.verdict));
    let (mut told, mut more, mut unchanged) = (0, 0, 0);
    for experiment in &comparison.experiments {
        if experiment.has_changed() && told < MAX_LISTED {
            told += 1;
            let name = text::short(&experiment.name, 40);
            // The whole line is made plain: a name that ends with a colon may begin a command of the CI.
            add_line("  ", &format!("{name}: {}", change::of_experiment(experiment)));
        } else if experiment.has_changed() {
            more += 1;
        } else {
            unchanged += 1;
        }
    }
    if more > 0 {
        add_line("  ", &format!("{more} more with a change"));
    }
    if unchanged > 0 {
        let plural = if unchanged == 1 { "" } else { "s" };
        add_line("  ", &format!("{unchanged} experiment{plural} without a change"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_core::model::Score;
    use faultgate_testkit::results;

    /// Returns a result with this many experiments, of which every hundredth has failed.
    fn large(count: usize) -> RunResult {
        let mut result = results::mixed();
        let passed = results::passed().experiments.remove(0);
        result.experiments = (0..count)
            .map(|number| {
                let name = format!("experiment-{number}");
                let warnings = vec!["one of its targets was empty".to_owned()];
                let mut experiment = ExperimentResult { name, warnings, ..passed.clone() };
                if number % 100 == 99 {
                    experiment.verdict = Verdict::Failed;
                    experiment.score = Score::new(f64::from(u32::try_from(number).unwrap() % 7));
                }
                experiment
            })
            .collect();
        result
    }

    #[test]
    fn a_large_run_names_the_culprits_and_counts_the_others() {
        let closing = closing(&large(2_300), "out", Medium::default());
        let rows: Vec<&str> = closing.lines().filter(|line| line.starts_with("experiment-")).collect();
        assert_eq!(rows.iter().filter(|row| row.contains("  failed  ")).count(), MAX_ROWS, "{closing}");
        assert!(
            closing.contains("\nand 3 more that did not pass\n2277 of 2300 experiments passed\n"),
            "{closing}"
        );
        assert!(closing.contains("and 2280 more of these"), "{closing}");
        assert!(closing.lines().count() < 100, "{closing}");
    }

    #[test]
    fn a_terminal_is_told_the_page_to_open_and_a_ci_the_folder() {
        let mut result = results::passed();
        let written = |sink: &str| Reported {
            sink: sink.to_owned(),
            outcome: Outcome::Written,
            detail: None,
            to_do: false,
            required: false,
        };
        result.reporting = ["summary.md", "report.html"].map(written).to_vec();
        let terminal = Medium { columns: Some(80), ..Medium::default() };
        assert!(closing(&result, "out", terminal).ends_with("\nOpen out/report.html\n"));
        assert!(closing(&result, "out", Medium::default()).ends_with("\nReports are in out\n"));
        result.reporting[1].outcome = Outcome::Failed;
        assert!(closing(&result, "out", terminal).ends_with("\nReports are in out\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in [40, 60, 100, 200] {
            let medium = Medium { columns: Some(columns), ..Medium::default() };
            let mut result = results::mixed();
            result.experiments[0].reason = "it 支払い was told at length why ::error::x ".repeat(9);
            for line in closing(&result, "out", medium).lines() {
                // The table itself has columns that are not cut.
                let is_row = result.experiments.iter().any(|one| line.starts_with(&one.name));
                let is_fixed = is_row || line.starts_with("experiment") || line.contains("resilience score");
                assert!(measure(line) <= columns || is_fixed, "{columns}: {line}");
                assert!(!line.trim_start().starts_with("::"), "{line}");
            }
        }
    }
}
