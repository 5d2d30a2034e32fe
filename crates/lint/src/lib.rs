//! `faultgate lint`: what is wrong with an FIS experiment template before anybody launches it.
//!
//! `file` reads a file to a node of `config`, `cloudformation` and `terraform` know what a node means in theirs, `template`
//! is what all of them come to, and `rules` judge it.

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
use faultgate_config::Fault;
use faultgate_core::mistake::{FilePlace, Mistake, misspelt};
use faultgate_core::model::Level;
use faultgate_core::text::plain;

/// Longest message.
const LONGEST: usize = 1_000;
const LONGEST_NAME: usize = 120;

/// What a rule has found in a template. All texts are fit to be shown.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static Rule,
    pub level: Level,
    /// The file, or the id that was read.
    pub subject: String,
    pub template: String,
    pub place: Option<FilePlace>,
    pub message: String,
    pub remedy: String,
    /// What to write, in the words of the template's own format; lines.
    pub add: Option<&'static str>,
}

/// All that is found.
#[derive(Debug)]
pub struct Judgement {
    pub templates: usize,
    /// What could not be read, and so was not judged.
    pub unread: Vec<Missed>,
    /// Findings of rules that the templates themselves leave out.
    pub ignored: usize,
    /// By where they stand, the worst first where that is the same.
    pub findings: Vec<Finding>,
}

/// A template, or what may be one, that could not be read. All texts are fit to be shown.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The file, or the id.
    pub subject: String,
    /// None of an id.
    pub template: Option<String>,
    pub why: String,
}

/// What is judged, and how.
#[derive(Debug)]
pub struct Lint {
    timeout: Option<Duration>,
    ignored: Vec<&'static str>,
    subjects: Vec<Subject>,
    /// Of files, by their names.
    unread: Vec<(String, Unread)>,
    /// Ids, and why they could not be read.
    unread_ids: Vec<Missed>,
}

#[derive(Debug)]
struct Subject {
    /// The file, or the id that was read.
    name: String,
    is_file: bool,
    template: Template,
}

impl Lint {
    /// `timeout`: the longest that a run lets an experiment last, where that is known. `ignored`: rules that are left out.
    pub fn new(timeout: Option<Duration>, ignored: Vec<&'static str>) -> Self {
        Self { timeout, ignored, subjects: Vec::new(), unread: Vec::new(), unread_ids: Vec::new() }
    }

    /// Takes all templates of a file with this content.
    pub fn take_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Vec<Mistake>> {
        let mistake = |fault: Fault| {
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
        let subject = |template| Subject { name: name.to_owned(), is_file: true, template };
        self.subjects.extend(found.templates.into_iter().map(subject));
        self.unread.extend(found.unread.into_iter().map(|unread| (name.to_owned(), unread)));
        Ok(())
    }

    /// Takes a template as FIS describes it in JSON.
    pub fn take_described(&mut self, id: &str, json: &serde_json::Value) {
        self.subjects.push(Subject {
            name: id.to_owned(),
            is_file: false,
            template: file::described(id, json),
        });
    }

    /// Takes an id that could not be read.
    pub fn take_unread(&mut self, id: &str, why: &str) {
        let (subject, why) = (plain(id, LONGEST_NAME), plain(why, LONGEST));
        self.unread_ids.push(Missed { subject, template: None, why });
    }

    pub fn judge(&self) -> Judgement {
        let all = self.subjects.iter().flat_map(|subject| self.findings(subject));
        let is_told = !self.ignored.contains(&UNREAD.id);
        let all = all.chain(
            self.unread.iter().filter(|_| is_told).map(|(name, unread)| (false, missed(name, unread))),
        );
        let (ignored, mut findings): (Vec<_>, Vec<_>) = all.partition(|(is_ignored, _)| *is_ignored);
        let place = |finding: &Finding| finding.place.as_ref().map(|place| (place.line, place.column));
        findings.sort_by(|(_, a), (_, b)| {
            let where_it_is = a.subject.cmp(&b.subject).then(place(a).cmp(&place(b)));
            let of_which = a.template.cmp(&b.template).then(b.level.cmp(&a.level));
            where_it_is.then(of_which).then(a.rule.id.cmp(b.rule.id)).then(a.message.cmp(&b.message))
        });
        Judgement {
            templates: self.subjects.len(),
            unread: self.unread.iter().map(of_file_missed).chain(self.unread_ids.iter().cloned()).collect(),
            ignored: ignored.len(),
            findings: findings.into_iter().map(|(_, finding)| finding).collect(),
        }
    }

    /// Those of one template, each with whether it says itself that the rule is left out.
    fn findings<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = (bool, Finding)> + 'a {
        let Subject { name, is_file, template } = subject;
        let judged = Judged { template, timeout: self.timeout };
        let rules = RULES.iter().filter(|rule| !self.ignored.contains(&rule.id));
        rules.flat_map(move |rule| {
            let is_ignored = template.ignored.iter().any(|id| id == rule.id);
            rule.judge(&judged).into_iter().map(move |hit| {
                let mark = hit.mark.or(template.mark).filter(|_| *is_file);
                let finding = Finding {
                    rule,
                    level: hit.level.unwrap_or(rule.level),
                    subject: plain(name, LONGEST_NAME),
                    template: plain(&template.name, LONGEST_NAME),
                    place: mark.map(|mark| mark.in_file(name)),
                    message: plain(&hit.message, LONGEST),
                    remedy: plain(hit.remedy.as_deref().unwrap_or(rule.remedy), LONGEST),
                    add: hit.shows_what_to_add.then(|| rule.add(template.style)).flatten(),
                };
                (is_ignored, finding)
            })
        })
    }
}

fn of_file_missed((name, unread): &(String, Unread)) -> Missed {
    Missed {
        subject: plain(name, LONGEST_NAME),
        template: Some(plain(&unread.name, LONGEST_NAME)),
        why: plain(&unread.why, LONGEST),
    }
}

fn missed(name: &str, unread: &Unread) -> Finding {
    Finding {
        rule: &UNREAD,
        level: UNREAD.level,
        subject: plain(name, LONGEST_NAME),
        template: plain(&unread.name, LONGEST_NAME),
        place: unread.mark.filter(|mark| mark.line > 0).map(|mark| mark.in_file(name)),
        message: plain(&format!("cannot be judged: {}", unread.why), LONGEST),
        remedy: UNREAD.remedy.to_owned(),
        add: None,
    }
}

/// `what` completes a sentence that begins with the file.
fn of_file(name: &str, what: &str) -> Mistake {
    Mistake::new(name, format!("the file {} {what}", plain(name, LONGEST_NAME)))
}

fn unknown_rule(name: &str, id: &str) -> Mistake {
    let hint = match misspelt(id, RULES.iter().map(|rule| rule.id)) {
        Some(near) => format!("did you mean {near}?"),
        None => "faultgate lint --list-rules prints them".to_owned(),
    };
    let id = plain(id, LONGEST_NAME);
    of_file(name, &format!("leaves out the rule {id}, which there is not")).hint(hint)
}

#[cfg(test)]
mod tests;
