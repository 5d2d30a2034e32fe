//! A world: accounts of AWS as far as a run needs them, their state, its clock, and what observers may ask.
//!
//! The state is behind one lock, which is never held across an await. Each request changes it in one step and
//! leaves behind what has to happen next, which is done after the lock is released.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::fixtures::{SECOND_TEMPLATE_ID, TEMPLATE_ID};
use crate::place::WorldPlace;
use crate::protocol::call::{ApiCall, ApiError, Service, page_of};
use crate::services::context::ServiceContext;
use crate::services::organizations::Organization;
use crate::services::s3::Buckets;
use crate::services::sqs::Receive;
use crate::story::fault::{EventFaults, FaultEffect, FaultRule, Faults};
use crate::story::plot::Plot;
use crate::story::scenario::Scenario;
use crate::story::script::Beat;
use crate::story::target::{self, TargetSystem, Treatment};
use crate::world::limits::WorldLimits;
use crate::world::observe::{Inventory, Published, Recorded, Snapshot};
use crate::world::region::Regions;
use faultgate_core::clock::Clock;

/// The answer to a request, in the way it reaches the client.
#[derive(Debug)]
pub enum WireAnswer {
    Reply(Response<Bytes>),
    /// The connection ends in the middle of this response.
    Cut(Response<Bytes>),
    /// The response comes byte by byte, with this pause before each.
    Trickle(Response<Bytes>, Duration),
    /// The connection ends without an answer.
    ConnectionLost,
}

/// Accounts of AWS, of which one is there from the beginning. Clones are the same world, and its experiments end with the last of them.
#[derive(Clone)]
pub struct World {
    pub(crate) shared: Arc<SharedWorld>,
}

/// The data that all clones of a world share.
pub(crate) struct SharedWorld {
    pub(crate) clock: Clock,
    /// Number of changes so far. Whoever waits for a change watches it, and misses none.
    revision: watch::Sender<u64>,
    state: Mutex<WorldState>,
}

/// The state of a world.
pub(crate) struct WorldState {
    pub(crate) regions: Regions,
    requests: Vec<Recorded>,
    pub(crate) published: Vec<Published>,
    faults: Faults,
    pub(crate) event_faults: EventFaults,
    pub(crate) target: TargetSystem,
    pub(crate) buckets: Buckets,
    pub(crate) organization: Organization,
    /// Number of state changes that FIS has announced.
    pub(crate) announced: u64,
    /// Scripts of the experiments, by the id of their template.
    pub(crate) scripts: BTreeMap<String, Vec<Beat>>,
    stopping: Duration,
    engaging: Duration,
    pub(crate) limits: WorldLimits,
    targets_resolve: bool,
    found: (usize, usize),
    /// Script of previews.
    pub(crate) previews: Vec<Beat>,
    plot: Plot,
    allow_aws_sources: bool,
}

