//! Whether a run would launch, for who only wants to know.

use futures_util::stream::{self, StreamExt};

use super::Lifecycle;
use faultgate_core::model::{Finding, Level, Probe};

impl Lifecycle<'_> {
    /// Verifies all that a run verifies before it launches: besides what the engines can tell, each probe that looks
    /// before a launch looks once.
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

    /// Probes that cannot look on this machine. A look that fails for that says nothing about the system.
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

    async fn look_before(&self, index: usize) -> Vec<Finding> {
        let probing = self.probing(index);
        // Which have failed stands in their samples too.
        let _ = probing.before().await;
        let experiment = &self.plan.experiments[index].name;
        probing.results(None).iter().filter_map(|probe| finding(experiment, probe)).collect()
    }
}

/// None of a probe that does not look before the launch.
fn finding(experiment: &str, probe: &Probe) -> Option<Finding> {
    let sample = probe.samples.last()?;
    let (level, steady) = if sample.passed { (Level::Ok, "steady") } else { (Level::Error, "not steady") };
    let reason = sample.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let subject = format!("probe {} of {experiment}", probe.name);
    Some(Finding::new(level, subject, format!("{steady}{reason}")))
}
