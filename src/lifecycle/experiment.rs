//! One experiment, from its launch to its result. Only the engine's record can confirm its end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::cancel::Share;
use super::gate;
use super::probes::{Probing, score};
use super::progress::Progress;
use super::run::Lifecycle;
use super::scheduled::Scheduled;
use super::stop_request::{CONFIRM_LIMIT, RETRY_PAUSE, STOP_LIMIT, StopRequest};
use faultgate_core::duration::exact;
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, FaultWindow, RunEvent, Source, State, StopReport, Verdict,
};
use faultgate_engines::{Engine, FailureKind, Judgement, Launched, Record, StopCause};

/// Time for the confirmation of a stop that was refused: such an experiment will hardly stop.
const REFUSED_LIMIT: Duration = Duration::from_secs(5);
/// Time within which the engine must say that an experiment is no longer pending.
const BEGUN_LIMIT: Duration = Duration::from_secs(15);
/// Time for one last look at the record of an end that could not be confirmed.
pub const LAST_RECORD_LIMIT: Duration = Duration::from_secs(1);

impl Lifecycle<'_> {
    pub(super) async fn run_experiment(&self, scheduled: &Scheduled<'_>) -> ExperimentResult {
        let (mut probing, ticket) = match self.prepare(scheduled).await {
            Ok(prepared) => prepared,
            Err(result) => return result,
        };
        probing.start();
        match self.launch_one(scheduled, probing, ticket).await {
            Ok((progress, launched)) => self.monitor_one(&progress, launched, Duration::ZERO).await,
            Err(result) => result,
        }
    }

    /// Returns the probing of an experiment. A dry run has no probes, since there is nothing to measure.
    pub(super) fn probing(&self, scheduled: &Scheduled<'_>) -> Probing {
        let Scheduled { number, plan, evaluators, .. } = scheduled;
        let plans = if self.plan.dry_run { &[] } else { plan.probes.as_slice() };
        let teller = |probe: &str| self.course.turns.teller(*number, probe);
        Probing::new(*number, plans, evaluators, self.clock, &self.course.probes, self.cancel.token(), teller)
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
                        let cause = self.find_objection_after(progress, &launched).await;
                        return self.finish(progress, &launched, record, None, cause).await;
                    }
                    Err(failure) => StopCause::Unwatched(failure),
                },
                why = self.wait_for_objection(progress, &launched) => StopCause::Forbidden(why),
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
        let tell_trouble = |told: &str| (self.publish)(&RunEvent::Warning(&format!("{}: {told}", plan.name)));
        let refused = request.send(self.cancel.deadline(STOP_LIMIT, Share::Stop), tell_trouble).await.err();
        progress.drop_duty();
        let limit = if refused.is_none() { CONFIRM_LIMIT + engine.stop_takes(plan) } else { REFUSED_LIMIT };
        let following = engine.follow(&launched, progress);
        let mut record = self.cancel.within(limit, Share::Confirm, following).await.and_then(Result::ok);
        if record.is_none() {
            let looking = engine.look(&launched);
            record = self.cancel.within(LAST_RECORD_LIMIT, Share::Close, looking).await.and_then(Result::ok);
        }
        let confirmed = record.as_ref().is_some_and(Record::has_ended);
        let signal = self.cancel.signal();
        // A signal outweighs the first cause of the stop: the run was cancelled. Only a halt stands beside it,
        // since the weakness that it has found is no less true.
        let halted = matches!(cause, StopCause::Halted(_));
        if let Some(signal) = signal.filter(|_| !halted) {
            cause = StopCause::Cancelled(signal);
        }
        let error = refused.as_ref().map(ToString::to_string);
        let signal = signal.filter(|_| halted);
        let report = StopReport { why, requested_at, accepted: refused.is_none(), confirmed, error, signal };
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
            // Nothing may follow what somebody else has stopped, and that is only judged below.
            if cause.is_some() || record.state != State::Stopped {
                progress.leave();
            }
            self.note_over(progress.scheduled).await;
        }
        let cut = self.finish_probing(progress, &record).await;
        self.publish_turns();
        let grown = || self.find_growth_in_record(progress.scheduled, &record).map(StopCause::Forbidden);
        let cause = cause.or(cut).or_else(grown);
        self.reconcile(progress, &record).await;
        let mut judged = engine.judge(&record, launched, cause.as_ref()).await;
        if judged.stopped_by_others {
            let stopped = format!("{} ({})", plan.name, launched.id);
            self.course.stopped_by_others.borrow_mut().get_or_insert(stopped);
        }
        judged.fault_may_be_in |= stop.as_ref().is_some_and(|stop| !stop.confirmed);
        // The end of a fault that may still be in is not known, whatever was begun to take it away.
        let fault = record.fault().map(|fault| FaultWindow {
            ended_at: fault.ended_at.filter(|_| !judged.fault_may_be_in),
            ..fault
        });
        let probes = progress.probing.borrow().results(fault.as_ref());
        if let Some(stop) = &stop {
            describe_trouble(stop, engine.as_ref(), launched, &mut judged.reason);
        }
        // A dry run is its own preview: only now is it known what it would hit.
        if judged.verdict == Verdict::Passed
            && let Some((verdict, why)) =
                self.find_excess_of_dry_run(progress.scheduled, launched, &record).await
        {
            judged = Judgement {
                warnings: judged.warnings,
                evidence: judged.evidence,
                ..Judgement::plain(judged.state, verdict, why)
            };
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
            warnings: &judged.warnings,
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
            fault_may_be_in: judged.fault_may_be_in,
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

/// Adds to a reason what a reader has to know of a stop that was not accepted or is not confirmed. What there
/// is to do comes first, since the end may be cut off where a line is short.
fn describe_trouble(stop: &StopReport, engine: &dyn Engine, launched: &Launched, reason: &mut String) {
    let error = stop.error.as_deref();
    let by_hand = engine.stop_command(launched);
    *reason = match (stop.accepted, stop.confirmed) {
        (true, true) => return,
        (false, true) => {
            let error = error.map(|error| format!(" ({error})")).unwrap_or_default();
            format!(
                "{reason}; the engine did not take the request to stop it{error}; it has ended all the same"
            )
        }
        (accepted, false) => {
            let what = if accepted { "was requested but" } else { "was not taken and" };
            let error = error.map(|error| format!("{error}; ")).unwrap_or_default();
            format!("the stop {what} is NOT confirmed: look at it, or stop it by: {by_hand}; {error}{reason}")
        }
    };
}

fn describe(cause: &StopCause, plan: &ExperimentPlan) -> String {
    match cause {
        StopCause::Timeout(_) => format!("it ran past its timeout of {}", exact(plan.timeout)),
        StopCause::QueueTimeout(_) => {
            format!("it was pending past queue-timeout, {}", exact(plan.queue_timeout))
        }
        StopCause::Cancelled(signal) => format!("{} cancelled the run", signal.as_str()),
        StopCause::Unwatched(failure) => format!("it can no longer be watched: {failure}"),
        StopCause::Halted(why) | StopCause::Forbidden(why) => why.clone(),
    }
}
