//! A run in three steps, each of which may be a process on another machine: `launch` begins all, `monitor`
//! follows, and `score` decides by what the others have written down.
//!
//! The state file hands the run over from one process to the next. Where the handover fails, the launching
//! process stops everything again: no experiment is left to nobody.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::admission::Berth;
use super::cancel::{Duty, Share};
use super::lost_launch::{LostLaunch, SearchFailure};
use super::progress::Progress;
use super::run::Lifecycle;
use super::run_result::RunFacts;
use super::scheduled::Scheduled;
use super::stop_request::MAX_STOPPED_AT_ONCE;
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, ExperimentState, Finding, Handover, Plan, RunEvent, RunPhase,
    RunResult, RunState, SubscriptionRecord, SubscriptionState, Verdict,
};
use faultgate_engines::{Channel, Engine, EngineFailure, FailureKind, Launched, StopCause};

/// Time within which an engine is asked what it can tell of experiments that another process has launched.
const LEARN_LIMIT: Duration = Duration::from_secs(30);
/// Time for one request for the record of such an experiment.
const RECORD_LIMIT: Duration = Duration::from_secs(10);
/// Pause between two such requests.
const RECORD_PAUSE: Duration = Duration::from_secs(1);
/// Number of such requests, after which it is not known whether the experiment has ended.
const MAX_RECORD_ATTEMPTS: u32 = 3;

