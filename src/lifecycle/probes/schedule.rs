//! The schedule of an experiment's probes: before the launch, from the launch to the end, and after the end.
//!
//! Which evaluations fell into the fault window is decided afterwards, by the engine's own record. So the
//! probes begin when the launch is answered, and wait for no event, which may be late, lost or forged.
//!
//! Each probe is a task of its own, so that none waits for another, and neither the watch nor the stop of the
//! experiment waits for any of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::alarm_course::AlarmCourse;
use super::alarm_record::Measure;
use super::alarm_watch::FollowEnd;
use super::halt_board::HaltBoard;
use super::register::ProbeRegister;
use super::samples::{Purpose, Samples};
use super::trip::Trip;
use super::turns::Teller;
use faultgate_core::clock::Clock;
use faultgate_core::duration::exact;
use faultgate_core::model::{FaultWindow, Phase, Probe, ProbePlan, Sample};
use faultgate_core::panics;
use faultgate_engines::probe::{Evaluate, Evaluation};

/// Number of probes of one experiment that are evaluated at the same time before its launch.
const MAX_BEFORE_AT_ONCE: usize = 16;
/// Number of evaluations in a whole run at the same time. More would need more open files than systems allow
/// by default.
const MAX_EVALUATIONS_AT_ONCE: usize = 256;
/// Number of histories of alarms that are read at once after an experiment.
const MAX_HISTORIES_AT_ONCE: usize = 8;

/// The progress of the experiment, as far as it matters to probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ProbeStage {
    Waiting,
    Launched,
    Ended,
}

/// The permits for evaluations, which all probes of a run share.
#[derive(Debug, Clone)]
pub(crate) struct EvaluationPermits(Arc<Semaphore>);

impl Default for EvaluationPermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_EVALUATIONS_AT_ONCE)))
    }
}

/// One probe, with its samples so far.
pub(super) struct RunningProbe {
    pub(super) plan: ProbePlan,
    pub(super) evaluator: Arc<dyn Evaluate>,
    samples: Mutex<Samples>,
    /// The course of the alarm, if the probe is on one that is followed.
    pub(super) course: Mutex<Option<AlarmCourse>>,
    /// The measure of that alarm, once its history was asked for.
    pub(super) measure: Mutex<Option<Measure>>,
    pub(super) warnings: Mutex<Vec<String>>,
    pub(super) trip: Arc<Trip>,
    /// Place of the experiment in the plan.
    experiment: usize,
    board: Arc<HaltBoard>,
    pub(super) teller: Teller,
    pub(super) clock: Clock,
    permits: EvaluationPermits,
}

/// The things that all probes of a run share.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedByProbes {
    pub(crate) permits: EvaluationPermits,
    pub(crate) board: Arc<HaltBoard>,
    pub(crate) register: ProbeRegister,
}

/// The probes of one experiment. Their tasks end when this value is dropped.
pub(crate) struct Probing {
    pub(super) all: Vec<Arc<RunningProbe>>,
    trip: Arc<Trip>,
    experiment: usize,
    board: Arc<HaltBoard>,
    stage: watch::Sender<ProbeStage>,
    tasks: JoinSet<Option<()>>,
    cancelled: CancellationToken,
}

impl Probing {
    /// Creates the probes of an experiment, which wait for [`start`](Self::start). `experiment` is its place
    /// in the plan.
    pub(crate) fn new(
        experiment: usize,
        plans: &[ProbePlan],
        evaluators: &[Arc<dyn Evaluate>],
        clock: Clock,
        shared: &SharedByProbes,
        cancelled: &CancellationToken,
        teller: impl Fn(&str) -> Teller,
    ) -> Self {
        let SharedByProbes { permits, board, register } = shared;
        let trip = Arc::<Trip>::default();
        board.join(experiment, trip.clone());
        let all = plans.iter().zip(evaluators).map(|(plan, evaluator)| {
            Arc::new(RunningProbe {
                plan: plan.clone(),
                evaluator: evaluator.clone(),
                samples: Mutex::default(),
                course: Mutex::default(),
                measure: Mutex::default(),
                warnings: Mutex::default(),
                trip: trip.clone(),
                experiment,
                board: board.clone(),
                teller: teller(&plan.name),
                clock,
                permits: permits.clone(),
            })
        });
        let all: Vec<Arc<RunningProbe>> = all.collect();
        register.enter(experiment, &all);
        Self {
            all,
            trip,
            experiment,
            board: board.clone(),
            stage: watch::Sender::new(ProbeStage::Waiting),
            tasks: JoinSet::new(),
            cancelled: cancelled.clone(),
        }
    }

