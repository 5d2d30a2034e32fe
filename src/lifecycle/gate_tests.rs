//! Tests of the decision about a run.

use super::*;
use faultgate_core::model::{CompareTo, Earlier, Monitor, RehearsalNote, Signal};
use faultgate_testkit::plans::{experiment, fis, plan};
use faultgate_testkit::results::passed;

fn score(value: f64) -> Score {
    Score::new(value).unwrap()
}

/// Returns the result of an experiment; its name is its reason, too.
fn ended(name: &str, verdict: Verdict, value: Option<f64>, weight: u32) -> ExperimentResult {
    let plan = ExperimentPlan { weight, ..experiment(name, fis("EXT1")) };
    let reason = format!("{name} is {verdict}");
    ExperimentResult {
        score: value.map(score),
        ..ExperimentResult::planned(&plan, Monitor::Events, verdict, reason)
    }
}

/// Decides about a run of these experiments that is expected to reach 90.
fn decided(experiments: Vec<ExperimentResult>, change: impl FnOnce(&mut RunResult)) -> Gate {
    let mut result = RunResult { experiments, ..passed() };
    result.gate.expected_resilience_score = score(90.0);
    result.gate.signal = None;
    change(&mut result);
    decide(&result)
}

fn unchanged(_: &mut RunResult) {}

#[test]
fn the_floor_is_the_experiments_own_or_that_of_each() {
    let own = ExperimentPlan { expected: Some(score(70.0)), ..experiment("a", fis("EXT1")) };
    let other = experiment("b", fis("EXT1"));
    let weightless = ExperimentPlan { weight: 0, ..other.clone() };
    let weightless_with_own = ExperimentPlan { weight: 0, ..own.clone() };
    for (each, of_other) in [(None, Score::FULL), (Some(score(50.0)), score(50.0))] {
        let plan = Plan { each, ..plan(Vec::new()) };
        assert_eq!(floor(&plan, &own), score(70.0));
        assert_eq!(floor(&plan, &other), of_other);
        assert_eq!(floor(&plan, &weightless), Score::ZERO, "it does not count");
        assert_eq!(floor(&plan, &weightless_with_own), score(70.0), "it has one of its own");
    }
}

#[test]
fn a_run_is_compared_unless_it_measures_nothing() {
    let compare_to = CompareTo { earlier: Earlier::from(passed()), max_score_drop: None };
    let now = [ended("a", Verdict::Passed, Some(95.0), 1)];
    let of = |dry_run, compare_to| comparison(&Plan { dry_run, compare_to, ..plan(Vec::new()) }, &now);
    assert!(of(false, None).is_none());
    assert!(of(true, Some(compare_to.clone())).is_none());
    assert!(of(false, Some(compare_to)).is_some());
}

#[test]
fn the_mean_decides_where_each_experiment_passed() {
    let run =
        |a, b| decided(vec![ended("a", Verdict::Passed, a, 3), ended("b", Verdict::Passed, b, 1)], unchanged);
    let reached = run(Some(100.0), Some(60.0));
    assert_eq!((reached.verdict, reached.exit_code), (Verdict::Passed, 0), "just the expected score");
    assert_eq!(reached.reasons, ["score 90 >= 90: all 2 experiments passed"]);
    let missed = run(Some(90.0), Some(80.0));
    assert_eq!((missed.verdict, missed.exit_code), (Verdict::Failed, 1));
    assert_eq!(missed.reasons, ["score 87.5 < 90: a: a is passed"], "a cost most by its weight");
    let missed = run(Some(99.0), Some(60.0));
    assert_eq!(missed.reasons, ["score 89.25 < 90: b: b is passed"]);
    let unknown = run(Some(100.0), None);
    assert_eq!((unknown.verdict, unknown.resilience_score), (Verdict::Errored, None));
    assert_eq!(unknown.reasons, ["the resilience score is not known"]);
}

#[test]
fn one_experiment_that_passed_is_its_own_reason() {
    let alone = decided(vec![ended("a", Verdict::Passed, Some(100.0), 1)], unchanged);
    assert_eq!((alone.verdict, alone.reasons), (Verdict::Passed, vec!["a is passed".to_owned()]));
}

