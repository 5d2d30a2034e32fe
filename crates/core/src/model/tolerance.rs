//! The tolerance of a merged result: experiments that have left no result, and those that decide about it.

use super::{ExperimentResult, Monitor, PlanItem, RunResult, Verdict};

impl ExperimentResult {
    /// Makes the result of an item of a plan that has left none.
    pub fn missing(item: &PlanItem) -> Self {
        let reason = "no result: its job has left none, so nobody knows how it went".to_owned();
        Self {
            name: item.experiment.clone(),
            engine: item.engine.as_str().to_owned(),
            weight: item.weight,
            source: item.template.clone().unwrap_or_default(),
            region: item.region.clone(),
            ..Self::unknown(Monitor::Poll, Verdict::Errored, reason)
        }
    }

    /// Returns `true` if it is `errored` by a misfortune. A refusal by the policy is none, and a fault that may
    /// still be in is none to go on with.
    pub fn may_be_tolerated(&self) -> bool {
        self.verdict == Verdict::Errored && !self.may_be_in() && !self.reason.contains("policy: ")
    }
}

impl RunResult {
    /// Returns `true` if the verdict and the score are to follow from the experiments that are not `errored`:
    /// there are some that are, and no more than may be.
    pub fn tolerates_errors(&self) -> bool {
        let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let errored = self.experiments.iter().filter(|experiment| experiment.verdict == Verdict::Errored);
        if !errored.clone().all(ExperimentResult::may_be_tolerated) {
            return false;
        }
        let (errored, all) = (count(errored.count()), count(self.experiments.len()));
        // The product is compared, since a quotient of whole numbers is seldom exact.
        self.tolerate.is_some_and(|most| errored > 0.0 && errored * 100.0 <= most.get() * all)
    }

    /// Returns the experiments that decide: all of them, unless errors are tolerated.
    pub fn deciding(&self) -> impl Iterator<Item = &ExperimentResult> {
        let tolerates = self.tolerates_errors();
        self.experiments
            .iter()
            .filter(move |experiment| !(tolerates && experiment.verdict == Verdict::Errored))
    }
}
