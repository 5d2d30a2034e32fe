//! The channel of FIS: the subscription that this process makes, reads and removes, and those that it takes
//! over from others.

use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

use super::engine::FisEngine;
use super::inboxes::Inboxes;
use super::queue_proof::QueueProof;
use super::reader::{Keeping, QueueReader};
use super::settings::RunStep;
use super::subscription::{Subscription, fail_as_cancelled};
use super::users_queue::EventQueue;
use crate::{Channel, EngineFailure, FailureKind};
use faultgate_core::model::{Monitor, SubscriptionRecord, SubscriptionState};

impl FisEngine {
    fn start_reader(&self, queue_url: &str, keeping: Keeping) {
        let reader = QueueReader {
            sqs: self.clients.sqs_reader(),
            queue_url: queue_url.to_owned(),
            inboxes: Inboxes::of(self.inbox()),
            clock: self.clock,
            place: self.place(),
            keeping,
            leaving: self.leaving.clone(),
        };
        *self.reader.borrow_mut() = Some(AbortOnDropHandle::new(tokio::spawn(reader.run())));
    }

    /// Reads the user's queue, and seeks the proof that the events of this place come through to it.
    fn join(&self, queue: &EventQueue) {
        let place = self.place();
        let nonce = format!("{}-{}-{}", self.settings.subscription, place.account, place.region);
        let inbox = self.inbox();
        inbox.await_proof(&nonce);
        queue.join(inbox.clone(), &self.clients.counted);
        let proof = QueueProof {
            events: self.clients.events(),
            inbox,
            place,
            nonce,
            run_id: self.settings.run.id.clone(),
            queue: queue.name(),
        };
        *self.proof.borrow_mut() = Some(AbortOnDropHandle::new(tokio::spawn(proof.seek())));
    }

    /// Returns the planned subscription, the same one at each call.
    fn plan_subscription(&self) -> Rc<Subscription> {
        let make = || {
            let templates: Vec<String> = self.templates.borrow().keys().cloned().collect();
            let (name, run) = (&self.settings.subscription, &self.settings.run);
            let alarms = self.alarms_to_take();
            Rc::new(Subscription::new(name, run, self.place(), &templates, &alarms, self.expires_at))
        };
        self.planned.borrow_mut().get_or_insert_with(make).clone()
    }

    async fn subscribe(&self) -> Result<(), EngineFailure> {
        let subscription = self.plan_subscription();
        // Noted before anything is made, so that `close` removes whatever an interrupted `make` has begun.
        *self.subscription.borrow_mut() = Some(subscription.clone());
        let queue_url = subscription.make(&self.clients).await?;
        if self.cancelled.is_cancelled() {
            return Err(fail_as_cancelled(&subscription.name));
        }
        let hands_on = self.settings.step == RunStep::Launch;
        self.start_reader(&queue_url, if hands_on { Keeping::Proving } else { Keeping::Own });
        subscription.prove(&self.clients, &self.inbox(), &self.clock, &self.cancelled).await?;
        self.settings.alarms.open(subscription.alarms());
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
        match self.adopted.queue() {
            Some((url, shared)) => self.start_reader(&url, Keeping::Shared(shared)),
            None => self.inbox().set_trouble(Some("the state file names no queue".to_owned())),
        }
    }
}

#[async_trait(?Send)]
impl Channel for FisEngine {
    fn planned_subscription(&self) -> Option<SubscriptionState> {
        let makes_one = self.settings.monitor == Monitor::Events;
        makes_one.then(|| SubscriptionState {
            removed: false,
            ..self.plan_subscription().state(self.settings.role_arn.as_deref())
        })
    }

    async fn open(&self) -> Result<(), EngineFailure> {
        match (self.settings.monitor, &self.settings.event_queue) {
            (Monitor::Poll, _) => Ok(()),
            // An event that is taken here would be missing for the process that monitors.
            (Monitor::Queue, Some(_)) if self.settings.step == RunStep::Launch => Ok(()),
            (Monitor::Queue, Some(queue)) => {
                self.join(queue);
                Ok(())
            }
            (Monitor::Queue, None) => Err(EngineFailure::new(
                FailureKind::Refused,
                "read the event queue",
                "event-queue-url is not set",
            )),
            (Monitor::Events, _) if self.settings.step == RunStep::Monitor => {
                self.listen();
                Ok(())
            }
            (Monitor::Events, _) => self.subscribe().await,
        }
    }

    async fn close(&self, within: Duration) {
        // The reader ends first, so that it does not complain about a queue that is going away.
        self.reader.borrow_mut().take();
        self.proof.borrow_mut().take();
        if let Some(queue) = &self.settings.event_queue {
            queue.leave(&self.inbox(), within).await;
        }
        let subscription = self.subscription.borrow().clone();
        if let Some(subscription) = subscription {
            subscription.remove(&self.clients, within).await;
        }
        self.adopted.remove(&self.clients, within).await;
    }

    fn subscription_record(&self) -> Option<SubscriptionRecord> {
        let own = self.subscription.borrow().as_ref().map(|own| own.record());
        own.or_else(|| self.adopted.record())
    }

    fn subscription_states(&self) -> Vec<SubscriptionState> {
        let own = self.planned.borrow().as_ref().map(|own| own.state(self.settings.role_arn.as_deref()));
        own.into_iter().chain(self.adopted.states()).collect()
    }

    fn listen_to(&self, subscription: &SubscriptionState) {
        self.adopted.listen_to(subscription);
    }

    fn adopt_subscription(&self, subscription: &SubscriptionState) {
        self.adopted.adopt(subscription);
    }
}
