//! The engine that Harness and LitmusChaos share. It launches a run once, asks for it at well-chosen times,
//! reads its score, and stops it by its id. It never sends a launch again that may have had an effect.
//!
//! - `manager` is the port that a control plane implements, as `harness` and `litmus` do. `wire` sends its
//!   requests, each `trouble` says why one was not granted, and `failure` makes failures of these.
//! - `port` is a control plane behind the port of all engines. `launch` begins a run, `poller` reads all runs
//!   that are followed when `schedule` says so, and `tracking` holds what is known of each.
//! - `phase` reads the word for a run, and `execution` its details: each `node`, and the `step` at which a
//!   fault failed. `record` makes the engine's record of all this.
//! - `course` says how each fault went, `injected` what was injected, `weights` what makes the score,
//!   `agreement` whether what is told agrees with itself, and `outcome` what all of it means.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

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
mod port;
mod record;
mod schedule;
mod step;
mod tracking;
mod trouble;
mod weights;
mod wire;

pub use manager::{Asked, FaultCounts, Manager, Run, RunDetails, RunKey};
pub use phase::state_of;
pub use trouble::{Trouble, TroubleKind};
pub use wire::{ControlPlaneWire, NOT_ITS_API};

use self::failure::{failure, may_pass};
use self::launch::{Launches, RunLaunch, first};
use self::poller::Poller;
use self::tracking::{GaveUp, RunEnd, RunTracking};
use super::{EngineFailure, FailureKind, Launched, Record};
use faultgate_core::clock::Clock;
use faultgate_core::model::{ExperimentPlan, InjectionRule, State};
use faultgate_net::hedge::hedge;

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
pub struct ControlPlaneSettings {
    /// `true` if nothing is to be launched.
    pub dry_run: bool,
    pub injection: InjectionRule,
    /// Seed of the jitter of pauses. It differs between runs, so that runners which start together do not ask
    /// together.
    pub seed: u64,
}

/// The engine for the experiments of one project of one control plane.
pub struct ControlPlaneEngine {
    manager: Box<dyn Manager>,
    settings: ControlPlaneSettings,
    poller: Poller,
    launches: Launches,
    cancelled: CancellationToken,
}

impl ControlPlaneEngine {
    /// Creates the engine. Nothing is asked yet.
    pub fn new(
        manager: impl Manager + 'static,
        settings: ControlPlaneSettings,
        clock: Clock,
        cancelled: CancellationToken,
    ) -> Self {
        let poller = Poller::new(clock, settings.seed);
        Self { manager: Box::new(manager), settings, poller, launches: Launches::default(), cancelled }
    }

    fn launch_of<'a>(&'a self, experiment: &'a ExperimentPlan) -> RunLaunch<'a> {
        let (manager, poller, launches) = (self.manager.as_ref(), &self.poller, &self.launches);
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
    fn change<T>(&self, id: &str, change: impl FnOnce(&mut RunTracking) -> T) -> Result<T, EngineFailure> {
        self.poller.change(id, change).ok_or_else(|| {
            EngineFailure::new(FailureKind::Missing, format!("follow {id}"), "this run has not launched it")
        })
    }

    fn failure(&self, trouble: &Trouble, asked: Asked, what: String) -> EngineFailure {
        failure(self.manager.as_ref(), trouble, asked, what)
    }

    fn gave_up(&self, id: &str, why: &GaveUp) -> EngineFailure {
        let what = format!("read the run {id}");
        match why {
            GaveUp::Trouble(trouble) => self.failure(trouble, Asked::Read, what),
            GaveUp::Vanished => {
                let why = format!("{} knew it, and does not know it any longer", self.manager.title());
                EngineFailure::new(FailureKind::Missing, what, why)
            }
        }
    }

    /// Asks for the details of a run that is over. Where they cannot be had, the run is judged without them.
    async fn end(&self, id: &str) -> Result<(), EngineFailure> {
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
    async fn read(&self, id: &str) -> Result<Record, EngineFailure> {
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
        if over {
            return Ok(());
        }
        let ask = || self.poller.ask(self.manager.stop(&key));
        hedge(ask(), || Some(ask()), &self.cancelled).await
    }
}
