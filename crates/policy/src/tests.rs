//! Tests of policies: laws that hold for every policy, and the mistakes that are told.

mod judging;
mod mistakes;
mod naive;
mod properties;
mod random;
mod schema;
mod windows;

use faultgate_config::EngineKind;
use faultgate_core::mistake::Mistake;
use jiff::Timestamp;

use super::*;

/// The example of the contract.
const WHOLE: &str = r#"version: 1
allow: { engines: [fis, command], accounts: ["111122223333"], regions: [eu-west-1], templates: ["EXT*"] }
deny: { actions: ["aws:rds:*", "aws:network:disrupt-connectivity"] }
require: { stop-condition: true, probes: true, logs: true, tags: { environment: staging } }
limits: { targets: 10, duration: 30m, parallel: 2, experiments: 20, alone: true }
windows:
  - { allow: "mon-thu 09:00-16:00", zone: Europe/Berlin }
  - { deny: "2026-12-20..2027-01-05" }
"#;

fn policy(text: &str) -> Policy {
    Policy::parse("p.yml", text).unwrap_or_else(|mistakes| panic!("{text}\n{}", lines(&mistakes)))
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect::<Vec<_>>().concat()
}

fn at(moment: &str) -> Timestamp {
    moment.parse().unwrap()
}

fn action(name: &str, id: &str, duration: &str, start_after: &[&str]) -> ActionFacts {
    ActionFacts {
        name: name.to_owned(),
        id: id.to_owned(),
        parameters: [("duration".to_owned(), duration.to_owned())].into(),
        start_after: start_after.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A run that the example of the contract allows.
fn run() -> LaunchFacts {
    // A Wednesday, at noon in Berlin.
    LaunchFacts { experiments: Fact::Known(3), parallel: 2, moment: Fact::Known(at("2026-11-25T11:00:00Z")) }
}

/// An experiment that the example of the contract allows.
fn experiment() -> ExperimentFacts {
    ExperimentFacts {
        name: "checkout".to_owned(),
        engine: EngineKind::Fis,
        account: Fact::Known("111122223333".to_owned()),
        region: Fact::Known("eu-west-1".to_owned()),
        template_id: Fact::Known("EXT1a2b3c".to_owned()),
        target_accounts: Fact::Known(Vec::new()),
        timeout: std::time::Duration::from_secs(1800),
        probes: 1,
        template: Fact::Known(TemplateFacts {
            actions: vec![action("stop", "aws:ec2:stop-instances", "PT5M", &[])],
            stop_alarms: 1,
            has_logs: true,
            tags: [("environment".to_owned(), "staging".to_owned())].into(),
        }),
        targets: Fact::Known(10),
    }
}

/// The template of the experiment above, to be changed.
fn template(experiment: &mut ExperimentFacts) -> &mut TemplateFacts {
    match &mut experiment.template {
        Fact::Known(template) => template,
        other => panic!("{other:?}"),
    }
}

fn broken(policy: &Policy, run: &LaunchFacts, experiment: &ExperimentFacts) -> Vec<String> {
    let ruling = judge(std::slice::from_ref(policy), run, std::slice::from_ref(experiment));
    ruling.broken.iter().map(ToString::to_string).collect()
}
