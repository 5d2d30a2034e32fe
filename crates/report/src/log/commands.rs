//! Commands in the log: lines that GitHub and Azure Pipelines turn into errors and warnings on the run's
//! page. Gitea and Forgejo know GitHub's commands.
//!
//! The commands of a run are printed at its end, when all reports are written. Text from outside must never
//! become a command or a property of one, so it is made plain first and then escaped as its dialect demands.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::ci::LogStyle;
use crate::files::outputs::{self, outputs};
use crate::sink::{Sink, Stage, from_write};
use crate::words::culprits::culprits;
use crate::words::own_reasons;
use crate::{summary, words};
use faultgate_core::mistake::{FilePlace, Mistake};
use faultgate_core::model::{Level, Outcome, Reported, RunEvent, RunResult, Verdict};
use faultgate_core::text;

/// Maximum length of a message in characters. GitHub cuts at 4,096.
const MAX_MESSAGE_CHARS: usize = 1_000;
/// Maximum length of a title in characters.
const MAX_TITLE_CHARS: usize = 120;
/// Maximum number of issues of one kind. GitHub shows no more than this for a step.
const MAX_ISSUES: usize = 10;
/// Maximum number of warnings of the run that are kept until its end.
const MAX_WARNINGS: usize = 100;

/// The language in which a CI takes commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    GitHub,
    Azure,
}

/// The level at which a CI shows an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IssueKind {
    Error,
    Warning,
    Notice,
}

/// The content of one error, warning or notice.
struct Issue {
    title: String,
    message: String,
    place: Option<FilePlace>,
}

impl Issue {
    fn new(title: &str, message: &str) -> Self {
        Self {
            title: text::plain(title, MAX_TITLE_CHARS),
            message: text::plain(message, MAX_MESSAGE_CHARS),
            place: None,
        }
    }

    fn at(self, place: Option<FilePlace>) -> Self {
        Self { place, ..self }
    }
}

impl Dialect {
    /// The dialect of a log, or `None` if it obeys no commands.
    fn of(style: LogStyle) -> Option<Self> {
        match style {
            LogStyle::GitHub => Some(Self::GitHub),
            LogStyle::Azure => Some(Self::Azure),
            LogStyle::Plain | LogStyle::GitLab | LogStyle::Buildkite => None,
        }
    }

    /// The line that shows an issue, or `None` if the dialect has no command of this kind.
    fn issue(self, kind: IssueKind, issue: &Issue) -> Option<String> {
        let Issue { title, message, place } = issue;
        match (self, kind) {
            (Self::GitHub, _) => {
                let word = match kind {
                    IssueKind::Error => "error",
                    IssueKind::Warning => "warning",
                    IssueKind::Notice => "notice",
                };
                let place = place.as_ref().map(|FilePlace { file, line, column }| {
                    format!(
                        "file={},line={line},col={column},",
                        github_property(&text::plain(file, MAX_MESSAGE_CHARS))
                    )
                });
                let (place, title) = (place.unwrap_or_default(), github_property(title));
                Some(format!("::{word} {place}title={title}::{}", github_data(message)))
            }
            (Self::Azure, IssueKind::Notice) => None,
            (Self::Azure, _) => {
                let word = if kind == IssueKind::Error { "error" } else { "warning" };
                let message = azure_data(&format!("{title}: {message}"));
                let place = place.as_ref().map(|FilePlace { file, line, column }| {
                    let file = azure_property(&text::plain(file, MAX_MESSAGE_CHARS));
                    format!(";sourcepath={file};linenumber={line};columnnumber={column}")
                });
                Some(format!("##vso[task.logissue type={word}{}]{message}", place.unwrap_or_default()))
            }
        }
    }

