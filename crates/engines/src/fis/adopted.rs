//! The subscriptions of other processes that this one takes over: the queue that it reads with them, and the
//! rules and queues that it removes after them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::clients::Clients;
use super::inbox::Inbox;
use super::removal::MAX_RULES_AT_ONCE;
use super::shared_queue::SharedQueue;
use super::subscription::Subscription;
use faultgate_core::model::{SubscriptionRecord, SubscriptionState};

/// The subscriptions of other processes.
#[derive(Default)]
pub(super) struct AdoptedSubscriptions {
    /// The URL of the queue that this process reads as well, and the messages that have come out of it.
    queue: RefCell<Option<(String, SharedQueue)>>,
    /// The subscriptions that this process has to remove.
    adopted: RefCell<Vec<Adopted>>,
}

/// A subscription to remove, and the role that reaches its account.
struct Adopted {
    subscription: Rc<Subscription>,
    role_arn: Option<String>,
}

impl AdoptedSubscriptions {
    /// Takes over a queue to read it. Without the queue's URL there is nothing to read.
    pub(super) fn listen_to(&self, subscription: &SubscriptionState) {
        let url = subscription.queue_url.clone();
        *self.queue.borrow_mut() = url.map(|url| (url, SharedQueue::default()));
    }

    /// Returns the queue to read, or None where no queue is known.
    pub(super) fn queue(&self) -> Option<(String, SharedQueue)> {
        self.queue.borrow().clone()
    }

    /// Waits for messages of the shared queue that other processes hold at present, unless the queue cannot
    /// be read.
    pub(super) async fn hear_all(&self, clients: &Clients, inbox: &Inbox) {
        if let (Some((url, shared)), None) = (self.queue(), inbox.trouble()) {
            shared.hear_all(clients, &url, inbox).await;
        }
    }

    /// Takes over a subscription to remove it.
    pub(super) fn adopt(&self, subscription: &SubscriptionState) {
        let adopted = Adopted {
            subscription: Rc::new(Subscription::adopted(subscription)),
            role_arn: subscription.role_arn.clone(),
        };
        self.adopted.borrow_mut().push(adopted);
    }

    /// Removes all adopted subscriptions at once, within the given time.
    pub(super) async fn remove(&self, clients: &Clients, within: Duration) {
        let adopted: Vec<_> = self.adopted.borrow().iter().map(|of| of.subscription.clone()).collect();
        let removing = adopted.iter().map(|subscription| subscription.remove(clients, within));
        stream::iter(removing).buffer_unordered(MAX_RULES_AT_ONCE).collect::<()>().await;
    }

    /// Returns the record of the first adopted subscription, for the report.
    pub(super) fn record(&self) -> Option<SubscriptionRecord> {
        self.adopted.borrow().first().map(|adopted| adopted.subscription.record())
    }

    /// Returns the state of each adopted subscription, for the state file.
    pub(super) fn states(&self) -> Vec<SubscriptionState> {
        let adopted = self.adopted.borrow();
        adopted.iter().map(|of| of.subscription.state(of.role_arn.as_deref())).collect()
    }
}
