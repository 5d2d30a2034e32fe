//! AWS Fault Injection Service, watched by its own events.
//!
//! `preflight` checks the template before the launch, `subscription` makes a rule and a queue, `launch`
//! starts the experiment, and `doubt` looks for an experiment whose answer was lost. `reader` fills the
//! `inbox` with events; `watch` waits there for the end and confirms it by FIS's own record. `listing` reads
//! the resources and accounts that the experiment acted on, `outcome` judges the end by the list in
//! `actions`, and `removal` removes the rule and the queue. `sweep` finds leftovers whose time is up.
//!
//! An event alone never decides a verdict: it may be late, lost, doubled or forged.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

mod accounts;
mod actions;
mod clients;
mod doubt;
mod error;
mod events;
mod inbox;
mod launch;
mod lent;
mod listing;
mod others;
mod outcome;
mod pattern;
mod pause;
mod preflight;
mod reader;
mod record;
mod removal;
mod settings;
mod shared;
mod subscription;
mod sweep;
mod tags;
mod templates;
mod watch;

pub use actions::{effect, is_known_to_inject, known_ids, needs_target, purpose};
pub use settings::{FisSettings, RunStep};
pub use subscription::HANDSHAKE_TIMEOUT;
pub use sweep::{Kind, OpenExperiment, Part, Parts, Sweeper};
pub use tags::Expiry;
pub use templates::Templates;

use self::clients::Clients;
use self::doubt::{Doubting, Doubts};
use self::error::failure;
use self::inbox::Inbox;
use self::launch::Launch;
use self::others::Others;
use self::outcome::Context;
use self::preflight::{Preflight, Template, alarm_name, assumed, describe_alarms, get_lever, preflight};
use self::reader::{Keeping, Reader};
use self::record::{details, record, timestamp};
use self::subscription::{Subscription, interrupted};
use self::watch::Tracking;
use super::{Engine, Failure, FailureKind, Judgement, Launched, Notary, Record, StopCause, Watcher};
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentPlan, Finding, Intent, LaunchRecord, Level, Monitor, MonitorRecord, Source, State,
    SubscriptionRecord, SubscriptionState, Transition,
};
use faultgate_net::aws::Place;
use faultgate_net::http::calls::{Calls, sum};

/// Time in which the reader of a shared queue deletes or gives back its last messages.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of experiments that FIS is asked about at once. Many may end at the same moment, and each
/// takes two connections.
const MAX_ASKED_AT_ONCE: usize = 16;