    /// Evaluates each probe with the phase `before` once. The error says which have failed and why.
    pub(crate) async fn evaluate_before(&self) -> Result<(), String> {
        let evaluated = self.all.iter().filter(|probe| probe.plan.when.contains(&Phase::Before));
        stream::iter(evaluated)
            .map(|probe| async move {
                let sample = probe.evaluate(Phase::Before, Instant::now()).await;
                probe.samples().add(sample, Purpose::Before);
            })
            .buffer_unordered(MAX_BEFORE_AT_ONCE)
            .collect::<()>()
            .await;
        let failed: Vec<String> = self.all.iter().filter_map(|probe| probe.failure()).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    /// Adds the samples that another process has taken before the launch.
    pub(crate) fn add_earlier(&self, seen: &[Probe]) {
        for probe in &self.all {
            let seen = seen.iter().filter(|earlier| earlier.name == probe.plan.name);
            for sample in seen.flat_map(|earlier| &earlier.samples) {
                probe.samples().add(sample.clone(), Purpose::Before);
            }
        }
    }

    /// Skips the phase `during`, since the experiment ended before anybody took over.
    pub(crate) fn skip_during(&self) {
        self.stage.send_replace(ProbeStage::Ended);
    }

    /// Starts a task for each probe, which waits for the launch.
    pub(crate) fn start(&mut self) {
        for probe in &self.all {
            let (probe, stage) = (probe.clone(), self.stage.subscribe());
            let cancelled = self.cancelled.clone();
            self.tasks.spawn(async move { cancelled.run_until_cancelled_owned(probe.follow(stage)).await });
        }
    }

    /// Tells the probes that the launch was answered: the fault may be in from now on.
    pub(crate) fn begin_during(&self) {
        self.stage.send_if_modified(|stage| {
            // An experiment that was announced after its end stays ended.
            let begins = *stage == ProbeStage::Waiting;
            if begins {
                *stage = ProbeStage::Launched;
            }
            begins
        });
    }

    /// Returns the trigger by which a probe with `aborts-after` asks for a halt.
    pub(crate) fn trip(&self) -> Arc<Trip> {
        self.trip.clone()
    }

    /// Returns a sentence about the first probe that has failed as often in a row as its `aborts-after`
    /// allows, in evaluations that began at or after `since`.
    pub(crate) fn reason_to_halt(&self, since: Timestamp) -> Option<String> {
        self.all.iter().find_map(|probe| {
            let limit = probe.plan.aborts_after?;
            if let Some(course) = probe.course().as_ref() {
                let left = course.left(since, probe.clock.now(), probe.plan.every, limit)?;
                let why = course.failure().filter(|_| left.is_zero())?;
                return Some(format!("{} {why} while the fault was in", probe.plan.name));
            }
            let samples = probe.samples();
            let failures = samples.failures_since(since);
            let why = samples.last_failure()?.reason.as_deref().unwrap_or("no reason given");
            (failures >= limit as usize).then(|| {
                format!("{} failed {failures} looks in a row while the fault was in ({why})", probe.plan.name)
            })
        })
    }

    /// Tells the probes that the experiment has ended, and waits for the phase `after`. Returns `false` if a
    /// signal cut that short.
    pub(crate) async fn finish(&mut self) -> bool {
        self.board.leave(self.experiment);
        self.stage.send_replace(ProbeStage::Ended);
        let mut whole = true;
        while let Some(ended) = self.tasks.join_next().await {
            whole &= matches!(ended, Ok(Some(())));
        }
        self.all.iter().for_each(|probe| probe.teller.close());
        whole
    }

    /// Stops all evaluations.
    pub(crate) fn abort(&mut self) {
        self.tasks.abort_all();
    }

    /// Returns the results of all probes so far, for a fault window. The samples stay with the probes.
    pub(crate) fn results(&self, fault: Option<&FaultWindow>) -> Vec<Probe> {
        self.all.iter().map(|probe| probe.result(fault)).collect()
    }

    /// Measures the alarms that were followed by CloudWatch's history of them.
    pub(crate) async fn reconcile(&self, fault: &FaultWindow) {
        let measuring = self.all.iter().map(|probe| probe.reconcile(fault));
        stream::iter(measuring).buffer_unordered(MAX_HISTORIES_AT_ONCE).collect::<()>().await;
    }

    /// Returns what a reader of the results has to know besides.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warnings =
            |probe: &Arc<RunningProbe>| probe.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.all.iter().flat_map(warnings).collect()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.board.leave(self.experiment);
    }
}

impl RunningProbe {
    pub(super) fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Evaluates the probe once; `due` is the time at which it should begin.
    pub(super) async fn evaluate(&self, phase: Phase, due: Instant) -> Sample {
        // The semaphore is never closed. The wait for a permit counts as lateness, not as latency.
        let _permit = self.permits.0.acquire().await;
        let at = self.clock.now();
        self.samples().note_delay(due.elapsed());
        panics::point("look");
        let Evaluation { passed, latency, reason } = self.evaluator.evaluate().await;
        let latency_ms = latency.and_then(|latency| u64::try_from(latency.as_millis()).ok());
        let sample = Sample { at, phase, passed, latency_ms, reason: reason.map(Into::into) };
        self.teller.observe(&sample);
        if let Some(course) = self.course().as_mut() {
            course.keep(&sample);
        }
        sample
    }

