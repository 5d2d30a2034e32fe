//! The guard of a run: its policies, held against the plan and what the engines know.
//!
//! The engines are asked only for what a rule needs. What they do not tell is not known, and what is not known
//! breaks the rule.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};

use crate::lifecycle::{Guard, Outlook, PreviewedCount};
use faultgate_config::EngineKind;
use faultgate_core::clock::Clock;
use faultgate_core::mistake::key;
use faultgate_core::model::{EngineSpec, ExperimentPlan, Finding, Level, Phase, Plan, ProbePlan};
use faultgate_engines::{Engine, Inspection};
use faultgate_net::aws::AwsPlace;
use faultgate_policy::{
    BrokenRule, ExperimentFacts, Fact, Inquiry, LaunchFacts, Policy, Ruling, inquiries, judge, judge_moment,
    judge_suite,
};

/// Number of templates whose target accounts are asked for at once.
const MAX_ASKED_AT_ONCE: usize = 8;
/// Limit of the names of experiments that one finding tells.
const MAX_NAMED: usize = 3;
/// Rule that needs to wait for other experiments.
const ALONE: &str = "limits.alone";
/// The reason for which an experiment breaks this rule whose engine cannot be asked.
const NO_WAITING: &str = "not known (the engine cannot tell which others run)";

/// The policies of a run.
#[derive(Debug)]
pub(crate) struct PolicyGuard<'a> {
    pub(crate) policies: &'a [Policy],
    pub(crate) clock: Clock,
}

#[async_trait(?Send)]
impl Guard for PolicyGuard<'_> {
    async fn judge(
        &self,
        plan: &Plan,
        experiments: &[(&ExperimentPlan, &dyn Engine)],
        outlook: Outlook<'_>,
    ) -> Vec<Finding> {
        if self.policies.is_empty() {
            return Vec::new();
        }
        let gathering = experiments.iter().enumerate().map(|(place, (experiment, engine))| {
            self.gather_facts(experiment, *engine, count_targets(outlook, place, *engine))
        });
        let facts: Vec<ExperimentFacts> = stream::iter(gathering).buffered(MAX_ASKED_AT_ONCE).collect().await;
        let launch = LaunchFacts {
            experiments: count_suite(plan),
            parallel: plan.parallel,
            moment: Fact::Known(self.clock.now()),
        };
        let mut ruling = judge(self.policies, &launch, &facts);
        let blind: Vec<&ExperimentFacts> = experiments
            .iter()
            .zip(&facts)
            .filter(|((_, engine), _)| engine.admission().is_none())
            .map(|(_, facts)| facts)
            .collect();
        ruling.broken.extend(find_not_alone(self.policies, &blind, &ruling.broken));
        let mut findings = to_findings(self.policies, &ruling, facts.len());
        findings.extend(self.note_unknown_targets(outlook, &facts));
        findings
    }

    fn why_closed(&self) -> Option<String> {
        let broken = judge_moment(self.policies, self.clock.now());
        let told = broken.iter().map(|rule| format!("{}: {}", Finding::POLICY, describe(rule)));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    fn max_targets(&self) -> Option<u64> {
        let limits = self.policies.iter().filter_map(|policy| policy.limits.targets);
        limits.min().map(|most| u64::try_from(most).unwrap_or(u64::MAX))
    }

    fn wants_alone(&self) -> bool {
        self.policies.iter().any(|policy| policy.limits.alone)
    }
}

impl PolicyGuard<'_> {
    /// Gathers what the rules need to know of an experiment.
    async fn gather_facts(
        &self,
        experiment: &ExperimentPlan,
        engine: &dyn Engine,
        targets: Fact<usize>,
    ) -> ExperimentFacts {
        let kind = experiment.spec.kind();
        let inquiries = inquiries(self.policies, kind);
        let inspection = engine.inspection();
        let source = experiment.spec.source().to_owned();
        ExperimentFacts {
            name: experiment.name.clone(),
            engine: kind,
            account: ask(&inquiries, Inquiry::Account, inspection, |it| it.account(experiment)),
            region: ask(&inquiries, Inquiry::Region, inspection, |it| Ok(it.region())),
            template_id: if kind == EngineKind::Fis { Fact::Known(source) } else { Fact::NotAsked },
            target_accounts: match inspection.filter(|_| inquiries.contains(&Inquiry::TargetAccounts)) {
                Some(inspection) => to_fact(inspection.target_accounts(experiment).await),
                None => Fact::NotAsked,
            },
            timeout: experiment.timeout,
            probes: experiment.probes.iter().filter(|probe| counts(probe)).count(),
            template: ask(&inquiries, Inquiry::Template, inspection, |it| it.template(experiment)),
            targets: if inquiries.contains(&Inquiry::Targets) { targets } else { Fact::NotAsked },
        }
    }

    /// Notes for a check that it cannot know what the experiments hit.
    fn note_unknown_targets(&self, outlook: Outlook<'_>, facts: &[ExperimentFacts]) -> Option<Finding> {
        let most = self.max_targets().filter(|_| matches!(outlook, Outlook::NoLaunch))?;
        facts.iter().find(|facts| matches!(facts.targets, Fact::Later))?;
        let message =
            format!("limits.targets: at most {most}; only the preview tells that a run makes first");
        Some(Finding::new(Level::Note, Finding::POLICY, message))
    }
}

