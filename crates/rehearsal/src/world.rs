//! One account of AWS as far as a run needs it: its state, its clock, and what observers may ask of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::context::Context;
use super::fault::{Effect, EventFaults, FaultRule, Faults};
use super::observe::{Inventory, Published, Recorded, Snapshot};
use super::protocol::{ApiError, Call, Service, page_of};
use super::region::Regions;
use super::script::Beat;
use super::sqs::Receive;
use super::target::{self, Target};
use super::template::Plot;
use super::{SECOND_TEMPLATE_ID, Scenario, TEMPLATE_ID};
use faultgate_core::clock::Clock;

/// What a request comes to.
#[derive(Debug)]
pub enum Answer {
    Reply(Response<Bytes>),
    /// The connection ends in the middle of this one.
    Cut(Response<Bytes>),
    /// This one comes byte by byte, with such a pause before each.
    Trickle(Response<Bytes>, Duration),
    /// The connection ends without an answer.
    ConnectionLost,
}

/// One account. Clones are the same account; its experiments end with the last of them.
#[derive(Clone)]
pub struct World {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) clock: Clock,
    /// Counts changes, so that whoever waits for one misses none.
    revision: watch::Sender<u64>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) regions: Regions,
    requests: Vec<Recorded>,
    pub(super) published: Vec<Published>,
    faults: Faults,
    pub(super) event_faults: EventFaults,
    pub(super) target: Target,
    pub(super) announced: u64,
    pub(super) scripts: BTreeMap<String, Vec<Beat>>,
    stopping: Duration,
    targets_resolve: bool,
    plot: Plot,
    allow_aws_sources: bool,
}

