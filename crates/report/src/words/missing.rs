//! The reports that are missing, together where one reason keeps several from being written.

use faultgate_core::model::{Outcome, RunResult};
use faultgate_core::text;

/// Reports that are missing for one reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingReports<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) detail: &'a str,
    sinks: Vec<String>,
}

impl MissingReports<'_> {
    /// Names the reports: `a`, `a and b`, or `a, b and c`.
    pub(crate) fn name(&self) -> String {
        match self.sinks.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// Returns the verb for what happened to them.
    pub(crate) fn verb(&self) -> &'static str {
        if self.sinks.len() > 1 { "were" } else { "was" }
    }
}

/// Groups the missing reports of a result by what kept them, in the order of the first of each.
pub(crate) fn group_missing(result: &RunResult) -> Vec<MissingReports<'_>> {
    let mut groups: Vec<MissingReports<'_>> = Vec::new();
    for reported in result.reporting.iter().filter(|reported| reported.is_missing()) {
        let (outcome, detail) = (reported.outcome, reported.detail.as_deref().unwrap_or_default());
        let sink = text::plain(&reported.sink, 80);
        match groups.iter_mut().find(|group| group.outcome == outcome && group.detail == detail) {
            Some(group) => group.sinks.push(sink),
            None => groups.push(MissingReports { outcome, detail, sinks: vec![sink] }),
        }
    }
    groups
}
