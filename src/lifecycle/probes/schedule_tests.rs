use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use faultgate_core::model::Check;

/// An evaluator that follows a script: how long each evaluation takes, and whether it passes. The last entry
/// goes on for ever.
struct Script {
    evaluations: Vec<(Duration, bool)>,
    begun: AtomicUsize,
    /// Number of evaluations under way.
    now: AtomicUsize,
}

#[async_trait]
impl Evaluate for Script {
    async fn evaluate(&self) -> Evaluation {
        assert_eq!(self.now.fetch_add(1, Ordering::SeqCst), 0, "it overlaps itself");
        let number = self.begun.fetch_add(1, Ordering::SeqCst);
        let (takes, passed) = self.evaluations[number.min(self.evaluations.len() - 1)];
        tokio::time::sleep(takes).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Evaluation { passed, latency: Some(takes), reason: (!passed).then(|| "down".to_owned()) }
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plan(when: &[Phase], every: Duration, recovers_within: Option<Duration>) -> ProbePlan {
    ProbePlan {
        name: "checkout".to_owned(),
        check: Check::Tcp { address: "db:5432".to_owned(), within: ms(1000) },
        when: when.to_vec(),
        every,
        weight: 10,
        recovers_within,
        aborts_after: None,
    }
}

fn teller(probe: &str) -> Teller {
    super::super::turns::Turns::default().teller(0, probe)
}

struct Played {
    probing: Probing,
    clock: Clock,
    cancelled: CancellationToken,
}

fn probing(plans: &[ProbePlan], evaluations: &[(Duration, bool)]) -> Played {
    let (clock, cancelled) = (Clock::start(), CancellationToken::new());
    let evaluators: Vec<Arc<dyn Evaluate>> = plans
        .iter()
        .map(|_| -> Arc<dyn Evaluate> {
            Arc::new(Script {
                evaluations: evaluations.to_vec(),
                begun: AtomicUsize::new(0),
                now: AtomicUsize::new(0),
            })
        })
        .collect();
    let probing = Probing::new(0, plans, &evaluators, clock, &SharedByProbes::default(), &cancelled, teller);
    Played { probing, clock, cancelled }
}

impl Played {
    /// Lets an experiment run for this long.
    async fn run(&mut self, long: Duration) -> Probe {
        self.probing.start();
        tokio::time::sleep(ms(100)).await;
        let started_at = self.clock.now();
        self.probing.begin_during();
        tokio::time::sleep(long).await;
        let ended_at = Some(self.clock.now());
        self.probing.finish().await;
        self.probing.results(Some(&FaultWindow { started_at, ended_at })).swap_remove(0)
    }

    fn one(&self) -> Probe {
        self.probing.results(None).swap_remove(0)
    }

    /// Returns the times of the samples, in milliseconds.
    fn times(&self, probe: &Probe) -> Vec<i64> {
        let since = |sample: &Sample| sample.at.as_millisecond() - self.clock.started_at().as_millisecond();
        probe.samples.iter().map(since).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn evaluations_begin_with_the_experiment_at_their_interval_without_drift() {
    let mut played = probing(&[plan(&[Phase::During], ms(1000), None)], &[(ms(300), true)]);
    let probe = played.run(ms(5500)).await;
    assert_eq!(played.times(&probe), [100, 1100, 2100, 3100, 4100, 5100]);
    assert_eq!((probe.passed, probe.total), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_comes_while_an_evaluation_is_under_way_is_left_out() {
    let mut played = probing(&[plan(&[Phase::During], ms(1000), None)], &[(ms(2500), false), (ms(10), true)]);
    let probe = played.run(ms(4500)).await;
    assert_eq!(played.times(&probe), [100, 3100, 4100], "on the schedule that began at 100");
    assert_eq!((probe.passed, probe.total), (2, 3), "what was left out is not counted");
}

#[tokio::test(start_paused = true)]
async fn what_hangs_when_the_experiment_ends_is_waited_for_and_counts() {
    let mut played = probing(&[plan(&[Phase::During], ms(1000), None)], &[(ms(10), true), (ms(900), false)]);
    let probe = played.run(ms(1200)).await;
    assert_eq!((probe.passed, probe.total), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_experiment_that_was_never_launched_is_not_measured() {
    let mut played = probing(&[plan(&[Phase::During], ms(1000), None)], &[(ms(10), true)]);
    played.probing.start();
    tokio::time::sleep(ms(3000)).await;
    assert!(played.probing.finish().await);
    let probe = played.one();
    assert_eq!((probe.total, probe.score), (0, faultgate_core::model::Score::ZERO));
}

#[tokio::test(start_paused = true)]
async fn after_the_end_it_is_evaluated_once() {
    let mut played = probing(&[plan(&[Phase::After], ms(1000), None)], &[(ms(10), false), (ms(10), true)]);
    let probe = played.run(ms(2000)).await;
    assert_eq!(played.times(&probe), [2100]);
    assert_eq!((probe.passed, probe.total), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_in_time_is_one_evaluation_that_passed() {
    let down = (ms(10), false);
    let plans = [plan(&[Phase::After], ms(1000), Some(ms(5000)))];
    let mut played = probing(&plans, &[down, down, (ms(10), true)]);
    let probe = played.run(ms(2000)).await;
    assert_eq!(played.times(&probe), [2100, 3100, 4100]);
    assert_eq!((probe.passed_counted, probe.counted), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_does_not_come_in_time_has_failed() {
    let plans = [plan(&[Phase::After], ms(1000), Some(ms(3000)))];
    let mut played = probing(&plans, &[(ms(10), false)]);
    let probe = played.run(ms(2000)).await;
    assert_eq!(played.times(&probe), [2100, 3100, 4100, 5100]);
    assert_eq!((probe.passed_counted, probe.counted), (0, 1));
    assert_eq!(probe.last_failure(), Some("not recovered within 3s: down"));
}

#[tokio::test(start_paused = true)]
async fn probes_before_the_launch_are_evaluated_at_once_and_tell_who_failed() {
    let plans: Vec<ProbePlan> = (0..20)
        .map(|number| ProbePlan { name: format!("p{number}"), ..plan(&[Phase::Before], ms(1000), None) })
        .collect();
    let played = probing(&plans, &[(ms(500), true)]);
    assert_eq!(played.probing.evaluate_before().await, Ok(()));
    assert_eq!(played.clock.elapsed().as_millis(), 1000, "16 at once, then the others");

    let played = probing(&plans[..2], &[(ms(10), false)]);
    assert_eq!(played.probing.evaluate_before().await, Err("p0: down; p1: down".to_owned()));
    assert_eq!(played.one().total, 1);
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_all_evaluations_at_once() {
    let hangs = (Duration::from_secs(3600), true);
    let plans = [
        plan(&[Phase::During], ms(1000), None),
        plan(&[Phase::After], ms(1000), Some(Duration::from_secs(60))),
    ];
    let mut played = probing(&plans, &[hangs]);
    played.probing.start();
    played.probing.begin_during();
    tokio::time::sleep(ms(50)).await;
    played.cancelled.cancel();
    assert!(!played.probing.finish().await, "it says that something is missing");
    assert_eq!(played.clock.elapsed().as_millis(), 50);
    assert_eq!(played.one().total, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_does_not_delay_another() {
    let (clock, cancelled) = (Clock::start(), CancellationToken::new());
    let script = |takes| -> Arc<dyn Evaluate> {
        Arc::new(Script {
            evaluations: vec![(takes, true)],
            begun: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
        })
    };
    let plans = [plan(&[Phase::During], ms(100), None), plan(&[Phase::During], ms(100), None)];
    let evaluators = [script(ms(60_000)), script(ms(1))];
    let probing = Probing::new(0, &plans, &evaluators, clock, &SharedByProbes::default(), &cancelled, teller);
    let mut played = Played { probing, clock, cancelled };
    played.probing.start();
    played.probing.begin_during();
    tokio::time::sleep(ms(1050)).await;
    played.cancelled.cancel();
    played.probing.finish().await;
    let totals: Vec<u64> = played.probing.results(None).iter().map(|probe| probe.total).collect();
    assert_eq!(totals, [0, 11]);
}

#[tokio::test(start_paused = true)]
async fn probes_that_may_recover_are_waited_for_until_they_pass() {
    let plans = [plan(&[Phase::After], ms(1000), Some(ms(5000))), plan(&[Phase::After], ms(1000), None)];
    let mut played = probing(&plans, &[(ms(10), false), (ms(10), true)]);
    let recovering = super::super::RecoveringProbes::of(&played.probing);
    let (names, within) = recovering.left().expect("nothing has passed yet");
    assert_eq!((names.len(), within), (1, ms(5000)), "one look decides the other");
    played.run(ms(2000)).await;
    assert!(recovering.left().is_none());
}
