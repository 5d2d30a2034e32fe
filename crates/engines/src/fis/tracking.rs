//! The progress of one experiment, as far as this process knows it.

use std::collections::BTreeMap;

use aws_sdk_fis::types::ResolvedTarget;
use jiff::Timestamp;

use super::accounts::TargetAccounts;
use super::record::RecordDetails;
use faultgate_core::model::{AlarmChange, State, Transition};
use faultgate_net::aws::calls::Calls;

/// The progress of one experiment while it is watched.
#[derive(Debug, Clone)]
pub(super) struct ExperimentTracking {
    pub(super) calls: Calls,
    pub(super) template: String,
    /// The experiment's name in the suite.
    pub(super) name: String,
    /// Number of events that were taken out of the inbox so far.
    pub(super) taken: usize,
    /// Numbers of the last changes that were taken of the alarms that are stop conditions, by name.
    pub(super) taken_of_alarms: BTreeMap<String, u64>,
    /// Changes of these alarms since the launch, as events told them.
    pub(super) alarms: Vec<AlarmChange>,
    /// Time of the launch. None if this process has not launched the experiment.
    pub(super) launched_at: Option<Timestamp>,
    /// The furthest state so far.
    pub(super) reached: State,
    pub(super) reconciliations: u64,
    /// The way in which the end was learned, in words.
    pub(super) learned: String,
    /// The reason that the last event gave.
    pub(super) announced: Option<String>,
    /// The details of the last record; None until there was one.
    pub(super) details: Option<RecordDetails>,
    /// The accounts in which the experiment acted, if it acts in several.
    pub(super) accounts: Option<TargetAccounts>,
    /// `true` if another process has launched the experiment, and may hold its events at this moment.
    pub(super) adopted: bool,
    /// `true` if the experiment is a preview, which must skip its actions.
    pub(super) is_preview: bool,
    /// The resources that the targets of a preview have resolved to, as far as all of them were read.
    pub(super) resolved: Option<Vec<ResolvedTarget>>,
    /// `true` if a stop was asked for, so that an end is near whether or not an event says so.
    pub(super) stop_requested: bool,
}

impl ExperimentTracking {
    pub(super) fn new() -> Self {
        Self {
            calls: Calls::default(),
            template: String::new(),
            name: String::new(),
            taken: 0,
            taken_of_alarms: BTreeMap::new(),
            alarms: Vec::new(),
            launched_at: None,
            reached: State::Unknown,
            reconciliations: 0,
            learned: String::new(),
            announced: None,
            details: None,
            accounts: None,
            adopted: false,
            is_preview: false,
            resolved: None,
            stop_requested: false,
        }
    }

    /// Returns the progress of an experiment that has just begun.
    pub(super) fn begin(calls: Calls, first: &Transition, template: &str, name: &str) -> Self {
        let (template, name) = (template.to_owned(), name.to_owned());
        Self { calls, template, name, reached: first.state, launched_at: Some(first.at), ..Self::new() }
    }

    /// Marks the experiment as one that another process has launched.
    pub(super) fn mark_adopted(self) -> Self {
        Self { adopted: true, launched_at: None, ..self }
    }
}
