//! One run of a plan in an embedded world, on a paused clock.

use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use faultgate::lifecycle::{Cancel, Equipment, Guard, Lifecycle, RunInputs, Unguarded};
use faultgate_core::clock::Clock;
use faultgate_core::model::{Plan, RunResult};
use faultgate_engines::fis::FisEngine;
use faultgate_engines::probe::{Evaluate, Evaluation};
use faultgate_engines::{Engine, Unnoted};
use faultgate_rehearsal::{WireAnswer, World};

use crate::plans::identity;

/// An evaluator that asks the system in which the fault is.
pub struct SufferingUser(pub World);

#[async_trait]
impl Evaluate for SufferingUser {
    async fn evaluate(&self) -> Evaluation {
        let request = http::Request::get("/target/checkout").body(Bytes::new()).expect("a request");
        let passed = match self.0.handle(request).await {
            WireAnswer::Reply(answer) => answer.status().is_success(),
            _ => false,
        };
        Evaluation { passed, latency: None, reason: (!passed).then(|| "it suffers".to_owned()) }
    }
}

/// Runs a plan of one experiment. The disturbance goes on until the run has ended.
pub async fn run(
    plan: &Plan,
    world: &World,
    clock: Clock,
    engine: impl FnOnce(&Cancel) -> FisEngine,
    disturb: impl Future<Output = ()>,
) -> RunResult {
    run_guarded(plan, world, clock, &Unguarded, engine, disturb).await
}

/// Runs a plan of one experiment under a guard, as [`run`] does without one.
pub async fn run_guarded(
    plan: &Plan,
    world: &World,
    clock: Clock,
    guard: &dyn Guard,
    engine: impl FnOnce(&Cancel) -> FisEngine,
    disturb: impl Future<Output = ()>,
) -> RunResult {
    let (identity, cancel) = (identity("chaos"), Cancel::new());
    let engine: Rc<dyn Engine> = Rc::new(engine(&cancel));
    let user = || -> Arc<dyn Evaluate> { Arc::new(SufferingUser(world.clone())) };
    let evaluators = plan.experiments[0].probes.iter().map(|_| user()).collect();
    let inputs = RunInputs {
        plan,
        run: &identity,
        rehearsal: None,
        journal: &Unnoted,
        clock,
        cancel: &cancel,
        publish: &|_| {},
    };
    let lifecycle = Lifecycle::new(inputs, vec![Equipment { engine, evaluators }])
        .expect("it fits the plan")
        .guarded_by(guard);
    let disturb = async {
        disturb.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = lifecycle.run() => result,
        () = disturb => unreachable!("it never ends"),
    }
}