#[test]
fn the_weightiest_verdict_comes_first_and_no_score_hides_it() {
    let gate = decided(
        vec![
            ended("a", Verdict::Errored, None, 1),
            ended("b", Verdict::Passed, Some(100.0), 1),
            ended("c", Verdict::Failed, Some(100.0), 1),
        ],
        unchanged,
    );
    assert_eq!((gate.verdict, gate.exit_code), (Verdict::Failed, 1), "a weakness that was found outweighs");
    assert_eq!(gate.reasons, ["c: c is failed", "a: a is errored"]);
}

#[test]
fn a_dry_run_passes_without_a_score() {
    let gate = decided(vec![ended("a", Verdict::Passed, None, 1)], |result| result.dry_run = true);
    assert_eq!((gate.verdict, gate.resilience_score), (Verdict::Passed, None));
}

#[test]
fn a_drop_that_is_too_large_fails_what_passed_and_is_told_of_what_failed() {
    let comparison = |now: &[ExperimentResult]| {
        let mut earlier = passed();
        earlier.experiments = vec![ended("a", Verdict::Passed, Some(100.0), 1)];
        let earlier = Earlier::from(earlier);
        Some(CompareTo { earlier, max_score_drop: Some(score(2.0)) }.compare(now, true))
    };
    for (verdict, value, expected, is_told) in [
        (Verdict::Passed, 99.0, Verdict::Passed, false),
        (Verdict::Passed, 95.0, Verdict::Failed, true),
        (Verdict::Failed, 80.0, Verdict::Failed, true),
        (Verdict::Errored, 80.0, Verdict::Errored, false),
    ] {
        let now = vec![ended("a", verdict, Some(value), 1)];
        let compared = comparison(&now);
        let gate = decided(now, |result| result.comparison = compared);
        let told = gate.reasons.iter().any(|reason| reason.contains("95") || reason.contains("80"));
        assert_eq!((gate.verdict, told), (expected, is_told), "{value}: {:?}", gate.reasons);
    }
}

#[test]
fn a_signal_and_a_rehearsal_are_kept_and_told() {
    let gate = decided(vec![ended("a", Verdict::Cancelled, None, 1)], |result| {
        result.gate.signal = Some(Signal::Terminate);
    });
    assert_eq!(
        (gate.verdict, gate.exit_code, gate.signal),
        (Verdict::Cancelled, 143, Some(Signal::Terminate))
    );
    let gate = decided(vec![ended("a", Verdict::Passed, Some(100.0), 1)], |result| {
        result.rehearsal =
            Some(RehearsalNote { scenario: "completed".to_owned(), note: "nothing was touched".to_owned() });
    });
    assert_eq!(gate.reasons.last().unwrap(), "rehearsal (scenario completed): nothing was touched");
}

#[test]
fn a_fault_that_may_still_be_in_is_said_first_and_never_tolerated() {
    let left = ExperimentResult { fault_may_be_in: true, ..ended("left", Verdict::Errored, None, 1) };
    let weak = ended("weak", Verdict::Failed, Some(0.0), 9);
    let gate = decided(vec![weak, left.clone()], unchanged);
    let told = ["the fault may still be in: left", "left: left is errored", "weak: weak is failed"];
    assert_eq!(gate.verdict, Verdict::Failed);
    assert_eq!(gate.reasons, told);
    let fine = ended("fine", Verdict::Passed, Some(100.0), 9);
    let gate = decided(vec![fine, left], |result| result.tolerate = Score::new(50.0));
    assert_eq!((gate.verdict, &gate.reasons[..2]), (Verdict::Errored, &told.map(str::to_owned)[..2]));
}

#[test]
fn a_floor_that_was_reached_does_not_stand_beside_the_score_that_was_missed() {
    let mut weak = ended("weak", Verdict::Passed, Some(60.0), 1);
    weak.reason = "score 60 >= 50: p failed 2 of 5 looks".to_owned();
    assert_eq!(decided(vec![weak], unchanged).reasons, ["score 60 < 90: p failed 2 of 5 looks"]);
}
