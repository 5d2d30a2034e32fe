//! The engine that Harness and LitmusChaos share. It launches a run once, asks for it at well-chosen times,
//! reads its score, and stops it by its id. It never sends a launch again that may have had an effect.
//!
//! `manager` is the port that a control plane implements, and `wire` sends its requests. `launch` begins a
//! run, `poller` reads all runs that are followed when `schedule` says so, and `tracking` holds what is known
//! of each. `phase`, `execution`, `node` and `step` read what is told, and `record` makes the engine's record
//! of it. `course` says how each fault went, `injected` what was injected, `weights` what makes the score,
//! `agreement` whether what is told agrees with itself, and `outcome` what all of it means.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout};

mod agreement;
mod course;
mod execution;
mod failure;
pub mod harness;
mod injected;
mod launch;
pub mod litmus;
mod manager;
mod node;
mod outcome;
mod phase;
mod poller;
mod record;
mod schedule;
mod step;
mod tracking;
mod weights;
mod wire;

pub use manager::{Asked, FaultCounts, Manager, Run, RunDetails, RunKey};
pub use phase::state_of;
pub use wire::{ControlPlaneWire, NOT_ITS_API, Trouble, TroubleKind};

use self::failure::{failure, may_pass};
use self::launch::{Launches, RunLaunch, first};
use self::outcome::RunContext;
use self::poller::Poller;
use self::tracking::{GaveUp, RunEnd, RunNews, RunTracking};
use super::{Engine, Failure, FailureKind, Judgement, Launched, Notary, Record, StopCause, Watcher};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentPlan, Finding, InjectionRule, Intent, LaunchRecord, Monitor, MonitorRecord, State,
    SubscriptionRecord, Trace, Verdict,
};

/// Number of times that the details of a run that is over are asked for.
const DETAIL_TRIES: u32 = 3;
/// Number of times that a refused stop is asked for while the run has no id yet, which it may still get.
const STOP_TRIES: u32 = 5;
/// Longest wait of a stop for the run's id. It is short, since after a signal there is little time.
const MAX_ID_WAIT: Duration = Duration::from_secs(1);
/// Pause before the first retry. It doubles with each one, up to [`MAX_RETRY_PAUSE`].
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The engine's word for a run that a dry run does not launch.
const NOT_LAUNCHED: &str = "not launched";

/// Settings of the connection to one control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CenterSettings {
    /// `true` if nothing is to be launched.
    pub dry_run: bool,
    pub injection: InjectionRule,
    /// Seed of the jitter of pauses. It differs between runs, so that runners which start together do not ask
    /// together.
    pub seed: u64,
}

/// The engine for the experiments of one project of one control plane.
pub struct ChaosCenter<M> {
    manager: M,
    settings: CenterSettings,
    poller: Poller,
    launches: Launches,
}

impl<M: Manager> ChaosCenter<M> {
    /// Creates the engine. Nothing is asked yet.
    pub fn new(manager: M, settings: CenterSettings, clock: Clock) -> Self {
        let poller = Poller::new(clock, settings.seed);
        Self { manager, settings, poller, launches: Launches::default() }
    }

    fn launch_of<'a>(&'a self, experiment: &'a ExperimentPlan) -> RunLaunch<'a, M> {
        let (manager, poller, launches) = (&self.manager, &self.poller, &self.launches);
        RunLaunch { manager, poller, launches, experiment }
    }

    /// Registers a run that is over before it begins, so that whoever follows it needs no way of its own.
    fn dry_run(&self, experiment: &ExperimentPlan) -> Launched {
        let id = format!("{}-{}-dry-run", experiment.spec.engine(), experiment.name);
        let key =
            RunKey { experiment: experiment.spec.source().to_owned(), notify_id: id.clone(), run_id: None };
        let mut tracking = RunTracking::new(key, None, Instant::now(), Duration::ZERO);
        tracking.dry_run = true;
        self.poller.runs.borrow_mut().insert(id.clone(), tracking);
        Launched { id, url: None, first: first(State::Completed, NOT_LAUNCHED, self.poller.clock.now()) }
    }

    /// Changes or reads what is known of a run. Fails if this process neither launched nor adopted it.
    fn change<T>(&self, id: &str, change: impl FnOnce(&mut RunTracking) -> T) -> Result<T, Failure> {
        self.poller.change(id, change).ok_or_else(|| {
            Failure::new(FailureKind::Missing, format!("follow {id}"), "this run has not launched it")
        })
    }

    fn failure(&self, trouble: &Trouble, asked: Asked, what: String) -> Failure {
        failure(&self.manager, trouble, asked, what)
    }

