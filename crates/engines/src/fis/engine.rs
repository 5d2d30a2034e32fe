//! The connection to FIS in one account and Region: what it knows, and how its parts are put to work.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use aws_config::SdkConfig;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::adopted::AdoptedSubscriptions;
use super::clients::Clients;
use super::doubt::Doubts;
use super::inbox::Inbox;
use super::launch::ExperimentLaunch;
use super::pattern::{AlarmsToTake, patterns};
use super::preflight::{CheckedTemplate, alarm_name};
use super::record::{details, record, timestamp};
use super::settings::{FisSettings, RunStep};
use super::subscription::Subscription;
use super::target_accounts::ConfiguredAccounts;
use super::tracking::ExperimentTracking;
use super::watch::Watching;
use crate::{FailureKind, Launched};
use faultgate_core::clock::Clock;
use faultgate_core::model::{ExperimentPlan, Finding, Level, Monitor, Source, Transition};
use faultgate_net::aws::AwsPlace;
use faultgate_net::aws::calls::Calls;

/// Maximum number of experiments that FIS is asked about at once, so that one account that is throttled does not take
/// all turns of its Region.
const MAX_ASKED_AT_ONCE: usize = 16;

/// The connection to FIS in one account and Region.
pub struct FisEngine {
    pub(super) clients: Clients,
    pub(super) settings: FisSettings,
    pub(super) clock: Clock,
    pub(super) cancelled: CancellationToken,
    /// The time from which on a sweep may remove and stop whatever this run made.
    pub(super) expires_at: jiff::Timestamp,
    pub(super) place: RefCell<AwsPlace>,
    pub(super) templates: RefCell<BTreeMap<String, CheckedTemplate>>,
    /// The kind of the failure of each template that could not be read, by its id.
    pub(super) unread: RefCell<BTreeMap<String, FailureKind>>,
    /// The target accounts of the templates that were asked for theirs.
    pub(super) target_accounts: RefCell<BTreeMap<String, ConfiguredAccounts>>,
    pub(super) inbox: RefCell<Inbox>,
    pub(super) subscription: RefCell<Option<Rc<Subscription>>>,
    /// The subscription that is planned: it is written to the state file before it is made.
    pub(super) planned: RefCell<Option<Rc<Subscription>>>,
    pub(super) adopted: AdoptedSubscriptions,
    pub(super) doubts: Doubts,
    pub(super) reader: RefCell<Option<AbortOnDropHandle<()>>>,
    /// The search for the proof that events come through to the user's queue.
    pub(super) proof: RefCell<Option<AbortOnDropHandle<()>>>,
    /// Tells the reader to end after it has dealt with what it received.
    pub(super) leaving: CancellationToken,
    /// The progress of each experiment, by its id.
    pub(super) tracked: RefCell<HashMap<String, ExperimentTracking>>,
    /// Permits to ask FIS how an experiment is.
    pub(super) asking: Semaphore,
    /// The counts of the requests made for each experiment, by its name.
    pub(super) launches: RefCell<HashMap<String, Calls>>,
}

impl FisEngine {
    /// Makes an engine without any request. `sdk` must have a Region.
    pub fn new(sdk: &SdkConfig, settings: FisSettings, clock: Clock, cancelled: CancellationToken) -> Self {
        let region = sdk.region().map(AsRef::as_ref).unwrap_or_default();
        let expires_in = jiff::SignedDuration::try_from(settings.expires_in).unwrap_or_default();
        Self {
            clients: Clients::new(sdk),
            expires_at: clock.now().saturating_add(expires_in).unwrap_or(jiff::Timestamp::MAX),
            settings,
            clock,
            cancelled,
            place: RefCell::new(AwsPlace::in_region(region)),
            templates: RefCell::default(),
            unread: RefCell::default(),
            target_accounts: RefCell::default(),
            inbox: RefCell::new(Inbox::new([], AwsPlace::in_region(region))),
            subscription: RefCell::default(),
            planned: RefCell::default(),
            adopted: AdoptedSubscriptions::default(),
            doubts: Doubts::default(),
            reader: RefCell::default(),
            proof: RefCell::default(),
            leaving: CancellationToken::new(),
            tracked: RefCell::default(),
            asking: Semaphore::new(MAX_ASKED_AT_ONCE),
            launches: RefCell::default(),
        }
    }

    pub(super) fn place(&self) -> AwsPlace {
        self.place.borrow().clone()
    }

