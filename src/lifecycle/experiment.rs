//! One experiment, from its launch to its result. Only the engine's record can confirm its end.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::cancel::Share;
use super::journal::Page;
use super::probing::Probing;
use super::progress::Progress;
use super::{Lifecycle, came_first, gate, score};
use faultgate_core::model::{ExperimentPlan, ExperimentResult, RunEvent, Source, State, StopReport, Verdict};
use faultgate_engines::{Engine, Failure, FailureKind, Launched, Record, StopCause, Watcher as _};

/// Time after which a launch that is not answered is given up, and looked for.
pub const LAUNCH_LIMIT: Duration = Duration::from_secs(90);
/// Time for requests to stop: more than a minute without a network, and a request that was sent in it.
pub const STOP_LIMIT: Duration = Duration::from_secs(120);
/// Time for the confirmation of an accepted stop. FIS finishes post actions before it says `stopped`.
pub const CONFIRM_LIMIT: Duration = Duration::from_secs(60);
/// Time for the confirmation of a stop that was refused: such an experiment will hardly stop.
const REFUSED_LIMIT: Duration = Duration::from_secs(5);
const STOP_RETRY: Duration = Duration::from_millis(500);
/// Time within which the engine must say that an experiment is no longer pending.
const BEGUN_LIMIT: Duration = Duration::from_secs(15);
/// Time for one last look at the record of an end that could not be confirmed.
pub const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// A permit that is held during a launch, and limits the number of launches at the same time.
pub(super) type Place<'a> = Option<SemaphorePermit<'a>>;

