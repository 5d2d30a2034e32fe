//! `faultgate lint`, which finds what is wrong with an FIS experiment template before anybody launches it.
//!
//! `file.rs` reads a file to a node of `config`. `cloudformation.rs` and `terraform.rs` know what a node
//! means in their formats, and make a tree (`tree.rs`) of it, in which a value that is not known says so.
//! `template.rs` reads the tree as FIS has it. The rules (`rules/`) judge the template by what AWS's
//! reference says of each action (`catalogue.rs`), and `output.rs` shows the findings.
//!
//! No rule guesses: where a value is not known, the finding is a note that the rule cannot be judged. Files
//! come from anywhere, so all work on them is bounded, and no text of theirs is shown before it is made
//! plain.

mod catalogue;
mod cloudformation;
mod file;
mod output;
mod rules;
mod template;
mod terraform;
mod tree;

use std::time::Duration;

pub use file::MAX_BYTES;
pub use output::{json, reference, text};
pub use rules::{RULES, Rule};

use self::rules::{Judged, UNREAD};
use self::template::{Template, Unread};
use faultgate_config::YamlFault;
use faultgate_core::mistake::{FilePlace, Mistake, misspelt};
use faultgate_core::model::Level;
use faultgate_core::text::plain;

/// Maximum number of characters of a message.
const MAX_CHARS: usize = 1_000;
/// Maximum number of characters of a name from a file.
const MAX_NAME_CHARS: usize = 120;

/// A thing that a rule has found in a template. All of its texts are plain, and fit to be shown.
#[derive(Debug, Clone)]
pub struct LintFinding {
    pub rule: &'static Rule,
    pub level: Level,
    /// The name of the file, or the id of the template that was read.
    pub subject: String,
    pub template: String,
    /// The place in the file. A template that was read by its id has none.
    pub place: Option<FilePlace>,
    pub message: String,
    pub remedy: String,
    /// The lines that are to be written, in the template's own format.
    pub add: Option<&'static str>,
}

/// The result of a lint.
#[derive(Debug)]
pub struct LintJudgement {
    /// Number of templates that were judged.
    pub templates: usize,
    /// The templates that could not be read, and so were not judged.
    pub unread: Vec<Missed>,
    /// Number of findings of rules that the templates themselves leave out.
    pub ignored: usize,
    /// The findings, file by file: errors first, then warnings, then notes, each in the order of their places.
    pub findings: Vec<LintFinding>,
}

/// A template, or a part of a file that may be one, that could not be read. All texts are fit to be shown.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The name of the file, or the id of the template.
    pub subject: String,
    /// The name of the template within its file. A template that was asked for by its id has none.
    pub template: Option<String>,
    pub why: String,
}

/// The templates that are to be judged, and the settings by which they are.
#[derive(Debug)]
pub struct Lint {
    /// The longest time that a run lets an experiment last, where that is known.
    timeout: Option<Duration>,
    /// The ids of the rules that are left out.
    ignored: Vec<&'static str>,
    subjects: Vec<LintSubject>,
    /// The parts of files that could not be read, each with the name of its file.
    unread: Vec<(String, Unread)>,
    /// The ids of templates that could not be read, with the reasons.
    unread_ids: Vec<Missed>,
}

/// A template that is to be judged, and where it comes from.
#[derive(Debug)]
struct LintSubject {
    /// The name of the file, or the id of the template.
    name: String,
    is_file: bool,
    template: Template,
}

impl Lint {
    /// Makes a lint without templates. `timeout` is the longest time that a run lets an experiment last,
    /// where that is known, and `ignored` are the ids of the rules that are left out.
    pub fn new(timeout: Option<Duration>, ignored: Vec<&'static str>) -> Self {
        Self { timeout, ignored, subjects: Vec::new(), unread: Vec::new(), unread_ids: Vec::new() }
    }

    /// Takes all templates of a file with this content. The errors say why the file as a whole is refused: it
    /// does not parse, holds no template, or leaves out a rule that there is not.
    pub fn take_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Vec<Mistake>> {
        let mistake = |fault: YamlFault| {
            let place = fault.mark.map(|mark| mark.in_file(name));
            of_file(name, &fault.what).hint(fault.hint).at(place)
        };
        let found =
            file::templates(bytes).map_err(|faults| faults.into_iter().map(mistake).collect::<Vec<_>>())?;
        let ignored = found.templates.iter().flat_map(|template| &template.ignored);
        let unknown: Vec<Mistake> =
            ignored.filter(|id| Rule::find(id).is_none()).map(|id| unknown_rule(name, id)).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let subject = |template| LintSubject { name: name.to_owned(), is_file: true, template };
        self.subjects.extend(found.templates.into_iter().map(subject));
        self.unread.extend(found.unread.into_iter().map(|unread| (name.to_owned(), unread)));
        Ok(())
    }

