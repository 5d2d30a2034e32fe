//! The search for results that cannot be true because their parts contradict each other.
//!
//! Results come back from files: as parts of a merge, and as earlier runs. A result that claims to have
//! passed although its own details say otherwise is refused, so that nobody passes a gate by an edited file.

use std::collections::HashSet;

use super::{
    Effect, ExperimentResult, RunResult, SCORING, Score, ScoreSource, State, Verdict, weighted_mean,
};
use crate::text;

/// Largest difference, in points, of two scores that count as equal. Another order of the additions may
/// change the last digits.
const MAX_EQUAL_DIFFERENCE: f64 = 1e-6;

impl RunResult {
    /// Returns what in the result does not follow from the rest of it, as a predicate to the subject "the
    /// result". None for every result that a run writes.
    pub fn contradiction(&self) -> Option<String> {
        let gate = &self.gate;
        let (verdict, code) = (gate.verdict, gate.verdict.exit_code(gate.signal));
        if gate.exit_code != code {
            return Some(format!(
                "contradicts itself: the exit code of its verdict, {verdict}, is {code}, and it says {}",
                gate.exit_code
            ));
        }
        let worse = self.deciding().find(|experiment| experiment.verdict < verdict);
        if let Some(worse) = worse {
            return Some(format!(
                "contradicts itself: its verdict is {verdict}, and that of its experiment {} is {}",
                text::plain(&worse.name, 80),
                worse.verdict
            ));
        }
        let mut names = HashSet::new();
        if let Some(twice) = self.experiments.iter().find(|experiment| !names.insert(&experiment.name)) {
            let name = text::plain(&twice.name, 80);
            return Some(format!("contradicts itself: it has the experiment {name} twice"));
        }
        let untrue =
            self.experiments.iter().find_map(|experiment| Some((experiment, self.untrue(experiment)?)));
        if let Some((experiment, why)) = untrue {
            let name = text::plain(&experiment.name, 80);
            return Some(format!("contradicts itself: its experiment {name} passed, and {why}"));
        }
        if verdict == Verdict::Failed && !self.has_failure() {
            return Some("contradicts itself: its verdict is failed, and nothing in it failed".to_owned());
        }
        // Only `passed` opens the gate, so only for it the score has to follow from the experiments.
        if verdict != Verdict::Passed {
            return None;
        }
        if self.deciding().next().is_none() {
            return Some("contradicts itself: its verdict is passed, and it has no experiments".to_owned());
        }
        let expected = gate.expected_resilience_score;
        let mean = weighted_mean(self.deciding().map(|result| (result.score, result.weight)));
        match gate.resilience_score {
            _ if self.dry_run => None,
            Some(score) if score >= expected && is_same(mean, score) => None,
            Some(score) if score >= expected => Some(format!(
                "contradicts itself: its resilience score is {score}, and that of its experiments {}",
                show_score(mean)
            )),
            Some(score) => Some(format!(
                "contradicts itself: its verdict is passed, and its resilience score {score} is below the expected {expected}"
            )),
            None => Some(
                "contradicts itself: its verdict is passed, and its resilience score is not known".to_owned(),
            ),
        }
    }

    /// Returns `true` if something in the result is a reason for the verdict `failed`.
    fn has_failure(&self) -> bool {
        let gate = &self.gate;
        let is_below = gate.resilience_score.is_some_and(|score| score < gate.expected_resilience_score);
        let has_dropped = self.comparison.as_ref().is_some_and(|comparison| comparison.excess().is_some());
        is_below || has_dropped || self.deciding().any(|experiment| experiment.verdict != Verdict::Passed)
    }

