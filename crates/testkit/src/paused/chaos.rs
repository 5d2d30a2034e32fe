//! Random schedules of a run.

use std::borrow::Cow;
use std::time::Duration;

use faultgate_core::model::{Monitor, Signal};
use faultgate_rehearsal::{EventFaults, FaultEffect, FaultRule};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::player::NOISE_KINDS;
use crate::answers;

/// The life of one experiment at FIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChaosLife {
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
pub struct Chaos {
    pub lives: Vec<ChaosLife>,
    pub parallel: usize,
    /// `true` if all experiments are previewed.
    pub preview: bool,
    pub monitor: Monitor,
    /// The time between two steps of a life.
    pub pace: Duration,
    pub timeout: Duration,
    pub reconcile: Duration,
    pub events: EventFaults,
    pub faults: Vec<FaultRule>,
    pub noise: Vec<(Duration, usize)>,
    pub signal: Option<(Duration, Signal)>,
    /// The time after which nothing may be launched any more.
    pub closes_after: Option<Duration>,
    pub seed: u64,
}

impl Chaos {
    /// Returns a schedule of one experiment that completes, and requests that meet these faults.
    pub fn with_faults(faults: Vec<FaultRule>) -> Self {
        Self {
            lives: vec![ChaosLife::Completes],
            parallel: 1,
            preview: false,
            monitor: Monitor::Events,
            pace: Duration::from_secs(1),
            timeout: Duration::from_secs(600),
            reconcile: Duration::from_secs(300),
            events: EventFaults::NONE,
            faults,
            noise: Vec::new(),
            signal: None,
            closes_after: None,
            seed: 0,
        }
    }

    /// Returns a schedule in which each state but the first takes longer than `queue-timeout`, and no event
    /// is delivered.
    pub fn slow_and_unannounced() -> Self {
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

fn life() -> impl Strategy<Value = ChaosLife> {
    // Half of all experiments could pass, since only those could become a false green.
    prop_oneof![
        8 => Just(ChaosLife::Completes),
        1 => Just(ChaosLife::CompletesWithoutTargets),
        1 => Just(ChaosLife::AlarmFires),
        1 => Just(ChaosLife::Fails),
        1 => Just(ChaosLife::Cancelled),
        1 => Just(ChaosLife::LeverEngaged),
        1 => Just(ChaosLife::NeverEnds),
        1 => Just(ChaosLife::StaysPending),
        1 => Just(ChaosLife::EndsInAnUnknownWord),
    ]
}

fn effect() -> impl Strategy<Value = FaultEffect> {
    let missing = FaultEffect::Error {
        status: 404,
        code: Cow::Borrowed("ResourceNotFoundException"),
        message: Cow::Borrowed("chaos"),
        retry_after: None,
    };
    let answers: Vec<FaultEffect> = answers::all().into_iter().map(|(_, effect)| effect).collect();
    prop_oneof![20 => select(answers), 1 => Just(missing), 1 => millis(1..30_000).prop_map(FaultEffect::Delay)]
}

pub fn fault() -> impl Strategy<Value = FaultRule> {
    let times = prop_oneof![4 => (1..8_u32).prop_map(Some), 1 => Just(None)];
    (select(OPERATIONS), 1..6_u32, times, effect()).prop_map(|(operation, from, times, effect)| {
        let operation = if answers::can_be_told(operation, &effect) { operation } else { "GetExperiment" };
        // A new resource may be missing for a moment, but no service denies it for good.
        let times = if matches!(effect, FaultEffect::Error { status: 404, .. }) { Some(1) } else { times };
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

pub fn strategy() -> impl Strategy<Value = Chaos> {
    (without_request_faults(), vec(fault(), 0..6)).prop_map(|(chaos, faults)| Chaos { faults, ..chaos })
}

pub fn without_request_faults() -> impl Strategy<Value = Chaos> {
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
                // A part of all runs is previewed, whatever else happens in them.
                preview: seed.is_multiple_of(4),
                monitor,
                pace,
                timeout,
                reconcile,
                events,
                faults: Vec::new(),
                noise,
                signal,
                closes_after: None,
                seed,
            }
        })
}
