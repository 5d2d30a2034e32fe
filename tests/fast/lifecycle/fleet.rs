//! Runs over several accounts at their limits: quotas that others use too, and requests that are throttled.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use faultgate::lifecycle::{Cancel, Equipment, Lifecycle};
use faultgate_core::clock::Clock;
use faultgate_core::model::{ExperimentPlan, Plan, RunResult, Verdict};
use faultgate_engines::Engine;
use faultgate_engines::fis::{FisEngine, FisSettings};
use faultgate_rehearsal::{Scenario, TEMPLATE_ID, World, key_of};
use faultgate_testkit::lives::QUICK;
use faultgate_testkit::paused::player::{inputs, sdk, settings};
use faultgate_testkit::plans;
use proptest::prelude::*;

/// A run over accounts, and their limits.
#[derive(Debug, Clone)]
struct Fleet {
    accounts: usize,
    experiments: usize,
    parallel: usize,
    max_active: usize,
    /// The quota of FIS in each account.
    quota: Option<usize>,
    /// Number of experiments that others begin in the first account, which end by themselves.
    others: usize,
    /// Requests a second that each account grants, by operation.
    rates: Vec<(&'static str, u32)>,
    seed: u64,
}

fn account(number: usize) -> String {
    if number == 0 { faultgate_rehearsal::ACCOUNT.to_owned() } else { format!("{number:012}") }
}

/// Returns the engine of one of the accounts.
fn engine(world: &World, plan: &Plan, number: usize, clock: Clock, cancel: &Cancel) -> Rc<dyn Engine> {
    let keys = Credentials::new(key_of(&account(number)), "not-a-secret", None, None, "test");
    let provider = SharedCredentialsProvider::new(keys);
    let sdk = sdk(world).to_builder().credentials_provider(provider).build();
    let subscription = format!("faultgate-fleet-{number}");
    let settings = FisSettings { subscription, ..settings(plan, &plans::identity("fleet")) };
    Rc::new(FisEngine::new(&sdk, settings, clock, cancel.token().clone()))
}

fn play(fleet: &Fleet) -> (RunResult, World) {
    fastrand::seed(fleet.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(run(fleet))
}

async fn run(fleet: &Fleet) -> (RunResult, World) {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").unwrap(), clock);
    world.limit_active(fleet.quota);
    for (operation, rate) in &fleet.rates {
        world.throttle(operation, *rate);
    }
    let template = |number: usize| format!("EXT{number}");
    let experiments: Vec<ExperimentPlan> = (0..fleet.experiments)
        .map(|number| {
            world.script(&template(number), QUICK);
            let experiment = plans::experiment(&format!("e{number}"), plans::fis(&template(number)));
            ExperimentPlan { queue_timeout: Duration::from_hours(6), ..experiment }
        })
        .collect();
    world.script(TEMPLATE_ID, QUICK);
    for _ in 0..fleet.others {
        world.start_foreign(QUICK, BTreeMap::new());
    }
    let Fleet { parallel, max_active, .. } = *fleet;
    let plan = Plan { parallel, max_active, ..plans::plan(experiments) };
    let (cancel, identity) = (Cancel::new(), plans::identity("fleet"));
    let engines: Vec<_> =
        (0..fleet.accounts).map(|number| engine(&world, &plan, number, clock, &cancel)).collect();
    let equip =
        |number: usize| Equipment { engine: engines[number % engines.len()].clone(), evaluators: Vec::new() };
    let lifecycle =
        Lifecycle::new(inputs(&plan, &identity, clock, &cancel), (0..fleet.experiments).map(equip).collect())
            .unwrap();
    let result = lifecycle.run().await;
    drop(lifecycle);
    (result, world)
}

/// Asserts that all have ended and passed, each launched once, and that no limit was passed.
fn hold(fleet: &Fleet, result: &RunResult, world: &World) {
    assert_eq!(result.gate.verdict, Verdict::Passed, "{:#?}", result.gate);
    let there = world.inventory();
    assert!(there.rules.is_empty() && there.queues.is_empty(), "{there:#?}");
    let own: Vec<_> = there
        .experiments
        .iter()
        .filter(|experiment| experiment.tags.contains_key("faultgate:run-id"))
        .collect();
    assert_eq!(own.len(), fleet.experiments);
    let tokens: BTreeSet<_> = own.iter().map(|experiment| &experiment.client_token).collect();
    assert_eq!(tokens.len(), fleet.experiments);
    assert!(own.iter().all(|experiment| experiment.status == "completed"), "{own:#?}");
    let accounts: BTreeSet<_> = own.iter().map(|experiment| experiment.account.clone()).collect();
    assert_eq!(accounts, (0..fleet.accounts.min(fleet.experiments)).map(account).collect());
    let most = fleet.quota.unwrap_or(usize::MAX).min(fleet.max_active + fleet.others);
    assert!(there.most_active <= most, "{} at once, {most} allowed", there.most_active);
}

#[test]
fn hundreds_of_templates_are_read_at_ten_a_second_each_once() {
    let fleet = Fleet {
        accounts: 1,
        experiments: 300,
        parallel: 50,
        max_active: 50,
        quota: None,
        others: 0,
        rates: vec![("GetExperimentTemplate", 10), ("ListExperimentResolvedTargets", 10)],
        seed: 7,
    };
    let (result, world) = play(&fleet);
    hold(&fleet, &result, &world);
    let reads = world.requests().into_iter().filter(|request| request.operation == "GetExperimentTemplate");
    let (granted, throttled): (Vec<_>, Vec<_>) = reads.partition(|request| request.status == Some(200));
    assert_eq!(granted.len(), 300, "each is read once");
    assert!(throttled.len() < 100, "{} were in vain", throttled.len());
    let took = granted[299].at.duration_since(granted[0].at);
    assert!(took.as_secs() < 60, "{took} for what takes at least 29 s");
    assert!(result.experiments.iter().all(|experiment| !experiment.targets.is_empty()));
}

#[test]
fn launches_that_are_throttled_come_through() {
    let fleet = Fleet {
        accounts: 2,
        experiments: 120,
        parallel: 120,
        max_active: 60,
        quota: None,
        others: 0,
        rates: vec![("StartExperiment", 1)],
        seed: 7,
    };
    let (result, world) = play(&fleet);
    hold(&fleet, &result, &world);
}

fn fleets() -> impl Strategy<Value = Fleet> {
    let rate = |operation: &'static str| prop::option::of((Just(operation), 1..20_u32));
    (
        (1..4_usize, 1..16_usize, 1..16_usize, 1..8_usize),
        prop::option::of(1..6_usize),
        0..4_usize,
        (
            rate("GetExperimentTemplate"),
            rate("StartExperiment"),
            rate("GetExperiment"),
            rate("ListExperimentResolvedTargets"),
        ),
        any::<u64>(),
    )
        .prop_map(|((accounts, experiments, parallel, max_active), quota, others, rates, seed)| Fleet {
            accounts,
            experiments,
            parallel,
            max_active,
            quota,
            others: others.min(quota.unwrap_or(usize::MAX)),
            rates: [rates.0, rates.1, rates.2, rates.3].into_iter().flatten().collect(),
            seed,
        })
}

proptest! {
    // A case has many experiments, so an eighth of the usual number takes as long.
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 200,
        cases: ProptestConfig::default().cases.div_ceil(8),
        ..ProptestConfig::default()
    })]

    #[test]
    fn never_more_than_the_quota_are_active_and_all_end(fleet in fleets()) {
        let (result, world) = play(&fleet);
        hold(&fleet, &result, &world);
    }
}
