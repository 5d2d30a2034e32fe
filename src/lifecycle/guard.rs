//! The port of those who may refuse a run before its launch, and the words for a refusal.
//!
//! The lifecycle asks the guard after the checks of the engines and before anything is subscribed to or
//! launched, and once more after the previews. It knows no rule: a finding of level `error` refuses the
//! run, as one of an engine does.

use async_trait::async_trait;

use faultgate_core::model::{ExperimentPlan, Finding, Level, Plan};
use faultgate_engines::Engine;

/// Limit of the refusals that the reason of each experiment repeats. The gate has all of them.
const MAX_REPEATED: usize = 5;

/// The knowledge of what the experiments would hit, at the time of a judgement.
#[derive(Debug, Clone, Copy)]
pub enum Outlook<'a> {
    /// Nothing is launched after this judgement.
    NoLaunch,
    /// The targets are counted later, before the launch or by a dry run.
    Ahead,
    /// The experiments were previewed: the number of resources of each, in the plan's order.
    Previewed(&'a [PreviewedCount]),
}

/// The number of resources that one experiment would hit, as its preview tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewedCount {
    Known(u64),
    /// The preview had no slot in time. For that alone nothing is launched, and the number breaks no rule.
    Late,
    /// There is no preview.
    Missing,
}

/// A judge of runs that are about to be launched.
#[async_trait(?Send)]
pub trait Guard {
    /// Judges a run by its plan and by what the engines have learned in their checks. `experiments` are those
    /// of the plan in its order, each with its engine. Nothing is changed here.
    async fn judge(
        &self,
        plan: &Plan,
        experiments: &[(&ExperimentPlan, &dyn Engine)],
        outlook: Outlook<'_>,
    ) -> Vec<Finding>;

    /// Returns why nothing may be launched at this moment; `None` if something may be. It is asked before each
    /// launch, some of which are hours after the judgement.
    fn why_closed(&self) -> Option<String> {
        None
    }

    /// Returns the most resources that one experiment may hit, if there is a limit.
    fn max_targets(&self) -> Option<u64> {
        None
    }

    /// Returns `true` if no experiment may be launched while another one runs in its place.
    fn wants_alone(&self) -> bool {
        false
    }
}

/// A guard that refuses nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unguarded;

#[async_trait(?Send)]
impl Guard for Unguarded {
    async fn judge(&self, _: &Plan, _: &[(&ExperimentPlan, &dyn Engine)], _: Outlook<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// Returns each refusal among the findings as a reason of the gate.
pub(super) fn refusals(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.is_refusal()).map(to_reason).collect()
}

/// Returns the reason for which nothing is launched after these findings; None if something may be. Findings
/// that are about one place forbid nothing elsewhere. Refusals
/// come first.
pub(super) fn why_not_launched(findings: &[Finding]) -> Option<String> {
    let mut reasons = refusals(findings);
    if reasons.len() > MAX_REPEATED {
        let more = reasons.len() - MAX_REPEATED;
        reasons.truncate(MAX_REPEATED);
        reasons.push(format!("and {more} more rules"));
    }
    reasons.extend(other_errors(findings).map(to_reason));
    (!reasons.is_empty()).then(|| format!("not launched: {}", reasons.join("; ")))
}

/// Returns the reasons of the gate for a run that the guard has refused: each refusal, and after them whatever
/// else forbids the launch. It is empty where there is no refusal.
pub(super) fn reasons_of_refused(findings: &[Finding]) -> Vec<String> {
    let mut reasons = refusals(findings);
    if !reasons.is_empty() {
        reasons.extend(other_errors(findings).map(|error| format!("not launched: {}", to_reason(error))));
    }
    reasons
}

fn other_errors(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error && !finding.is_refusal());
    errors.filter(|finding| !finding.of_place)
}

pub(super) fn to_reason(finding: &Finding) -> String {
    format!("{}: {}", finding.subject, finding.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level, subject: &str, message: &str) -> Finding {
        Finding::new(level, subject, message)
    }

    #[test]
    fn refusals_come_first_and_are_not_repeated_without_limit() {
        let mut findings = vec![
            finding(Level::Error, "template EXT1", "it does not exist"),
            finding(Level::Warning, Finding::POLICY, "windows close"),
        ];
        assert_eq!(why_not_launched(&findings).unwrap(), "not launched: template EXT1: it does not exist");
        assert!(reasons_of_refused(&findings).is_empty());
        findings.extend(
            (1..=7).map(|n| finding(Level::Error, Finding::POLICY, &format!("rule-{n}: is, may be"))),
        );
        let why = why_not_launched(&findings).unwrap();
        assert!(why.starts_with("not launched: policy: rule-1: is, may be; policy: rule-2"), "{why}");
        assert!(
            why.ends_with("rule-5: is, may be; and 2 more rules; template EXT1: it does not exist"),
            "{why}"
        );
        let reasons = reasons_of_refused(&findings);
        assert_eq!(reasons.len(), 8);
        assert_eq!(reasons[6], "policy: rule-7: is, may be");
        assert_eq!(reasons[7], "not launched: template EXT1: it does not exist");
        assert_eq!(why_not_launched(&findings[1..2]), None);
    }
}