    /// Returns the reason why an experiment with the verdict `passed` cannot have passed.
    fn untrue(&self, experiment: &ExperimentResult) -> Option<String> {
        if experiment.verdict != Verdict::Passed {
            return None;
        }
        if experiment.state != State::Completed {
            return Some(format!("its state is {}", experiment.state.as_str()));
        }
        if experiment.error.is_some() {
            return Some("it has an error".to_owned());
        }
        if experiment.stop.as_ref().is_some_and(|stop| !stop.confirmed) {
            return Some("its stop is not confirmed".to_owned());
        }
        if experiment.may_be_in() {
            return Some("its fault may still be in".to_owned());
        }
        let during = experiment.probes.iter().any(|probe| probe.phases.during.total > 0);
        match experiment.fault {
            None if during => {
                return Some("it was looked at during a fault that it does not have".to_owned());
            }
            Some(fault) if fault.ended_at.is_some_and(|end| end < fault.started_at) => {
                return Some("its fault ends before it starts".to_owned());
            }
            None | Some(_) => {}
        }
        let mut injecting =
            experiment.actions.iter().filter(|action| action.effect == Effect::Injects).peekable();
        if injecting.peek().is_some() && injecting.all(|action| action.state == "failed") {
            return Some("all of its actions that inject failed".to_owned());
        }
        // A dry run measures nothing.
        let score = experiment.score.filter(|_| !self.dry_run)?;
        let floor = experiment.expected_resilience_score.unwrap_or(Score::ZERO);
        if score < floor {
            return Some(format!("its score {score} is below its floor {floor}"));
        }
        if matches!(experiment.score_source, Some(ScoreSource::StopCondition | ScoreSource::Halt)) {
            return Some("something stopped it".to_owned());
        }
        // Results of older rules counted other evaluations, so their scores cannot be computed again here.
        if self.scoring != SCORING {
            return None;
        }
        let made = compute_again(experiment)?;
        (!is_same(Some(made), score)).then(|| format!("its score is {score}, and its probes make {made}"))
    }
}

/// Computes the score of an experiment again, from the evaluations that count. None if the score does not
/// come from probes.
fn compute_again(experiment: &ExperimentResult) -> Option<Score> {
    let is_of_probes = matches!(experiment.score_source, Some(ScoreSource::Probes | ScoreSource::Completion));
    if !is_of_probes {
        return None;
    }
    let counting = experiment.probes.iter().filter(|probe| probe.weight > 0);
    weighted_mean(counting.map(|probe| (Some(probe.computed_score()), probe.weight)))
}

fn is_same(one: Option<Score>, other: Score) -> bool {
    one.is_some_and(|one| (one.get() - other.get()).abs() < MAX_EQUAL_DIFFERENCE)
}

