//! A run in three steps, each of which may be a process on another machine: `launch` begins all, `monitor`
//! follows, and `score` decides by what the others have written down.
//!
//! The state file hands the run over from one process to the next. Where the handover fails, the launching
//! process stops everything again: no experiment is left to nobody.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::gate::{Terms, comparison, gate};
use super::progress::Progress;
use super::{Lifecycle, Share};
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, ExperimentState, Finding, Handover, Plan, RunEvent, RunIdentity,
    RunPhase, RunResult, RunState, SCHEMA_VERSION, SCORING, SubscriptionRecord, SubscriptionState, ToolInfo,
    Verdict,
};
use faultgate_engines::{Channel, Failure, FailureKind, Launched, StopCause};

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
        self.told(async {
            let (findings, ready) = self.make_ready().await;
            let ended = match ready {
                Ok(()) => self.launch_all(&findings).await.err()?,
                Err(none_launched) => none_launched,
            };
            self.close().await;
            Some(self.result(ended, findings))
        })
        .await
    }

    /// Launches all experiments and hands them over. If one cannot be launched or handed over, the others are
    /// stopped, and the error holds the results.
    async fn launch_all(&self, findings: &[Finding]) -> Result<(), Vec<ExperimentResult>> {
        let all = (0..self.plan.experiments.len()).map(|index| async move {
            let (probing, turn) = self.prepare(index).await?;
            self.launch_one(index, probing, turn).await
        });
        // All launches are awaited even after a failure: only what is known to run can be stopped.
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
            None => StopCause::Unwatched(Failure {
                kind: FailureKind::Refused,
                what: "leave it to faultgate monitor".to_owned(),
                why,
                remedy: None,
            }),
        };
        let ending = begun.into_iter().map(|begun| async {
            match begun {
                Ok((progress, launched)) => self.stop(&progress, launched, cause.clone()).await,
                Err(ended) => ended,
            }
        });
        Err(join_all(ending).await)
    }

    /// Writes down what the next process needs. The error says why it could not be written.
    async fn hand_over(
        &self,
        findings: &[Finding],
        begun: &[Result<(Progress<'_>, Launched), ExperimentResult>],
    ) -> Result<(), String> {
        let before = begun.iter().flatten().map(|(progress, _)| progress.seen()).collect();
        let handover =
            Handover { findings: findings.to_vec(), api_calls: self.calls(), ..Handover::default() };
        self.journal.handed_over(handover, before).await
    }

    /// Follows all experiments that a state names as launched, each until its end. If one has come to no end
    /// that can be scored, no other process can take over, and the subscription is removed.
    pub async fn monitor(&self, state: &RunState) -> RunResult {
        self.told(async {
            self.take_up_engines(state).await;
            let all = state.experiments.iter().take(self.plan.experiments.len()).enumerate();
            let mut experiments = join_all(all.map(|(index, known)| self.take_up(index, known))).await;
            if !experiments.iter().all(|experiment| can_be_scored(experiment.verdict)) {
                for (subscription, engine) in self.own_subscriptions(state) {
                    if let Some(channel) = self.engines[engine].channel() {
                        channel.adopt_subscription(subscription);
                    }
                }
            }
            tokio::join!(self.close(), self.await_own_reports(&mut experiments));
            self.result(experiments, Vec::new())
        })
        .await
    }

    /// Returns the run's subscriptions that are not removed, each with the index of the engine that can reach
    /// it.
    fn own_subscriptions<'s>(
        &self,
        state: &'s RunState,
    ) -> impl Iterator<Item = (&'s SubscriptionState, usize)> {
        let subscriptions = state.own_subscriptions().filter(|subscription| !subscription.removed);
        subscriptions.filter_map(|subscription| {
            let is_beside = |known: &ExperimentState| known.place.is_beside(subscription);
            let experiment = state.experiments.iter().position(is_beside)?;
            Some((subscription, *self.engine_of.get(experiment)?))
        })
    }

    /// Lets the engines check and subscribe again. Findings are dropped, since they do not matter after the
    /// launch; what the engines learn by checking does.
    async fn take_up_engines(&self, state: &RunState) {
        let _ = self.cancel.within(LEARN_LIMIT, Share::Launch, self.look_around()).await;
        for (subscription, engine) in self.own_subscriptions(state) {
            if let Some(channel) = self.engines[engine].channel() {
                channel.listen_to(subscription);
            }
        }
        let opening = join_all(self.channels().map(Channel::open));
        let opened = self.cancel.within(LEARN_LIMIT, Share::Launch, opening).await;
        // Events are only hints, so the experiments are followed without them.
        for failure in opened.into_iter().flatten().filter_map(Result::err) {
            (self.publish)(&RunEvent::Warning(&failure.with_remedy()));
        }
    }

    /// Follows one experiment of a state until its end.
    async fn take_up(&self, index: usize, known: &ExperimentState) -> ExperimentResult {
        if let Some(outcome) = &known.outcome {
            return outcome.as_ref().clone();
        }
        let (plan, engine) = self.parts(index);
        let (launched, noted) = match (&known.launch, known.phase) {
            (Some(launch), _) => (engine.takeover().adopt(plan, launch), true),
            (None, RunPhase::Intended) => match self.find(plan, known, index).await {
                Ok(launched) => (launched, false),
                Err(result) => return result,
            },
            (None, _) => return self.not_launched(index, Verdict::Errored, "it was not launched"),
        };
        let mut probing = self.probing(index);
        probing.resume(&known.before);
        let ended = self.has_ended(index, &launched).await;
        if ended != Some(false) {
            probing.missed();
        }
        probing.start();
        let progress = Progress::of(self, index, probing);
        self.announce(&progress, &launched);
        if !noted {
            self.note_launch(index, &launched).await;
        }
        // An experiment that has ended while nobody followed it is not late, so its timeouts begin now.
        let ago = if ended == Some(true) { Duration::ZERO } else { self.since(launched.first.at) };
        self.monitor_one(&progress, launched, ago).await
    }

    /// Looks for a launch whose answer nobody has written down. The error is the result of the experiment if
    /// it is not found.
    async fn find(
        &self,
        plan: &ExperimentPlan,
        known: &ExperimentState,
        index: usize,
    ) -> Result<Launched, ExperimentResult> {
        let (_, engine) = self.parts(index);
        engine.takeover().recall(plan, &known.intent);
        let found = self.search(plan, engine, LEARN_LIMIT).await;
        let (verdict, why) = match found {
            Some(Ok(Some(launched))) => return Ok(launched),
            Some(Ok(None)) if known.may_come_to_light(self.clock.now()) => {
                let how = engine.how_to_look(plan).unwrap_or_default();
                let why = format!(
                    "its launch was not answered; it may have begun, and is not listed so far: {how}"
                );
                (Verdict::Errored, why)
            }
            Some(Ok(None)) => {
                self.note_over(index).await;
                (Verdict::Errored, "its launch was cut off, and it has not begun".to_owned())
            }
            Some(Err(failure)) => (Verdict::Errored, may_run(&failure.with_remedy())),
            None => match self.cancel.signal() {
                Some(_) => (Verdict::Cancelled, may_run("a signal came first")),
                None => (Verdict::Errored, may_run("the engine did not answer")),
            },
        };
        Err(self.not_launched(index, verdict, &why))
    }

    /// Asks whether the experiment has ended; `None` if that cannot be learned.
    async fn has_ended(&self, index: usize, launched: &Launched) -> Option<bool> {
        let (_, engine) = self.parts(index);
        for look in 0..MAX_RECORD_ATTEMPTS {
            if look > 0 {
                // The pause is a wait for nothing, so that a signal can cut it short.
                let _ = self.cancel.within(RECORD_PAUSE, Share::Launch, std::future::pending::<()>()).await;
            }
            let looked = self.cancel.within(RECORD_LIMIT, Share::Launch, engine.look(launched)).await;
            if let Some(Ok(record)) = looked {
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

/// Returns the reason of an experiment that may be running.
fn may_run(why: &str) -> String {
    format!("its launch was cut off; it may have begun all the same, and could not be looked for: {why}")
}

/// Returns the result of a run by what a state says of it, without asking anybody.
pub fn conclude(plan: &Plan, state: &RunState, now: Timestamp) -> RunResult {
    let outcome = |(plan_of, known): (&ExperimentPlan, &ExperimentState)| match &known.outcome {
        Some(outcome) => outcome.as_ref().clone(),
        None => ExperimentResult {
            id: known.launch.as_ref().map(|launch| launch.id.clone()),
            url: known.launch.as_ref().and_then(|launch| launch.url.clone()),
            ..ExperimentResult::planned(plan_of, plan.monitor, Verdict::Errored, unmonitored(known))
        },
    };
    let experiments: Vec<_> = plan.experiments.iter().zip(&state.experiments).map(outcome).collect();
    let handover = state.handover.clone().unwrap_or_default();
    let compared = comparison(plan, &experiments);
    let terms = Terms {
        expected: plan.expected,
        dry_run: plan.dry_run,
        signal: handover.signal,
        rehearsal: None,
        comparison: compared.as_ref(),
    };
    let gate = gate(&terms, &experiments);
    RunResult {
        schema_version: SCHEMA_VERSION,
        scoring: SCORING,
        faultgate: ToolInfo::current(),
        rehearsal: None,
        run: RunIdentity { shard: plan.shard, ..state.run.clone() },
        plan: plan.suite.clone(),
        dry_run: plan.dry_run,
        started_at: state.started_at,
        ended_at: now,
        gate,
        comparison: compared,
        experiments,
        findings: handover.findings,
        subscriptions: state
            .own_subscriptions()
            .map(|subscription| SubscriptionRecord {
                name: subscription.name.clone(),
                region: Some(subscription.region.clone()),
                handshake_ms: None,
                leftovers: subscription.leftovers.clone(),
            })
            .collect(),
        reporting: Vec::new(),
        api_calls: handover.api_calls,
    }
}

/// Returns the reason of an experiment without an outcome.
fn unmonitored(known: &ExperimentState) -> String {
    match known.phase {
        RunPhase::Planned => "it was not launched".to_owned(),
        _ => "how it ended was not learned: faultgate monitor has written no end of it".to_owned(),
    }
}
