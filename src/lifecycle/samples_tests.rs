use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Check, Phase};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sample(second: i64, passed: bool) -> Sample {
    Sample { at: at(second), phase: Phase::During, passed, latency_ms: None, reason: None }
}

fn plan() -> ProbePlan {
    ProbePlan {
        name: "p".to_owned(),
        check: Check::Tcp { address: "db:5432".to_owned(), within: Duration::from_secs(1) },
        when: vec![Phase::During],
        every: Duration::from_secs(1),
        weight: 10,
        recovers_within: None,
    }
}

fn probe(passed: impl IntoIterator<Item = bool>, fault: Option<(i64, Option<i64>)>) -> Probe {
    let mut samples = Samples::default();
    for (second, passed) in passed.into_iter().enumerate() {
        samples.count(sample(i64::try_from(second).unwrap(), passed));
        assert!(samples.kept.len() <= MOST);
    }
    let fault = fault.map(|(start, end)| FaultWindow { started_at: at(start), ended_at: end.map(at) });
    samples.into_probe(&plan(), fault.as_ref())
}

/// Passes and failures, written as `+` and `-`.
fn seen(text: &str, fault: (i64, Option<i64>)) -> (Option<u64>, Option<u64>) {
    let probe = probe(text.chars().map(|c| c == '+'), Some(fault));
    (probe.detected_after_ms, probe.recovered_after_ms)
}

#[test]
fn detection_and_recovery_are_seen_from_the_fault() {
    assert_eq!(seen("++--++", (1, Some(3))), (Some(1000), Some(1000)));
    assert_eq!(seen("++-+-++", (1, Some(3))), (Some(1000), Some(2000)), "the last unbroken pass counts");
    assert_eq!(seen("+-+++++", (1, Some(4))), (Some(0), Some(0)), "it recovered while the fault was in");
    assert_eq!(seen("-+++", (1, Some(2))), (None, None), "that was before the fault");
    assert_eq!(seen("++++", (1, Some(2))), (None, None), "nothing was ever wrong");
    assert_eq!(seen("++--", (1, Some(2))), (Some(1000), None), "it has not recovered");
    assert_eq!(seen("+-++", (1, None)), (Some(0), None), "the end of the fault is not known");
    assert_eq!(probe([true, false, true], None).detected_after_ms, None);
}

#[test]
fn a_long_run_keeps_its_failures_and_an_even_choice_of_passes() {
    let long = 100_000;
    let failed = [0, 777, 50_000, 99_998];
    let probe = probe((0..long).map(|second| !failed.contains(&second)), None);
    assert_eq!((probe.passed, probe.total), (99_996, 100_000));
    assert!(probe.samples.len() <= MOST && probe.samples.len() > MOST / 4, "{}", probe.samples.len());
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
        let probe = probe(all.iter().copied(), None);
        prop_assert_eq!((probe.passed, probe.total), (passed, all.len() as u64));
        prop_assert!(probe.samples.len() <= MOST + 1);
        prop_assert_eq!(probe.samples.len() as u64 + probe.samples_left_out, probe.total);
        prop_assert!(probe.samples.is_sorted_by_key(|sample| sample.at));
        prop_assert_eq!(probe.samples[0].at, at(0));
        prop_assert_eq!(probe.samples.last().unwrap().at, at(i64::try_from(all.len()).unwrap() - 1));
    }
}
