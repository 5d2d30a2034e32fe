//! The check whether a run would launch, for a user who only wants to know that.

use futures_util::stream::{self, StreamExt};

use super::Lifecycle;
use faultgate_core::model::{Finding, Level, Probe};

impl Lifecycle<'_> {
    /// Verifies all that a run verifies before it launches: what the engines can tell, and each probe with
    /// the phase `before`, evaluated once.
    pub async fn check(&self) -> Vec<Finding> {
        let mut findings = self.preflight().await;
        let steady: Vec<Vec<Finding>> = stream::iter(0..self.plan.experiments.len())
            .map(|index| self.look_before(index))
            .buffered(self.plan.parallel.max(1))
            .collect()
            .await;
        findings.extend(steady.into_iter().flatten());
        findings
    }

    /// Returns a finding for each probe that cannot be evaluated on this machine. A failure for such a reason
    /// says nothing about the system.
    pub(super) fn unready_probes(&self) -> Vec<Finding> {
        let mut unready = Vec::new();
        for (experiment, evaluators) in self.plan.experiments.iter().zip(&self.evaluators) {
            for (probe, evaluator) in experiment.probes.iter().zip(evaluators) {
                let Some(what) = evaluator.missing() else { continue };
                let subject = format!("probe {} of {}", probe.name, experiment.name);
                unready.push(Finding::new(Level::Error, subject, format!("cannot look: {what}")));
            }
        }
        unready
    }

    /// Evaluates the probes of one experiment as before a launch.
    async fn look_before(&self, index: usize) -> Vec<Finding> {
        let probing = self.probing(index);
        // The error names the failed probes, which their samples tell in more detail.
        let _ = probing.before().await;
        let experiment = &self.plan.experiments[index].name;
        probing.results(None).iter().filter_map(|probe| finding(experiment, probe)).collect()
    }
}

/// Returns the finding about a probe's last sample; `None` for a probe that is not evaluated before the
/// launch.
fn finding(experiment: &str, probe: &Probe) -> Option<Finding> {
    let sample = probe.samples.last()?;
    let (level, steady) = if sample.passed { (Level::Ok, "steady") } else { (Level::Error, "not steady") };
    let reason = sample.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let subject = format!("probe {} of {experiment}", probe.name);
    Some(Finding::new(level, subject, format!("{steady}{reason}")))
}