    fn gave_up(&self, id: &str, why: &GaveUp) -> Failure {
        let what = format!("read the run {id}");
        match why {
            GaveUp::Trouble(trouble) => self.failure(trouble, Asked::Read, what),
            GaveUp::Vanished => {
                let why = format!("{} knew it, and does not know it any longer", self.manager.title());
                Failure::new(FailureKind::Missing, what, why)
            }
        }
    }

    /// Asks for the details of a run that is over. Where they cannot be had, the run is judged without them.
    async fn end(&self, id: &str) -> Result<(), Failure> {
        let key = self.change(id, |tracking| tracking.key.clone())?;
        let mut tries = 0;
        let end = loop {
            match self.poller.ask(self.manager.details(&key)).await {
                Ok(details) => break RunEnd { execution: Some(execution::read(&details)), unread: None },
                Err(trouble) => {
                    tries += 1;
                    if tries >= DETAIL_TRIES || !may_pass(&trouble) {
                        break RunEnd { execution: None, unread: Some(trouble.why) };
                    }
                }
            }
            let pause = self.poller.backoff(RETRY_PAUSE, MAX_RETRY_PAUSE, tries);
            // A control plane may want to be left alone for minutes. The result does not wait for details
            // that long.
            let limited = self.poller.paused_until().saturating_duration_since(Instant::now());
            sleep(pause.max(limited.min(MAX_RETRY_PAUSE))).await;
        };
        self.change(id, |tracking| tracking.finish(end))
    }

    /// Reads the run once, outside of the poller's schedule.
    async fn read(&self, id: &str) -> Result<Record, Failure> {
        let key = self.change(id, |tracking| tracking.key.clone())?;
        let asking = async { self.manager.read(&[key]).await.pop().unwrap_or(Ok(None)) };
        match self.poller.ask(asking).await {
            Err(trouble) => Err(self.failure(&trouble, Asked::Read, format!("read the run {id}"))),
            Ok(run) => {
                let record = self.change(id, |tracking| {
                    tracking.look(run, Instant::now(), self.poller.clock.now());
                    tracking.record()
                })?;
                self.poller.hurry();
                Ok(record)
            }
        }
    }

    /// Sends one request to stop. Succeeds if it was granted, or if there is nothing left to stop.
    async fn ask_to_stop(&self, id: &str) -> Result<(), Trouble> {
        let Some(key) = self.poller.change(id, |tracking| tracking.key.clone()) else { return Ok(()) };
        if key.run_id.is_none() {
            // Most control planes stop by the run's id, which comes with the agent's first report. Whatever
            // the read meets with, the stop is asked for.
            let _ = timeout(MAX_ID_WAIT, self.read(id)).await;
        }
        let Some((key, over)) = self.poller.change(id, |tracking| (tracking.key.clone(), tracking.is_over()))
        else {
            return Ok(());
        };
        if over { Ok(()) } else { self.poller.ask(self.manager.stop(&key)).await }
    }
}

