//! The player of schedules: it runs the product's lifecycle and engine in an embedded world, on a paused clock.

use std::time::Duration;

use async_trait::async_trait;
use faultgate::lifecycle::{Cancel, Equipment, Guard, Lifecycle, Outlook, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::{ExperimentPlan, Finding, Monitor, Plan, RunIdentity, RunResult, RunState};
use faultgate_engines::alarms::AlarmFeed;
use faultgate_engines::fis::{EventQueue, FisEngine, FisSettings, RegionTurns, RunStep};
use faultgate_engines::{Engine, Unnoted};
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{Beat, Scenario, Snapshot, Step, TEMPLATE_ID, Which, World, http_client};
use serde_json::json;

use super::chaos::{Chaos, ChaosLife};
use super::noted::Noted;
use super::queue;
use crate::plans;
use std::rc::Rc;

/// A time that is longer than any run may take, by the clock of the test.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// Number of the kinds of events that nobody asked for.
pub(super) const NOISE_KINDS: usize = 4;

/// The outcome of a schedule.
pub struct PlayedChaos {
    pub result: RunResult,
    pub world: Snapshot,
    /// The state that a state file would hold.
    pub noted: RunState,
    pub took: Duration,
    /// The time from the signal, if one came before the end, to the end.
    pub after_signal: Option<Duration>,
}

/// Returns an event that nobody asked for.
fn noise(kind: usize) -> serde_json::Value {
    let fis = |detail: serde_json::Value| json!({"source": "aws.fis", "detail-type": "FIS Experiment State Change", "detail": detail});
    match kind {
        // The event is of another run of the same template.
        0 => fis(json!({"experiment-id": "EXPsomebodyelse", "experiment-template-id": TEMPLATE_ID,
                        "new-state": {"status": "completed"}})),
        1 => fis(json!({"experiment-template-id": TEMPLATE_ID, "new-state": "completed"})),
        2 => fis(json!({"experiment-id": 7, "experiment-template-id": TEMPLATE_ID})),
        _ => {
            json!({"source": "faultgate.handshake", "detail-type": "Faultgate Handshake", "detail": {"nonce": "other"}})
        }
    }
}

fn template(index: usize) -> String {
    if index == 0 { TEMPLATE_ID.to_owned() } else { format!("EXT{index}") }
}

fn beats(life: ChaosLife, pace: Duration) -> Vec<Beat> {
    let beat = |step| Beat { after: pace, step };
    let state = |status| beat(Step::Experiment { status, reason: "chaos" });
    let actions = |status| beat(Step::Actions { which: Which::All, status, reason: "chaos" });
    let begun = [state("initiating"), state("running"), actions("running")];
    let then = |rest: &[Beat]| begun.iter().chain(rest).copied().collect();
    match life {
        ChaosLife::Completes | ChaosLife::CompletesWithoutTargets => {
            then(&[actions("completed"), state("completed")])
        }
        ChaosLife::AlarmFires => then(&[beat(Step::Alarm { name: "rehearsal-steady", state: "ALARM" })]),
        ChaosLife::Fails => {
            then(&[beat(Step::Failed { code: "InvalidTarget", location: "latency", reason: "chaos" })])
        }
        ChaosLife::Cancelled => vec![state("cancelled")],
        ChaosLife::LeverEngaged => then(&[beat(Step::Lever { engaged: true })]),
        ChaosLife::NeverEnds => begun.to_vec(),
        ChaosLife::StaysPending => Vec::new(),
        ChaosLife::EndsInAnUnknownWord => then(&[actions("completed"), state("dissolved")]),
    }
}

/// A guard that lets experiments be launched for some time.
struct Windows {
    clock: Clock,
    closed_after: Option<Duration>,
}

#[async_trait(?Send)]
impl Guard for Windows {
    async fn judge(&self, _: &Plan, _: &[(&ExperimentPlan, &dyn Engine)], _: Outlook<'_>) -> Vec<Finding> {
        Vec::new()
    }

    fn why_closed(&self) -> Option<String> {
        let is_closed = self.closed_after.is_some_and(|after| self.clock.elapsed() >= after);
        is_closed.then(|| "the windows are closed".to_owned())
    }
}

/// Plays a schedule to its end, on a clock of its own that only moves when everybody waits.
pub fn play(chaos: &Chaos) -> PlayedChaos {
    fastrand::seed(chaos.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(FOREVER, run(chaos)).await.expect("the run ends") })
}