impl Lifecycle<'_> {
    pub(super) async fn run_experiment(&self, index: usize) -> ExperimentResult {
        let (mut probing, turn) = match self.prepare(index).await {
            Ok(prepared) => prepared,
            Err(result) => return result,
        };
        probing.start();
        match self.launch_one(index, probing, turn).await {
            Ok((progress, launched)) => self.monitor_one(&progress, launched, Duration::ZERO).await,
            Err(result) => result,
        }
    }

    /// Waits until an experiment may be launched. The error is its result where it may not.
    pub(super) async fn prepare(&self, index: usize) -> Result<(Probing, Place<'_>), ExperimentResult> {
        if let Some(signal) = self.cancel.signal() {
            return Err(self.not_launched(index, Verdict::Cancelled, &came_first(signal)));
        }
        let probing = self.probing(index);
        let ready = self.ready(&probing).await;
        self.publish_turns();
        match ready {
            Ok(turn) => Ok((probing, turn)),
            Err((verdict, reason)) => {
                let probes = probing.results(None);
                Err(ExperimentResult { probes, ..self.not_launched(index, verdict, &reason) })
            }
        }
    }

    /// Launches an experiment. The error is its result where it has not begun, or had to be stopped at once.
    pub(super) async fn launch_one(
        &self,
        index: usize,
        probing: Probing,
        turn: Place<'_>,
    ) -> Result<(Progress<'_>, Launched), ExperimentResult> {
        let (plan, engine) = self.parts(index);
        let progress = Progress::of(self, index, probing);
        let page = Page { journal: self.journal, experiment: index };
        let launching = engine.launch(plan, &page);
        let launched = self.cancel.within(LAUNCH_LIMIT, Share::Launch, launching).await;
        drop(turn);
        match launched {
            Some(Ok(launched)) => {
                self.announce(&progress, &launched);
                self.note_launch(index, &launched).await;
                Ok((progress, launched))
            }
            Some(Err(failure)) if failure.kind != FailureKind::Unanswered => {
                // A refusal proves nothing where an earlier attempt of this launch was not answered.
                match engine.may_have_begun(plan) {
                    Some(_) => self.note_unfound(index).await,
                    None => self.note_over(index).await,
                }
                Err(self.not_launched(index, Verdict::Errored, &failure.with_remedy()))
            }
            Some(Err(failure)) => Err(self.recover(&progress, failure).await),
            None => Err(self.recover(&progress, no_answer(plan)).await),
        }
    }

    pub(super) fn parts(&self, index: usize) -> (&ExperimentPlan, &dyn Engine) {
        (&self.plan.experiments[index], self.engines[self.engine_of[index]].as_ref())
    }

    /// Returns the probing of an experiment. A dry run has no probes, since there is nothing to measure.
    pub(super) fn probing(&self, index: usize) -> Probing {
        let plans = if self.plan.dry_run { &[] } else { self.plan.experiments[index].probes.as_slice() };
        let evaluators = self.evaluators.get(index).map_or(&[][..], Vec::as_slice);
        let teller = |probe: &str| self.course.turns.teller(index, probe);
        Probing::new(plans, evaluators, self.clock, &self.course.looks, self.cancel.token(), teller)
    }

    /// Waits for the experiment's turn to be launched. The error says why it has none.
    async fn ready(&self, probing: &Probing) -> Result<Place<'_>, (Verdict, String)> {
        self.may_go_on()?;
        let steady_and_its_turn = async {
            probing.before().await?;
            // The semaphore is never closed, so the permit is always there.
            let turn = self.course.launches.acquire().await;
            Ok::<Place<'_>, String>(turn.ok())
        };
        tokio::select! {
            biased;
            signal = self.cancel.cancelled() => Err((Verdict::Cancelled, came_first(signal))),
            steady = steady_and_its_turn => match steady {
                // Another experiment may have ended without `passed` meanwhile.
                Ok(turn) => self.may_go_on().map(|()| turn),
                Err(why) => Err((Verdict::Errored, format!("not launched: the system is not steady: {why}"))),
            },
        }
    }

    fn may_go_on(&self) -> Result<(), (Verdict, String)> {
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
        (self.publish)(&RunEvent::Launched { experiment: progress.index, id, url });
        progress.transition(launched.first.clone());
        progress.probing.borrow().launched();
    }

    /// Stops what an unanswered launch may have begun: an experiment that nobody watches must not go on.
    async fn recover(&self, progress: &Progress<'_>, failure: Failure) -> ExperimentResult {
        let (plan, engine) = self.parts(progress.index);
        let found = self.search(plan, engine, LAUNCH_LIMIT).await;
        let Some(Ok(Some(launched))) = found else {
            let mut reason = failure.with_remedy();
            let was_looked_for = matches!(found, Some(Ok(None)));
            match engine.may_have_begun(plan) {
                None if was_looked_for => self.note_over(progress.index).await,
                how_to_look => {
                    self.note_unfound(progress.index).await;
                    let seen =
                        if was_looked_for { "is not listed so far" } else { "could not be looked for" };
                    let how_to_look = how_to_look.as_deref().unwrap_or("check by hand");
                    reason = format!("it may have begun, and {seen}: {how_to_look}; {reason}");
                }
            }
            let verdict = if self.cancel.signal().is_some() { Verdict::Cancelled } else { Verdict::Errored };
            return self.not_launched(progress.index, verdict, &reason);
        };
        self.announce(progress, &launched);
        self.note_launch(progress.index, &launched).await;
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
    ) -> Option<Result<Option<Launched>, Failure>> {
        if self.cancel.signal().is_none() {
            tokio::select! {
                biased;
                _ = self.cancel.cancelled() => {}
                found = engine.find_unanswered(plan) => return Some(found),
                () = tokio::time::sleep(limit) => return None,
            }
        }
        self.cancel.within(limit, Share::Find, engine.find_unanswered(plan)).await
    }

    /// Follows an experiment, which was launched `ago` ago, until it ends or has to be stopped.
    pub(super) async fn monitor_one(
        &self,
        progress: &Progress<'_>,
        launched: Launched,
        ago: Duration,
    ) -> ExperimentResult {
        let (plan, engine) = self.parts(progress.index);
        let begin = Instant::now();
        let timeout = plan.timeout.saturating_sub(ago);
        let left = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
        let deadline = self.clock.now().saturating_add(left).unwrap_or(jiff::Timestamp::MAX);
        let cause = {
            let queued = async {
                tokio::time::sleep_until(begin + plan.queue_timeout.saturating_sub(ago)).await;
                if progress.begun.get() || self.has_begun(engine, &launched).await {
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
                why = self.aborting(progress, engine, &launched) => StopCause::Aborted(why),
                () = queued => StopCause::QueueTimeout,
                () = tokio::time::sleep_until(begin + timeout) => StopCause::Timeout(deadline),
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
                        tokio::time::sleep(STOP_RETRY).await;
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
        let (plan, engine) = self.parts(progress.index);
        let requested_at = self.clock.now();
        let why = describe(&cause, plan);
        (self.publish)(&RunEvent::Stopping { experiment: progress.index, why: &why });
        let stopping = self.ask_to_stop(engine, &launched);
        let answer = self.cancel.within(STOP_LIMIT, Share::Stop, stopping).await;
        progress.needs_no_stop();
        let refused = match answer {
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(failure.with_remedy()),
            None => Some(engine.stop_so_far(&launched).map_or_else(
                || "the engine did not answer the request to stop".to_owned(),
                |failure| failure.with_remedy(),
            )),
        };
        let limit = if refused.is_none() { CONFIRM_LIMIT + engine.stop_takes(plan) } else { REFUSED_LIMIT };
        let following = engine.follow(&launched, progress);
        let mut record = self.cancel.within(limit, Share::Confirm, following).await.and_then(Result::ok);
        if record.is_none() {
            let looking = engine.look(&launched);
            record = self.cancel.within(LOOK_LIMIT, Share::Close, looking).await.and_then(Result::ok);
        }
        let confirmed = record.as_ref().is_some_and(Record::has_ended);
        // A signal outweighs the first cause of the stop: the run was cancelled.
        if let Some(signal) = self.cancel.signal() {
            cause = StopCause::Cancelled(signal);
        }
        let report = StopReport { why, requested_at, accepted: refused.is_none(), confirmed, error: refused };
        let record = record.unwrap_or_else(Record::unknown);
        self.finish(progress, &launched, record, Some(report), Some(cause)).await
    }

    /// Sends the request to stop until it is accepted, or refused for good.
    async fn ask_to_stop(&self, engine: &dyn Engine, launched: &Launched) -> Result<(), Failure> {
        loop {
            match engine.stop(launched).await {
                Err(failure) if failure.kind == FailureKind::Unanswered => {
                    tracing::debug!(%failure, "asking for the stop again");
                    tokio::time::sleep(STOP_RETRY).await;
                }
                other => return other,
            }
        }
    }

    /// Evaluates the probes of phase `after`. A signal that cuts this short is returned as a cause.
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "the experiment is over: nobody tells the probes anything"
    )]
    async fn end_probing(&self, progress: &Progress<'_>, record: &Record) -> Option<StopCause> {
        let mut probing = progress.probing.borrow_mut();
        // The fault may still be in, so an evaluation now would not be one after it.
        if !record.has_ended() {
            probing.abort();
        }
        let whole = probing.end().await;
        self.cancel.signal().filter(|_| !whole).map(StopCause::Cancelled)
    }

    async fn finish(
        &self,
        progress: &Progress<'_>,
        launched: &Launched,
        record: Record,
        stop: Option<StopReport>,
        cause: Option<StopCause>,
    ) -> ExperimentResult {
        let (plan, engine) = self.parts(progress.index);
        if record.has_ended() {
            progress.needs_no_stop();
            self.note_over(progress.index).await;
        }
        let cut = self.end_probing(progress, &record).await;
        self.publish_turns();
        let cause = cause.or(cut);
        let fault = record.fault();
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
        judged.warnings.extend(progress.left_out());
        score::score(&mut judged, gate::floor(self.plan, plan), &probes, &plan.probes);
        (self.publish)(&RunEvent::Ended {
            experiment: progress.index,
            state: judged.state,
            verdict: judged.verdict,
            score: judged.score,
            reason: &judged.reason,
        });
        let own_report = record.report;
        if let Some(due) = own_report.as_ref().and_then(|report| report.due) {
            self.expect_own_report(progress.index, launched, due);
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
            ..self.planned(progress.index, judged.verdict, judged.reason)
        }
    }
}

fn no_answer(plan: &ExperimentPlan) -> Failure {
    Failure {
        kind: FailureKind::Unanswered,
        what: format!("launch {}", plan.name),
        why: "the engine did not answer".to_owned(),
        remedy: None,
    }
}

fn describe(cause: &StopCause, plan: &ExperimentPlan) -> String {
    match cause {
        StopCause::Timeout(_) => format!("it ran past its timeout of {:?}", plan.timeout),
        StopCause::QueueTimeout => format!("it was pending past queue-timeout, {:?}", plan.queue_timeout),
        StopCause::Cancelled(signal) => format!("{} cancelled the run", signal.as_str()),
        StopCause::Unwatched(failure) => format!("it can no longer be watched: {failure}"),
        StopCause::Aborted(why) => why.clone(),
    }
}