/// Judges a plan by what the suite itself says, for those who ask nobody. What only an engine or the moment of
/// the launch tells is left to later.
pub(crate) fn judge_plan(policies: &[Policy], plan: &Plan) -> Vec<Finding> {
    let launch =
        LaunchFacts { experiments: count_suite(plan), parallel: plan.parallel, moment: Fact::NotAsked };
    let or_later = |known: Option<String>| known.map_or(Fact::NotAsked, Fact::Known);
    let facts: Vec<ExperimentFacts> = plan
        .experiments
        .iter()
        .map(|experiment| {
            let (template, region, role_arn) = match &experiment.spec {
                EngineSpec::Fis { template, region, role_arn } => {
                    (Some(template), region.clone(), role_arn.clone())
                }
                EngineSpec::Command(_) | EngineSpec::Harness(_) | EngineSpec::Litmus(_) => (None, None, None),
            };
            let account = role_arn.and_then(|arn| AwsPlace::of_role(&arn, ""));
            ExperimentFacts {
                name: experiment.name.clone(),
                engine: experiment.spec.kind(),
                account: or_later(account.map(|place| place.account)),
                region: or_later(region),
                template_id: or_later(template.cloned()),
                target_accounts: Fact::NotAsked,
                timeout: experiment.timeout,
                probes: experiment.probes.iter().filter(|probe| counts(probe)).count(),
                template: Fact::NotAsked,
                targets: Fact::NotAsked,
            }
        })
        .collect();
    to_findings(policies, &judge_suite(policies, &launch, &facts), facts.len())
}

/// Returns the number of experiments of the whole suite, of which a plan may be a part.
fn count_suite(plan: &Plan) -> Fact<usize> {
    match plan.suite_size {
        Some(size) => Fact::Known(size),
        None if plan.is_part => Fact::Unknown("the items of the plan do not tell it".to_owned()),
        None => Fact::Known(plan.experiments.len()),
    }
}

/// Returns what is known of the resources that an experiment hits, by its place in the plan.
fn count_targets(outlook: Outlook<'_>, place: usize, engine: &dyn Engine) -> Fact<usize> {
    match outlook {
        _ if engine.preview().is_none() => Fact::Unknown("the engine cannot preview targets".to_owned()),
        Outlook::NoLaunch | Outlook::Ahead => Fact::Later,
        Outlook::Previewed(counts) => match counts.get(place).copied().unwrap_or(PreviewedCount::Missing) {
            PreviewedCount::Known(count) => Fact::Known(usize::try_from(count).unwrap_or(usize::MAX)),
            PreviewedCount::Late => Fact::Later,
            PreviewedCount::Missing => Fact::Unknown("there is no preview".to_owned()),
        },
    }
}

/// Returns an answer to an inquiry, if it has to be made and the engine can be asked.
fn ask<T>(
    inquiries: &BTreeSet<Inquiry>,
    inquiry: Inquiry,
    inspection: Option<&dyn Inspection>,
    question: impl FnOnce(&dyn Inspection) -> Result<T, String>,
) -> Fact<T> {
    let inspection = inspection.filter(|_| inquiries.contains(&inquiry));
    inspection.map_or(Fact::NotAsked, |inspection| to_fact(question(inspection)))
}

/// Returns `true` for a probe that can lower the score: one that is only evaluated before the launch cannot.
fn counts(probe: &ProbePlan) -> bool {
    probe.weight > 0 && probe.when.iter().any(|phase| *phase != Phase::Before)
}

fn to_fact<T>(answer: Result<T, String>) -> Fact<T> {
    answer.map_or_else(Fact::Unknown, Fact::Known)
}

