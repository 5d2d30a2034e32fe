//! An outage of the network for a whole minute, at each moment of a run.

use std::rc::Rc;
use std::time::Duration;

use faultgate::lifecycle::{Cancel, Equipment, Lifecycle};
use faultgate_core::clock::Clock;
use faultgate_core::model::{RunResult, Verdict};
use faultgate_rehearsal::{
    Beat, FaultEffect, FaultRule, Inventory, Scenario, Step, TEMPLATE_ID, Which, World,
};
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::player::{engine, inputs, plan};
use faultgate_testkit::plans::identity;

const MINUTE: Duration = Duration::from_mins(1);
/// The two kinds of outage: requests are refused, or never answered.
const EFFECTS: [FaultEffect; 2] = [FaultEffect::LoseRequest, FaultEffect::Hang];

/// Returns the life of an experiment that runs for this long, or for ever without a time.
fn lasting(runs: Option<Duration>) -> Vec<Beat> {
    let beat = |after, step| Beat { after, step };
    let mut beats =
        vec![beat(Duration::from_secs(1), Step::Experiment { status: "running", reason: "It runs." })];
    if let Some(runs) = runs {
        let status = "completed";
        beats.push(beat(Duration::ZERO, Step::Actions { which: Which::All, status, reason: "Done." }));
        beats.push(beat(runs, Step::Experiment { status, reason: "It has completed." }));
    }
    beats
}

/// Plays a run whose network is gone for a minute from `from` on.
async fn play(
    runs: Option<Duration>,
    timeout: Duration,
    from: Duration,
    effect: FaultEffect,
) -> (RunResult, World) {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").expect("it is there"), clock);
    world.script(TEMPLATE_ID, lasting(runs));
    let (mut plan, identity, cancel) =
        (plan(&Chaos::with_faults(Vec::new())), identity("chaos"), Cancel::new());
    plan.experiments[0].timeout = timeout;
    let engine = engine(&world, &plan, &identity, clock, &cancel);
    let equipment = vec![Equipment { engine: Rc::new(engine), evaluators: Vec::new() }];
    let lifecycle =
        Lifecycle::new(inputs(&plan, &identity, clock, &cancel), equipment).expect("it fits the plan");
    let outage = async {
        tokio::time::sleep(from).await;
        world.inject(FaultRule::on("*", effect));
        tokio::time::sleep(MINUTE).await;
        world.heal();
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = lifecycle.run() => result,
        () = outage => unreachable!("it never ends"),
    };
    (result, world)
}

/// Returns what is left and not named by the result.
fn untold(result: &RunResult, left: &Inventory) -> Vec<String> {
    let named: String = result.subscriptions.iter().flat_map(|one| one.leftovers.clone()).collect();
    let rules = left.rules.iter().map(|rule| &rule.name);
    let queues = left.queues.iter().map(|queue| &queue.name);
    let reason = &result.experiments[0].reason;
    let going_on = left.experiments.iter().filter(|one| one.status == "running").map(|one| &one.id);
    let told = reason.contains("NOT confirmed") || reason.contains("check by hand");
    let going_on = going_on.filter(|_| !told);
    rules.chain(queues).filter(|name| !named.contains(*name)).chain(going_on).cloned().collect()
}

/// The experiment is followed again when the network is back, whether it has ended meanwhile or goes on.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_watching_outlives_it() {
    for effect in EFFECTS {
        for seconds in [20, 50, 90, 200] {
            let runs = Some(Duration::from_secs(seconds));
            let from = Duration::from_secs(10);
            let (result, world) = play(runs, Duration::from_mins(10), from, effect.clone()).await;
            let context = format!("{effect:?}, {seconds} s: {:?}", result.gate.reasons);
            assert_eq!(result.gate.verdict, Verdict::Passed, "{context}");
            let left = world.inventory();
            assert!(left.rules.is_empty() && left.queues.is_empty(), "{context}");
        }
    }
}

/// The stop is asked for until the request is heard, even if the whole minute is still to come. The end is
/// confirmed by then, or said not to be.
#[tokio::test(start_paused = true)]
async fn a_timeout_in_it_stops_the_experiment_as_soon_as_it_is_over() {
    let timeout = 30;
    for effect in EFFECTS {
        for before in 0..5 {
            let (from, timeout) = (Duration::from_secs(timeout - before), Duration::from_secs(timeout));
            let (result, world) = play(None, timeout, from, effect.clone()).await;
            let context = format!("{effect:?}, {before} s before: {:?}", result.gate.reasons);
            assert_eq!(result.gate.verdict, Verdict::TimedOut, "{context}");
            let stop = result.experiments[0].stop.as_ref().expect("it was stopped");
            assert!(stop.accepted, "{context}");
            let left = world.inventory();
            assert!(left.rules.is_empty() && left.queues.is_empty(), "{context}");
            assert_eq!(left.experiments[0].status, "stopped", "{context}");
        }
    }
}

/// The outage begins before the launch, at it, at the end or after it: all of a run takes 12 s here, so each
/// moment comes up.
#[tokio::test(start_paused = true)]
async fn whenever_it_comes_nothing_is_left_untold_and_nothing_passes_that_did_not_complete() {
    for effect in EFFECTS {
        for runs in [Some(Duration::from_secs(10)), None] {
            for seconds in 0..15 {
                let from = Duration::from_secs(seconds);
                let (result, world) = play(runs, Duration::from_secs(12), from, effect.clone()).await;
                let left = world.inventory();
                let context = format!("{effect:?}, {runs:?}, {from:?}: {result:#?}");
                assert_eq!(untold(&result, &left), [""; 0], "{context}");
                if result.gate.verdict == Verdict::Passed {
                    assert_eq!(left.experiments[0].status, "completed", "false green: {context}");
                }
                assert!(left.experiments.len() <= 1, "{context}");
            }
        }
    }
}
