//! The way of one experiment to its launch: its place, its steady state, the request, and the search for
//! what an unanswered request may have begun.

use std::time::Duration;

use tokio::sync::SemaphorePermit;

use super::admission::{Begun, Berth};
use super::alone::LonelyWait;
use super::cancel::Share;
use super::journal_entries::ExperimentEntries;
use super::lost_launch::{LostLaunch, SearchFailure};
use super::probes::Probing;
use super::progress::Progress;
use super::run::{Lifecycle, describe_signal};
use super::scheduled::Scheduled;
use faultgate_core::model::{ExperimentPlan, ExperimentResult, Forecast, RunEvent, Verdict};
use faultgate_engines::{Engine, EngineFailure, FailureKind, Launched, StopCause, Watcher as _};

/// Time after which a launch that is not answered is given up, and looked for.
pub const LAUNCH_LIMIT: Duration = Duration::from_secs(90);

/// A permit that is held during a launch, and limits the number of launches at the same time.
pub(super) type LaunchPermit<'a> = Option<SemaphorePermit<'a>>;

/// The right of an experiment to be launched now.
pub(super) struct Ticket<'a> {
    pub(super) berth: Berth,
    pub(super) permit: LaunchPermit<'a>,
}

impl Lifecycle<'_> {
    /// Waits until an experiment may be launched. The error is its result where it may not.
    pub(super) async fn prepare(
        &self,
        scheduled: &Scheduled<'_>,
    ) -> Result<(Probing, Ticket<'_>), ExperimentResult> {
        if let Some(signal) = self.cancel.signal() {
            return Err(self.not_launched(scheduled, Verdict::Cancelled, &describe_signal(signal)));
        }
        if let Some(why) = self.course.unreached.why(&scheduled.engine) {
            return Err(self.not_launched(scheduled, Verdict::Errored, &why));
        }
        let probing = self.probing(scheduled);
        let ready = self.ready(scheduled, &probing).await;
        self.publish_turns();
        match ready {
            Ok(ticket) => Ok((probing, ticket)),
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
        ticket: Ticket<'_>,
    ) -> Result<(Progress<'s>, Launched), ExperimentResult> {
        let Scheduled { number, plan, engine, .. } = scheduled;
        let Ticket { berth, mut permit } = ticket;
        let progress = Progress::new(self, scheduled, probing, Some(self.cancel.take_duty()), berth);
        let entries = ExperimentEntries { journal: self.journal, experiment: *number };
        let begun = self.begin(scheduled, &mut permit, async || engine.launch(plan, &entries).await).await;
        drop(permit);
        let refused = async |verdict, reason: &str| {
            // A refusal proves nothing where an earlier attempt of this launch was not answered.
            let fault_may_be_in = engine.how_to_look(plan).is_some();
            if fault_may_be_in {
                self.note_unfound(scheduled).await;
            } else {
                self.note_over(scheduled).await;
            }
            Err(ExperimentResult { fault_may_be_in, ..self.not_launched(scheduled, verdict, reason) })
        };
        match begun {
            Begun::Answered(Ok(launched)) => {
                self.announce(&progress, &launched);
                self.note_launch(scheduled, &launched).await;
                Ok((progress, launched))
            }
            Begun::Answered(Err(failure)) if failure.kind != FailureKind::Unanswered => {
                refused(Verdict::Errored, &failure.with_remedy()).await
            }
            Begun::Late(why) => refused(Verdict::TimedOut, &format!("not launched: {why}")).await,
            Begun::Forbidden(verdict, why) => refused(verdict, &why).await,
            Begun::Cancelled(signal) => refused(Verdict::Cancelled, &describe_signal(signal)).await,
            Begun::Answered(Err(failure)) => Err(self.recover(&progress, failure).await),
            Begun::Unanswered => Err(self.recover(&progress, no_answer(plan)).await),
        }
    }

    /// Waits for the experiment's turn to be launched. The error says why it has none.
    async fn ready(
        &self,
        scheduled: &Scheduled<'_>,
        probing: &Probing,
    ) -> Result<Ticket<'_>, (Verdict, String)> {
        self.check_launches_allowed()?;
        let steady_and_permitted = async {
            let berth = self.take_berth(scheduled).await;
            // Another experiment may have ended without `passed`, or halted the run, meanwhile.
            self.check_launches_allowed()?;
            let unsteady = |why| (Verdict::Errored, format!("not launched: the system is not steady: {why}"));
            let mut wait = LonelyWait::default();
            self.wait_until_alone(scheduled, &mut wait).await?;
            probing.evaluate_before().await.map_err(unsteady)?;
            // The evaluations took their time, and somebody may have come meanwhile.
            if scheduled.has_probes_before() {
                self.wait_until_alone(scheduled, &mut wait).await?;
            }
            // The semaphore is never closed, so the permit is always there.
            let permit = self.course.launches.acquire().await.ok();
            self.check_launches_allowed()?;
            Ok(Ticket { berth, permit })
        };
        tokio::select! {
            biased;
            signal = self.cancel.cancelled() => Err((Verdict::Cancelled, describe_signal(signal))),
            ready = steady_and_permitted => ready,
        }
    }

    /// Checks that nothing in the course of the run forbids a further launch. The error says what does.
    pub(super) fn check_launches_allowed(&self) -> Result<(), (Verdict, String)> {
        if let Some(why) = self.course.probes.board.halted() {
            return Err((Verdict::Errored, format!("not launched: {why}")));
        }
        if let Some(stopped) = self.course.stopped_by_others.borrow().as_deref() {
            let reason =
                format!("not launched: somebody else stopped {stopped}, so this run launches nothing more");
            return Err((Verdict::Errored, reason));
        }
        if let Some(why) = self.guard.why_closed() {
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
        let Scheduled { number, plan, engine, .. } = progress.scheduled;
        let (id, url) = (launched.id.as_str(), launched.url.as_deref());
        let mut forecast = match self.rehearsed_length {
            None => engine.forecast(plan, launched),
            lasts => Forecast { lasts, actions: Vec::new() },
        };
        let earlier = || self.plan.compare_to.as_ref()?.took(&plan.name);
        forecast.lasts = forecast.lasts.or_else(earlier);
        (self.publish)(&RunEvent::Launched { experiment: *number, id, url, forecast: &forecast });
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
                let fault_may_be_in = lost != LostLaunch::NeverBegan;
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
                let result = self.not_launched(progress.scheduled, verdict, &reason);
                return ExperimentResult { fault_may_be_in, ..result };
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
}

pub(super) fn no_answer(plan: &ExperimentPlan) -> EngineFailure {
    let what = format!("launch {}", plan.name);
    EngineFailure::new(FailureKind::Unanswered, what, "the engine did not answer")
}
