//! Commands in the log: lines that GitHub and Azure Pipelines turn into errors and warnings on the run's page. Gitea
//! and Forgejo know GitHub's.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::outputs::outputs;
use super::{Sink, Stage, from_write, summary};
use crate::ci::LogStyle;
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::{Level, Outcome, Reported, RunEvent, RunResult, Verdict};
use faultgate_core::text;

/// Longest message; GitHub cuts at 4,096 characters.
const LONGEST: usize = 1_000;
const LONGEST_TITLE: usize = 120;
/// GitHub shows this many of a kind for a step.
const MOST: usize = 10;
/// Warnings of the run that are kept.
const KEPT: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    GitHub,
    Azure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
    Notice,
}

/// What an error or a warning says.
struct Issue {
    title: String,
    message: String,
    place: Option<FilePlace>,
}

impl Issue {
    fn new(title: &str, message: &str) -> Self {
        Self { title: text::plain(title, LONGEST_TITLE), message: text::plain(message, LONGEST), place: None }
    }

    fn at(self, place: Option<FilePlace>) -> Self {
        Self { place, ..self }
    }
}

impl Dialect {
    /// None where the log obeys no commands.
    fn of(style: LogStyle) -> Option<Self> {
        match style {
            LogStyle::GitHub => Some(Self::GitHub),
            LogStyle::Azure => Some(Self::Azure),
            LogStyle::Plain | LogStyle::GitLab | LogStyle::Buildkite => None,
        }
    }

    fn issue(self, kind: Kind, issue: &Issue) -> Option<String> {
        let Issue { title, message, place } = issue;
        match (self, kind) {
            (Self::GitHub, _) => {
                let word = match kind {
                    Kind::Error => "error",
                    Kind::Warning => "warning",
                    Kind::Notice => "notice",
                };
                let place = place.as_ref().map(|FilePlace { file, line, column }| {
                    format!("file={},line={line},col={column},", github_property(&text::plain(file, LONGEST)))
                });
                let (place, title) = (place.unwrap_or_default(), github_property(title));
                Some(format!("::{word} {place}title={title}::{}", github_data(message)))
            }
            (Self::Azure, Kind::Notice) => None,
            (Self::Azure, _) => {
                let word = if kind == Kind::Error { "error" } else { "warning" };
                let message = azure_data(&format!("{title}: {message}"));
                let place = place.as_ref().map(|FilePlace { file, line, column }| {
                    let file = azure_property(&text::plain(file, LONGEST));
                    format!(";sourcepath={file};linenumber={line};columnnumber={column}")
                });
                Some(format!("##vso[task.logissue type={word}{}]{message}", place.unwrap_or_default()))
            }
        }
    }

    /// As many as are shown; the last says how many more there are.
    fn issues(self, kind: Kind, issues: &[Issue]) -> Vec<String> {
        let shown = if issues.len() > MOST { MOST - 1 } else { issues.len() };
        let mut lines: Vec<String> =
            issues[..shown].iter().filter_map(|issue| self.issue(kind, issue)).collect();
        if shown < issues.len() {
            let more = format!("and {} more, which the log and the report files tell", issues.len() - shown);
            lines.extend(self.issue(kind, &Issue::new("faultgate", &more)));
        }
        lines
    }
}

fn github_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn azure_data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

fn azure_property(text: &str) -> String {
    azure_data(text).replace(']', "%5D").replace(';', "%3B")
}

/// Why the gate did not pass: itself first, then each experiment.
fn errors(result: &RunResult) -> Vec<Issue> {
    let gate = &result.gate;
    if gate.verdict == Verdict::Passed {
        return Vec::new();
    }
    let title = format!("Chaos gate: {}", gate.verdict);
    let mut own = super::console::own_reasons(result).peekable();
    if let ([experiment], None) = (&result.experiments[..], own.peek()) {
        return vec![Issue::new(&title, &experiment.reason)];
    }
    let score = gate.resilience_score.map_or_else(|| "unknown".to_owned(), |score| score.to_string());
    let expected = gate.expected_resilience_score;
    let mut message = format!("resilience score {score}, expected at least {expected}");
    for reason in own {
        message.push_str("; ");
        message.push_str(&text::plain(reason, LONGEST));
    }
    let mut errors = vec![Issue::new(&title, &message)];
    let others = result.experiments.iter().filter(|experiment| experiment.verdict != Verdict::Passed);
    errors.extend(others.map(|experiment| {
        let name = text::plain(&experiment.name, LONGEST_TITLE - 20);
        Issue::new(&format!("{name}: {}", experiment.verdict), &experiment.reason)
    }));
    errors
}