async fn run(chaos: &Chaos) -> PlayedChaos {
    let clock = Clock::start();
    // Targets resolve in the whole world or nowhere in it.
    let without_targets = chaos.lives.contains(&ChaosLife::CompletesWithoutTargets);
    let scenario = if without_targets { "nothing-injected" } else { "completed" };
    let world = World::new(Scenario::find(scenario).expect("a scenario"), clock);
    for (index, life) in chaos.lives.iter().enumerate() {
        world.script(&template(index), beats(*life, chaos.pace));
    }
    world.set_event_faults(chaos.events.clone());
    let event_queue_url = match chaos.monitor {
        Monitor::Queue => Some(queue::of_the_users(&world).await),
        _ => None,
    };
    for fault in &chaos.faults {
        world.inject(fault.clone());
    }

    let identity = plans::identity("chaos");
    let plan = Plan { event_queue_url, ..plan(chaos) };
    let cancel = Cancel::new();
    let noted = Noted::of(&identity, &plan, clock.started_at());
    let engine: Rc<dyn Engine> = Rc::new(engine(&world, &plan, &identity, clock, &cancel));
    let equipment = vec![Equipment { engine, evaluators: Vec::new() }; plan.experiments.len()];
    let inputs = RunInputs { journal: &noted, ..inputs(&plan, &identity, clock, &cancel) };
    let windows = Windows { clock, closed_after: chaos.closes_after };
    let lifecycle = Lifecycle::new(inputs, equipment).expect("it fits the plan").guarded_by(&windows);
    let disturb = async {
        tokio::join!(
            async {
                if let Some((at, signal)) = chaos.signal {
                    tokio::time::sleep(at).await;
                    cancel.cancel(signal);
                }
            },
            async {
                let mut noises = chaos.noise.clone();
                noises.sort_unstable();
                for (at, kind) in noises {
                    tokio::time::sleep(at.saturating_sub(clock.elapsed())).await;
                    world.put_event(noise(kind));
                }
            },
        );
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = lifecycle.run() => result,
        () = disturb => unreachable!("it never ends"),
    };
    let after_signal = match (cancel.signal(), chaos.signal) {
        (Some(_), Some((at, _))) => Some(clock.elapsed().saturating_sub(at)),
        _ => None,
    };
    drop(lifecycle);
    let took = clock.elapsed();
    PlayedChaos { result, world: world.snapshot(), noted: noted.state(), took, after_signal }
}

/// Returns the inputs of a run that nobody listens to and nothing is noted of.
pub fn inputs<'a>(plan: &'a Plan, run: &'a RunIdentity, clock: Clock, cancel: &'a Cancel) -> RunInputs<'a> {
    RunInputs { plan, run, rehearsal: None, journal: &Unnoted, clock, cancel, publish: &|_| {} }
}

/// Returns the product's FIS engine for a world without a socket.
pub fn engine(world: &World, plan: &Plan, run: &RunIdentity, clock: Clock, cancel: &Cancel) -> FisEngine {
    let sdk = sdk(world);
    let queue = plan.event_queue_url.as_deref().map(|url| EventQueue::new(&sdk, url, clock));
    let settings = FisSettings { event_queue: queue, ..settings(plan, run) };
    FisEngine::new(&sdk, settings, clock, cancel.token().clone())
}

pub fn settings(plan: &Plan, run: &RunIdentity) -> FisSettings {
    FisSettings {
        alarms: AlarmFeed::default(),
        step: RunStep::Whole,
        run: run.clone(),
        role: None,
        role_arn: None,
        subscription: format!("faultgate-{}", run.id),
        monitor: plan.monitor,
        event_queue: None,
        reconcile_interval: plan.reconcile_interval,
        dry_run: plan.dry_run,
        injection: plan.injection,
        has_console: false,
        turns: RegionTurns::default(),
        expires_in: Duration::from_secs(3600),
    }
}

pub fn sdk(world: &World) -> aws_config::SdkConfig {
    connect_embedded("http://world", Some(http_client(world.clone()))).unwrap()
}

pub fn plan(chaos: &Chaos) -> Plan {
    let experiments = (0..chaos.lives.len()).map(|index| ExperimentPlan {
        timeout: chaos.timeout,
        ..plans::experiment(&format!("experiment-{index}"), plans::fis(&template(index)))
    });
    Plan {
        parallel: chaos.parallel,
        preview: chaos.preview,
        monitor: chaos.monitor,
        reconcile_interval: chaos.reconcile,
        ..plans::plan(experiments.collect())
    }
}
