//! Results that cannot be true, since their parts say different things.

use super::{RunResult, Verdict};

impl RunResult {
    /// What in it does not follow from the rest. It completes a sentence that begins with the result. None of a result
    /// as a run leaves it.
    pub fn contradiction(&self) -> Option<String> {
        let gate = &self.gate;
        let (verdict, code) = (gate.verdict, gate.verdict.exit_code(gate.signal));
        if gate.exit_code != code {
            return Some(format!(
                "contradicts itself: the exit code of its verdict, {verdict}, is {code}, and it says {}",
                gate.exit_code
            ));
        }
        let worse = self.experiments.iter().find(|experiment| experiment.verdict < verdict);
        if let Some(worse) = worse {
            return Some(format!(
                "contradicts itself: its verdict is {verdict}, and that of its experiment {} is {}",
                crate::text::plain(&worse.name, 80),
                worse.verdict
            ));
        }
        if verdict != Verdict::Passed {
            return None;
        }
        if self.experiments.is_empty() {
            return Some("contradicts itself: its verdict is passed, and it has no experiments".to_owned());
        }
        let expected = gate.expected_resilience_score;
        match gate.resilience_score {
            _ if self.dry_run => None,
            Some(score) if score >= expected => None,
            Some(score) => Some(format!(
                "contradicts itself: its verdict is passed, and its resilience score {score} is below the expected {expected}"
            )),
            None => Some(
                "contradicts itself: its verdict is passed, and its resilience score is not known".to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

    /// A result that passed, as a file has it.
    fn passed() -> RunResult {
        let mut result: RunResult =
            serde_json::from_str(include_str!("../report/fixtures/stopped.json")).unwrap();
        let full = serde_json::json!({
            "verdict": "passed", "exit_code": 0, "resilience_score": 100, "expected_resilience_score": 100, "reasons": []
        });
        result.gate = serde_json::from_value(full).unwrap();
        for experiment in &mut result.experiments {
            experiment.verdict = Verdict::Passed;
        }
        assert_eq!(result.contradiction(), None);
        result
    }

    #[test]
    fn what_does_not_follow_from_the_rest_is_told() {
        type Change = fn(&mut RunResult);
        let changes: [(Change, &str); 7] = [
            (|result| result.gate.verdict = Verdict::Errored, "its verdict, errored, is 3, and it says 0"),
            (|result| result.gate.exit_code = 1, "its verdict, passed, is 0, and it says 1"),
            (|result| result.experiments[0].verdict = Verdict::Failed, "is failed"),
            (|result| result.experiments.clear(), "has no experiments"),
            (|result| result.gate.resilience_score = None, "is not known"),
            (
                |result| result.gate.resilience_score = crate::model::Score::new(99.9),
                "99.9 is below the expected 100",
            ),
            (
                |result| {
                    result.gate.verdict = Verdict::Cancelled;
                    result.gate.exit_code = 130;
                    result.gate.signal = Some(Signal::Terminate);
                },
                "cancelled, is 143, and it says 130",
            ),
        ];
        for (change, told) in changes {
            let mut result = passed();
            change(&mut result);
            let contradiction = result.contradiction().unwrap();
            assert!(contradiction.contains(told), "{contradiction}");
        }
    }

    #[test]
    fn a_run_may_be_refused_for_other_reasons_than_its_experiments() {
        let mut result = passed();
        (result.gate.verdict, result.gate.exit_code) = (Verdict::Errored, 3);
        assert_eq!(result.contradiction(), None, "a report that had to be posted was not");
        let mut dry = passed();
        dry.dry_run = true;
        dry.gate.resilience_score = None;
        assert_eq!(dry.contradiction(), None, "a dry run measures nothing");
    }
}