#[async_trait(?Send)]
impl<M: Manager> Engine for ChaosCenter<M> {
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        self.manager.check(experiments).await
    }

    async fn open(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn launch(&self, experiment: &ExperimentPlan, notary: &dyn Notary) -> Result<Launched, Failure> {
        if self.settings.dry_run {
            return Ok(self.dry_run(experiment));
        }
        self.launch_of(experiment).launch(notary).await
    }

    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, Failure> {
        self.launch_of(experiment).find_unanswered().await
    }

    fn may_have_begun(&self, experiment: &ExperimentPlan) -> Option<String> {
        self.launch_of(experiment).how_to_look()
    }

    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, Failure> {
        let id = &launched.id;
        self.change(id, |_| ())?;
        let _followed = self.poller.follow(id);
        loop {
            // The wait for a change begins before the state is read: none between the two is missed.
            let changed = self.poller.news();
            let take_state = |tracking: &mut RunTracking| {
                let news = std::mem::take(&mut tracking.news);
                let record = (tracking.dry_run || tracking.end.is_some()).then(|| tracking.record());
                (news, record, tracking.seen_at.is_some(), tracking.gave_up.clone())
            };
            let (news, record, is_over, gave_up) = self.change(id, take_state)?;
            for news in news {
                match news {
                    RunNews::Transition(transition) => watcher.transition(transition),
                    RunNews::Warning(message) => watcher.warning(&message),
                }
            }
            if let Some(record) = record {
                return Ok(record);
            }
            if let Some(why) = gave_up {
                return Err(self.gave_up(id, &why));
            }
            if is_over {
                self.end(id).await?;
            } else {
                self.poller.wait(&self.manager, changed).await;
            }
        }
    }

    async fn stop(&self, launched: &Launched) -> Result<(), Failure> {
        let id = &launched.id;
        let done = self.change(id, |tracking| {
            tracking.stop_was_asked(Instant::now());
            tracking.dry_run || tracking.is_over()
        })?;
        if done {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let Err(trouble) = self.ask_to_stop(id).await else {
                self.poller.hurry();
                return Ok(());
            };
            tries += 1;
            self.change(id, |tracking| tracking.stop_trouble = Some(trouble.clone()))?;
            // A run that has ended cannot be stopped, and its record says whether it has. A run without an id
            // may get one.
            let refused = matches!(trouble.kind, TroubleKind::Refused | TroubleKind::Missing);
            if refused && self.read(id).await.is_ok_and(|record| record.has_ended()) {
                return Ok(());
            }
            let has_no_id = self.change(id, |tracking| tracking.key.run_id.is_none())?;
            let again = trouble.kind == TroubleKind::Limited || (refused && has_no_id && tries < STOP_TRIES);
            if !again {
                return Err(self.failure(&trouble, Asked::Stop, format!("stop the run {id}")));
            }
            let pause = self.poller.backoff(RETRY_PAUSE, MAX_RETRY_PAUSE, tries - 1);
            sleep(trouble.wait.map_or(pause, |wait| wait.clamp(RETRY_PAUSE, MAX_RETRY_PAUSE))).await;
        }
    }

    fn stop_so_far(&self, launched: &Launched) -> Option<Failure> {
        let trouble = self.poller.change(&launched.id, |tracking| tracking.stop_trouble.clone())??;
        Some(self.failure(&trouble, Asked::Stop, format!("stop the run {}", launched.id)))
    }

    async fn look(&self, launched: &Launched) -> Result<Record, Failure> {
        let known = self.change(&launched.id, |tracking| {
            (tracking.dry_run || tracking.seen_at.is_some()).then(|| tracking.record())
        })?;
        match known {
            Some(record) => Ok(record),
            None => self.read(&launched.id).await,
        }
    }

    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement {
        let known = self.change(&launched.id, |tracking| (tracking.run.clone(), tracking.end.clone()));
        let (run, end) = match known {
            Ok(known) => known,
            Err(failure) => {
                return Judgement::plain(State::Unknown, Verdict::Errored, failure.to_string());
            }
        };
        let not_asked = "they were not asked for".to_owned();
        let RunEnd { execution, unread } = end.unwrap_or(RunEnd { execution: None, unread: Some(not_asked) });
        outcome::judge(
            record,
            &RunContext {
                title: self.manager.title(),
                dry_run: self.settings.dry_run,
                injection: self.settings.injection,
                stop,
                run: run.as_ref(),
                execution: execution.as_ref(),
                unread: unread.as_deref(),
            },
        )
    }

    async fn close(&self, _within: Duration) {}

    fn subscription(&self) -> Option<SubscriptionRecord> {
        None
    }

    fn monitoring(&self, _experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord {
        let mut monitoring = MonitorRecord::new(Monitor::Poll);
        // One request may tell of several runs, so each experiment is told the calls of all.
        monitoring.api_calls = self.manager.calls();
        let known = id.and_then(|id| self.poller.change(id, |tracking| (tracking.seen_at, tracking.reads)));
        if let Some((Some(_), reads)) = known {
            monitoring.learned = format!("by asking {}, {reads} times", self.manager.title());
        }
        monitoring
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.manager.calls()
    }

    fn stop_conditions(&self, _experiment: &ExperimentPlan) -> Vec<String> {
        Vec::new()
    }

    fn stop_command(&self, launched: &Launched) -> String {
        let key = self.poller.change(&launched.id, |tracking| tracking.key.clone());
        let title = self.manager.title();
        key.map_or_else(
            || format!("the console of {title}: {}", launched.id),
            |key| self.manager.stop_by_hand(&key),
        )
    }

    fn region(&self) -> Option<String> {
        None
    }

    fn trace(&self, launched: &Launched) -> Trace {
        let launched_experiment =
            self.poller.change(&launched.id, |tracking| tracking.key.experiment.clone());
        Trace { launched_experiment, process: None }
    }

    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        if self.settings.dry_run {
            return self.dry_run(experiment);
        }
        let known = launch.trace.launched_experiment.as_deref();
        let key = RunKey {
            experiment: known.unwrap_or(experiment.spec.source()).to_owned(),
            notify_id: launch.id.clone(),
            run_id: None,
        };
        self.poller.begin(&self.manager, key, None);
        Launched::by_another(launch)
    }

    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent) {
        self.launch_of(experiment).recall(intent);
    }
}
