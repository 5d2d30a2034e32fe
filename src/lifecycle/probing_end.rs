//! The end of an experiment's probes: their last phase, and the histories of the alarms that were followed.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::cancel::Share;
use super::probes::RecoveringProbes;
use super::progress::Progress;
use super::run::Lifecycle;
use faultgate_core::model::RunEvent;
use faultgate_engines::{Record, StopCause};

/// Time for the histories of alarms, by which these are measured.
const RECONCILE_LIMIT: Duration = Duration::from_secs(30);

/// Time after which it is told that probes are waited for. Most pass at once.
const TELL_AFTER: Duration = Duration::from_secs(1);

impl Lifecycle<'_> {
    /// Evaluates the probes of phase `after`. A signal that cuts this short is returned as a cause.
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "the experiment is over: nobody tells the probes anything"
    )]
    pub(super) async fn finish_probing(&self, progress: &Progress<'_>, record: &Record) -> Option<StopCause> {
        let mut probing = progress.probing.borrow_mut();
        // The fault may still be in, so an evaluation now would not be one after it.
        if !record.has_ended() {
            probing.abort();
        }
        let recovering = RecoveringProbes::of(&probing);
        let mut finishing = pin!(probing.finish());
        let whole = if let Ok(whole) = timeout(TELL_AFTER, &mut finishing).await {
            whole
        } else {
            if let Some((probes, within)) = recovering.left() {
                let experiment = progress.scheduled.number;
                (self.publish)(&RunEvent::Recovering { experiment, probes: &probes, within });
            }
            finishing.await
        };
        self.cancel.signal().filter(|_| !whole).map(StopCause::Cancelled)
    }

    /// Measures the alarms that were followed by their histories. A signal leaves little time for that.
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "the experiment is over: nobody tells the probes anything"
    )]
    pub(super) async fn reconcile(&self, progress: &Progress<'_>, record: &Record) {
        let Some(fault) = record.fault().filter(|_| record.has_ended()) else { return };
        let probing = progress.probing.borrow();
        let _ = self.cancel.within(RECONCILE_LIMIT, Share::Confirm, probing.reconcile(&fault)).await;
    }
}
