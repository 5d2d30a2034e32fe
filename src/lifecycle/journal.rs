//! The port through which a run tells, as it begins something, what somebody else needs to know to end it.
//!
//! The state file is behind it. A journal that fails or hangs holds no stop up: a run goes on without it.

use std::time::Duration;

use async_trait::async_trait;

use super::{Lifecycle, Share};
use faultgate_core::model::{Handover, Intent, LaunchRecord, Probe, SubscriptionState};
use faultgate_engines::{Launched, Notary, Unnoted};

/// Time that one entry may take. A disk that hangs holds nothing up for longer.
pub const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// A record of what a run has begun. Each call returns when the entry is written or cannot be written; the
/// implementation reports the latter itself, since the lifecycle goes on anyway.
#[async_trait(?Send)]
pub trait Journal {
    /// Notes that a request is about to be sent which may begin an experiment.
    async fn intended(&self, experiment: usize, intent: Intent);

    /// Notes that an experiment was launched.
    async fn launched(&self, experiment: usize, launch: LaunchRecord);

    /// Notes that an experiment may have begun, and was looked for in vain.
    async fn unfound(&self, experiment: usize);

    /// Notes that the engine's own record says that an experiment has ended or never began.
    async fn over(&self, experiment: usize);

    /// Notes subscriptions that are about to be made, were made, or were removed. The list is complete: it
    /// holds all of this run's subscriptions.
    async fn subscriptions(&self, all: Vec<SubscriptionState>);

    /// Notes that all is launched, with what the process that takes over has to know. The error says why no
    /// process can.
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

/// The part of the journal that is about one experiment.
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
    /// Notes the launch. After a signal, the stop does not wait for the entry.
    pub(super) async fn note_launch(&self, experiment: usize, launched: &Launched) {
        if launched.first.state.is_terminal() {
            return self.note_over(experiment).await;
        }
        let trace = self.engines[self.engine_of[experiment]].trace(launched);
        let Launched { id, url, first } = launched.clone();
        let launch = LaunchRecord { id, url, at: first.at, trace };
        tokio::select! {
            biased;
            // The writing is polled first, so that it has begun even if a signal is there already.
            () = self.journal.launched(experiment, launch) => {}
            _ = self.cancel.cancelled() => {}
            () = tokio::time::sleep(WRITE_LIMIT) => {}
        }
    }

    /// Notes that the experiment may have begun, and was looked for in vain.
    pub(super) async fn note_unfound(&self, experiment: usize) {
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, self.journal.unfound(experiment)).await;
    }

    /// Notes that the experiment has ended or never began.
    pub(super) async fn note_over(&self, experiment: usize) {
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, self.journal.over(experiment)).await;
    }

    /// Notes all subscriptions that are about to be made.
    pub(super) async fn note_intended_subscriptions(&self) {
        let all: Vec<_> = self.engines.iter().filter_map(|engine| engine.intend_subscription()).collect();
        if !all.is_empty() {
            let _ = tokio::time::timeout(WRITE_LIMIT, self.journal.subscriptions(all)).await;
        }
    }

    /// Notes the subscriptions as they are now.
    pub(super) async fn note_subscriptions(&self, share: Share) {
        let all: Vec<_> = self.engines.iter().flat_map(|engine| engine.subscription_states()).collect();
        if !all.is_empty() {
            let _ = self.cancel.within(WRITE_LIMIT, share, self.journal.subscriptions(all)).await;
        }
    }
}
