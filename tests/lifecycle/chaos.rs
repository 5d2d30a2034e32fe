//! Random schedules of a run, and the player that runs them.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use faultgate::lifecycle::{Cancel, Equipment, Lifecycle, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    EngineSpec, ExperimentPlan, InjectionRule, Monitor, Plan, RunIdentity, RunResult, RunState, Score, Signal,
};
use faultgate_engines::Engine;
use faultgate_engines::fis::{FisEngine, FisSettings, RunStep};
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{
    Beat, Effect, EventFaults, FaultRule, Scenario, Snapshot, Step, TEMPLATE_ID, Which, World, http_client,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::answers;
use crate::noted::Noted;
use crate::queue;

/// A time that is longer than any run may take, by the clock of the test.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// The life of one experiment at FIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Completes,
    CompletesWithoutTargets,
    AlarmFires,
    Fails,
    Cancelled,
    LeverEngaged,
    NeverEnds,
    StaysPending,
    EndsInAnUnknownWord,
}

/// A schedule: the lives of all experiments, and all that disturbs the run.
#[derive(Debug, Clone)]
pub(crate) struct Chaos {
    pub(crate) lives: Vec<Life>,
    pub(crate) parallel: usize,
    pub(crate) monitor: Monitor,
    /// The time between two steps of a life.
    pub(crate) pace: Duration,
    pub(crate) timeout: Duration,
    pub(crate) reconcile: Duration,
    pub(crate) events: EventFaults,
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) noise: Vec<(Duration, usize)>,
    pub(crate) signal: Option<(Duration, Signal)>,
    pub(crate) seed: u64,
}

/// The outcome of a schedule.
pub(crate) struct Played {
    pub(crate) result: RunResult,
    pub(crate) world: Snapshot,
    /// The state that a state file would hold.
    pub(crate) noted: RunState,
    pub(crate) took: Duration,
    /// The time from the signal, if one came before the end, to the end.
    pub(crate) after_signal: Option<Duration>,
}

impl Chaos {
    /// Returns a schedule of one experiment that completes, and requests that meet these faults.
    pub(crate) fn with_faults(faults: Vec<FaultRule>) -> Self {
        Self {
            lives: vec![Life::Completes],
            parallel: 1,
            monitor: Monitor::Events,
            pace: Duration::from_secs(1),
            timeout: Duration::from_secs(600),
            reconcile: Duration::from_secs(300),
            events: EventFaults::NONE,
            faults,
            noise: Vec::new(),
            signal: None,
            seed: 0,
        }
    }

    /// Returns a schedule in which each state but the first takes longer than `queue-timeout`, and no event
    /// is delivered.
    pub(crate) fn slow_and_unannounced() -> Self {
        Self {
            pace: Duration::from_secs(25),
            events: EventFaults { lose_all: true, ..EventFaults::NONE },
            ..Self::with_faults(Vec::new())
        }
    }
}