fn show_score(score: Option<Score>) -> String {
    score.map_or_else(|| "none".to_owned(), |score| score.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FaultWindow, Probe, Signal};

    /// Returns a result that passed, as a file contains it.
    fn passed() -> RunResult {
        let mut result: RunResult = serde_json::from_str(faultgate_testkit::results::STOPPED).unwrap();
        let full = serde_json::json!({
            "verdict": "passed", "exit_code": 0, "resilience_score": 100, "expected_resilience_score": 100, "reasons": []
        });
        result.gate = serde_json::from_value(full).unwrap();
        result.scoring = SCORING;
        for experiment in &mut result.experiments {
            (experiment.verdict, experiment.state) = (Verdict::Passed, State::Completed);
            (experiment.score, experiment.score_source) = (Some(Score::FULL), Some(ScoreSource::Completion));
            experiment.expected_resilience_score = Some(Score::FULL);
            experiment.probes.clear();
        }
        assert_eq!(result.contradiction(), None);
        result
    }

    fn probe(passed_counted: u64, counted: u64) -> Probe {
        Probe { passed_counted, counted, score: Score::FULL, ..Probe::new("p", "http", 10) }
    }

    #[test]
    fn what_does_not_follow_from_the_rest_is_told() {
        type Change = fn(&mut RunResult);
        let changes: [(Change, &str); 15] = [
            (|result| result.gate.verdict = Verdict::Errored, "its verdict, errored, is 3, and it says 0"),
            (|result| result.gate.exit_code = 1, "its verdict, passed, is 0, and it says 1"),
            (|result| result.experiments[0].verdict = Verdict::Failed, "is failed"),
            (|result| result.experiments.clear(), "has no experiments"),
            (|result| result.gate.resilience_score = None, "is not known"),
            (|result| result.gate.resilience_score = Score::new(99.9), "99.9 is below the expected 100"),
            (
                |result| {
                    result.gate.verdict = Verdict::Cancelled;
                    result.gate.exit_code = 130;
                    result.gate.signal = Some(Signal::Terminate);
                },
                "cancelled, is 143, and it says 130",
            ),
            (|result| result.experiments[0].score = Score::new(50.0), "its score 50 is below its floor 100"),
            (
                |result| {
                    result.experiments[0].score = Score::new(50.0);
                    (result.gate.verdict, result.gate.exit_code) = (Verdict::Errored, 3);
                },
                "its score 50 is below its floor 100",
            ),
            (
                |result| {
                    result.experiments[0].score = Score::new(50.0);
                    result.experiments[0].expected_resilience_score = None;
                },
                "its resilience score is 100, and that of its experiments",
            ),
            (|result| result.experiments[0].state = State::Stopped, "its state is stopped"),
            (|result| result.experiments[0].score_source = Some(ScoreSource::Halt), "something stopped it"),
            (
                |result| {
                    result.experiments[0].score_source = Some(ScoreSource::Probes);
                    result.experiments[0].probes = vec![probe(3, 4)];
                },
                "its score is 100, and its probes make 75",
            ),
            (
                |result| {
                    let unevaluated = Some(crate::model::Phase::During);
                    result.experiments[0].probes = vec![Probe { unevaluated, ..probe(4, 4) }];
                },
                "its score is 100, and its probes make 0",
            ),
            (
                |result| (result.gate.verdict, result.gate.exit_code) = (Verdict::Failed, 1),
                "its verdict is failed, and nothing in it failed",
            ),
        ];
        for (change, told) in changes {
            let mut result = passed();
            change(&mut result);
            let contradiction = result.contradiction().unwrap();
            assert!(contradiction.contains(told), "{contradiction}");
        }
    }

    /// Changes what must be so for an experiment to have passed, other than its score.
    #[test]
    fn an_experiment_that_cannot_have_passed_is_told() {
        let tell = |change: &dyn Fn(&mut RunResult)| {
            let mut result = passed();
            change(&mut result);
            result.contradiction().unwrap()
        };
        let failed = tell(&|result| {
            for action in &mut result.experiments[0].actions {
                action.state = "failed".to_owned();
            }
        });
        assert!(failed.contains("all of its actions that inject failed"), "{failed}");
        let unfaulted = tell(&|result| {
            let mut looked = probe(4, 4);
            (looked.phases.during.total, looked.phases.during.passed) = (4, 4);
            result.experiments[0].probes = vec![looked];
            result.experiments[0].fault = None;
        });
        assert!(unfaulted.contains("a fault that it does not have"), "{unfaulted}");
        let [early, late] = ["2026-11-25T00:00:00Z", "2026-11-30T00:00:00Z"].map(|at| at.parse().unwrap());
        let turned = tell(&|result| {
            result.experiments[0].fault = Some(FaultWindow { started_at: late, ended_at: Some(early) });
        });
        assert!(turned.contains("its fault ends before it starts"), "{turned}");
        let erred = tell(&|result| {
            let error = serde_json::json!({ "code": "X", "account": "1", "location": "l" });
            result.experiments[0].error = Some(serde_json::from_value(error).unwrap());
        });
        assert!(erred.contains("it has an error"), "{erred}");
        let unstopped = tell(&|result| {
            let stop = serde_json::json!({ "why": "x", "requested_at": early, "accepted": true, "confirmed": false });
            result.experiments[0].stop = Some(serde_json::from_value(stop).unwrap());
        });
        assert!(unstopped.contains("its stop is not confirmed"), "{unstopped}");
        let left = tell(&|result| result.experiments[0].fault_may_be_in = true);
        assert!(left.contains("its fault may still be in"), "{left}");
        let twice = tell(&|result| result.experiments.push(result.experiments[0].clone()));
        assert!(twice.contains("twice"), "{twice}");
    }

    #[test]
    fn a_run_may_be_refused_for_other_reasons_than_its_experiments() {
        let mut result = passed();
        (result.gate.verdict, result.gate.exit_code) = (Verdict::Errored, 3);
        assert_eq!(result.contradiction(), None, "a report that had to be posted was not");
        let mut dry = passed();
        dry.dry_run = true;
        dry.gate.resilience_score = None;
        dry.experiments[0].score = None;
        assert_eq!(dry.contradiction(), None, "a dry run measures nothing");
        let mut low = passed();
        low.experiments[0].expected_resilience_score = Some(Score::ZERO);
        low.experiments[0].probes = vec![probe(1, 2), Probe { weight: 0, ..probe(0, 2) }];
        (low.experiments[0].score, low.gate.resilience_score) = (Score::new(50.0), Score::new(50.0));
        (low.gate.verdict, low.gate.exit_code) = (Verdict::Failed, 1);
        low.experiments.truncate(1);
        assert_eq!(low.contradiction(), None, "the mean may lie below what was expected");
        let mut old = passed();
        old.scoring = 1;
        old.experiments[0].probes = vec![probe(1, 2)];
        assert_eq!(old.contradiction(), None, "by the first rules other looks counted");
    }
}
