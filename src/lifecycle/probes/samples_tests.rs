use std::time::Duration;

use proptest::prelude::*;

use super::*;
use faultgate_core::model::Check;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sample(second: i64, passed: bool) -> Sample {
    Sample { at: at(second), phase: Phase::During, passed, latency_ms: None, reason: None }
}

fn plan(when: &[Phase]) -> ProbePlan {
    ProbePlan {
        name: "p".to_owned(),
        check: Check::Tcp { address: "db:5432".to_owned(), within: Duration::from_secs(1) },
        when: when.to_vec(),
        every: Duration::from_secs(1),
        weight: 10,
        recovers_within: None,
        aborts_after: None,
    }
}

fn window(fault: (i64, Option<i64>)) -> FaultWindow {
    FaultWindow { started_at: at(fault.0), ended_at: fault.1.map(at) }
}

/// Evaluates a probe once a second while the experiment runs.
fn probe(passed: impl IntoIterator<Item = bool>, fault: Option<(i64, Option<i64>)>) -> Probe {
    let mut samples = Samples::default();
    for (second, passed) in passed.into_iter().enumerate() {
        samples.add(sample(i64::try_from(second).unwrap(), passed), Purpose::During);
        assert!(samples.kept.len() <= MAX_SAMPLES);
    }
    samples.into_probe(&plan(&[Phase::During]), fault.map(window).as_ref())
}

/// Reads passes and failures that are written as `+` and `-`.
fn passes(text: &str) -> impl Iterator<Item = bool> {
    text.chars().map(|c| c == '+')
}

fn seen(text: &str, fault: (i64, Option<i64>)) -> (Option<u64>, Option<u64>) {
    let probe = probe(passes(text), Some(fault));
    (probe.detected_after_ms, probe.recovered_after_ms)
}

#[test]
fn detection_and_recovery_are_seen_from_the_fault() {
    assert_eq!(seen("++--++", (1, Some(3))), (Some(1000), Some(1000)));
    assert_eq!(seen("++---++", (1, Some(3))), (Some(1000), Some(2000)));
    assert_eq!(seen("+-+++++", (1, Some(4))), (Some(0), Some(0)), "it recovered while the fault was in");
    assert_eq!(seen("-+++", (1, Some(2))), (None, None), "that was before the fault");
    assert_eq!(seen("++++", (1, Some(2))), (None, None), "nothing was ever wrong");
    assert_eq!(seen("++--", (1, Some(2))), (Some(1000), None), "it has not recovered");
    assert_eq!(seen("+-++", (1, None)), (Some(0), None), "the end of the fault is not known");
    assert_eq!(probe([true, false, true], None).detected_after_ms, None);
}

#[test]
fn what_failed_again_after_it_had_passed_has_not_recovered_whatever_the_phase() {
    for end in 1..=9 {
        for evaluations in ["+-+-+-+++", "+-+-+-+-+", "+-+-+--++", "+-+++++-+", "+-+-+-+--"] {
            let flapping = probe(passes(evaluations), Some((1, Some(end))));
            assert_eq!(
                (flapping.recovered_after_ms, flapping.flaps),
                (None, true),
                "{evaluations} until {end}"
            );
        }
    }
    assert!(!probe(passes("+--++++++"), Some((1, Some(8)))).flaps, "it turned only once");
    assert!(!probe(passes("-+--+++++"), Some((1, Some(8)))).flaps, "it failed first before the fault");
}

#[test]
fn only_evaluations_that_began_while_the_fault_was_in_count() {
    // The experiment has a warm-up of 3 s and a fault window of 2 s, both ends of which belong to it.
    let probe = probe(passes("+++---+++"), Some((3, Some(5))));
    assert_eq!((probe.passed_counted, probe.counted), (0, 3));
    assert_eq!((probe.passed, probe.total), (6, 9));
    assert_eq!(probe.score, Score::ZERO);
    let totals =
        [probe.phases.before, probe.phases.during, probe.phases.after].map(|one| (one.passed, one.total));
    assert_eq!(totals, [(3, 3), (0, 3), (3, 3)]);
    let phases: Vec<Phase> = probe.samples.iter().map(|sample| sample.phase).collect();
    assert_eq!(
        (phases[2], phases[3], phases[5], phases[6]),
        (Phase::Before, Phase::During, Phase::During, Phase::After)
    );
}

#[test]
fn a_probe_that_missed_a_phase_was_not_evaluated() {
    let of = |when: &[Phase], evaluations: &[(i64, Purpose)]| {
        let mut samples = Samples::default();
        for (second, purpose) in evaluations {
            samples.add(sample(*second, true), *purpose);
        }
        let probe = samples.into_probe(&plan(when), Some(&window((3, Some(5)))));
        (probe.unevaluated, probe.score, probe.weight)
    };
    let both = [Phase::During, Phase::After];
    let full = (None, Score::FULL, 10);
    let missed = |phase| (Some(phase), Score::ZERO, 10);
    assert_eq!(of(&both, &[(4, Purpose::During), (9, Purpose::After)]), full);
    assert_eq!(of(&both, &[(7, Purpose::During), (9, Purpose::After)]), missed(Phase::During));
    assert_eq!(of(&both, &[(4, Purpose::During)]), missed(Phase::After));
    assert_eq!(of(&[Phase::During], &[(2, Purpose::During)]), missed(Phase::During));
    assert_eq!(of(&[Phase::After], &[(9, Purpose::After)]), full);
    let precondition = of(&[Phase::Before], &[(0, Purpose::Before)]);
    assert_eq!(precondition, (None, Score::FULL, 0), "it has no part in the score");
}

