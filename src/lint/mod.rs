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

use self::rules::Judged;
use self::template::Template;
use crate::config::{Fault, Mistake, Place, misspelt};
use crate::model::Level;
use crate::text::plain;

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
    pub place: Option<Place>,
    pub message: String,
    pub remedy: String,
    /// What to write, in the words of the template's own format; lines.
    pub add: Option<&'static str>,
}

/// All that is found.
#[derive(Debug)]
pub struct Judgement {
    pub templates: usize,
    /// Findings of rules that the templates themselves leave out.
    pub ignored: usize,
    /// By where they stand, the worst first where that is the same.
    pub findings: Vec<Finding>,
}

/// What is judged, and how.
#[derive(Debug)]
pub struct Lint {
    timeout: Option<Duration>,
    ignored: Vec<&'static str>,
    subjects: Vec<Subject>,
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
        Self { timeout, ignored, subjects: Vec::new() }
    }

    /// Takes all templates of a file with this content.
    pub fn take_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Vec<Mistake>> {
        let mistake = |fault: Fault| {
            let place = fault.mark.map(|mark| mark.in_file(name));
            of_file(name, &fault.what).hint(fault.hint).at(place)
        };
        let found =
            file::templates(bytes).map_err(|faults| faults.into_iter().map(mistake).collect::<Vec<_>>())?;
        let ignored = found.iter().flat_map(|template| &template.ignored);
        let unknown: Vec<Mistake> =
            ignored.filter(|id| Rule::find(id).is_none()).map(|id| unknown_rule(name, id)).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let subject = |template| Subject { name: name.to_owned(), is_file: true, template };
        self.subjects.extend(found.into_iter().map(subject));
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

    pub fn judge(&self) -> Judgement {
        let all = self.subjects.iter().flat_map(|subject| self.findings(subject));
        let (ignored, mut findings): (Vec<_>, Vec<_>) = all.partition(|(is_ignored, _)| *is_ignored);
        let place = |finding: &Finding| finding.place.as_ref().map(|place| (place.line, place.column));
        findings.sort_by(|(_, a), (_, b)| {
            let where_it_is = a.subject.cmp(&b.subject).then(place(a).cmp(&place(b)));
            let of_which = a.template.cmp(&b.template).then(b.level.cmp(&a.level));
            where_it_is.then(of_which).then(a.rule.id.cmp(b.rule.id)).then(a.message.cmp(&b.message))
        });
        Judgement {
            templates: self.subjects.len(),
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
