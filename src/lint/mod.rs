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
use crate::config::{Fault, Mistake, Place};
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

/// What is judged, and how.
#[derive(Debug)]
pub struct Lint {
    timeout: Option<Duration>,
    ignored: Vec<&'static str>,
    templates: Vec<(String, bool, Template)>,
}

impl Lint {
    /// `timeout`: the longest that a run lets an experiment last, where that is known. `ignored`: rules that are left out.
    pub fn new(timeout: Option<Duration>, ignored: Vec<&'static str>) -> Self {
        Self { timeout, ignored, templates: Vec::new() }
    }

    /// Takes all templates of a file with this content.
    pub fn take_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Vec<Mistake>> {
        let mistake = |fault: Fault| {
            let what = format!("the file {} {}", plain(name, LONGEST_NAME), fault.what);
            let place = fault.mark.map(|mark| mark.in_file(name));
            Mistake::new(name, what).hint(fault.hint).at(place)
        };
        let found =
            file::templates(bytes).map_err(|faults| faults.into_iter().map(mistake).collect::<Vec<_>>())?;
        self.templates.extend(found.into_iter().map(|template| (name.to_owned(), true, template)));
        Ok(())
    }

    /// Takes a template as FIS describes it in JSON.
    pub fn take_described(&mut self, id: &str, json: &serde_json::Value) {
        self.templates.push((id.to_owned(), false, file::described(id, json)));
    }

    pub fn templates(&self) -> usize {
        self.templates.len()
    }

    /// By where it stands, the worst first where that is the same.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .templates
            .iter()
            .flat_map(|(subject, is_file, template)| self.judge(subject, *is_file, template))
            .collect();
        let place = |finding: &Finding| finding.place.as_ref().map(|place| (place.line, place.column));
        findings.sort_by(|a, b| {
            let of = |finding: &Finding| (finding.subject.clone(), place(finding), finding.template.clone());
            of(a)
                .cmp(&of(b))
                .then(b.level.cmp(&a.level))
                .then(a.rule.id.cmp(b.rule.id))
                .then(a.message.cmp(&b.message))
        });
        findings
    }

    fn judge(&self, subject: &str, is_file: bool, template: &Template) -> Vec<Finding> {
        let judged = Judged { template, timeout: self.timeout };
        let rules = RULES.iter().filter(|rule| !self.ignored.contains(&rule.id));
        let found = rules.flat_map(|rule| {
            rule.judge(&judged).into_iter().map(|hit| Finding {
                rule,
                level: hit.level.unwrap_or(rule.level),
                subject: plain(subject, LONGEST_NAME),
                template: plain(&template.name, LONGEST_NAME),
                place: hit.mark.or(template.mark).filter(|_| is_file).map(|mark| mark.in_file(subject)),
                message: plain(&hit.message, LONGEST),
                remedy: plain(hit.remedy.as_deref().unwrap_or(rule.remedy), LONGEST),
                add: hit.shows_what_to_add.then(|| rule.add(template.style)).flatten(),
            })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests;
