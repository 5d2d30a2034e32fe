//! The settings of one connection to FIS.

use std::sync::Arc;
use std::time::Duration;

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
    /// Time for which the run may need what it makes. Afterwards a sweep may remove it.
    pub expires_in: Duration,
}
