//! The register of the probes that are evaluated, by which displays ask how they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::schedule::RunningProbe;
use faultgate_core::model::{ExperimentStanding, ProbeStanding, Score, Standings, weighted_mean};

/// The probes of a run, by the places of their experiments in the plan. Clones share one register. It keeps
/// no probe alive whose experiment is over.
#[derive(Clone, Default)]
pub(crate) struct ProbeRegister(Arc<Mutex<BTreeMap<usize, Vec<Weak<RunningProbe>>>>>);

impl ProbeRegister {
    /// Enters the probes of an experiment.
    pub(super) fn enter(&self, experiment: usize, probes: &[Arc<RunningProbe>]) {
        let probes = probes.iter().map(Arc::downgrade).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(experiment, probes);
    }
}

impl fmt::Debug for ProbeRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProbeRegister")
    }
}

impl Standings for ProbeRegister {
    fn standing(&self, experiment: usize) -> ExperimentStanding {
        let register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let probes = register.get(&experiment).into_iter().flatten().filter_map(Weak::upgrade);
        let (mut standing, mut scores) = (ExperimentStanding::default(), Vec::new());
        for probe in probes {
            let stands = probe.stand();
            match stands.evaluations {
                _ if !probe.plan.is_scored() => {}
                None => scores.push((None, probe.plan.weight)),
                Some((_, 0)) => {}
                Some((passed, all)) => scores.push((Some(Score::of_share(passed, all)), probe.plan.weight)),
            }
            standing.probes.push(stands);
        }
        standing.score = weighted_mean(scores);
        standing
    }
}

impl RunningProbe {
    /// Returns the name of the probe and its reason if its last evaluation failed.
    pub(super) fn failure(&self) -> Option<String> {
        let samples = self.samples();
        let why = samples.last_failure()?.reason.as_deref().unwrap_or("no reason given");
        Some(format!("{}: {why}", self.plan.name))
    }

    /// Returns how the probe stands right now.
    fn stand(&self) -> ProbeStanding {
        let name = self.plan.name.clone();
        if let Some(course) = self.course().as_ref() {
            return ProbeStanding { name, failure: course.failure(), ..ProbeStanding::default() };
        }
        let samples = self.samples();
        let seen = samples.since_launch();
        let why = |reason: Option<&str>| reason.unwrap_or("no reason given").to_owned();
        let failure = samples.last_failure().map(|last| why(last.reason.as_deref()));
        ProbeStanding { name, evaluations: Some((seen.passed, seen.total)), failure, p95_ms: seen.p95_ms }
    }
}