    pub(super) fn inbox(&self) -> Inbox {
        self.inbox.borrow().clone()
    }

    pub(super) fn launch_of<'a>(&'a self, experiment: &'a ExperimentPlan) -> ExperimentLaunch<'a> {
        let template = experiment.spec.source();
        let FisSettings { run, dry_run, .. } = &self.settings;
        ExperimentLaunch {
            run,
            name: &experiment.name,
            template,
            skips_actions: *dry_run,
            is_preview: false,
            expires_at: self.expires_at,
            cancelled: &self.cancelled,
        }
    }

    /// Begins to watch an experiment that this process has launched.
    pub(super) fn begin(
        &self,
        experiment: &aws_sdk_fis::types::Experiment,
        calls: Calls,
        launch: &ExperimentLaunch<'_>,
    ) -> Launched {
        let id = experiment.id().unwrap_or_default().to_owned();
        let now = self.clock.now();
        let record = record(experiment, None);
        self.inbox().claim(&id);
        let launched = Launched {
            url: self.settings.has_console.then(|| self.place().fis_console_url(&id)),
            first: Transition {
                state: record.state,
                raw_state: record.raw_state,
                at: experiment.creation_time().and_then(timestamp).unwrap_or(now),
                observed_at: now,
                source: Source::Launch,
                reason: None,
            },
            id,
        };
        let mut tracking = ExperimentTracking::begin(calls, &launched.first, launch.template, launch.name);
        tracking.details = Some(details(experiment));
        tracking.is_preview = launch.is_preview;
        self.tracked.borrow_mut().insert(launched.id.clone(), tracking);
        launched
    }

    pub(super) fn calls_for(&self, experiment: &ExperimentPlan) -> Calls {
        self.launches.borrow_mut().entry(experiment.name.clone()).or_default().clone()
    }

    pub(super) fn calls_of(&self, id: &str) -> Calls {
        self.tracked.borrow().get(id).map(|tracking| tracking.calls.clone()).unwrap_or_default()
    }

    pub(super) fn stop_alarms(&self, template: &str) -> Vec<String> {
        self.templates.borrow().get(template).map(|template| template.stop_alarms.clone()).unwrap_or_default()
    }

    /// Returns the alarms whose changes the run's own rules are to take: those that probes want first, then
    /// those that are stop conditions.
    pub(super) fn alarms_to_take(&self) -> AlarmsToTake {
        let place = self.place();
        // Several processes share the queue of a run in steps, and each would hear of an alarm late or never.
        if self.settings.step != RunStep::Whole || self.settings.monitor != Monitor::Events {
            return AlarmsToTake::default();
        }
        let wanted = self.settings.alarms.wanted_alarms();
        let templates = self.templates.borrow();
        let stopping = templates.values().flat_map(|template| &template.stop_alarms);
        let here = stopping.filter(|arn| AwsPlace::of_arn(arn).is_some_and(|alarm| alarm == place));
        let more: BTreeSet<String> =
            here.map(|arn| alarm_name(arn).to_owned()).filter(|name| !wanted.contains(name)).collect();
        AlarmsToTake { account: place.account, names: wanted.into_iter().chain(more).collect() }
    }

    /// Returns a finding about alarms for which the rules have no room, if there are some.
    pub(super) fn tell_of_alarms_without_room(&self) -> Option<Finding> {
        let templates: Vec<String> = self.templates.borrow().keys().cloned().collect();
        let alarms = self.alarms_to_take();
        let left_out = alarms.left_out(&patterns(&templates, &self.settings.subscription, &alarms));
        if left_out.is_empty() {
            return None;
        }
        let message = format!(
            "the rules have no room for the events of {}: a probe on one of them is asked at its interval, and a stop \
             condition after the end",
            left_out.join(", ")
        );
        Some(Finding::new(Level::Note, "alarms", message))
    }

    /// Returns what a watch over an experiment of a template needs.
    pub(super) fn watching(&self, template: &str) -> Watching<'_> {
        let stop_alarms = self.stop_alarms(template);
        Watching {
            clients: &self.clients,
            place: self.place(),
            settings: &self.settings,
            clock: self.clock,
            inbox: self.inbox(),
            alarms: &self.settings.alarms,
            stop_alarms: stop_alarms.iter().map(|arn| alarm_name(arn).to_owned()).collect(),
            adopted: &self.adopted,
            tracked: &self.tracked,
            asking: &self.asking,
        }
    }
}