/// The connection to FIS in one account and Region.
pub struct FisEngine {
    clients: Clients,
    settings: FisSettings,
    clock: Clock,
    cancelled: CancellationToken,
    /// The time from which on a sweep may remove and stop whatever this run made.
    expires_at: jiff::Timestamp,
    place: RefCell<Place>,
    templates: RefCell<BTreeMap<String, Template>>,
    inbox: RefCell<Inbox>,
    subscription: RefCell<Option<Rc<Subscription>>>,
    /// The subscription that is planned: it is written to the state file before it is made.
    planned: RefCell<Option<Rc<Subscription>>>,
    others: Others,
    doubts: Doubts,
    reader: RefCell<Option<AbortOnDropHandle<()>>>,
    /// Tells the reader to end after it has dealt with what it received.
    leaving: CancellationToken,
    /// The progress of each experiment, by its id.
    tracked: RefCell<HashMap<String, Tracking>>,
    /// Permits to ask FIS how an experiment is.
    asking: Semaphore,
    /// The counts of the requests made for each experiment, by its name.
    launches: RefCell<HashMap<String, Calls>>,
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
            place: RefCell::new(Place::in_region(region)),
            templates: RefCell::default(),
            inbox: RefCell::new(Inbox::new([])),
            subscription: RefCell::default(),
            planned: RefCell::default(),
            others: Others::default(),
            doubts: Doubts::default(),
            reader: RefCell::default(),
            leaving: CancellationToken::new(),
            tracked: RefCell::default(),
            asking: Semaphore::new(MAX_ASKED_AT_ONCE),
            launches: RefCell::default(),
        }
    }

    fn place(&self) -> Place {
        self.place.borrow().clone()
    }

    fn inbox(&self) -> Inbox {
        self.inbox.borrow().clone()
    }

    fn launch_of<'a>(&'a self, experiment: &'a ExperimentPlan) -> Launch<'a> {
        let template = experiment.spec.source();
        let FisSettings { run, dry_run, .. } = &self.settings;
        Launch {
            run,
            name: &experiment.name,
            template,
            dry_run: *dry_run,
            expires_at: self.expires_at,
            cancelled: &self.cancelled,
        }
    }

    /// Begins to watch an experiment that this process has launched.
    fn begin(
        &self,
        experiment: &aws_sdk_fis::types::Experiment,
        calls: Calls,
        launch: &Launch<'_>,
    ) -> Launched {
        let id = experiment.id().unwrap_or_default().to_owned();
        let now = self.clock.now();
        let record = record(experiment, None);
        self.inbox().claim(&id);
        let launched = Launched {
            url: self.settings.has_console.then(|| self.place().console_url(&id)),
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
        let mut tracking = Tracking::begun(calls, &launched.first, launch.template, launch.name);
        tracking.details = Some(details(experiment));
        self.tracked.borrow_mut().insert(launched.id.clone(), tracking);
        launched
    }

    fn calls_for(&self, experiment: &ExperimentPlan) -> Calls {
        self.launches.borrow_mut().entry(experiment.name.clone()).or_default().clone()
    }

    fn calls_of(&self, id: &str) -> Calls {
        self.tracked.borrow().get(id).map(|tracking| tracking.calls.clone()).unwrap_or_default()
    }

    fn stop_alarms(&self, template: &str) -> Vec<String> {
        self.templates.borrow().get(template).map(|template| template.stop_alarms.clone()).unwrap_or_default()
    }

    fn reader_of(&self, sqs: &aws_sdk_sqs::Client, queue_url: &str, keeping: Keeping) -> Reader {
        Reader {
            sqs: sqs.clone(),
            queue_url: queue_url.to_owned(),
            inbox: self.inbox(),
            clock: self.clock,
            place: self.place(),
            keeping,
            leaving: self.leaving.clone(),
        }
    }

    fn start_reader(&self, queue_url: &str, keeping: Keeping) {
        let reader = self.reader_of(&self.clients.sqs_reader, queue_url, keeping);
        *self.reader.borrow_mut() = Some(AbortOnDropHandle::new(tokio::spawn(reader.run())));
    }

    /// Returns the planned subscription, the same one at each call.
    fn planned(&self) -> Rc<Subscription> {
        let make = || {
            let templates: Vec<String> = self.templates.borrow().keys().cloned().collect();
            let (name, run) = (&self.settings.subscription, &self.settings.run);
            Rc::new(Subscription::new(name, run, self.place(), &templates, self.expires_at))
        };
        self.planned.borrow_mut().get_or_insert_with(make).clone()
    }

    async fn subscribe(&self) -> Result<(), Failure> {
        let subscription = self.planned();
        // Noted before anything is made, so that `close` removes whatever an interrupted `make` has begun.
        *self.subscription.borrow_mut() = Some(subscription.clone());
        let queue_url = subscription.make(&self.clients).await?;
        if self.cancelled.is_cancelled() {
            return Err(interrupted(&subscription.name));
        }
        let hands_on = self.settings.step == RunStep::Launch;
        self.start_reader(&queue_url, if hands_on { Keeping::Proving } else { Keeping::Own });
        subscription.prove(&self.clients, &self.inbox(), &self.clock, &self.cancelled).await?;
        // Another process reads the queue from now on. The last poll has to end first, since its answer might
        // take a message along.
        let reader = self.reader.borrow_mut().take_if(|_| hands_on);
        if let Some(reader) = reader {
            self.leaving.cancel();
            let _ = reader.await;
        }
        Ok(())
    }

    /// Reads the queue that another process has made. Where no queue is known, FIS is asked directly.
    fn listen(&self) {
        match self.others.queue() {
            Some((url, lent)) => self.start_reader(&url, Keeping::Lent(lent)),
            None => self.inbox().set_trouble(Some("the state file names no queue".to_owned())),
        }
    }

    /// Waits for messages of a lent queue that other processes hold at present, unless the queue cannot be
    /// read.
    async fn hear_all(&self) {
        let inbox = self.inbox();
        if let (Some((url, lent)), None) = (self.others.queue(), inbox.trouble()) {
            lent.hear_all(&self.clients, &url, &inbox).await;
        }
    }
}

