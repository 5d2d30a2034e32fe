//! One experiment, from its launch to its result. Only the engine's record can confirm its end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::cancel::Share;
use super::gate;
use super::journal_entries::ExperimentEntries;
use super::lost_launch::{LostLaunch, SearchFailure};
use super::probes::{Probing, score};
use super::progress::Progress;
use super::run::{Lifecycle, describe_signal};
use super::scheduled::Scheduled;
use super::stop_request::{CONFIRM_LIMIT, RETRY_PAUSE, STOP_LIMIT, StopRequest};
use faultgate_core::duration::exact;
use faultgate_core::model::{ExperimentPlan, ExperimentResult, RunEvent, Source, State, StopReport, Verdict};
use faultgate_engines::{Engine, EngineFailure, FailureKind, Launched, Record, StopCause, Watcher as _};

/// Time after which a launch that is not answered is given up, and looked for.
pub const LAUNCH_LIMIT: Duration = Duration::from_secs(90);
/// Time for the confirmation of a stop that was refused: such an experiment will hardly stop.
const REFUSED_LIMIT: Duration = Duration::from_secs(5);
/// Time within which the engine must say that an experiment is no longer pending.
const BEGUN_LIMIT: Duration = Duration::from_secs(15);
/// Time for one last look at the record of an end that could not be confirmed.
pub const LAST_RECORD_LIMIT: Duration = Duration::from_secs(1);

/// A permit that is held during a launch, and limits the number of launches at the same time.
pub(super) type LaunchPermit<'a> = Option<SemaphorePermit<'a>>;

