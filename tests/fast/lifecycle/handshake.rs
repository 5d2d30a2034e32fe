//! Subscriptions that do not prove themselves: the missing part is named, and nothing is launched or left
//! behind.

use std::future::Future;
use std::time::Duration;

use faultgate::lifecycle::Cancel;
use faultgate_core::clock::Clock;
use faultgate_engines::{Channel, Engine, EngineFailure, FailureKind};
use faultgate_rehearsal::{EventFaults, FaultEffect, FaultRule, Scenario, World};
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::player::{engine, plan, sdk};
use faultgate_testkit::plans::identity;

const NAME: &str = "faultgate-chaos";

/// Opens a subscription while somebody tampers with it, so that no handshake arrives. Returns the failure,
/// and the time that it took.
async fn refused<F: Future<Output = ()>>(tamper: impl FnOnce(World) -> F) -> (EngineFailure, Duration) {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").expect("it is there"), clock);
    world.set_event_faults(EventFaults { lose_custom: u32::MAX, ..EventFaults::NONE });
    let (plan, identity, cancel) = (plan(&Chaos::with_faults(Vec::new())), identity("chaos"), Cancel::new());
    let engine = engine(&world, &plan, &identity, clock, &cancel);
    engine.check(&[&plan.experiments[0]]).await;
    let (opened, ()) = tokio::join!(engine.open(), tamper(world.clone()));
    let took = clock.elapsed();
    engine.close(Duration::from_secs(30)).await;
    let left = world.inventory();
    assert!(left.rules.is_empty() && left.queues.is_empty(), "{left:#?}");
    assert_eq!(world.snapshot().count("StartExperiment"), 0);
    (opened.expect_err("no handshake came"), took)
}

/// Waits until the subscription is complete and the handshake is sent.
async fn joined(world: &World) {
    world.until(|now| now.count("PutEvents") > 0).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_missing_is_said_too_and_the_limit_is_a_minute() {
    let (failure, took) = refused(|_| async {}).await;
    assert!(failure.why.contains("are in place"), "{failure}");
    assert!((60..62).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_without_a_target_is_named() {
    let (failure, _) = refused(|world| async move {
        joined(&world).await;
        let events = aws_sdk_eventbridge::Client::new(&sdk(&world));
        events.remove_targets().rule(NAME).ids("queue").send().await.expect("removed");
    })
    .await;
    assert!(failure.why.contains("has no target"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_gone_is_named() {
    let (failure, _) = refused(|world| async move {
        joined(&world).await;
        let events = aws_sdk_eventbridge::Client::new(&sdk(&world));
        events.remove_targets().rule(NAME).ids("queue").send().await.expect("removed");
        events.delete_rule().name(NAME).send().await.expect("deleted");
    })
    .await;
    assert!(failure.why.contains("the rule faultgate-chaos is gone"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_read_is_named() {
    let (failure, _) = refused(|world| async move {
        world.inject(FaultRule::on("ReceiveMessage", FaultEffect::denied("sqs:ReceiveMessage")));
    })
    .await;
    assert!(failure.why.contains("the queue cannot be read"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_takes_no_handshake_ends_it_at_once_with_the_statement_to_add() {
    let (failure, took) = refused(|world| async move {
        world.inject(FaultRule::on("PutEvents", FaultEffect::denied("events:PutEvents")));
    })
    .await;
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(failure.remedy.is_some_and(|remedy| remedy.contains("events:PutEvents")));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