impl Lifecycle<'_> {
    /// Launches all experiments, and leaves them to the process that monitors. It returns a result if the run
    /// ends here; then nothing is left running.
    pub async fn launch(&self) -> Option<RunResult> {
        self.publish_during(async {
            let (findings, ready) = self.make_ready().await;
            let ended = match ready {
                Ok(()) => self.launch_all(&findings).await.err()?,
                Err(none_launched) => none_launched,
            };
            Some(self.close_decided(ended, findings).await)
        })
        .await
    }

    /// Launches all experiments and hands them over. If one cannot be launched or handed over, the others are
    /// stopped, and the error holds the results.
    async fn launch_all(&self, findings: &[Finding]) -> Result<(), Vec<ExperimentResult>> {
        // All experiments of a run in steps go on together, or none does.
        if let Some(why) = self.course.unreached.first().or_else(|| self.find_crowding()) {
            return Err(self.none_launched(Verdict::Errored, &why));
        }
        let all = self.scheduled.iter().map(|scheduled| async move {
            let (probing, ticket) = self.prepare(scheduled).await?;
            let (progress, launched) = self.launch_one(scheduled, probing, ticket).await?;
            // The process that monitors does not know what this one may object.
            match self.find_objection_after(&progress, &launched).await {
                Some(cause) => Err(self.stop(&progress, launched, cause).await),
                None => Ok((progress, launched)),
            }
        });
        // All launches are awaited even after a failure: only what is known to run can be stopped. They are
        // begun together since each keeps its place; their requests take turns.
        let begun: Vec<Result<(Progress<'_>, Launched), ExperimentResult>> = join_all(all).await;
        let stopped = begun.iter().find_map(|begun| begun.as_ref().err());
        let why = match stopped {
            Some(stopped) => format!("{} was not launched", stopped.name),
            None => match self.hand_over(findings, &begun).await {
                // A signal that comes from here on leaves nothing to do that `faultgate stop` does not do as
                // well.
                Ok(()) if self.cancel.signal().is_none() => return Ok(()),
                Ok(()) => "a signal came".to_owned(),
                Err(why) => why,
            },
        };
        let cause = match self.cancel.signal() {
            Some(signal) => StopCause::Cancelled(signal),
            None => StopCause::Unwatched(EngineFailure::new(
                FailureKind::Refused,
                "leave it to faultgate monitor",
                why,
            )),
        };
        let ending = begun.into_iter().map(|begun| async {
            match begun {
                Ok((progress, launched)) => self.stop(&progress, launched, cause.clone()).await,
                Err(ended) => ended,
            }
        });
        Err(stream::iter(ending).buffered(MAX_STOPPED_AT_ONCE).collect().await)
    }

    /// Writes down what the next process needs. The error says why it could not be written.
    async fn hand_over(
        &self,
        findings: &[Finding],
        begun: &[Result<(Progress<'_>, Launched), ExperimentResult>],
    ) -> Result<(), String> {
        let before = begun.iter().flatten().map(|(progress, _)| progress.probing.borrow().results(None));
        let handover =
            Handover { findings: findings.to_vec(), api_calls: self.calls(), ..Handover::default() };
        self.journal.handed_over(handover, before.collect()).await
    }

    /// Follows all experiments that a state names as launched, each until its end. If one has come to no end
    /// that can be scored, no other process can take over, and the subscription is removed.
    pub async fn monitor(&self, state: &RunState) -> RunResult {
        self.publish_during(async {
            // The duties are taken before anything is asked: the experiments may be running already, and a
            // second signal must not end the process before they were asked to stop.
            let all: Vec<_> = self
                .scheduled
                .iter()
                .zip(&state.experiments)
                .map(|(scheduled, known)| {
                    let may_run = known.outcome.is_none() && (known.launch.is_some() || known.is_open());
                    (scheduled, known, may_run.then(|| self.cancel.take_duty()))
                })
                .collect();
            self.take_up_engines(state).await;
            // All of them run already, so each is followed from now on; their requests take turns.
            let following =
                all.into_iter().map(|(scheduled, known, duty)| self.take_up(scheduled, known, duty));
            let experiments = join_all(following).await;
            if !experiments.iter().all(|experiment| can_be_scored(experiment.verdict)) {
                for (subscription, channel) in self.own_subscriptions(state) {
                    channel.adopt_subscription(subscription);
                }
                return self.close_decided(experiments, Vec::new()).await;
            }
            // The verdict is left to the process that scores.
            self.result(self.close_and_await_reports(experiments).await, Vec::new())
        })
        .await
    }

    /// Returns the run's subscriptions that are not removed, each with the channel that can reach it.
    fn own_subscriptions<'s>(
        &'s self,
        state: &'s RunState,
    ) -> impl Iterator<Item = (&'s SubscriptionState, &'s dyn Channel)> {
        let subscriptions = state.own_subscriptions().filter(|subscription| !subscription.removed);
        subscriptions.filter_map(|subscription| {
            let mut both = self.scheduled.iter().zip(&state.experiments);
            let (scheduled, _) = both.find(|(_, known)| known.place.is_beside(subscription))?;
            Some((subscription, scheduled.engine.channel()?))
        })
    }

    /// Lets the engines check and subscribe again. Findings are dropped, since they do not matter after the
    /// launch; what the engines learn by checking does.
    async fn take_up_engines(&self, state: &RunState) {
        let _ = self.cancel.within(LEARN_LIMIT, Share::Launch, self.check_all()).await;
        for (subscription, channel) in self.own_subscriptions(state) {
            channel.listen_to(subscription);
        }
        let opened = self.cancel.within(LEARN_LIMIT, Share::Launch, self.open_channels()).await;
        // Events are only hints, so the experiments are followed without them.
        for failure in opened.into_iter().flatten().filter_map(Result::err) {
            (self.publish)(&RunEvent::Warning(&failure.with_remedy()));
        }
    }

    /// Follows one experiment of a state until its end.
    async fn take_up(
        &self,
        scheduled: &Scheduled<'_>,
        known: &ExperimentState,
        duty: Option<Duty>,
    ) -> ExperimentResult {
        if let Some(outcome) = &known.outcome {
            return outcome.as_ref().clone();
        }
        let Scheduled { number, plan, engine, .. } = scheduled;
        if let Some(preview) = &known.preview {
            self.course.previews.borrow_mut().insert(*number, preview.clone());
        }
        let (launched, noted) = match (&known.launch, known.phase) {
            (Some(launch), _) => (engine.takeover().adopt(plan, launch), true),
            (None, RunPhase::Intended) => match self.find(scheduled, known).await {
                Ok(launched) => (launched, false),
                Err(result) => return result,
            },
            (None, _) => return self.not_launched(scheduled, Verdict::Errored, "it was not launched"),
        };
        let mut probing = self.probing(scheduled);
        probing.add_earlier(&known.before);
        let ended = self.has_ended(engine.as_ref(), &launched).await;
        if ended != Some(false) {
            probing.skip_during();
        }
        probing.start();
        let progress = Progress::new(self, scheduled, probing, duty, Berth::default());
        // The process that launched it has objected to nothing.
        progress.verified.set(true);
        self.announce(&progress, &launched);
        if !noted {
            self.note_launch(scheduled, &launched).await;
        }
        // An experiment that has ended while nobody followed it is not late, so its timeouts begin now.
        let ago = if ended == Some(true) { Duration::ZERO } else { self.since(launched.first.at) };
        self.monitor_one(&progress, launched, ago).await
    }

    /// Looks for a launch whose answer nobody has written down. The error is the result of the experiment if
    /// it is not found.
    async fn find(
        &self,
        scheduled: &Scheduled<'_>,
        known: &ExperimentState,
    ) -> Result<Launched, ExperimentResult> {
        let Scheduled { plan, engine, .. } = scheduled;
        engine.takeover().recall(plan, &known.intent);
        let found = self.search(plan, engine.as_ref(), LEARN_LIMIT).await;
        let state = Some((known, self.clock.now()));
        let verdict = match found {
            Err(SearchFailure::Signal) => Verdict::Cancelled,
            Ok(_) | Err(SearchFailure::Failed(_) | SearchFailure::NoAnswer) => Verdict::Errored,
        };
        let lost = match LostLaunch::weigh(engine.as_ref(), plan, state, found) {
            Ok(launched) => return Ok(launched),
            Err(lost) => lost,
        };
        let fault_may_be_in = lost != LostLaunch::NeverBegan;
        if !fault_may_be_in {
            self.note_over(scheduled).await;
        }
        let result = self.not_launched(scheduled, verdict, &lost.to_string());
        Err(ExperimentResult { fault_may_be_in, ..result })
    }

    /// Asks whether the experiment has ended; `None` if that cannot be learned.
    async fn has_ended(&self, engine: &dyn Engine, launched: &Launched) -> Option<bool> {
        for attempt in 0..MAX_RECORD_ATTEMPTS {
            if attempt > 0 {
                // The pause is a wait for nothing, so that a signal can cut it short.
                let _ = self.cancel.within(RECORD_PAUSE, Share::Launch, std::future::pending::<()>()).await;
            }
            let _turn = self.course.launches.acquire().await;
            let record = self.cancel.within(RECORD_LIMIT, Share::Launch, engine.look(launched)).await;
            if let Some(Ok(record)) = record {
                return Some(record.has_ended());
            }
        }
        None
    }

    /// Returns the time since the launch, or zero if the launch seems to lie in the future: clocks of two
    /// machines may differ.
    fn since(&self, launch: Timestamp) -> Duration {
        self.clock.now().duration_since(launch).try_into().unwrap_or_default()
    }
}

/// Returns `true` if the end of the experiment is known, and with it what it says of the system.
pub fn can_be_scored(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Passed | Verdict::Failed)
}

