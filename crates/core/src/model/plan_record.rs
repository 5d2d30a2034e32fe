//! The record of a suite in a result, by which the parts of one suite are told from those of another.

use serde::{Deserialize, Serialize};

use super::{ExperimentPlace, ExperimentPlan, InjectionRule, ProbePlan, Score};
use crate::digest;

/// The record of the whole suite that a run carries out, in full or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Digest of everything that the suite's verdict depends on. Equal digests mean the same suite.
    pub digest: String,
    /// Names of all experiments, in their order.
    pub experiments: Vec<String>,
}

impl PlanRecord {
    /// Makes the record of a suite with these experiments; `expected`, `each` and `injection` are the run's
    /// settings.
    pub fn of(
        experiments: &[ExperimentPlan],
        expected: Score,
        each: Option<Score>,
        injection: InjectionRule,
    ) -> Self {
        let mut parts = vec![
            expected.to_string(),
            each.map(|each| each.to_string()).unwrap_or_default(),
            injection.accepts_nothing.to_string(),
            injection.requires_all.to_string(),
        ];
        for experiment in experiments {
            parts.extend(meaning(experiment));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Self {
            digest: digest::of_parts(&parts),
            experiments: experiments.iter().map(|experiment| experiment.name.clone()).collect(),
        }
    }
}

/// Returns the digest of what a suite says of one experiment.
pub(super) fn digest_of(experiment: &ExperimentPlan) -> String {
    let parts = meaning(experiment);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    digest::of_parts(&parts)
}

/// Returns the texts that an experiment's verdict depends on. Values of variables are not among them: they
/// may be secrets, and the digest of a short secret gives it away.
fn meaning(experiment: &ExperimentPlan) -> Vec<String> {
    let place = ExperimentPlace::of(&experiment.spec, None);
    let floor = experiment.expected.map(|floor| floor.to_string());
    let mut parts = vec![
        experiment.name.clone(),
        serde_json::to_string(&place).unwrap_or_default(),
        experiment.weight.to_string(),
        floor.unwrap_or_default(),
        // The number keeps the probes of one experiment apart from the texts of the next one.
        experiment.probes.len().to_string(),
    ];
    parts.extend(experiment.probes.iter().flat_map(meaning_of_probe));
    parts
}

fn meaning_of_probe(probe: &ProbePlan) -> [String; 4] {
    [
        probe.name.clone(),
        probe.check.kind().as_str().to_owned(),
        probe.weight.to_string(),
        serde_json::to_string(&probe.when).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::model::{Check, CommandLine, CommandSpec, EngineSpec, Phase};

    fn probe(url: &str) -> ProbePlan {
        ProbePlan {
            name: "answers".to_owned(),
            check: Check::Tcp { address: url.to_owned(), within: Duration::ZERO },
            when: vec![Phase::During],
            every: Duration::ZERO,
            weight: 10,
            recovers_within: None,
            aborts_after: None,
        }
    }

    fn suite() -> Vec<ExperimentPlan> {
        let fis = EngineSpec::Fis { template: "EXT1".to_owned(), region: None, role_arn: None };
        let command = CommandSpec {
            run: CommandLine {
                args: vec!["kill".to_owned(), "s3cr3t".to_owned()],
                shown: "kill ${X}".to_owned(),
            },
            stop: None,
            dir: None,
            env: BTreeMap::from([("KEY".to_owned(), "s3cr3t".to_owned())]),
            journal: None,
            expected_exit_code: 0,
            duration: Duration::ZERO,
            stop_within: Duration::ZERO,
            proof: None,
        };
        let experiment = |name: &str, spec| ExperimentPlan {
            name: name.to_owned(),
            spec,
            weight: 10,
            timeout: Duration::ZERO,
            queue_timeout: Duration::ZERO,
            expected: None,
            probes: vec![probe("db:1")],
        };
        vec![experiment("az", fis), experiment("kill", EngineSpec::Command(command))]
    }

    fn record(experiments: &[ExperimentPlan]) -> PlanRecord {
        PlanRecord::of(experiments, Score::FULL, None, InjectionRule::default())
    }

    #[test]
    fn whatever_the_verdict_depends_on_makes_another_digest() {
        type Change = fn(&mut Vec<ExperimentPlan>);
        let plain = record(&suite());
        assert_eq!(plain, record(&suite()));
        assert_eq!(plain.experiments, ["az", "kill"]);
        let changes: [Change; 8] = [
            |all| all.swap(0, 1),
            |all| drop(all.pop()),
            |all| all[0].name.push('2'),
            |all| all[0].weight = 11,
            |all| all[1].expected = Some(Score::ZERO),
            |all| all[0].spec = EngineSpec::Fis { template: "EXT2".to_owned(), region: None, role_arn: None },
            |all| all[0].probes.clear(),
            |all| all[0].probes[0].weight = 0,
        ];
        let mut digests = vec![plain.digest];
        for change in changes {
            let mut other = suite();
            change(&mut other);
            digests.push(record(&other).digest);
        }
        let (plain, each) = (InjectionRule::default(), Some(Score::ZERO));
        let accepting = InjectionRule { accepts_nothing: true, ..plain };
        let requiring = InjectionRule { requires_all: true, ..plain };
        for (expected, each, injection) in [
            (Score::ZERO, None, plain),
            (Score::FULL, each, plain),
            (Score::FULL, None, accepting),
            (Score::FULL, None, requiring),
        ] {
            digests.push(PlanRecord::of(&suite(), expected, each, injection).digest);
        }
        let count = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    /// Values that are not part of the digest cannot be guessed from it.
    #[test]
    fn what_variables_hold_does_not_change_the_digest() {
        let mut other = suite();
        other[0].probes = vec![probe("elsewhere:2")];
        if let EngineSpec::Command(command) = &mut other[1].spec {
            command.run.args[1] = "another".to_owned();
            command.env.clear();
        }
        assert_eq!(record(&suite()), record(&other));
    }
}