    /// Evaluates the probe in its phases, until the experiment is over.
    async fn follow(self: Arc<Self>, mut stage: watch::Receiver<ProbeStage>) {
        let when = &self.plan.when;
        if wait_for_stage(&mut stage, ProbeStage::Launched).await == ProbeStage::Launched
            && when.contains(&Phase::During)
        {
            self.follow_during(&mut stage).await;
        }
        wait_for_stage(&mut stage, ProbeStage::Ended).await;
        if when.contains(&Phase::After) {
            self.evaluate_after().await;
        }
    }

    /// Follows the probe's alarm, if it has one whose changes come by events; else evaluates it again and
    /// again.
    async fn follow_during(&self, stage: &mut watch::Receiver<ProbeStage>) {
        let begin = Instant::now();
        let mut next = begin;
        if let Some(alarm) = self.evaluator.alarm().filter(|alarm| alarm.is_live()) {
            match self.follow_alarm(alarm.as_ref(), stage).await {
                FollowEnd::ToTheEnd => return,
                // The first look was made by then.
                FollowEnd::CannotBe => next = next_after(begin, self.plan.every),
            }
        }
        self.evaluate_during(begin, next, stage).await;
    }

    /// Evaluates the probe at each time of its schedule until the experiment ends. An evaluation that is
    /// under way at the end is waited for: that nothing answers is a result.
    async fn evaluate_during(
        &self,
        begin: Instant,
        mut next: Instant,
        stage: &mut watch::Receiver<ProbeStage>,
    ) {
        loop {
            tokio::select! {
                // The end comes first, so that no evaluation begins after it.
                biased;
                _ = wait_for_stage(stage, ProbeStage::Ended) => return,
                () = tokio::time::sleep_until(next) => {}
            }
            let sample = self.evaluate(Phase::During, next).await;
            self.add_sample(sample);
            next = next_after(begin, self.plan.every);
        }
    }

    /// Returns `true` if the probe may end the experiment together with others that fail at the same time.
    pub(super) fn counts_with_others(&self) -> bool {
        self.board.counts_failing_probes()
    }

    /// Posts a sample on the board of the run's failing probes.
    pub(super) fn post(&self, sample: &Sample) {
        let why = || sample.reason.as_deref().unwrap_or("no reason given");
        let failure = (!sample.passed).then(why);
        self.board.post(self.experiment, &self.plan.name, sample.at, failure);
    }

    /// Adds a sample, and asks for a halt if the probe has failed too often in a row.
    fn add_sample(&self, sample: Sample) {
        self.post(&sample);
        let mut samples = self.samples();
        samples.add(sample, Purpose::During);
        let limit = self.plan.aborts_after;
        if limit.is_some_and(|limit| samples.failures_since(self.trip.armed_since()) >= limit as usize) {
            self.trip.fire();
        }
    }

    /// Evaluates the probe after the end: until it passes, or for the time in which it must recover.
    async fn evaluate_after(&self) {
        let begin = Instant::now();
        let mut due = begin;
        let limit = self.plan.recovers_within.unwrap_or_default();
        loop {
            let mut sample = self.evaluate(Phase::After, due).await;
            let next = next_after(begin, self.plan.every);
            let over = next > begin + limit;
            if sample.passed || over {
                if let (false, Some(limit)) = (sample.passed, self.plan.recovers_within) {
                    let why = sample.reason.take().unwrap_or_default();
                    sample.reason = Some(format!("not recovered within {}: {why}", exact(limit)).into());
                }
                self.samples().add(sample, Purpose::After);
                return;
            }
            self.samples().add(sample, Purpose::Attempt);
            tokio::time::sleep_until(next).await;
            due = next;
        }
    }
}

/// Waits until the experiment has come at least to this stage, and returns the stage. A dropped sender counts
/// as the end.
pub(super) async fn wait_for_stage(
    stage: &mut watch::Receiver<ProbeStage>,
    wanted: ProbeStage,
) -> ProbeStage {
    stage.wait_for(|stage| *stage >= wanted).await.map_or(ProbeStage::Ended, |stage| *stage)
}

/// Returns the next time of a schedule that began at `begin`. Times that have passed are left out, and no
/// time moves.
pub(super) fn next_after(begin: Instant, every: Duration) -> Instant {
    let passed = begin.elapsed().as_nanos() / every.as_nanos().max(1);
    let number = u32::try_from(passed).unwrap_or(u32::MAX - 1) + 1;
    begin + every.saturating_mul(number)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
