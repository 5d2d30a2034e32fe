//! What other processes have begun or made, and this one takes up.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;

use super::clients::Clients;
use super::lent::Lent;
use super::subscription::Subscription;
use faultgate_core::model::{SubscriptionRecord, SubscriptionState};

#[derive(Default)]
pub(super) struct Others {
    /// The queue that is read here too, and what has come out of it.
    queue: RefCell<Option<(String, Lent)>>,
    /// To be removed.
    adopted: RefCell<Vec<Adopted>>,
}

struct Adopted {
    subscription: Rc<Subscription>,
    role_arn: Option<String>,
}

impl Others {
    pub(super) fn listen_to(&self, subscription: &SubscriptionState) {
        let url = subscription.queue_url.clone();
        *self.queue.borrow_mut() = url.map(|url| (url, Lent::default()));
    }

    /// None where nobody knows of one.
    pub(super) fn queue(&self) -> Option<(String, Lent)> {
        self.queue.borrow().clone()
    }

    pub(super) fn adopt(&self, subscription: &SubscriptionState) {
        let adopted = Adopted {
            subscription: Rc::new(Subscription::adopted(subscription)),
            role_arn: subscription.role_arn.clone(),
        };
        self.adopted.borrow_mut().push(adopted);
    }

    pub(super) async fn remove(&self, clients: &Clients, within: Duration) {
        let adopted: Vec<_> = self.adopted.borrow().iter().map(|of| of.subscription.clone()).collect();
        join_all(adopted.iter().map(|subscription| subscription.remove(clients, within))).await;
    }

    pub(super) fn record(&self) -> Option<SubscriptionRecord> {
        self.adopted.borrow().first().map(|adopted| adopted.subscription.record())
    }

    pub(super) fn states(&self) -> Vec<SubscriptionState> {
        let adopted = self.adopted.borrow();
        adopted.iter().map(|of| of.subscription.state(of.role_arn.as_deref())).collect()
    }
}