fn warnings(result: &RunResult, heard: &[String]) -> Vec<Issue> {
    let findings = result.findings.iter().filter(|finding| finding.level == Level::Warning).map(|finding| {
        let remedy = finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        Issue::new(&finding.subject, &format!("{}{remedy}", finding.message))
    });
    let heard = heard.iter().map(|warning| Issue::new("faultgate", warning));
    let of_experiments =
        super::warnings(result).map(|warning| Issue::new("Chaos gate", &warning)).collect::<Vec<_>>();
    findings.chain(of_experiments).chain(heard).chain(reports(result, Outcome::Failed)).collect()
}

/// Reports that are missing in this way.
fn reports(result: &RunResult, outcome: Outcome) -> impl Iterator<Item = Issue> {
    let missing = result.reporting.iter();
    missing.filter(move |reported| reported.outcome == outcome && reported.is_missing()).map(|reported| {
        let detail = reported.detail.as_deref().unwrap_or_default();
        Issue::new(&format!("{}: {}", text::plain(&reported.sink, 80), reported.outcome.as_str()), detail)
    })
}

/// What Azure Pipelines takes besides: the summary, and the outputs as variables.
fn azure_extras(result: &RunResult, report_dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let is_written =
        |reported: &Reported| reported.sink == summary::NAME && reported.outcome == Outcome::Written;
    if result.reporting.iter().any(is_written)
        && let Ok(path) = std::path::absolute(report_dir.join(summary::NAME))
        && let Some(path) = path.to_str()
    {
        lines.push(format!("##vso[task.uploadsummary]{}", azure_data(path)));
    }
    for (name, value) in outputs(result, &report_dir.display().to_string()) {
        let variable = azure_property(&format!("FAULTGATE_{}", name.to_uppercase().replace('-', "_")));
        let value = azure_data(&text::plain(&value, super::outputs::LONGEST));
        lines.push(format!("##vso[task.setvariable variable={variable};isOutput=true]{value}"));
    }
    lines
}

fn render(dialect: Dialect, result: &RunResult, heard: &[String], report_dir: &Path) -> Vec<String> {
    let notices: Vec<Issue> = reports(result, Outcome::Skipped).collect();
    let mut lines = dialect.issues(Kind::Error, &errors(result));
    lines.extend(dialect.issues(Kind::Warning, &warnings(result, heard)));
    lines.extend(dialect.issues(Kind::Notice, &notices));
    if dialect == Dialect::Azure {
        lines.extend(azure_extras(result, report_dir));
    }
    lines
}

/// The commands for a run that never began, since its settings hold mistakes. Each is shown at its place, of which the
/// file is seen from the repository.
pub fn mistake_commands(style: LogStyle, mistakes: &[Mistake]) -> Vec<String> {
    let issue =
        |mistake: &Mistake| Issue::new("faultgate settings", &mistake.to_string()).at(mistake.place.clone());
    let issues: Vec<Issue> = mistakes.iter().map(issue).collect();
    Dialect::of(style).map(|dialect| dialect.issues(Kind::Error, &issues)).unwrap_or_default()
}

/// Something found in a file: its level, a title, and what is found.
pub struct Remark {
    pub level: Level,
    pub title: String,
    pub message: String,
    pub place: Option<FilePlace>,
}

/// What is found, as commands of GitHub, those of each level together.
pub fn remark_commands(remarks: &[Remark]) -> Vec<String> {
    let kinds = [(Level::Error, Kind::Error), (Level::Warning, Kind::Warning), (Level::Note, Kind::Notice)];
    let of_kind = |(level, kind)| {
        let remarks = remarks.iter().filter(|remark| remark.level == level);
        let issues: Vec<Issue> = remarks
            .map(|remark| Issue::new(&remark.title, &remark.message).at(remark.place.clone()))
            .collect();
        Dialect::GitHub.issues(kind, &issues)
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

pub struct LogCommands<W> {
    out: W,
    dialect: Dialect,
    report_dir: PathBuf,
    /// Warnings of the run.
    heard: Vec<String>,
    /// What was printed stays; it is not printed twice.
    printed: HashSet<String>,
}

impl<W: Write> LogCommands<W> {
    const SINK: &'static str = "log commands";

    /// None where the log obeys no commands. `out` must be at the beginning of a line.
    pub fn new(out: W, style: LogStyle, report_dir: &Path) -> Option<Self> {
        let dialect = Dialect::of(style)?;
        let report_dir = report_dir.to_owned();
        Some(Self { out, dialect, report_dir, heard: Vec::new(), printed: HashSet::new() })
    }

    fn print(&mut self, result: &RunResult) -> io::Result<()> {
        for line in render(self.dialect, result, &self.heard, &self.report_dir) {
            if self.printed.insert(line.clone()) {
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }
}

#[async_trait(?Send)]
impl<W: Write> Sink for LogCommands<W> {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Record
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        if let RunEvent::Warning(warning) = event
            && self.heard.len() < KEPT
        {
            self.heard.push(text::plain(warning, LONGEST));
        }
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(Self::SINK, self.print(result)))
    }
}