#[async_trait(?Send)]
impl Engine for FisEngine {
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        let ids: BTreeSet<String> =
            experiments.iter().map(|experiment| experiment.spec.source().to_owned()).collect();
        let role = match self.settings.role.as_deref().map(assumed) {
            Some(finding) => Some(finding.await),
            None => None,
        };
        if role.as_ref().is_some_and(|finding| finding.level == Level::Error) {
            // Every other check would fail for the same reason.
            return role.into_iter().collect();
        }
        let Preflight { mut findings, templates } = preflight(&self.clients, &self.place(), &ids).await;
        findings.splice(0..0, role);
        // The ARN of the template has the account, so no request of its own is needed for it.
        if let Some(place) = templates.values().find_map(|template| template.place.clone()) {
            *self.place.borrow_mut() = place;
        } else if self.settings.monitor == Monitor::Events && !templates.is_empty() {
            findings.push(Finding::new(
                Level::Error,
                "subscription",
                "FIS does not say in which account the template is, so no queue policy can be made; \
                 set monitor to queue or poll",
            ));
        }
        if let (Monitor::Queue, Some(url)) = (self.settings.monitor, &self.settings.event_queue_url) {
            let reader = self.reader_of(&self.clients.sqs, url, Keeping::Shared);
            findings.extend(shared::look(&reader).await);
        }
        *self.inbox.borrow_mut() = Inbox::new(ids);
        *self.templates.borrow_mut() = templates;
        findings
    }

    async fn open(&self) -> Result<(), Failure> {
        match (self.settings.monitor, &self.settings.event_queue_url) {
            (Monitor::Poll, _) => Ok(()),
            // An event that is taken here would be missing for the process that monitors.
            (Monitor::Queue, Some(_)) if self.settings.step == RunStep::Launch => Ok(()),
            (Monitor::Queue, Some(url)) => {
                self.start_reader(url, Keeping::Shared);
                Ok(())
            }
            (Monitor::Queue, None) => Err(Failure {
                kind: FailureKind::Refused,
                what: "read the event queue".to_owned(),
                why: "event-queue-url is not set".to_owned(),
                remedy: None,
            }),
            (Monitor::Events, _) if self.settings.step == RunStep::Monitor => {
                self.listen();
                Ok(())
            }
            (Monitor::Events, _) => self.subscribe().await,
        }
    }

    async fn launch(&self, experiment: &ExperimentPlan, notary: &dyn Notary) -> Result<Launched, Failure> {
        let launch = self.launch_of(experiment);
        let calls = self.calls_for(experiment);
        let doubting = Doubting { doubts: &self.doubts, name: launch.name, clock: self.clock, notary };
        let started = calls.of(launch.start(&self.clients, &self.place(), &doubting)).await;
        // A launch without an answer stays in doubt; any other outcome is certain.
        if started.as_ref().err().is_none_or(|failure| failure.kind != FailureKind::Unanswered) {
            self.doubts.settle(launch.name);
        }
        Ok(self.begin(&started?, calls, &launch))
    }

    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, Failure> {
        if !self.doubts.is_in(&experiment.name) {
            return Ok(None);
        }
        let launch = self.launch_of(experiment);
        let calls = self.calls_for(experiment);
        let Some(found) = calls.of(launch.search(&self.clients, &self.place())).await? else {
            return Ok(None);
        };
        self.doubts.settle(launch.name);
        Ok(Some(self.begin(&found, calls, &launch)))
    }

    fn may_have_begun(&self, experiment: &ExperimentPlan) -> Option<String> {
        self.doubts.how_to_look(&self.launch_of(experiment), &self.place())
    }

    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, Failure> {
        watch::follow(self, &launched.id, watcher).await
    }

    async fn stop(&self, launched: &Launched) -> Result<(), Failure> {
        let stop = async {
            let answer = self.clients.fis.stop_experiment().id(&launched.id).send().await;
            answer.map(drop).map_err(|error| {
                failure(
                    &error,
                    "StopExperiment",
                    format!("stop the experiment {}", launched.id),
                    &self.place(),
                )
            })
        };
        if let Some(tracking) = self.tracked.borrow_mut().get_mut(&launched.id) {
            tracking.stop_requested = true;
        }
        match self.calls_of(&launched.id).of(stop).await {
            // FIS refuses to stop an experiment that has ended. Its record says whether it has.
            Err(refused) if refused.kind == FailureKind::Refused => match self.look(launched).await {
                Ok(record) if record.has_ended() => Ok(()),
                _ => Err(refused),
            },
            other => other,
        }
    }

    async fn look(&self, launched: &Launched) -> Result<Record, Failure> {
        let place = self.place();
        let look = launch::get(&self.clients, &place, &launched.id);
        let experiment = self.calls_of(&launched.id).of(look).await?;
        if let Some(tracking) = self.tracked.borrow_mut().get_mut(&launched.id) {
            tracking.details = Some(details(&experiment));
        }
        Ok(record(&experiment, None))
    }

    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement {
        let tracking = self.tracked.borrow().get(&launched.id).cloned().unwrap_or_else(Tracking::new);
        let stop_alarms = self.stop_alarms(&tracking.template);
        // The record does not say who stopped an experiment.
        let asks = stop.is_none() && matches!(record.state, State::Stopped | State::Cancelled);
        let place = self.place();
        let (alarms, lever) = if asks {
            let alarms = async {
                let names = stop_alarms.iter().map(|arn| alarm_name(arn));
                if stop_alarms.is_empty() {
                    Ok(Vec::new())
                } else {
                    describe_alarms(&self.clients, &place, names).await
                }
            };
            let gather = tracking.calls.of(async { tokio::join!(alarms, get_lever(&self.clients, &place)) });
            tokio::select! {
                biased;
                (alarms, lever) = gather => (alarms.ok(), lever.ok()),
                () = self.cancelled.cancelled() => (None, None),
            }
        } else {
            (None, None)
        };
        let FisSettings { run, .. } = &self.settings;
        let of = |details: &record::Details| details.foreign(&tracking.template, &run.id, &tracking.name);
        let foreign = tracking.details.as_ref().and_then(of);
        outcome::judge(
            record,
            &Context {
                dry_run: self.settings.dry_run,
                injection: self.settings.injection,
                stop,
                alarms: alarms.as_deref(),
                lever: lever.as_deref(),
                announced: tracking.announced.as_deref(),
                details: tracking.details.as_ref(),
                foreign: foreign.as_deref(),
                accounts: tracking.accounts.as_ref(),
            },
        )
    }

    async fn close(&self, within: Duration) {
        // The reader ends first, so that it does not complain about a queue that is going away.
        let reader = self.reader.borrow_mut().take();
        if let (Monitor::Queue, Some(reader)) = (self.settings.monitor, reader) {
            // The messages that it has taken from a shared queue are deleted or given back before it ends.
            self.leaving.cancel();
            let _ = tokio::time::timeout(within.min(LEAVE_TIMEOUT), reader).await;
        }
        let subscription = self.subscription.borrow().clone();
        if let Some(subscription) = subscription {
            subscription.remove(&self.clients, within).await;
        }
        self.others.remove(&self.clients, within).await;
    }

    fn subscription(&self) -> Option<SubscriptionRecord> {
        let own = self.subscription.borrow().as_ref().map(|own| own.record());
        own.or_else(|| self.others.record())
    }

    fn monitoring(&self, experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord {
        let mut monitoring = MonitorRecord::new(self.settings.monitor);
        let inbox = self.inbox();
        monitoring.malformed = inbox.malformed();
        monitoring.let_go = inbox.let_go();
        let own = self.launches.borrow().get(&experiment.name).map(Calls::snapshot).unwrap_or_default();
        monitoring.api_calls = sum(self.clients.counted.shared.snapshot(), own);
        if let Some(id) = id {
            monitoring.events = inbox.received(id);
            monitoring.duplicates = inbox.duplicates(id);
        }
        if let Some(tracking) = id.and_then(|id| self.tracked.borrow().get(id).cloned()) {
            monitoring.reconciliations = tracking.reconciliations;
            monitoring.learned = tracking.learned;
        }
        monitoring
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.clients.counted.total.snapshot()
    }

    fn stop_conditions(&self, experiment: &ExperimentPlan) -> Vec<String> {
        self.stop_alarms(experiment.spec.source())
    }

    fn stop_command(&self, launched: &Launched) -> String {
        format!("aws fis stop-experiment --region {} --id {}", self.place().region, launched.id)
    }

    fn region(&self) -> Option<String> {
        Some(self.place().region)
    }

    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        let launched = Launched::by_another(launch);
        self.inbox().claim(&launched.id);
        let calls = self.calls_for(experiment);
        let ExperimentPlan { spec, name, .. } = experiment;
        let tracking = Tracking::begun(calls, &launched.first, spec.source(), name).adopted();
        self.tracked.borrow_mut().insert(launched.id.clone(), tracking);
        launched
    }

    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent) {
        self.doubts.recall(&experiment.name, intent);
    }

    fn intend_subscription(&self) -> Option<SubscriptionState> {
        let makes_one = self.settings.monitor == Monitor::Events;
        makes_one.then(|| SubscriptionState {
            removed: false,
            ..self.planned().state(self.settings.role_arn.as_deref())
        })
    }

    fn subscription_states(&self) -> Vec<SubscriptionState> {
        let own = self.planned.borrow().as_ref().map(|own| own.state(self.settings.role_arn.as_deref()));
        own.into_iter().chain(self.others.states()).collect()
    }

    fn listen_to(&self, subscription: &SubscriptionState) {
        self.others.listen_to(subscription);
    }

    fn adopt_subscription(&self, subscription: &SubscriptionState) {
        self.others.adopt(subscription);
    }
}