impl World {
    /// Makes a world that plays a scenario.
    pub fn new(scenario: &Scenario, clock: Clock) -> Self {
        let mut faults = Faults::default();
        for rule in scenario.faults {
            faults.add(rule.clone());
        }
        let state = WorldState {
            regions: Regions::default(),
            requests: Vec::new(),
            published: Vec::new(),
            faults,
            event_faults: scenario.events.clone(),
            target: TargetSystem::new(scenario.suffering),
            buckets: Buckets::default(),
            organization: Organization::default(),
            announced: 0,
            scripts: BTreeMap::from([
                (TEMPLATE_ID.to_owned(), scenario.script.to_vec()),
                (SECOND_TEMPLATE_ID.to_owned(), crate::story::script::COMPLETED.to_vec()),
            ]),
            stopping: scenario.stopping,
            engaging: Duration::ZERO,
            limits: WorldLimits::default(),
            targets_resolve: scenario.targets_resolve,
            found: scenario.found,
            previews: crate::story::script::PREVIEW.to_vec(),
            plot: scenario.plot,
            allow_aws_sources: false,
        };
        let shared = SharedWorld { clock, revision: watch::Sender::new(0), state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Answers a request to any of the services, with the faults that it meets, or a request to the target.
    pub async fn handle(&self, request: Request<Bytes>) -> WireAnswer {
        if let Some(path) = target::path_of(request.uri().path()) {
            return WireAnswer::Reply(self.serve(path).await);
        }
        let call = ApiCall::decode(&request);
        // The request is recorded before any fault, so that observers also see those that are never answered.
        let (place, met) = self.change(|state| {
            state.requests.push(Recorded {
                service: call.service_name.clone(),
                operation: call.operation.clone(),
                account: call.place.account.clone(),
                at: self.shared.clock.now(),
                input: call.input.clone(),
                status: None,
            });
            let met = state.faults.meet(&call.place.region, &call.service_name, &call.operation);
            (state.requests.len() - 1, met)
        });
        if !met.delay.is_zero() {
            sleep(met.delay).await;
        }
        let response = match met.effect.clone() {
            None | Some(FaultEffect::Delay(_) | FaultEffect::Truncate | FaultEffect::Trickle(_)) => {
                call.encode(&self.dispatch(&call).await)
            }
            Some(FaultEffect::Hang) => std::future::pending().await,
            Some(FaultEffect::LoseRequest) => return WireAnswer::ConnectionLost,
            Some(FaultEffect::LoseAnswer) => {
                // The request takes effect, but its outcome never reaches the client.
                let _ = self.dispatch(&call).await;
                return WireAnswer::ConnectionLost;
            }
            Some(FaultEffect::Garbage) => page_of(200, None),
            Some(FaultEffect::Nothing) => call.encode(&Ok(json!({ "experiments": [] }))),
            Some(FaultEffect::Page { status, retry_after }) => page_of(status, retry_after),
            Some(FaultEffect::Error { status, code, message, retry_after }) => {
                call.encode(&Err(ApiError { status, code, message, retry_after }))
            }
        };
        let status = response.status().as_u16();
        self.change(|state| state.requests[place].status = Some(status));
        match met.effect {
            // An empty body has no half, so all of the answer is lost.
            Some(FaultEffect::Truncate) if response.body().is_empty() => WireAnswer::ConnectionLost,
            Some(FaultEffect::Truncate) => WireAnswer::Cut(response),
            Some(FaultEffect::Trickle(pause)) => WireAnswer::Trickle(response, pause),
            _ => WireAnswer::Reply(response),
        }
    }

    /// Answers a request of the system's own users, which is not recorded: no service of AWS hears of it.
    async fn serve(&self, path: &str) -> Response<Bytes> {
        let Treatment { delay, status } = self.read(|state| {
            let fault = state.regions.fault();
            state.target.treat(path, fault)
        });
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let said = if status.is_success() { "well\n" } else { "suffering\n" };
        let mut answer = Response::new(Bytes::from_static(said.as_bytes()));
        *answer.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers_mut().insert(CONTENT_TYPE, plain);
        answer
    }

    /// Returns the world's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    /// Returns every request in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.read(|state| state.requests.clone())
    }

    /// Returns every event that reached the bus, in that order.
    pub fn events(&self) -> Vec<Published> {
        self.read(|state| state.published.clone())
    }

    /// Returns all resources that exist.
    pub fn inventory(&self) -> Inventory {
        self.read(|state| state.regions.inventory())
    }

    /// Returns requests, events and resources as they are at one moment.
    pub fn snapshot(&self) -> Snapshot {
        self.read(|state| Snapshot {
            requests: state.requests.clone(),
            events: state.published.clone(),
            inventory: state.regions.inventory(),
        })
    }

    /// Waits until a condition holds. It is looked at now, and again at each request and each change.
    pub async fn until(&self, holds: impl Fn(&Snapshot) -> bool) {
        // The subscription comes before the first look, so that no change between the two is missed.
        let mut revision = self.shared.revision.subscribe();
        while !holds(&self.snapshot()) {
            // The sender lives as long as this world does.
            let _ = revision.changed().await;
        }
    }

    /// Adds a fault of requests, which counts requests from now on.
    pub fn inject(&self, fault: FaultRule) {
        self.change(|state| state.faults.add(fault));
    }

    /// Removes all faults of requests.
    pub fn heal(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Replaces the faults of events for those that are still to be announced.
    pub fn set_event_faults(&self, faults: EventFaults) {
        self.change(|state| state.event_faults = faults);
    }

    /// Sets the script of the experiments of a template that are started from now on. Regions that are first
    /// spoken to after this have the template.
    pub fn script(&self, template: &str, beats: impl Into<Vec<Beat>>) {
        let beats = beats.into();
        self.change(|state| state.scripts.insert(template.to_owned(), beats));
    }

    /// Sets the state of an alarm, as a client would by `SetAlarmState`.
    pub fn set_alarm(&self, region: &str, alarm: &str, state: &str, reason: &str) {
        self.act(&WorldPlace::in_region(region), |state_of_world, context| {
            state_of_world.regions.get(context).set_alarm(alarm, state, reason, context);
        });
    }

    /// Sets the script of the previews that are started from now on. Other experiments that skip their
    /// actions follow it too.
    pub fn script_previews(&self, beats: impl Into<Vec<Beat>>) {
        let beats = beats.into();
        self.change(|state| state.previews = beats);
    }

    /// Sets how many resources a target finds that selects them by tags: in a preview, and at a launch.
    pub fn set_found(&self, in_preview: usize, at_launch: usize) {
        self.change(|state| state.found = (in_preview, at_launch));
    }

    /// Gives the tag with this key another value, on every resource that has it.
    pub fn tag_anew(&self, key: &str, value: &str) {
        self.change(|state| state.regions.tag_anew(key, value));
    }

    /// Sets the time for which experiments are `stopping` that are stopped from now on.
    pub fn set_stopping(&self, stopping: Duration) {
        self.change(|state| state.stopping = stopping);
    }

    /// Sets the time for which safety levers are `engaging` that are engaged from now on. At first there is
    /// none.
    pub fn set_engaging(&self, engaging: Duration) {
        self.change(|state| state.engaging = engaging);
    }

    /// Sets whether `PutEvents` accepts events that only AWS may put. At first it does not, as at AWS.
    pub fn allow_aws_sources(&self, allowed: bool) {
        self.change(|state| state.allow_aws_sources = allowed);
    }

    async fn dispatch(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let service = call.check()?;
        self.read(|state| state.limits.admit(call, Instant::now()))?;
        if service == Service::Sqs && call.operation == "ReceiveMessage" {
            return self.receive(call).await;
        }
        self.act(&call.place, |state, context| match service {
            Service::S3 => state.buckets.answer(call, context),
            Service::Organizations => state.organization.answer(call),
            _ => state.regions.get(context).answer(service, call, context),
        })
    }

    /// Receives messages. Answers as soon as there is one, and without any when the wait is over.
    async fn receive(&self, call: &ApiCall) -> Result<Value, ApiError> {
        let receive = Receive::from_call(call)?;
        let mut revision = self.shared.revision.subscribe();
        let mut deadline = None;
        loop {
            let (taken, wait, visible) = self.peek(&call.place, |state, context| {
                let queue = state.regions.get(context).sqs.queue(call)?;
                let taken = receive.take(queue, call, context);
                let wait = receive.wait.unwrap_or_else(|| queue.setting("ReceiveMessageWaitTimeSeconds"));
                Ok((taken, wait, queue.next_visible()))
            })?;
            if let Some(messages) = taken {
                self.bump();
                return Ok(messages);
            }
            let now = Instant::now();
            let deadline = *deadline.get_or_insert(now + Duration::from_secs(wait));
            if deadline <= now {
                return Ok(json!({}));
            }
            // A hidden message becomes visible by time alone, without a change that would wake this wait.
            let look_again = visible.map_or(deadline, |visible| visible.min(deadline));
            tokio::select! {
                () = sleep_until(look_again) => {}
                // The sender lives as long as this world does.
                _ = revision.changed() => {}
            }
        }
    }

    /// Changes the state within a Region, and afterwards does what follows from that.
    pub(crate) fn act<R>(
        &self,
        place: &WorldPlace,
        change: impl FnOnce(&mut WorldState, &mut ServiceContext) -> R,
    ) -> R {
        let (outcome, consequences) = self.peek(place, |state, context| {
            let outcome = change(state, context);
            (outcome, std::mem::take(&mut context.consequences))
        });
        self.bump();
        for consequence in consequences {
            self.follow(consequence);
        }
        outcome
    }

    /// Looks at the state within a Region, or changes it without telling anybody.
    pub(crate) fn peek<R>(
        &self,
        place: &WorldPlace,
        look: impl FnOnce(&mut WorldState, &mut ServiceContext) -> R,
    ) -> R {
        self.read(|state| {
            let mut context = ServiceContext {
                place: place.clone(),
                templates: state.scripts.keys().cloned().collect(),
                now: self.shared.clock.now(),
                instant: Instant::now(),
                stopping: state.stopping,
                engaging: state.engaging,
                active_quota: state.limits.active,
                rule_quota: state.limits.rules,
                targets_resolve: state.targets_resolve,
                found: state.found,
                plot: state.plot,
                rule_latency: state.event_faults.rule_latency,
                allow_aws_sources: state.allow_aws_sources,
                consequences: Vec::new(),
            };
            look(state, &mut context)
        })
    }

    /// Changes the state, and wakes those who wait for a change.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut WorldState) -> R) -> R {
        let outcome = self.read(change);
        self.bump();
        outcome
    }

    /// Gives access to the state under its lock, without waking anybody.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&mut WorldState) -> R) -> R {
        // The state is changed in whole steps, so a panic of a test's thread leaves nothing half done.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut state)
    }

    /// Wakes those who wait for a change.
    fn bump(&self) {
        self.shared.revision.send_modify(|revision| *revision += 1);
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