const OPERATIONS: &[&str] = &[
    "*",
    "CreateQueue",
    "DeleteQueue",
    "DeleteRule",
    "DescribeAlarms",
    "DescribeRule",
    "GetExperiment",
    "GetExperimentTemplate",
    "GetQueueAttributes",
    "GetQueueUrl",
    "GetSafetyLever",
    "ListExperimentResolvedTargets",
    "ListExperiments",
    "ListTargetsByRule",
    "PutEvents",
    "PutRule",
    "PutTargets",
    "ReceiveMessage",
    "RemoveTargets",
    "StartExperiment",
    "StopExperiment",
];

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn life() -> impl Strategy<Value = Life> {
    // Half of all experiments could pass, since only those could become a false green.
    prop_oneof![
        8 => Just(Life::Completes),
        1 => Just(Life::CompletesWithoutTargets),
        1 => Just(Life::AlarmFires),
        1 => Just(Life::Fails),
        1 => Just(Life::Cancelled),
        1 => Just(Life::LeverEngaged),
        1 => Just(Life::NeverEnds),
        1 => Just(Life::StaysPending),
        1 => Just(Life::EndsInAnUnknownWord),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let missing = Effect::Error {
        status: 404,
        code: Cow::Borrowed("ResourceNotFoundException"),
        message: Cow::Borrowed("chaos"),
        retry_after: None,
    };
    let answers: Vec<Effect> = answers::all().into_iter().map(|(_, effect)| effect).collect();
    prop_oneof![20 => select(answers), 1 => Just(missing), 1 => millis(1..30_000).prop_map(Effect::Delay)]
}

pub(crate) fn fault() -> impl Strategy<Value = FaultRule> {
    let times = prop_oneof![4 => (1..8_u32).prop_map(Some), 1 => Just(None)];
    (select(OPERATIONS), 1..6_u32, times, effect()).prop_map(|(operation, from, times, effect)| {
        let operation = if answers::can_be_told(operation, &effect) { operation } else { "GetExperiment" };
        // A new resource may be missing for a moment, but no service denies it for good.
        let times = if matches!(effect, Effect::Error { status: 404, .. }) { Some(1) } else { times };
        let fault = FaultRule::on(operation, effect).from(from);
        match times {
            Some(times) => fault.times(times),
            None => fault,
        }
    })
}

fn events() -> impl Strategy<Value = EventFaults> {
    (
        prop::bool::weighted(0.1),
        vec(0..12_u64, 0..6),
        1..4_u32,
        vec(millis(0..40_000), 0..6),
        prop_oneof![6 => 0..4_u32, 1 => 0..60_u32],
        prop_oneof![4 => millis(0..3_000), 1 => millis(0..90_000)],
    )
        .prop_map(|(lose_all, lose, copies, delays, lose_custom, rule_latency)| EventFaults {
            lose_all,
            lose: Cow::Owned(lose),
            copies,
            delays: Cow::Owned(delays),
            lose_custom,
            rule_latency,
            ..EventFaults::NONE
        })
}

pub(crate) fn strategy() -> impl Strategy<Value = Chaos> {
    (without_request_faults(), vec(fault(), 0..6)).prop_map(|(chaos, faults)| Chaos { faults, ..chaos })
}

pub(crate) fn without_request_faults() -> impl Strategy<Value = Chaos> {
    let signal = select(&[Signal::Hangup, Signal::Interrupt, Signal::Terminate]);
    (
        vec(life(), 1..4),
        1..4_usize,
        select(&[Monitor::Events, Monitor::Events, Monitor::Poll]),
        millis(100..20_000),
        (1..300_u64).prop_map(Duration::from_secs),
        (1..300_u64).prop_map(Duration::from_secs),
        events(),
        vec((millis(0..120_000), 0..NOISE_KINDS), 0..8),
        option::weighted(0.4, (millis(0..150_000), signal)),
        any::<u64>(),
    )
        .prop_map(|(lives, parallel, monitor, pace, timeout, reconcile, events, noise, signal, seed)| {
            Chaos {
                lives,
                parallel,
                monitor,
                pace,
                timeout,
                reconcile,
                events,
                faults: Vec::new(),
                noise,
                signal,
                seed,
            }
        })
}

const NOISE_KINDS: usize = 4;

/// Returns an event that nobody asked for.
fn noise(kind: usize) -> serde_json::Value {
    let fis = |detail: serde_json::Value| json!({"source": "aws.fis", "detail-type": "FIS Experiment State Change", "detail": detail});
    match kind {
        // This event is of another run of the same template.
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

fn beats(life: Life, pace: Duration) -> Vec<Beat> {
    let beat = |step| Beat { after: pace, step };
    let state = |status| beat(Step::Experiment { status, reason: "chaos" });
    let actions = |status| beat(Step::Actions { which: Which::All, status, reason: "chaos" });
    let begun = [state("initiating"), state("running"), actions("running")];
    let then = |rest: &[Beat]| begun.iter().chain(rest).copied().collect();
    match life {
        Life::Completes | Life::CompletesWithoutTargets => then(&[actions("completed"), state("completed")]),
        Life::AlarmFires => then(&[beat(Step::Alarm { name: "rehearsal-steady", state: "ALARM" })]),
        Life::Fails => {
            then(&[beat(Step::Failed { code: "InvalidTarget", location: "latency", reason: "chaos" })])
        }
        Life::Cancelled => vec![state("cancelled")],
        Life::LeverEngaged => then(&[beat(Step::Lever { engaged: true })]),
        Life::NeverEnds => begun.to_vec(),
        Life::StaysPending => Vec::new(),
        Life::EndsInAnUnknownWord => then(&[actions("completed"), state("dissolved")]),
    }
}

/// Plays a schedule to its end, on a clock of its own that only moves when everybody waits.
pub(crate) fn play(chaos: &Chaos) -> Played {
    fastrand::seed(chaos.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(FOREVER, run(chaos)).await.expect("the run ends") })
}

async fn run(chaos: &Chaos) -> Played {
    let clock = Clock::start();
    // Targets resolve in the whole world or nowhere in it.
    let without_targets = chaos.lives.contains(&Life::CompletesWithoutTargets);
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

    let identity = identity();
    let plan = Plan { event_queue_url, ..plan(chaos) };
    let cancel = Cancel::new();
    let noted = Noted::of(&identity, &plan, clock.started_at());
    let engine: Rc<dyn Engine> = Rc::new(engine(&world, &plan, &identity, clock, &cancel));
    let equipment = vec![Equipment { engine, evaluators: Vec::new() }; plan.experiments.len()];
    let inputs = RunInputs {
        plan: &plan,
        run: &identity,
        rehearsal: None,
        journal: &noted,
        clock,
        cancel: &cancel,
        publish: &|_| {},
    };
    let lifecycle = Lifecycle::new(inputs, equipment).expect("it fits the plan");
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
    Played { result, world: world.snapshot(), noted: noted.state(), took, after_signal }
}

pub(crate) fn identity() -> RunIdentity {
    RunIdentity {
        id: "chaos".to_owned(),
        ci: "none".to_owned(),
        pipeline: None,
        url: None,
        repository: None,
        commit: None,
        shard: None,
        attempt_key: "chaos".to_owned(),
    }
}

/// Returns the product's FIS engine for a world without a socket.
pub(crate) fn engine(
    world: &World,
    plan: &Plan,
    run: &RunIdentity,
    clock: Clock,
    cancel: &Cancel,
) -> FisEngine {
    FisEngine::new(&sdk(world), settings(plan, run), clock, cancel.token().clone())
}

pub(crate) fn settings(plan: &Plan, run: &RunIdentity) -> FisSettings {
    FisSettings {
        step: RunStep::Whole,
        run: run.clone(),
        role: None,
        role_arn: None,
        subscription: format!("faultgate-{}", run.id),
        monitor: plan.monitor,
        event_queue_url: plan.event_queue_url.clone(),
        reconcile_interval: plan.reconcile_interval,
        dry_run: plan.dry_run,
        injection: plan.injection,
        has_console: false,
        expires_in: Duration::from_secs(3600),
    }
}

pub(crate) fn sdk(world: &World) -> aws_config::SdkConfig {
    connect_embedded("http://world", Some(http_client(world.clone())))
}

pub(crate) fn plan(chaos: &Chaos) -> Plan {
    let experiments = (0..chaos.lives.len()).map(|index| ExperimentPlan {
        name: format!("experiment-{index}"),
        spec: EngineSpec::Fis { template: template(index), region: None, role_arn: None },
        weight: 1,
        timeout: chaos.timeout,
        queue_timeout: Duration::from_secs(60),
        expected: None,
        probes: Vec::new(),
    });
    Plan {
        experiments: experiments.collect(),
        shard: None,
        suite: None,
        expected: Score::FULL,
        each: None,
        compare_to: None,
        parallel: chaos.parallel,
        monitor: chaos.monitor,
        event_queue_url: None,
        reconcile_interval: chaos.reconcile,
        dry_run: false,
        injection: InjectionRule::default(),
        stop_on_failure: false,
        report_dir: "unused".into(),
        reporting_must_succeed: false,
    }
}