    /// The lines of as many issues as the CI shows. If there are more, the last line says how many.
    fn issues(self, kind: IssueKind, issues: &[Issue]) -> Vec<String> {
        let shown = if issues.len() > MAX_ISSUES { MAX_ISSUES - 1 } else { issues.len() };
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

/// Escapes the message of a command. Azure Pipelines reads `%AZP25` as a per cent sign, and not `%25`.
fn azure_data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

fn azure_property(text: &str) -> String {
    azure_data(text).replace(']', "%5D").replace(';', "%3B")
}

/// The reasons why the gate did not pass: those of the gate first, then one of each experiment.
fn errors(result: &RunResult) -> Vec<Issue> {
    let gate = &result.gate;
    if gate.verdict == Verdict::Passed {
        return Vec::new();
    }
    let title = format!("Chaos gate: {}", gate.verdict);
    let mut own = own_reasons(result).peekable();
    // The gate of a single experiment has nothing to say beyond the reason of that experiment.
    if let ([experiment], None) = (&result.experiments[..], own.peek()) {
        return vec![Issue::new(&title, &experiment.reason)];
    }
    let mut message = words::score_line(result);
    for reason in own {
        message.push_str("; ");
        message.push_str(&text::plain(reason, MAX_MESSAGE_CHARS));
    }
    let mut errors = vec![Issue::new(&title, &message)];
    errors.extend(culprits(result).into_iter().map(|(_, experiment)| {
        // The verdict after the name must not be cut off.
        let name = text::short(&experiment.name, MAX_TITLE_CHARS - 20);
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
        words::warnings(result).map(|warning| Issue::new("Chaos gate", &warning)).collect::<Vec<_>>();
    findings.chain(of_experiments).chain(heard).chain(reports(result, Outcome::Failed)).collect()
}

/// An issue for the reports that are missing with this outcome for one reason.
fn reports(result: &RunResult, outcome: Outcome) -> impl Iterator<Item = Issue> {
    let missing = words::group_missing(result).into_iter().filter(move |missing| missing.outcome == outcome);
    missing.map(|missing| {
        Issue::new(&format!("{}: {}", missing.name(), missing.outcome.as_str()), missing.detail)
    })
}

/// The commands that Azure Pipelines takes besides issues: one uploads the summary, the others set the
/// outputs as variables.
fn azure_extras(result: &RunResult, report_dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let is_written =
        |reported: &Reported| reported.sink == summary::FILE_NAME && reported.outcome == Outcome::Written;
    // A summary that an earlier step has left must not be uploaded as this run's. The agent wants an absolute
    // path.
    if result.reporting.iter().any(is_written)
        && let Ok(path) = std::path::absolute(report_dir.join(summary::FILE_NAME))
        && let Some(path) = path.to_str()
    {
        lines.push(format!("##vso[task.uploadsummary]{}", azure_data(path)));
    }
    for (output, value) in outputs(result, &report_dir.display().to_string()) {
        let variable = azure_property(&output.variable());
        let value = azure_data(&text::plain(&value, outputs::MAX_VALUE_CHARS));
        lines.push(format!("##vso[task.setvariable variable={variable};isOutput=true]{value}"));
    }
    lines
}

fn render(dialect: Dialect, result: &RunResult, heard: &[String], report_dir: &Path) -> Vec<String> {
    let notices: Vec<Issue> = reports(result, Outcome::Skipped).collect();
    let mut lines = dialect.issues(IssueKind::Error, &errors(result));
    lines.extend(dialect.issues(IssueKind::Warning, &warnings(result, heard)));
    lines.extend(dialect.issues(IssueKind::Notice, &notices));
    if dialect == Dialect::Azure {
        lines.extend(azure_extras(result, report_dir));
    }
    lines
}

/// Returns the commands of a run that never began, since its settings hold mistakes. Each mistake is shown at
/// its place, whose file is a path relative to the repository.
pub fn mistake_commands(style: LogStyle, mistakes: &[Mistake]) -> Vec<String> {
    let issue =
        |mistake: &Mistake| Issue::new("faultgate settings", &mistake.to_string()).at(mistake.place.clone());
    let issues: Vec<Issue> = mistakes.iter().map(issue).collect();
    Dialect::of(style).map(|dialect| dialect.issues(IssueKind::Error, &issues)).unwrap_or_default()
}

/// A finding in a file, to be shown at its place.
pub struct Remark {
    pub level: Level,
    pub title: String,
    pub message: String,
    pub place: Option<FilePlace>,
}

/// Returns findings as commands of GitHub, the errors first, then the warnings, then the notes.
pub fn remark_commands(remarks: &[Remark]) -> Vec<String> {
    let kinds = [
        (Level::Error, IssueKind::Error),
        (Level::Warning, IssueKind::Warning),
        (Level::Note, IssueKind::Notice),
    ];
    let of_kind = |(level, kind)| {
        let remarks = remarks.iter().filter(|remark| remark.level == level);
        let issues: Vec<Issue> = remarks
            .map(|remark| Issue::new(&remark.title, &remark.message).at(remark.place.clone()))
            .collect();
        Dialect::GitHub.issues(kind, &issues)
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

/// The sink that prints the commands of a run.
pub struct LogCommands<W> {
    out: W,
    dialect: Dialect,
    report_dir: PathBuf,
    /// The first warnings that came while the run went on.
    heard: Vec<String>,
    /// The lines that were printed. A log cannot be taken back, so a second call prints only what is new.
    printed: HashSet<String>,
}

impl<W: Write> LogCommands<W> {
    const SINK: &'static str = "log commands";

    /// Makes the sink, or `None` if the log obeys no commands. `out` must be at the beginning of a line.
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
            && self.heard.len() < MAX_WARNINGS
        {
            self.heard.push(text::plain(warning, MAX_MESSAGE_CHARS));
        }
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(from_write(Self::SINK, self.print(result)))
    }
}
