//! The settings of one connection to FIS.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::users_queue::EventQueue;
use crate::alarms::AlarmFeed;
use faultgate_core::model::{InjectionRule, Monitor, RunIdentity};
use faultgate_net::aws::role::Role;

/// The step of a run that this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    /// The process does the whole run.
    Whole,
    /// The process only launches. Other processes monitor its experiments, so it must not take an event from them.
    Launch,
    /// The process monitors experiments that another one has launched. More processes may monitor them as
    /// well.
    Monitor,
}

/// Maximum number of experiments in one Region that FIS is asked about at once, in all accounts together. Hundreds may
/// end at the same moment, and each takes two connections. Regions do not wait for each other.
const MAX_ASKED_IN_REGION: usize = 32;

/// The turns in which FIS is asked how experiments are, in one Region. Clones share them.
#[derive(Debug, Clone)]
pub struct RegionTurns(Arc<Semaphore>);

impl Default for RegionTurns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_ASKED_IN_REGION)))
    }
}

impl RegionTurns {
    /// Waits for a turn, which lasts until what is returned is dropped.
    pub(super) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so the permit is always there.
        self.0.acquire().await.ok()
    }
}

/// The settings of one connection to FIS.
#[derive(Debug, Clone)]
pub struct FisSettings {
    pub run: RunIdentity,
    pub step: RunStep,
    /// The role as which the requests are made.
    pub role: Option<Arc<Role>>,
    /// The name of the rule and of the queue.
    pub subscription: String,
    /// ARN of the role that is assumed to reach the account.
    pub role_arn: Option<String>,
    pub monitor: Monitor,
    /// The queue to read with `monitor: queue`, which all engines of a run share.
    pub event_queue: Option<EventQueue>,
    pub reconcile_interval: Duration,
    pub dry_run: bool,
    pub injection: InjectionRule,
    /// `true` if the endpoints are AWS's own, so that people can look at experiments in the console.
    pub has_console: bool,
    /// The feed of the alarms whose changes come by the run's own subscription.
    pub alarms: AlarmFeed,
    /// The turns in which FIS is asked how experiments are. All accounts in a Region share them.
    pub turns: RegionTurns,
    /// Time for which the run may need what it makes. Afterwards a sweep may remove it.
    pub expires_in: Duration,
}
