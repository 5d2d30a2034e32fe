//! The order in which every report names experiments, the worst first, and the words for those whose fault
//! may still be in.

use super::{ExperimentResult, RunResult, Score, Verdict};

/// Number of experiments that a sentence names.
const MAX_NAMED: usize = 20;

impl ExperimentResult {
    /// Returns `true` if its fault may still be in: what was to take it away has failed, or nobody knows
    /// whether the experiment has ended.
    pub fn may_be_in(&self) -> bool {
        self.fault_may_be_in || self.stop.as_ref().is_some_and(|stop| !stop.confirmed)
    }

    /// Returns the points that it lacks. One without a score lacks them all, and one that passed lacks none
    /// that a reader has to know of.
    fn lost_points(&self) -> f64 {
        if self.verdict == Verdict::Passed {
            return 0.0;
        }
        let score = self.score.map_or(0.0, Score::get);
        (Score::FULL.get() - score) * f64::from(self.weight)
    }
}

impl RunResult {
    /// Returns all experiments with their indices, the worst first: those whose fault may still be in, then
    /// those whose verdict decides, and among these the ones that cost the score most. Those that passed come
    /// last, in the order of the suite.
    pub fn worst_first(&self) -> Vec<(usize, &ExperimentResult)> {
        let mut all: Vec<_> = self.experiments.iter().enumerate().collect();
        all.sort_by(|(_, one), (_, other)| {
            let by_fault = other.may_be_in().cmp(&one.may_be_in());
            let by_verdict = by_fault.then(one.verdict.cmp(&other.verdict));
            by_verdict.then_with(|| other.lost_points().total_cmp(&one.lost_points()))
        });
        all
    }

    /// Names the experiments whose fault may still be in, which no list of many may hide. `None` if there are
    /// none, or for a single experiment, whose own reason says it.
    pub fn left_in(&self) -> Option<String> {
        let left: Vec<&str> = self
            .worst_first()
            .into_iter()
            .take_while(|(_, experiment)| experiment.may_be_in())
            .map(|(_, experiment)| experiment.name.as_str())
            .collect();
        if left.is_empty() || self.experiments.len() == 1 {
            return None;
        }
        let named = left.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = left.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("the fault may still be in: {named}{more}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monitor;

    fn result(experiments: Vec<ExperimentResult>) -> RunResult {
        let text = include_str!("../../../testkit/src/results/stopped.json");
        RunResult { experiments, ..serde_json::from_str(text).unwrap() }
    }

    fn ended(name: &str, verdict: Verdict, score: Option<f64>, weight: u32) -> ExperimentResult {
        let unknown = ExperimentResult::unknown(Monitor::Poll, verdict, String::new());
        let score = score.and_then(Score::new);
        ExperimentResult { name: name.to_owned(), score, weight, ..unknown }
    }

    #[test]
    fn a_fault_that_may_still_be_in_is_the_worst_and_the_dearest_comes_first() {
        let mut left = ended("left", Verdict::Errored, None, 0);
        left.fault_may_be_in = true;
        let result = result(vec![
            ended("good", Verdict::Passed, Some(90.0), 9),
            ended("weightless", Verdict::Failed, Some(0.0), 0),
            ended("better", Verdict::Passed, Some(100.0), 9),
            ended("odd", Verdict::Errored, None, 9),
            ended("dear", Verdict::Failed, Some(40.0), 5),
            left,
        ]);
        let order: Vec<&str> = result.worst_first().iter().map(|(_, one)| one.name.as_str()).collect();
        assert_eq!(order, ["left", "dear", "weightless", "odd", "good", "better"]);
        assert_eq!(result.left_in().unwrap(), "the fault may still be in: left");
        assert_eq!(result_of_one(&result).left_in(), None, "its own reason says it");
    }

    fn result_of_one(several: &RunResult) -> RunResult {
        result(several.experiments[5..].to_vec())
    }

    #[test]
    fn of_many_that_may_be_in_the_others_are_counted() {
        let one = ExperimentResult { fault_may_be_in: true, ..ended("e", Verdict::Errored, None, 1) };
        let told = result(vec![one; MAX_NAMED + 3]).left_in().unwrap();
        assert!(told.ends_with("e, e and 3 more"), "{told}");
    }
}
