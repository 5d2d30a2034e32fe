//! The results of experiments that were not launched, and what all results have in common with them.

use super::scheduled::Scheduled;
use super::{Lifecycle, gate};
use faultgate_core::model::{ExperimentResult, RunEvent, State, Verdict};
use faultgate_engines::Particulars;

impl Lifecycle<'_> {
    /// Returns the results of all experiments where none was launched, for one reason.
    pub(super) fn none_launched(&self, verdict: Verdict, reason: &str) -> Vec<ExperimentResult> {
        self.scheduled.iter().map(|scheduled| self.not_launched(scheduled, verdict, reason)).collect()
    }

    /// Returns the result of an experiment that was not launched, and publishes its end.
    pub(super) fn not_launched(
        &self,
        scheduled: &Scheduled<'_>,
        verdict: Verdict,
        reason: &str,
    ) -> ExperimentResult {
        let state = if verdict == Verdict::Cancelled { State::Cancelled } else { State::Unknown };
        (self.publish)(&RunEvent::Ended {
            experiment: scheduled.number,
            state,
            verdict,
            score: None,
            reason,
        });
        ExperimentResult { state, ..self.planned(scheduled, verdict, reason.to_owned()) }
    }

    /// Returns a result that holds what was planned and how it was judged, and nothing that only a launch
    /// brings.
    pub(super) fn planned(
        &self,
        scheduled: &Scheduled<'_>,
        verdict: Verdict,
        reason: String,
    ) -> ExperimentResult {
        let Scheduled { plan, engine, .. } = scheduled;
        let Particulars { region, stop_conditions } = engine.particulars(plan);
        ExperimentResult {
            expected_resilience_score: Some(gate::floor(self.plan, plan)),
            region,
            stop_conditions,
            preview: self.course.previews.borrow().get(&scheduled.number).cloned(),
            ..ExperimentResult::planned(plan, self.plan.monitor, verdict, reason)
        }
    }
}