/// Returns the result of a run by what a state says of it, without asking anybody.
pub fn conclude(plan: &Plan, state: &RunState, now: Timestamp) -> RunResult {
    let outcome = |(plan_of, known): (&ExperimentPlan, &ExperimentState)| match &known.outcome {
        Some(outcome) => outcome.as_ref().clone(),
        None => ExperimentResult {
            id: known.launch.as_ref().map(|launch| launch.id.clone()),
            url: known.launch.as_ref().and_then(|launch| launch.url.clone()),
            preview: known.preview.clone(),
            fault_may_be_in: may_be_in(plan, known),
            ..ExperimentResult::planned(
                plan_of,
                plan.monitor,
                Verdict::Errored,
                describe_unmonitored(plan, known),
            )
        },
    };
    let experiments: Vec<_> = plan.experiments.iter().zip(&state.experiments).map(outcome).collect();
    let handover = state.handover.clone().unwrap_or_default();
    let subscriptions = state.own_subscriptions().map(|subscription| SubscriptionRecord {
        name: subscription.name.clone(),
        region: Some(subscription.region.clone()),
        handshake_ms: subscription.handshake_ms,
        leftovers: subscription.leftovers.clone(),
    });
    let facts = RunFacts {
        plan,
        run: &state.run,
        rehearsal: None,
        signal: handover.signal,
        started_at: state.started_at,
        ended_at: now,
        experiments,
        findings: handover.findings,
        subscriptions: subscriptions.collect(),
        api_calls: handover.api_calls,
    };
    facts.into_result()
}

/// Returns `true` if the fault of an experiment without an outcome may still be in.
fn may_be_in(plan: &Plan, known: &ExperimentState) -> bool {
    !plan.dry_run && !matches!(known.phase, RunPhase::Planned | RunPhase::Previewing | RunPhase::Over)
}

/// Returns the reason of an experiment without an outcome.
fn describe_unmonitored(plan: &Plan, known: &ExperimentState) -> String {
    let unknown = "how it ended was not learned: faultgate monitor has written no end of it";
    match known.phase {
        RunPhase::Planned | RunPhase::Previewing => "it was not launched".to_owned(),
        _ if may_be_in(plan, known) => format!("{unknown}, so that its fault may still be in"),
        _ => unknown.to_owned(),
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