/// Returns the rule that experiments run alone, broken by each of these experiments of FIS that does not
/// break it already: its engine cannot tell who else runs.
fn find_not_alone(policies: &[Policy], facts: &[&ExperimentFacts], broken: &[BrokenRule]) -> Vec<BrokenRule> {
    let already = |origin: &str, name: &str| {
        broken.iter().any(|rule| {
            rule.rule == ALONE && rule.policy == origin && rule.experiment.as_deref() == Some(name)
        })
    };
    let mut not_alone = Vec::new();
    for policy in policies.iter().filter(|policy| policy.limits.alone) {
        let of_fis = facts.iter().filter(|facts| facts.engine == EngineKind::Fis);
        for facts in of_fis.filter(|facts| !already(&policy.origin, &facts.name)) {
            not_alone.push(BrokenRule {
                policy: policy.origin.clone(),
                rule: ALONE.to_owned(),
                experiment: Some(facts.name.clone()),
                is: NO_WAITING.to_owned(),
                may_be: "alone in its account and Region".to_owned(),
            });
        }
    }
    not_alone
}

/// Returns the findings about all policies. `count` is the number of experiments of the run.
fn to_findings(policies: &[Policy], ruling: &Ruling, count: usize) -> Vec<Finding> {
    let mut findings: Vec<Finding> = group(&ruling.broken)
        .into_iter()
        .map(|(rule, names)| {
            let names = if count > 1 { list_names(&names) } else { String::new() };
            let message = format!("{}{names}", describe(rule));
            let remedy = format!("the policy is {}; its owners alone may change it", key(&rule.policy));
            Finding::new(Level::Error, Finding::POLICY, message).with_remedy(remedy)
        })
        .collect();
    let broken: BTreeSet<&str> = ruling.broken.iter().map(|rule| rule.policy.as_str()).collect();
    let kept = policies.iter().filter(|policy| !broken.contains(policy.origin.as_str()));
    findings.extend(kept.map(|policy| {
        let message = format!("{} allows this run", key(&policy.origin));
        Finding::new(Level::Ok, Finding::POLICY, message)
    }));
    findings.extend(ruling.notes.iter().map(|note| Finding::new(Level::Warning, Finding::POLICY, note)));
    findings
}

fn describe(rule: &BrokenRule) -> String {
    format!("{}: {}, {}", rule.rule, rule.is, rule.may_be)
}

/// Returns each broken rule once, with the names of all experiments that break it in the same way: a rule that
/// a suite of hundreds breaks is one reason and not hundreds.
fn group(broken: &[BrokenRule]) -> Vec<(&BrokenRule, Vec<&str>)> {
    let mut groups: Vec<(&BrokenRule, Vec<&str>)> = Vec::new();
    let mut places = HashMap::new();
    for rule in broken {
        let place = *places.entry((&rule.policy, &rule.rule, &rule.is, &rule.may_be)).or_insert_with(|| {
            groups.push((rule, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.extend(rule.experiment.as_deref());
    }
    groups
}

/// Returns the names of experiments in brackets; nothing where a rule is on the run as a whole.
fn list_names(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_NAMED).map(|name| key(name)).collect();
    match (names.len(), names.len().saturating_sub(MAX_NAMED)) {
        (0, _) => String::new(),
        (1, _) => format!(" (experiment {})", shown.join(", ")),
        (_, 0) => format!(" (experiments {})", shown.join(", ")),
        (_, more) => format!(" (experiments {} and {more} more)", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(rule: &str, experiment: Option<&str>) -> BrokenRule {
        BrokenRule {
            policy: "p.yml".to_owned(),
            rule: rule.to_owned(),
            experiment: experiment.map(str::to_owned),
            is: "none".to_owned(),
            may_be: "at least one".to_owned(),
        }
    }

    #[test]
    fn a_rule_that_many_break_is_told_once() {
        let names = ["a", "b", "c", "d", "e"];
        let mut all: Vec<_> = names.iter().map(|name| broken("require.probes", Some(name))).collect();
        all.insert(0, broken("limits.parallel", None));
        all.push(broken("require.logs", Some("a")));
        let ruling = Ruling { broken: all, notes: vec!["it closes".to_owned()] };
        let told = |count| {
            let findings = to_findings(&[], &ruling, count).into_iter();
            findings.map(|finding| finding.message).collect::<Vec<_>>()
        };
        assert_eq!(
            told(5),
            [
                "limits.parallel: none, at least one",
                "require.probes: none, at least one (experiments a, b, c and 2 more)",
                "require.logs: none, at least one (experiment a)",
                "it closes",
            ]
        );
        assert_eq!(told(1)[2], "require.logs: none, at least one");
    }
}
