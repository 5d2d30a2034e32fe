//! The objections that come to light only after a launch. The experiment is stopped then.

use super::progress::Progress;
use super::run::Lifecycle;
use faultgate_engines::{Launched, StopCause};

impl Lifecycle<'_> {
    /// Returns why an experiment must not go on that this process has launched, or None where nothing can be
    /// objected any more.
    pub(super) async fn find_objection(
        &self,
        progress: &Progress<'_>,
        launched: &Launched,
    ) -> Option<String> {
        let objection = tokio::select! {
            Some(why) = self.contest(progress.scheduled, launched) => Some(why),
            Some(why) = self.find_growth(progress, launched) => Some(why),
            else => None,
        };
        progress.verified.set(objection.is_none());
        objection
    }

    /// Waits for a reason why the experiment must not go on. If there is none, this never returns.
    pub(super) async fn wait_for_objection(&self, progress: &Progress<'_>, launched: &Launched) -> String {
        if !progress.verified.get()
            && let Some(why) = self.find_objection(progress, launched).await
        {
            return why;
        }
        std::future::pending().await
    }

    /// Returns the objection to an experiment that has ended before anybody could object. A signal ends the
    /// wait for it.
    pub(super) async fn find_objection_after(
        &self,
        progress: &Progress<'_>,
        launched: &Launched,
    ) -> Option<StopCause> {
        if progress.verified.get() {
            return None;
        }
        tokio::select! {
            biased;
            why = self.find_objection(progress, launched) => why.map(StopCause::Forbidden),
            signal = self.cancel.cancelled() => Some(StopCause::Cancelled(signal)),
        }
    }
}
