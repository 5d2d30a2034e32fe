//! What one connection to FIS is to do.

use std::sync::Arc;
use std::time::Duration;

use faultgate_core::model::{InjectionRule, Monitor, RunIdentity};
use faultgate_net::aws::role::Role;

/// Which step of a run this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    Whole,
    /// Others monitor what it launches: no event may be taken from them.
    Launch,
    /// What others have launched, and others may monitor as well.
    Monitor,
}

/// What one connection to FIS is to do.
#[derive(Debug, Clone)]
pub struct FisSettings {
    pub run: RunIdentity,
    pub step: RunStep,
    /// The role as which the requests are made.
    pub role: Option<Arc<Role>>,
    /// The name of rule and queue.
    pub subscription: String,
    /// By which this account is reached.
    pub role_arn: Option<String>,
    pub monitor: Monitor,
    pub event_queue_url: Option<String>,
    pub reconcile_interval: Duration,
    pub dry_run: bool,
    pub injection: InjectionRule,
    /// The endpoints are AWS's own, so that people can look at experiments in the console.
    pub has_console: bool,
    /// How long what is made may be needed: afterwards a sweep may remove it.
    pub expires_in: Duration,
}
