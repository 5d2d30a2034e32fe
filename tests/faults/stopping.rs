//! The command `faultgate stop` after a run that was killed: it exits with 0 only if nothing is left.

use std::rc::Rc;

use faultgate::lifecycle::{Cancel, Equipment, Lifecycle, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::RunState;
use faultgate_rehearsal::{FaultEffect, FaultRule, Snapshot, World};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::invariants::{self, There};
use faultgate_testkit::lives::ENDLESS;
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::noted::Noted;
use faultgate_testkit::paused::player;
use faultgate_testkit::plans;

use crate::matrix::{LONGEST, Matrix};

/// Abandons a run as soon as `seen` holds, and returns its state.
async fn abandoned(world: &World, seen: impl Fn(&Snapshot) -> bool) -> RunState {
    let (clock, cancel) = (Clock::start(), Cancel::new());
    let (plan, identity) = (player::plan(&Chaos::with_faults(Vec::new())), plans::identity("chaos"));
    let noted = Noted::of(&identity, &plan, clock.started_at());
    let engine = Rc::new(player::engine(world, &plan, &identity, clock, &cancel));
    let inputs = RunInputs {
        plan: &plan,
        run: &identity,
        rehearsal: None,
        journal: &noted,
        clock,
        cancel: &cancel,
        publish: &|_| {},
    };
    let equipment = vec![Equipment { engine, evaluators: Vec::new() }];
    let lifecycle = Lifecycle::new(inputs, equipment).expect("it fits the plan");
    tokio::select! {
        result = lifecycle.run() => panic!("it has ended: {result:?}"),
        () = world.until(seen) => {}
    }
    drop(lifecycle);
    noted.state()
}

fn runs(seen: &Snapshot) -> bool {
    seen.inventory.experiments.iter().any(|own| own.status == "running")
}

fn both_are_there(seen: &Snapshot) -> bool {
    !seen.inventory.queues.is_empty() && !seen.inventory.rules.is_empty()
}

async fn play(before: Vec<FaultRule>, seen: fn(&Snapshot) -> bool, fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(ENDLESS).await;
    for before in before {
        account.world.inject(before);
    }
    let state = serde_json::to_string(&abandoned(&account.world, seen).await).unwrap();
    account.world.heal();
    if let Some(fault) = fault {
        account.world.inject(fault);
    }
    let asked_before = account.world.requests().len();
    let stop = account.faultgate(&["stop"]).folder("reports").file("reports/state.json", &state).spawn();
    let stop = stop.ended_within(LONGEST).await;
    let requests = account.world.requests().split_off(asked_before);
    let there = There::in_account(&account.world.snapshot(), true);
    let after: RunState = serde_json::from_str(&stop.read("reports/state.json")).unwrap();
    invariants::stop_tells(stop.code, &stop.stdout, &after, &there);
    account.world.heal();
    let again = account.faultgate(&["stop"]).after(stop).finish().await;
    again.assert_code(0, "everything is answered");
    account.assert_nothing_left(&again.stdout);
    requests.into_iter().map(|request| request.operation).collect()
}

#[tokio::test]
async fn a_stop_says_that_nothing_is_left_only_where_nothing_is() {
    // The SDK has one retry budget for all clients of a process, so whether a request is sent again depends
    // on the other runs here. The preset faults therefore have no number of times, and each set ends with a
    // request that hangs: the run cannot go past the moment at which it is abandoned.
    let lost_launch = || {
        let of = FaultRule::on;
        vec![of("StartExperiment", FaultEffect::LoseAnswer), of("ListExperiments", FaultEffect::Hang)]
    };
    let lost_queue = || {
        let of = FaultRule::on;
        let removal = [of("RemoveTargets", FaultEffect::Hang), of("GetQueueUrl", FaultEffect::Hang)];
        [vec![of("CreateQueue", FaultEffect::LoseAnswer)], removal.to_vec()].concat()
    };
    let matrix = Matrix::usual();
    tokio::join!(
        matrix.run("stop of what runs", |fault| play(Vec::new(), runs, fault)),
        matrix.run("stop of a lost launch", |fault| play(lost_launch(), runs, fault)),
        matrix.run("stop of a lost queue", |fault| play(lost_queue(), both_are_there, fault)),
    );
}