#[test]
fn all_attempts_of_a_recovery_are_one_evaluation() {
    let mut samples = Samples::default();
    samples.add(sample(6, false), Purpose::Attempt);
    samples.add(sample(7, false), Purpose::Attempt);
    samples.add(sample(8, true), Purpose::After);
    let probe = samples.into_probe(&plan(&[Phase::After]), Some(&window((3, Some(5)))));
    assert_eq!((probe.passed_counted, probe.counted), (1, 1));
    assert_eq!((probe.passed, probe.total), (1, 3));
    assert_eq!((probe.phases.after.passed, probe.phases.after.total), (1, 3));
}

#[test]
fn latencies_are_told_for_each_phase() {
    let mut samples = Samples::default();
    for second in 0..100 {
        let latency_ms = Some(1 + u64::try_from(second).unwrap());
        samples.add(Sample { latency_ms, ..sample(second, true) }, Purpose::During);
    }
    let phases = samples.into_probe(&plan(&[Phase::During]), Some(&window((0, Some(1000))))).phases;
    let told = (phases.during.p50_ms, phases.during.p95_ms, phases.during.max_ms);
    assert_eq!(told, (Some(50), Some(95), Some(100)));
    assert_eq!(phases.before, PhaseEvaluations::default());
}

#[test]
fn failures_in_a_row_are_counted_from_a_time_on() {
    let mut samples = Samples::default();
    for (second, passed) in passes("-+---").enumerate() {
        samples.add(sample(i64::try_from(second).unwrap(), passed), Purpose::During);
    }
    assert_eq!(samples.failures_since(at(0)), 3);
    assert_eq!(samples.failures_since(at(4)), 1);
    assert_eq!(samples.failures_since(at(5)), 0);
}

#[test]
fn a_long_run_keeps_its_failures_and_an_even_choice_of_passes() {
    let long = 100_000;
    let failed = [0, 777, 50_000, 99_998];
    let probe = probe((0..long).map(|second| !failed.contains(&second)), None);
    assert_eq!((probe.passed, probe.total), (99_996, 100_000));
    assert!(
        probe.samples.len() <= MAX_SAMPLES && probe.samples.len() > MAX_SAMPLES / 4,
        "{}",
        probe.samples.len()
    );
    assert_eq!(probe.samples.len() as u64 + probe.samples_left_out, probe.total);
    let second = |sample: &Sample| sample.at.as_second() - 1_800_000_000;
    let kept: Vec<i64> = probe.samples.iter().filter(|s| !s.passed).map(second).collect();
    assert_eq!(kept, failed);
    assert_eq!(second(&probe.samples[0]), 0);
    assert_eq!(second(probe.samples.last().unwrap()), long - 1);
    let gaps: Vec<i64> = probe.samples.windows(2).map(|pair| second(&pair[1]) - second(&pair[0])).collect();
    assert!(gaps.iter().all(|gap| (1..=1024).contains(gap)), "no hole is larger than the others: {gaps:?}");
}

proptest! {
    #[test]
    fn memory_is_bounded_and_counts_are_exact(pattern in prop::collection::vec(any::<bool>(), 1..12), times in 1_usize..400) {
        let all: Vec<bool> = pattern.iter().copied().cycle().take(pattern.len() * times).collect();
        let passed = all.iter().filter(|passed| **passed).count() as u64;
        let probe = probe(all.iter().copied(), Some((0, Some(1_000_000))));
        prop_assert_eq!((probe.passed, probe.total), (passed, all.len() as u64));
        prop_assert_eq!((probe.passed_counted, probe.counted), (passed, all.len() as u64));
        prop_assert!(probe.samples.len() <= MAX_SAMPLES + 1);
        prop_assert_eq!(probe.samples.len() as u64 + probe.samples_left_out, probe.total);
        prop_assert!(probe.samples.is_sorted_by_key(|sample| sample.at));
        prop_assert_eq!(probe.samples[0].at, at(0));
        prop_assert_eq!(probe.samples.last().unwrap().at, at(i64::try_from(all.len()).unwrap() - 1));
    }

    #[test]
    fn evaluations_outside_of_the_fault_change_no_score(
        evaluations in prop::collection::vec((0_i64..100, any::<bool>()), 0..60),
        outside in prop::collection::vec((-200_i64..300, any::<bool>()), 0..60),
    ) {
        let fault = window((0, Some(99)));
        let score = |extra: &[(i64, bool)]| {
            let mut all: Vec<(i64, bool)> = evaluations.iter().chain(extra).copied().collect();
            all.sort_by_key(|(second, _)| *second);
            let mut samples = Samples::default();
            for (second, passed) in all {
                samples.add(sample(second, passed), Purpose::During);
            }
            samples.add(sample(400, true), Purpose::After);
            let probe = samples.into_probe(&plan(&[Phase::During, Phase::After]), Some(&fault));
            (probe.score, probe.counted, probe.passed_counted)
        };
        let outside: Vec<(i64, bool)> =
            outside.into_iter().filter(|(second, _)| !(0..=99).contains(second)).collect();
        prop_assert_eq!(score(&outside), score(&[]));
    }
}
