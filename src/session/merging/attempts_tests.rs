use proptest::prelude::*;

use super::*;
use faultgate_core::model::{Gate, Signal, State};
use faultgate_testkit::results::passed;

const UNDO: &str = "the fault may still be in: undo it by `docker unpause cache`";

/// Makes an attempt of one experiment, which began at this second.
fn attempt(name: &str, second: i64, verdict: Verdict) -> PartAttempt {
    let mut result = passed();
    result.started_at = jiff::Timestamp::from_second(second).unwrap();
    result.experiments.truncate(1);
    let experiment = &mut result.experiments[0];
    (experiment.verdict, experiment.reason) = (verdict, format!("why {name}"));
    if verdict != Verdict::Passed {
        (experiment.state, experiment.score) = (State::Unknown, None);
    }
    result.gate = Gate { verdict, exit_code: verdict.exit_code(None), ..result.gate };
    let number = name.strip_prefix("b.").and_then(|rest| rest.strip_suffix(".json"));
    PartAttempt { name: name.to_owned(), number: number.map_or(1, |number| number.parse().unwrap()), result }
}

/// Lets the fault of an attempt stay in.
fn left_in(mut attempt: PartAttempt) -> PartAttempt {
    let experiment = &mut attempt.result.experiments[0];
    (experiment.fault_may_be_in, experiment.reason) = (true, format!("{UNDO} of {}", attempt.name));
    attempt
}

fn choose(attempts: Vec<PartAttempt>) -> ChosenAttempt {
    let here = attempts[0].result.run.clone();
    choose_attempt(attempts.into_iter().map(Ok).collect(), &here).unwrap()
}

fn counted(attempts: Vec<PartAttempt>) -> ExperimentResult {
    choose(attempts).1.experiments.remove(0)
}

#[test]
fn the_number_decides_between_attempts_that_began_together_and_no_note_says_more() {
    let names = ["b.2.json", "b.11.json", "b.json"];
    let (name, _, notes) = choose(names.map(|name| attempt(name, 5, Verdict::Passed)).into());
    assert_eq!(name, "b.11.json");
    assert!(notes.iter().all(|note| note.message.ends_with("b.11.json counts, whose number is higher")));
    let (name, _, notes) =
        choose(vec![attempt("b.json", 6, Verdict::Passed), attempt("b.2.json", 5, Verdict::Failed)]);
    assert_eq!(name, "b.json");
    assert_eq!(notes[0].message, "an earlier attempt was failed; b.json counts, which began later");
}

#[test]
fn a_fault_that_may_be_in_is_hidden_by_no_later_attempt() {
    let left = || left_in(attempt("b.json", 1, Verdict::Errored));
    let counts = counted(vec![left(), attempt("b.2.json", 2, Verdict::Passed)]);
    assert!(counts.may_be_in() && !counts.may_be_tolerated());
    assert_eq!((counts.verdict, &*counts.reason), (Verdict::Errored, &*format!("{UNDO} of b.json")));
    assert_eq!(counts.warnings.last().unwrap(), "the attempt b.json counts: its fault may still be in");
    // An end that is worse is told as well, and so is the fault of each attempt.
    let counts = counted(vec![
        left(),
        left_in(attempt("b.2.json", 2, Verdict::TimedOut)),
        attempt("b.3.json", 3, Verdict::Failed),
    ]);
    assert_eq!(counts.verdict, Verdict::Failed);
    assert_eq!(counts.reason, format!("{UNDO} of b.2.json; {UNDO} of b.json; why b.3.json"));
    assert!(counts.may_be_in());
    // One whose stop was not confirmed may be in as well.
    let mut unstopped = attempt("b.json", 1, Verdict::Cancelled);
    unstopped.result.gate.signal = Some(Signal::Terminate);
    let stop = serde_json::json!({ "why": "x", "requested_at": "2026-11-25T00:00:00Z", "accepted": true, "confirmed": false });
    unstopped.result.experiments[0].stop = serde_json::from_value(stop).unwrap();
    let (_, chosen, _) = choose(vec![unstopped, attempt("b.2.json", 2, Verdict::Passed)]);
    assert_eq!(chosen.experiments[0].verdict, Verdict::Cancelled);
    assert_eq!(chosen.gate.signal, Some(Signal::Terminate));
}

#[test]
fn a_failure_is_undone_by_an_attempt_that_passes_alone() {
    let failed = || attempt("b.json", 1, Verdict::Failed);
    for retry in [Verdict::Errored, Verdict::TimedOut, Verdict::Cancelled] {
        let counts = counted(vec![failed(), attempt("b.2.json", 2, retry)]);
        assert_eq!((counts.verdict, &*counts.reason), (Verdict::Failed, "why b.json"), "{retry}");
        assert_eq!(
            counts.warnings.last().unwrap(),
            "the attempt b.json counts: the last attempt has not passed"
        );
    }
    let undone = counted(vec![failed(), attempt("b.2.json", 2, Verdict::Passed)]);
    assert_eq!((undone.verdict, undone.warnings.len()), (Verdict::Passed, 0));
    // An attempt that passed before says nothing about the last one.
    let counts =
        counted(vec![attempt("b.json", 1, Verdict::Passed), attempt("b.2.json", 2, Verdict::Errored)]);
    assert_eq!((counts.verdict, &*counts.reason), (Verdict::Errored, "why b.2.json"));
    // A refusal by the policy is not tolerated for an error that came later.
    let mut refused = attempt("b.json", 1, Verdict::Errored);
    refused.result.experiments[0].reason = "policy: limits.targets: 14, at most 10".to_owned();
    assert!(!counted(vec![refused, attempt("b.2.json", 2, Verdict::Errored)]).may_be_tolerated());
}

proptest! {
    #[test]
    fn attempts_in_any_order_pass_or_are_tolerated_only_if_nothing_is_hidden(
        ends in prop::collection::vec((0..4_i64, 0..5_usize, any::<bool>()), 1..6),
        turn in any::<prop::sample::Index>(),
    ) {
        let verdicts =
            [Verdict::Passed, Verdict::Failed, Verdict::Errored, Verdict::TimedOut, Verdict::Cancelled];
        let make = |(place, (second, end, is_left)): (usize, &(i64, usize, bool))| {
            let name = if place == 0 { "b.json".to_owned() } else { format!("b.{}.json", place + 1) };
            let made = attempt(&name, *second, verdicts[*end]);
            if *is_left && *end > 0 { left_in(made) } else { made }
        };
        let mut attempts: Vec<PartAttempt> = ends.iter().enumerate().map(make).collect();
        let one = |attempt: &PartAttempt| attempt.result.experiments[0].clone();
        let last = attempts.iter().max_by_key(|attempt| (attempt.result.started_at, attempt.number));
        let last = one(last.unwrap());
        let all: Vec<ExperimentResult> = attempts.iter().map(one).collect();
        let turn = turn.index(attempts.len());
        attempts.rotate_left(turn);
        let counts = counted(attempts);
        prop_assert_eq!(counts.may_be_in(), all.iter().any(ExperimentResult::may_be_in));
        let is_passed = last.verdict == Verdict::Passed;
        prop_assert_eq!(counts.verdict == Verdict::Passed, is_passed && !counts.may_be_in());
        if !is_passed {
            let is_tolerable = |one: &ExperimentResult| one.may_be_tolerated() || one.verdict == Verdict::Passed;
            prop_assert_eq!(counts.may_be_tolerated(), all.iter().all(is_tolerable));
        }
    }
}
