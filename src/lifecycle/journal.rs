//! The port through which a run tells, as it begins something, what somebody else needs to know to end it.
//!
//! The state file is behind it. A journal that fails or hangs holds no stop up: a run goes on without it.

use async_trait::async_trait;

use faultgate_core::model::{Handover, Intent, LaunchRecord, PreviewRecord, Probe, SubscriptionState};
use faultgate_engines::Unnoted;

/// A record of what a run has begun. Each call returns when the entry is written or cannot be written; the
/// implementation reports the latter itself, since the lifecycle goes on anyway.
#[async_trait(?Send)]
pub trait Journal {
    /// Notes that a request is about to be sent which may begin an experiment.
    async fn note_intent(&self, experiment: usize, intent: Intent);

    /// Notes that the preview of an experiment is about to begin.
    async fn note_previewing(&self, experiment: usize);

    /// Notes that the preview of an experiment has ended or never began, and what it has shown, for the process
    /// that goes on with the experiment.
    async fn note_previewed(&self, experiment: usize, preview: Option<PreviewRecord>);

    /// Notes that an experiment was launched.
    async fn note_launch(&self, experiment: usize, launch: LaunchRecord);

    /// Notes that an experiment may have begun, and was looked for in vain.
    async fn note_unfound(&self, experiment: usize);

    /// Notes that the engine's own record says that an experiment has ended or never began.
    async fn note_over(&self, experiment: usize);

    /// Notes subscriptions that are about to be made, were made, or were removed. The list is complete: it
    /// holds all of this run's subscriptions.
    async fn note_subscriptions(&self, all: Vec<SubscriptionState>);

    /// Notes that all is launched, with what the process that takes over has to know. The error says why no
    /// process can.
    async fn handed_over(&self, _handover: Handover, _before: Vec<Vec<Probe>>) -> Result<(), String> {
        Err("nothing is written down".to_owned())
    }
}

#[async_trait(?Send)]
impl Journal for Unnoted {
    async fn note_intent(&self, _experiment: usize, _intent: Intent) {}

    async fn note_previewing(&self, _experiment: usize) {}

    async fn note_previewed(&self, _experiment: usize, _preview: Option<PreviewRecord>) {}

    async fn note_launch(&self, _experiment: usize, _launch: LaunchRecord) {}

    async fn note_unfound(&self, _experiment: usize) {}

    async fn note_over(&self, _experiment: usize) {}

    async fn note_subscriptions(&self, _all: Vec<SubscriptionState>) {}
}
