//! The check whether a run would launch, for a user who only wants to know that.

use futures_util::stream::{self, StreamExt};

use super::guard::Outlook;
use super::run::Lifecycle;
use super::scheduled::Scheduled;
use faultgate_core::model::{Finding, Level, Probe};

impl Lifecycle<'_> {
    /// Verifies all that a run verifies before it launches: what the engines can tell, and each probe with
    /// the phase `before`, evaluated once.
    pub async fn check(&self) -> Vec<Finding> {
        let mut findings = self.preflight(Outlook::NoLaunch).await;
        let steady: Vec<Vec<Finding>> = stream::iter(&self.scheduled)
            .map(|scheduled| self.evaluate_before(scheduled))
            .buffered(self.plan.parallel.max(1))
            .collect()
            .await;
        findings.extend(steady.into_iter().flatten());
        findings
    }

    /// Evaluates the probes of one experiment as before a launch.
    async fn evaluate_before(&self, scheduled: &Scheduled<'_>) -> Vec<Finding> {
        let probing = self.probing(scheduled);
        // The error names the failed probes, which their samples tell in more detail.
        let _ = probing.evaluate_before().await;
        let results = probing.results(None);
        results.iter().filter_map(|probe| finding(&scheduled.plan.name, probe)).collect()
    }
}

/// Returns the finding about a probe's last sample; `None` for a probe that is not evaluated before the
/// launch.
fn finding(experiment: &str, probe: &Probe) -> Option<Finding> {
    let sample = probe.samples.last()?;
    let (level, steady) = if sample.passed { (Level::Ok, "steady") } else { (Level::Error, "not steady") };
    let reason = sample.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let subject = format!("probe {} of {experiment}", probe.name);
    let remedy = "a run would launch nothing: look at the system, or at what the probe asks and expects";
    let remedy = (!sample.passed).then(|| remedy.to_owned());
    Some(Finding { remedy, ..Finding::new(level, subject, format!("{steady}{reason}")) })
}
