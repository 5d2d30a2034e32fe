//! The reading of a large policy, and the judgement of a large suite by it.

use std::fmt::Write as _;
use std::time::Duration;

use faultgate_config::EngineKind;
use faultgate_core::model::{ActionFacts, TemplateFacts};
use faultgate_policy::{ExperimentFacts, Fact, LaunchFacts, Policy, judge};
use jiff::Timestamp;
use tokio::time::Instant;

/// Number of rules of the policy: patterns of actions that are denied.
const RULES: usize = 200;
/// Number of experiments of the suite.
const EXPERIMENTS: usize = 500;

/// Returns the time of one reading and judgement.
pub(crate) fn judge_large_suite() -> Duration {
    let mut text = String::from("version: 1\ndeny:\n  actions:\n");
    for number in 0..RULES {
        let _ = writeln!(text, "    - 'aws:service-{number}:*'");
    }
    let actions = ["aws:ecs:task-network-latency", "aws:ssm:send-command"].map(|id| ActionFacts {
        name: id.rsplit(':').next().unwrap_or_default().to_owned(),
        id: id.to_owned(),
        ..ActionFacts::default()
    });
    let experiment = |number: usize| ExperimentFacts {
        name: format!("experiment-{number}"),
        engine: EngineKind::Fis,
        account: Fact::Known("111122223333".to_owned()),
        region: Fact::Known("eu-west-1".to_owned()),
        template_id: Fact::Known(format!("EXT{number}")),
        target_accounts: Fact::NotAsked,
        timeout: Duration::from_mins(30),
        probes: 1,
        template: Fact::Known(TemplateFacts { actions: actions.to_vec(), ..TemplateFacts::default() }),
        targets: Fact::NotAsked,
    };
    let experiments: Vec<_> = (0..EXPERIMENTS).map(experiment).collect();
    let run = LaunchFacts {
        experiments: Fact::Known(EXPERIMENTS),
        parallel: 1,
        moment: Fact::Known(Timestamp::now()),
    };
    let begun = Instant::now();
    let policy = Policy::parse("policy.yml", &text).expect("a policy");
    let ruling = judge(&[policy], &run, &experiments);
    let took = begun.elapsed();
    assert!(ruling.broken.is_empty(), "{ruling:?}");
    took
}