impl World {
    pub fn new(scenario: &Scenario, clock: Clock) -> Self {
        let mut faults = Faults::default();
        for rule in scenario.faults {
            faults.add(rule.clone());
        }
        let state = State {
            regions: Regions::default(),
            requests: Vec::new(),
            published: Vec::new(),
            faults,
            event_faults: scenario.events.clone(),
            target: Target::new(scenario.suffering),
            announced: 0,
            scripts: BTreeMap::from([
                (TEMPLATE_ID.to_owned(), scenario.script.to_vec()),
                (SECOND_TEMPLATE_ID.to_owned(), super::script::COMPLETED.to_vec()),
            ]),
            stopping: scenario.stopping,
            targets_resolve: scenario.targets_resolve,
            plot: scenario.plot,
            allow_aws_sources: false,
        };
        let shared = Shared { clock, revision: watch::Sender::new(0), state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Answers one request of any of the services, after whatever fault it meets, or one to the target.
    pub async fn handle(&self, request: Request<Bytes>) -> Answer {
        if let Some(path) = target::path_of(request.uri().path()) {
            return Answer::Reply(self.serve(path).await);
        }
        let call = Call::decode(&request);
        let (place, met) = self.change(|state| {
            state.requests.push(Recorded {
                service: call.service_name.clone(),
                operation: call.operation.clone(),
                at: self.shared.clock.now(),
                input: call.input.clone(),
                status: None,
            });
            let met = state.faults.meet(&call.region, &call.service_name, &call.operation);
            (state.requests.len() - 1, met)
        });
        if !met.delay.is_zero() {
            sleep(met.delay).await;
        }
        let response = match met.effect.clone() {
            None | Some(Effect::Delay(_) | Effect::Truncate | Effect::Trickle(_)) => {
                call.encode(&self.dispatch(&call).await)
            }
            Some(Effect::Hang) => std::future::pending().await,
            Some(Effect::LoseRequest) => return Answer::ConnectionLost,
            Some(Effect::LoseAnswer) => {
                // What it came to is never known to the caller.
                let _ = self.dispatch(&call).await;
                return Answer::ConnectionLost;
            }
            Some(Effect::Garbage) => page_of(200, None),
            Some(Effect::Nothing) => call.encode(&Ok(json!({}))),
            Some(Effect::Page { status, retry_after }) => page_of(status, retry_after),
            Some(Effect::Error { status, code, message, retry_after }) => {
                call.encode(&Err(ApiError { status, code, message, retry_after }))
            }
        };
        let status = response.status().as_u16();
        self.change(|state| state.requests[place].status = Some(status));
        match met.effect {
            // Of an empty body there is no half.
            Some(Effect::Truncate) if response.body().is_empty() => Answer::ConnectionLost,
            Some(Effect::Truncate) => Answer::Cut(response),
            Some(Effect::Trickle(pause)) => Answer::Trickle(response, pause),
            _ => Answer::Reply(response),
        }
    }

    /// The world's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    /// Every request in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.read(|state| state.requests.clone())
    }

    /// Every event that reached the bus, in that order.
    pub fn events(&self) -> Vec<Published> {
        self.read(|state| state.published.clone())
    }

    pub fn inventory(&self) -> Inventory {
        self.read(|state| state.regions.inventory())
    }

    pub fn snapshot(&self) -> Snapshot {
        self.read(|state| Snapshot {
            requests: state.requests.clone(),
            events: state.published.clone(),
            inventory: state.regions.inventory(),
        })
    }

    /// Waits until something holds: looked at now, and again at each request and each change.
    pub async fn until(&self, holds: impl Fn(&Snapshot) -> bool) {
        let mut revision = self.shared.revision.subscribe();
        while !holds(&self.snapshot()) {
            // The sender lives as long as this world does.
            let _ = revision.changed().await;
        }
    }

    /// Adds a fault; occurrences count from now.
    pub fn inject(&self, fault: FaultRule) {
        self.change(|state| state.faults.add(fault));
    }

    /// Takes away every fault of requests.
    pub fn heal(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Changes what becomes of events that are still to be announced.
    pub fn set_event_faults(&self, faults: EventFaults) {
        self.change(|state| state.event_faults = faults);
    }

    /// How experiments of a template live that are started from now on. Regions that are born after this have the
    /// template.
    pub fn script(&self, template: &str, beats: impl Into<Vec<Beat>>) {
        let beats = beats.into();
        self.change(|state| state.scripts.insert(template.to_owned(), beats));
    }

    /// Gives another value to every such tag there is, of whatever.
    pub fn tag_anew(&self, key: &str, value: &str) {
        self.change(|state| state.regions.tag_anew(key, value));
    }

    /// How long experiments are `stopping` that are stopped from now on.
    pub fn set_stopping(&self, stopping: Duration) {
        self.change(|state| state.stopping = stopping);
    }

    /// Whether `PutEvents` takes events that only AWS may put. Off at first, as in AWS.
    pub fn allow_aws_sources(&self, allowed: bool) {
        self.change(|state| state.allow_aws_sources = allowed);
    }

    /// Puts any event on the bus, just as it is and past all faults.
    pub fn put_event(&self, event: impl Into<Value>) {
        let event = event.into();
        self.deliver(&event, 1);
        self.record(event, false);
    }

    async fn dispatch(&self, call: &Call) -> Result<Value, ApiError> {
        let service = call.check()?;
        if service == Service::Sqs && call.operation == "ReceiveMessage" {
            return self.receive(call).await;
        }
        self.act(&call.region, |state, context| state.regions.get(context).answer(service, call, context))
    }

    /// Answers as soon as there is a message, and with none when the wait is over.
    async fn receive(&self, call: &Call) -> Result<Value, ApiError> {
        let receive = Receive::of(call)?;
        let mut revision = self.shared.revision.subscribe();
        let mut deadline = None;
        loop {
            let (taken, wait, visible) = self.peek(&call.region, |state, context| {
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
            let look_again = visible.map_or(deadline, |visible| visible.min(deadline));
            tokio::select! {
                () = sleep_until(look_again) => {}
                // The sender lives as long as this world does.
                _ = revision.changed() => {}
            }
        }
    }

    /// Changes the state within a Region, and does afterwards what follows from that.
    pub(super) fn act<R>(&self, region: &str, change: impl FnOnce(&mut State, &mut Context) -> R) -> R {
        let (outcome, consequences) = self.peek(region, |state, context| {
            let outcome = change(state, context);
            (outcome, std::mem::take(&mut context.consequences))
        });
        self.bump();
        for consequence in consequences {
            self.follow(consequence);
        }
        outcome
    }

    pub(super) fn peek<R>(&self, region: &str, look: impl FnOnce(&mut State, &mut Context) -> R) -> R {
        self.read(|state| {
            let mut context = Context {
                region: region.to_owned(),
                templates: state.scripts.keys().cloned().collect(),
                now: self.shared.clock.now(),
                instant: Instant::now(),
                stopping: state.stopping,
                targets_resolve: state.targets_resolve,
                plot: state.plot,
                rule_latency: state.event_faults.rule_latency,
                allow_aws_sources: state.allow_aws_sources,
                consequences: Vec::new(),
            };
            look(state, &mut context)
        })
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let outcome = self.read(change);
        self.bump();
        outcome
    }

    pub(super) fn read<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        // State is changed in whole steps; a panic of some test's thread leaves nothing half done.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut state)
    }

    fn bump(&self) {
        self.shared.revision.send_modify(|revision| *revision += 1);
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
