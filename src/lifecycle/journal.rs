//! What somebody else needs to know to end what a run has begun, told as it begins.

use std::time::Duration;

use async_trait::async_trait;

use super::{Lifecycle, Share};
use faultgate_core::model::{Handover, Intent, LaunchRecord, Probe, SubscriptionState};
use faultgate_engines::{Launched, Notary, Unnoted};

/// A disk that hangs holds nothing up for longer.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Writes it down. Each call ends when that is done, or cannot be, which is not for the lifecycle to worry about.
#[async_trait(?Send)]
pub trait Journal {
    /// A request is about to go out that may begin an experiment.
    async fn intended(&self, experiment: usize, intent: Intent);

    async fn launched(&self, experiment: usize, launch: LaunchRecord);

    /// It may have begun, and was looked for in vain.
    async fn unfound(&self, experiment: usize);

    /// The engine's own record says that it has ended, or never began.
    async fn over(&self, experiment: usize);

    /// Subscriptions are about to be made, were made, or were removed: all of this run's.
    async fn subscriptions(&self, all: Vec<SubscriptionState>);

    /// All is launched, and another process goes on with it: what it has to know. The error says why it will not.
    async fn handed_over(&self, _handover: Handover, _before: Vec<Vec<Probe>>) -> Result<(), String> {
        Err("nothing is written down".to_owned())
    }
}

#[async_trait(?Send)]
impl Journal for Unnoted {
    async fn intended(&self, _experiment: usize, _intent: Intent) {}

    async fn launched(&self, _experiment: usize, _launch: LaunchRecord) {}

    async fn unfound(&self, _experiment: usize) {}

    async fn over(&self, _experiment: usize) {}

    async fn subscriptions(&self, _all: Vec<SubscriptionState>) {}
}

/// One experiment's page.
pub(super) struct Page<'a> {
    pub(super) journal: &'a dyn Journal,
    pub(super) experiment: usize,
}

#[async_trait(?Send)]
impl Notary for Page<'_> {
    async fn intend(&self, intent: Intent) {
        let _ = tokio::time::timeout(WRITE_LIMIT, self.journal.intended(self.experiment, intent)).await;
    }
}

impl Lifecycle<'_> {
    /// After a signal, the stop does not wait for it.
    pub(super) async fn note_launch(&self, experiment: usize, launched: &Launched) {
        if launched.first.state.is_terminal() {
            return self.note_over(experiment).await;
        }
        let trace = self.engines[self.engine_of[experiment]].trace(launched);
        let Launched { id, url, first } = launched.clone();
        let launch = LaunchRecord { id, url, at: first.at, trace };
        tokio::select! {
            biased;
            // A first look, so that the writing has begun.
            () = self.journal.launched(experiment, launch) => {}
            _ = self.cancel.cancelled() => {}
            () = tokio::time::sleep(WRITE_LIMIT) => {}
        }
    }

    pub(super) async fn note_unfound(&self, experiment: usize) {
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, self.journal.unfound(experiment)).await;
    }

    pub(super) async fn note_over(&self, experiment: usize) {
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, self.journal.over(experiment)).await;
    }

    /// Of all that is about to be made.
    pub(super) async fn note_intended_subscriptions(&self) {
        let all: Vec<_> = self.engines.iter().filter_map(|engine| engine.intend_subscription()).collect();
        if !all.is_empty() {
            let _ = tokio::time::timeout(WRITE_LIMIT, self.journal.subscriptions(all)).await;
        }
    }

    pub(super) async fn note_subscriptions(&self, share: Share) {
        let all: Vec<_> = self.engines.iter().flat_map(|engine| engine.subscription_states()).collect();
        if !all.is_empty() {
            let _ = self.cancel.within(WRITE_LIMIT, share, self.journal.subscriptions(all)).await;
        }
    }
}
