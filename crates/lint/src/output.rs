//! The output of a lint: the findings for people and for programs, and the list of rules.

use std::fmt::Write as _;

use serde::Serialize;

use super::{LintFinding, LintJudgement, Missed, RULES};
use faultgate_core::model::Level;

const SCHEMA_VERSION: u32 = 1;

/// Numbers of templates and findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    templates: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Number of findings of rules that the templates leave out.
    ignored: usize,
    /// Number of templates that were not read. The document lists them, so it does not repeat their number.
    #[serde(skip)]
    unread: usize,
}

impl Counts {
    fn of(judgement: &LintJudgement) -> Self {
        let LintJudgement { templates, unread, ignored, findings } = judgement;
        let of = |level| findings.iter().filter(|finding| finding.level == level).count();
        Self {
            templates: *templates,
            errors: of(Level::Error),
            warnings: of(Level::Warning),
            notes: of(Level::Note),
            ignored: *ignored,
            unread: unread.len(),
        }
    }

    /// Returns the line with which the text for people ends.
    fn line(self) -> String {
        let count =
            |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let Self { templates, errors, warnings, notes, ignored, unread } = self;
        let ignored = if ignored == 0 { String::new() } else { format!(", {ignored} left out") };
        let (errors, warnings, notes) =
            (count(errors, "error"), count(warnings, "warning"), count(notes, "note"));
        let unread =
            if unread == 0 { String::new() } else { format!("; {unread} not read, and so not judged") };
        format!("{errors}, {warnings}, {notes}{ignored} in {}{unread}", count(templates, "template"))
    }
}

/// Returns the findings as a compiler tells them, each with its place and what to do.
pub fn text(judgement: &LintJudgement) -> String {
    let mut out = String::new();
    for finding in &judgement.findings {
        let LintFinding { rule, level, template, message, remedy, add, .. } = finding;
        let _ = writeln!(out, "{}[{}]: {message}", level.as_str(), rule.id);
        let _ = writeln!(out, "  --> {} ({template})", place(finding));
        let _ = writeln!(out, "  = why: {}", rule.why);
        let _ = writeln!(out, "  = do: {remedy}");
        for line in add.iter().flat_map(|add| add.lines()) {
            let _ = writeln!(out, "      {line}");
        }
        let _ = writeln!(out, "  = see: {}\n", rule.source);
    }
    out.push_str(&Counts::of(judgement).line());
    out
}

fn place(finding: &LintFinding) -> String {
    match &finding.place {
        Some(place) => format!("{}:{}:{}", finding.subject, place.line, place.column),
        None => finding.subject.clone(),
    }
}

/// The JSON document. A change that readers must know of needs another schema version.
#[derive(Serialize)]
struct LintDocument<'a> {
    schema_version: u32,
    #[serde(flatten)]
    counts: Counts,
    unread: Vec<Untold<'a>>,
    findings: Vec<Told<'a>>,
}

/// A template that was not read, as the document has it.
#[derive(Serialize)]
struct Untold<'a> {
    /// The name of the file, or the id of the template.
    subject: &'a str,
    template: Option<&'a str>,
    why: &'a str,
}

impl<'a> Untold<'a> {
    fn of(missed: &'a Missed) -> Self {
        let Missed { subject, template, why } = missed;
        Self { subject, template: template.as_deref(), why }
    }
}

/// A finding, as the document has it.
#[derive(Serialize)]
struct Told<'a> {
    rule: &'a str,
    level: Level,
    /// The name of the file, or the id of the template.
    subject: &'a str,
    template: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    why: &'a str,
    remedy: &'a str,
    add: Option<&'a str>,
    source: &'a str,
}

impl<'a> Told<'a> {
    fn of(finding: &'a LintFinding) -> Self {
        let LintFinding { rule, level, subject, template, place, message, remedy, add } = finding;
        Self {
            rule: rule.id,
            level: *level,
            subject,
            template,
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            message,
            why: rule.why,
            remedy,
            add: *add,
            source: rule.source,
        }
    }
}

/// Returns the judgement as one JSON object.
pub fn json(judgement: &LintJudgement) -> String {
    let document = LintDocument {
        schema_version: SCHEMA_VERSION,
        counts: Counts::of(judgement),
        unread: judgement.unread.iter().map(Untold::of).collect(),
        findings: judgement.findings.iter().map(Told::of).collect(),
    };
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

const HEAD: &str = "\
| rule | level | found where | because |
| --- | --- | --- | --- |
";

/// Returns the rules as the table that docs/lint.md has.
pub fn reference() -> String {
    let mut table = HEAD.to_owned();
    for rule in RULES {
        let _ = writeln!(table, "| `{}` | {} | {} | {} |", rule.id, rule.level.as_str(), rule.what, rule.why);
    }
    table
}
