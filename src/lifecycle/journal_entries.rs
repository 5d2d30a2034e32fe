//! The entries that a run makes in its journal. None of them holds up a stop for long.

use std::time::Duration;

use async_trait::async_trait;
use faultgate_core::model::{Intent, PreviewRecord};
use faultgate_engines::{Channel, Launched, Notary};

use super::cancel::Share;
use super::journal::Journal;
use super::run::Lifecycle;
use super::scheduled::Scheduled;

/// Time that one entry may take. A disk that hangs holds nothing up for longer.
pub const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// The part of the journal that is about one experiment.
pub(super) struct ExperimentEntries<'a> {
    pub(super) journal: &'a dyn Journal,
    pub(super) experiment: usize,
}

#[async_trait(?Send)]
impl Notary for ExperimentEntries<'_> {
    async fn intend(&self, intent: Intent) {
        let _ = tokio::time::timeout(WRITE_LIMIT, self.journal.note_intent(self.experiment, intent)).await;
    }
}

impl Lifecycle<'_> {
    /// Notes the launch. After a signal, the stop does not wait for the entry.
    pub(super) async fn note_launch(&self, scheduled: &Scheduled<'_>, launched: &Launched) {
        if launched.first.state.is_terminal() {
            return self.note_over(scheduled).await;
        }
        let launch = launched.to_record(scheduled.engine.takeover().trace(launched));
        tokio::select! {
            biased;
            // The writing is polled first, so that it has begun even if a signal is there already.
            () = self.journal.note_launch(scheduled.number, launch) => {}
            _ = self.cancel.cancelled() => {}
            () = tokio::time::sleep(WRITE_LIMIT) => {}
        }
    }

    /// Notes that the preview of the experiment is about to begin.
    pub(super) async fn note_previewing(&self, scheduled: &Scheduled<'_>) {
        let noting = self.journal.note_previewing(scheduled.number);
        let _ = tokio::time::timeout(WRITE_LIMIT, noting).await;
    }

    /// Notes that the preview of the experiment has ended or never began, and what it has shown.
    pub(super) async fn note_previewed(&self, scheduled: &Scheduled<'_>, preview: Option<&PreviewRecord>) {
        let noting = self.journal.note_previewed(scheduled.number, preview.cloned());
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, noting).await;
    }

    /// Notes that the experiment may have begun, and was looked for in vain.
    pub(super) async fn note_unfound(&self, scheduled: &Scheduled<'_>) {
        let noting = self.journal.note_unfound(scheduled.number);
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, noting).await;
    }

    /// Notes that the experiment has ended or never began.
    pub(super) async fn note_over(&self, scheduled: &Scheduled<'_>) {
        let noting = self.journal.note_over(scheduled.number);
        let _ = self.cancel.within(WRITE_LIMIT, Share::Close, noting).await;
    }

    /// Notes all subscriptions that are about to be made.
    pub(super) async fn note_intended_subscriptions(&self) {
        let all: Vec<_> = self.reached_channels().filter_map(Channel::planned_subscription).collect();
        if !all.is_empty() {
            let _ = tokio::time::timeout(WRITE_LIMIT, self.journal.note_subscriptions(all)).await;
        }
    }

    /// Notes the subscriptions as they are now.
    pub(super) async fn note_subscriptions(&self, share: Share) {
        let all: Vec<_> = self.channels().flat_map(Channel::subscription_states).collect();
        if !all.is_empty() {
            let _ = self.cancel.within(WRITE_LIMIT, share, self.journal.note_subscriptions(all)).await;
        }
    }
}