impl Lifecycle<'_> {
    pub(super) async fn run_experiment(&self, scheduled: &Scheduled<'_>) -> ExperimentResult {
        let (mut probing, permit) = match self.prepare(scheduled).await {
            Ok(prepared) => prepared,
            Err(result) => return result,
        };
        probing.start();
        match self.launch_one(scheduled, probing, permit).await {
            Ok((progress, launched)) => self.monitor_one(&progress, launched, Duration::ZERO).await,
            Err(result) => result,
        }
    }

    /// Waits until an experiment may be launched. The error is its result where it may not.
    pub(super) async fn prepare(
        &self,
        scheduled: &Scheduled<'_>,
    ) -> Result<(Probing, LaunchPermit<'_>), ExperimentResult> {
        if let Some(signal) = self.cancel.signal() {
            return Err(self.not_launched(scheduled, Verdict::Cancelled, &describe_signal(signal)));
        }
        let probing = self.probing(scheduled);
        let ready = self.ready(&probing).await;
        self.publish_turns();
        match ready {
            Ok(permit) => Ok((probing, permit)),
            Err((verdict, reason)) => {
                let probes = probing.results(None);
                Err(ExperimentResult { probes, ..self.not_launched(scheduled, verdict, &reason) })
            }
        }
    }

    /// Launches an experiment. The error is its result where it has not begun, or had to be stopped at once.
    pub(super) async fn launch_one<'s>(
        &'s self,
        scheduled: &'s Scheduled<'s>,
        probing: Probing,
        permit: LaunchPermit<'_>,
    ) -> Result<(Progress<'s>, Launched), ExperimentResult> {
        let Scheduled { number, plan, engine, .. } = scheduled;
        let progress = Progress::new(self, scheduled, probing, Some(self.cancel.take_duty()));
        let entries = ExperimentEntries { journal: self.journal, experiment: *number };
        let launching = engine.launch(plan, &entries);
        let launched = self.cancel.within(LAUNCH_LIMIT, Share::Launch, launching).await;
        drop(permit);
        match launched {
            Some(Ok(launched)) => {
                self.announce(&progress, &launched);
                self.note_launch(scheduled, &launched).await;
                Ok((progress, launched))
            }
            Some(Err(failure)) if failure.kind != FailureKind::Unanswered => {
                // A refusal proves nothing where an earlier attempt of this launch was not answered.
                match engine.how_to_look(plan) {
                    Some(_) => self.note_unfound(scheduled).await,
                    None => self.note_over(scheduled).await,
                }
                Err(self.not_launched(scheduled, Verdict::Errored, &failure.with_remedy()))
            }
            Some(Err(failure)) => Err(self.recover(&progress, failure).await),
            None => Err(self.recover(&progress, no_answer(plan)).await),
        }
    }

    /// Returns the probing of an experiment. A dry run has no probes, since there is nothing to measure.
    pub(super) fn probing(&self, scheduled: &Scheduled<'_>) -> Probing {
        let Scheduled { number, plan, evaluators, .. } = scheduled;
        let plans = if self.plan.dry_run { &[] } else { plan.probes.as_slice() };
        let teller = |probe: &str| self.course.turns.teller(*number, probe);
        Probing::new(*number, plans, evaluators, self.clock, &self.course.probes, self.cancel.token(), teller)
    }

    /// Waits for the experiment's turn to be launched. The error says why it has none.
    async fn ready(&self, probing: &Probing) -> Result<LaunchPermit<'_>, (Verdict, String)> {
        self.check_launches_allowed()?;
        let steady_and_permitted = async {
            probing.evaluate_before().await?;
            // The semaphore is never closed, so the permit is always there.
            let permit = self.course.launches.acquire().await;
            Ok::<LaunchPermit<'_>, String>(permit.ok())
        };
        tokio::select! {
            biased;
            signal = self.cancel.cancelled() => Err((Verdict::Cancelled, describe_signal(signal))),
            steady = steady_and_permitted => match steady {
                // Another experiment may have ended without `passed`, or halted the run, meanwhile.
                Ok(permit) => self.check_launches_allowed().map(|()| permit),
                Err(why) => Err((Verdict::Errored, format!("not launched: the system is not steady: {why}"))),
            },
        }
    }

    /// Checks that nothing in the course of the run forbids a further launch. The error says what does.
    fn check_launches_allowed(&self) -> Result<(), (Verdict, String)> {
        if let Some(why) = self.course.probes.board.halted() {
            return Err((Verdict::Errored, format!("not launched: {why}")));
        }
        match self.course.not_passed.borrow().as_deref().filter(|_| self.plan.stop_on_failure) {
            None => Ok(()),
            Some(name) => {
                let reason = format!("not launched: {name} did not pass, and stop-on-failure is set");
                Err((Verdict::Errored, reason))
            }
        }
    }

    pub(super) fn announce(&self, progress: &Progress<'_>, launched: &Launched) {
        let (id, url) = (launched.id.as_str(), launched.url.as_deref());
        (self.publish)(&RunEvent::Launched { experiment: progress.scheduled.number, id, url });
        progress.transition(launched.first.clone());
        progress.probing.borrow().begin_during();
    }

    /// Stops what an unanswered launch may have begun: an experiment that nobody watches must not go on.
    async fn recover(&self, progress: &Progress<'_>, failure: EngineFailure) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = progress.scheduled;
        let found = self.search(plan, engine.as_ref(), LAUNCH_LIMIT).await;
        let launched = match LostLaunch::weigh(engine.as_ref(), plan, None, found) {
            Ok(launched) => launched,
            Err(lost) => {
                let reason = match lost {
                    LostLaunch::NeverBegan => {
                        self.note_over(progress.scheduled).await;
                        failure.with_remedy()
                    }
                    LostLaunch::Unlisted { .. } | LostLaunch::Unsought { .. } => {
                        self.note_unfound(progress.scheduled).await;
                        format!("{lost}; {}", failure.with_remedy())
                    }
                };
                let signal = self.cancel.signal();
                let verdict = signal.map_or(Verdict::Errored, |_| Verdict::Cancelled);
                return self.not_launched(progress.scheduled, verdict, &reason);
            }
        };
        self.announce(progress, &launched);
        self.note_launch(progress.scheduled, &launched).await;
        let cause = match self.cancel.signal() {
            Some(signal) => StopCause::Cancelled(signal),
            None => StopCause::Unwatched(failure),
        };
        self.stop(progress, launched, cause).await
    }

    /// Looks for what a launch without an answer may have begun. A signal begins the search anew: pauses
    /// between looks are long, and a signal leaves little time.
    pub(super) async fn search(
        &self,
        plan: &ExperimentPlan,
        engine: &dyn Engine,
        limit: Duration,
    ) -> Result<Option<Launched>, SearchFailure> {
        if self.cancel.signal().is_none() {
            tokio::select! {
                biased;
                _ = self.cancel.cancelled() => {}
                found = engine.find_unanswered(plan) => return found.map_err(SearchFailure::Failed),
                () = tokio::time::sleep(limit) => return Err(SearchFailure::NoAnswer),
            }
        }
        match self.cancel.within(limit, Share::Find, engine.find_unanswered(plan)).await {
            Some(found) => found.map_err(SearchFailure::Failed),
            None => Err(SearchFailure::Signal),
        }
    }

    /// Follows an experiment, which was launched `ago` ago, until it ends or has to be stopped.
    pub(super) async fn monitor_one(
        &self,
        progress: &Progress<'_>,
        launched: Launched,
        ago: Duration,
    ) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = progress.scheduled;
        let begin = Instant::now();
        let timeout = plan.timeout.saturating_sub(ago);
        let now = self.clock.now();
        let cause = {
            let queue_timeout = plan.queue_timeout.saturating_sub(ago);
            let queued = async {
                tokio::time::sleep_until(begin + queue_timeout).await;
                if progress.begun.get() || self.has_begun(engine.as_ref(), &launched).await {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                signal = self.cancel.cancelled() => StopCause::Cancelled(signal),
                ended = engine.follow(&launched, progress) => match ended {
                    Ok(record) => {
                        return self.finish(progress, &launched, record, None, None).await;
                    }
                    Err(failure) => StopCause::Unwatched(failure),
                },
                why = self.wait_for_halt(progress, &launched) => StopCause::Halted(why),
                () = queued => StopCause::QueueTimeout(later(now, queue_timeout)),
                () = tokio::time::sleep_until(begin + timeout) => StopCause::Timeout(later(now, timeout)),
            }
        };
        self.stop(progress, launched, cause).await
    }

    /// Asks the engine whether the experiment is pending no more; `false` where no answer comes in time.
    async fn has_begun(&self, engine: &dyn Engine, launched: &Launched) -> bool {
        let looking = async {
            loop {
                match engine.look(launched).await {
                    // A state that nobody knows is not the one for pending.
                    Ok(record) => return record.state != State::Pending,
                    Err(failure) if failure.kind == FailureKind::Unanswered => {
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(BEGUN_LIMIT, looking).await.unwrap_or(false)
    }

    /// Stops an experiment and waits for the confirmation. The request is sent before anything else.
    pub(super) async fn stop(
        &self,
        progress: &Progress<'_>,
        launched: Launched,
        mut cause: StopCause,
    ) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = progress.scheduled;
        let requested_at = self.clock.now();
        let why = describe(&cause, plan);
        (self.publish)(&RunEvent::Stopping { experiment: progress.scheduled.number, why: &why });
        let request = StopRequest { engine: engine.as_ref(), launched: &launched };
        let refused = request.send(self.cancel.deadline(STOP_LIMIT, Share::Stop)).await.err();
        progress.drop_duty();
        let limit = if refused.is_none() { CONFIRM_LIMIT + engine.stop_takes(plan) } else { REFUSED_LIMIT };
        let following = engine.follow(&launched, progress);
        let mut record = self.cancel.within(limit, Share::Confirm, following).await.and_then(Result::ok);
        if record.is_none() {
            let looking = engine.look(&launched);
            record = self.cancel.within(LAST_RECORD_LIMIT, Share::Close, looking).await.and_then(Result::ok);
        }
        let confirmed = record.as_ref().is_some_and(Record::has_ended);
        // A signal outweighs the first cause of the stop: the run was cancelled.
        if let Some(signal) = self.cancel.signal() {
            cause = StopCause::Cancelled(signal);
        }
        let error = refused.as_ref().map(ToString::to_string);
        let report = StopReport { why, requested_at, accepted: refused.is_none(), confirmed, error };
        let record = record.unwrap_or_else(Record::unknown);
        self.finish(progress, &launched, record, Some(report), Some(cause)).await
    }

    async fn finish(
        &self,
        progress: &Progress<'_>,
        launched: &Launched,
        record: Record,
        stop: Option<StopReport>,
        cause: Option<StopCause>,
    ) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = progress.scheduled;
        if record.has_ended() {
            progress.drop_duty();
            self.note_over(progress.scheduled).await;
        }
        let cut = self.finish_probing(progress, &record).await;
        self.publish_turns();
        let cause = cause.or(cut);
        let fault = record.fault();
        self.reconcile(progress, &record).await;
        let probes = progress.probing.borrow().results(fault.as_ref());
        let mut judged = engine.judge(&record, launched, cause.as_ref()).await;
        if let Some(unconfirmed) = stop.as_ref().filter(|stop| !stop.confirmed) {
            let error = unconfirmed.error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
            let asked = if unconfirmed.accepted { "was requested but" } else { "was not taken and" };
            judged.reason = format!(
                "{}; the stop {asked} is NOT confirmed{error}: look at it, or stop it by: {}",
                judged.reason,
                engine.stop_command(launched)
            );
        }
        judged.warnings.extend(progress.warn_of_dropped());
        judged.warnings.extend(progress.probing.borrow().warnings());
        score(&mut judged, gate::floor(self.plan, plan), &probes, &plan.probes);
        (self.publish)(&RunEvent::Ended {
            experiment: progress.scheduled.number,
            state: judged.state,
            verdict: judged.verdict,
            score: judged.score,
            reason: &judged.reason,
        });
        let own_report = record.report;
        if let Some(due) = own_report.as_ref().and_then(|report| report.due) {
            self.expect_report(progress.scheduled, launched, due);
        }
        let mut transitions = progress.transitions.take();
        // Events carry whole seconds, so a launch may seem to come after what it led to.
        transitions.sort_by_key(|step| (step.state.rank(), step.source != Source::Launch, step.at));
        ExperimentResult {
            id: Some(launched.id.clone()),
            url: launched.url.clone(),
            state: judged.state,
            raw_state: Some(record.raw_state),
            score: judged.score,
            score_source: judged.score_source,
            started_at: record.started_at.or(Some(launched.first.at)),
            ended_at: record.ended_at,
            transitions,
            alarms: progress.alarms.take(),
            actions: record.actions,
            targets: record.targets,
            faults: record.faults,
            probes,
            fault,
            evidence: judged.evidence,
            warnings: judged.warnings,
            error: record.error,
            stop,
            report_location: own_report.as_ref().and_then(|report| report.location.clone()),
            report_state: own_report.map(|report| report.state),
            ..self.make_planned(progress.scheduled, judged.verdict, judged.reason)
        }
    }
}

/// Returns the time that is this much later.
fn later(now: Timestamp, time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

fn no_answer(plan: &ExperimentPlan) -> EngineFailure {
    let what = format!("launch {}", plan.name);
    EngineFailure::new(FailureKind::Unanswered, what, "the engine did not answer")
}

fn describe(cause: &StopCause, plan: &ExperimentPlan) -> String {
    match cause {
        StopCause::Timeout(_) => format!("it ran past its timeout of {}", exact(plan.timeout)),
        StopCause::QueueTimeout(_) => {
            format!("it was pending past queue-timeout, {}", exact(plan.queue_timeout))
        }
        StopCause::Cancelled(signal) => format!("{} cancelled the run", signal.as_str()),
        StopCause::Unwatched(failure) => format!("it can no longer be watched: {failure}"),
        StopCause::Halted(why) => why.clone(),
    }
}