    /// Takes a template that FIS has described in JSON.
    pub fn take_described(&mut self, id: &str, json: &serde_json::Value) {
        self.subjects.push(LintSubject {
            name: id.to_owned(),
            is_file: false,
            template: file::read_described(id, json),
        });
    }

    /// Takes the id of a template that could not be read.
    pub fn take_unread(&mut self, id: &str, why: &str) {
        let (subject, why) = (plain(id, MAX_NAME_CHARS), plain(why, MAX_CHARS));
        self.unread_ids.push(Missed { subject, template: None, why });
    }

    /// Judges all templates by all rules that are not left out.
    pub fn judge(&self) -> LintJudgement {
        let found = self.subjects.iter().flat_map(|subject| self.findings(subject));
        let is_told = !self.ignored.contains(&UNREAD.id);
        let found = found.chain(
            self.unread.iter().filter(|_| is_told).map(|(name, unread)| (false, report_unread(name, unread))),
        );
        let (ignored, mut findings): (Vec<_>, Vec<_>) = found.partition(|(is_ignored, _)| *is_ignored);
        let place = |finding: &LintFinding| finding.place.as_ref().map(|place| (place.line, place.column));
        findings.sort_by(|(_, a), (_, b)| {
            let of_which = a.subject.cmp(&b.subject).then(b.level.cmp(&a.level));
            let where_it_is = place(a).cmp(&place(b)).then(a.template.cmp(&b.template));
            of_which.then(where_it_is).then(a.rule.id.cmp(b.rule.id)).then(a.message.cmp(&b.message))
        });
        LintJudgement {
            templates: self.subjects.len(),
            unread: self.unread.iter().map(of_file_missed).chain(self.unread_ids.iter().cloned()).collect(),
            ignored: ignored.len(),
            findings: findings.into_iter().map(|(_, finding)| finding).collect(),
        }
    }

    /// Returns the findings of one template. The flag of each says whether the template itself leaves the
    /// rule out.
    fn findings<'a>(&'a self, subject: &'a LintSubject) -> impl Iterator<Item = (bool, LintFinding)> + 'a {
        let LintSubject { name, is_file, template } = subject;
        let judged = Judged { template, timeout: self.timeout };
        let rules = RULES.iter().filter(|rule| !self.ignored.contains(&rule.id));
        rules.flat_map(move |rule| {
            let is_ignored = template.ignored.iter().any(|id| id == rule.id);
            rule.judge(&judged).into_iter().map(move |hit| {
                let mark = hit.mark.or(template.mark).filter(|_| *is_file);
                let finding = LintFinding {
                    rule,
                    level: hit.level.unwrap_or(rule.level),
                    subject: plain(name, MAX_NAME_CHARS),
                    template: plain(&template.name, MAX_NAME_CHARS),
                    place: mark.map(|mark| mark.in_file(name)),
                    message: plain(&hit.message, MAX_CHARS),
                    remedy: plain(hit.remedy.as_deref().unwrap_or(rule.remedy), MAX_CHARS),
                    add: hit.shows_what_to_add.then(|| rule.add(template.style)).flatten(),
                };
                (is_ignored, finding)
            })
        })
    }
}

/// Returns a part of a file that could not be read, as the judgement lists it.
fn of_file_missed((name, unread): &(String, Unread)) -> Missed {
    Missed {
        subject: plain(name, MAX_NAME_CHARS),
        template: Some(plain(&unread.name, MAX_NAME_CHARS)),
        why: plain(&unread.why, MAX_CHARS),
    }
}

/// Returns the finding of the rule `unread` for a part of a file that could not be read.
fn report_unread(name: &str, unread: &Unread) -> LintFinding {
    LintFinding {
        rule: &UNREAD,
        level: UNREAD.level,
        subject: plain(name, MAX_NAME_CHARS),
        template: plain(&unread.name, MAX_NAME_CHARS),
        // Nodes that were read as JSON have no places, which line 0 says.
        place: unread.mark.filter(|mark| mark.line > 0).map(|mark| mark.in_file(name)),
        message: plain(&format!("cannot be judged: {}", unread.why), MAX_CHARS),
        remedy: UNREAD.remedy.to_owned(),
        add: None,
    }
}

/// Makes a mistake about a file. `what` completes a sentence that begins with "the file NAME".
fn of_file(name: &str, what: &str) -> Mistake {
    Mistake::new(name, format!("the file {} {what}", plain(name, MAX_NAME_CHARS)))
}

fn unknown_rule(name: &str, id: &str) -> Mistake {
    let hint = match misspelt(id, RULES.iter().map(|rule| rule.id)) {
        Some(near) => format!("did you mean {near}?"),
        None => "faultgate lint --list-rules prints them".to_owned(),
    };
    let id = plain(id, MAX_NAME_CHARS);
    of_file(name, &format!("leaves out the rule {id}, which there is not")).hint(hint)
}

#[cfg(test)]
mod tests;
