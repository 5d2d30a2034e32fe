//! AWS Fault Injection Service, watched by its own events.
//!
//! `engine` and `channel` are FIS behind the port. `preflight` checks the template before the launch, `subscription` makes a rule and a queue, `launch`
//! starts the experiment, and `doubt` looks for an experiment whose answer was lost. `reader` fills the
//! `inbox` with events; `watch` waits there for the end and confirms it by FIS's own record. `listing` reads
//! the resources and accounts that the experiment acted on, `outcome` judges the end by the list in
//! `actions`, and `removal` removes the rule and the queue. `sweep` finds leftovers whose time is up.
//!
//! An event alone never decides a verdict: it may be late, lost, doubled or forged.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use aws_config::SdkConfig;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

mod accounts;
mod actions;
mod channel;
mod clients;
mod doubt;
mod engine;
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
pub use sweep::{Kind, OpenExperiment, Part, Parts, Sweeper};
pub use tags::Expiry;
pub use templates::Templates;

use self::clients::Clients;
use self::doubt::Doubts;
use self::inbox::Inbox;
use self::launch::Launch;
use self::others::Others;
use self::preflight::Template;
use self::record::{details, record, timestamp};
use self::subscription::Subscription;
use self::watch::Tracking;
use super::Launched;
use faultgate_core::clock::Clock;
use faultgate_core::model::{ExperimentPlan, Source, Transition};
use faultgate_net::aws::Place;
use faultgate_net::http::calls::Calls;

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
}
