use proptest::prelude::*;

use super::*;
use faultgate_core::model::Score;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn standing(state: &str) -> AlarmStanding {
    AlarmStanding { state: state.to_owned(), reason: None }
}

fn changes(told: &[(i64, &str)]) -> Vec<AlarmChange> {
    let change = |(second, state): &(i64, &str)| AlarmChange {
        alarm: "slow".to_owned(),
        state: (*state).to_owned(),
        at: at(*second),
        reason: Some(format!("since {second}")),
    };
    told.iter().map(change).collect()
}

/// Measures a fault of a minute.
fn minute(before: &str, told: &[(i64, &str)]) -> MeasuredAlarm {
    measure(at(0), at(60), &standing(before), &changes(told))
}

fn score(before: &str, told: &[(i64, &str)]) -> f64 {
    minute(before, told).time.score().get()
}

#[test]
fn the_share_of_the_time_in_ok_is_the_score() {
    let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
    for (before, told, expected) in [
        ("OK", &[][..], 100.0),
        ("ALARM", &[], 0.0),
        ("INSUFFICIENT_DATA", &[], 0.0),
        ("OK", &[(15, "ALARM"), (45, "OK")], 50.0),
        ("OK", &[(45, "ALARM"), (400, "OK")], 75.0),
        ("OK", &[(-30, "ALARM"), (-10, "OK")], 100.0),
        ("OK", &[(-30, "ALARM")], 0.0),
        ("ALARM", &[(0, "OK")], 100.0),
        ("OK", &[(60, "ALARM")], 100.0),
        ("OK", &[(6, "ALARM"), (12, "INSUFFICIENT_DATA"), (18, "OK")], 80.0),
        ("OK", &[(10, "ALARM"), (10, "OK")], 100.0),
    ] {
        assert!(close(score(before, told), expected), "{before} {told:?}: {}", score(before, told));
    }
}

#[test]
fn the_intervals_that_were_not_in_ok_are_told_with_their_reasons() {
    let measured = minute("ALARM", &[(6, "OK"), (30, "ALARM"), (36, "INSUFFICIENT_DATA"), (90, "OK")]);
    let told: Vec<_> = measured
        .time
        .not_ok
        .iter()
        .map(|one| (one.from, one.to, one.state.as_str(), one.reason.as_deref()))
        .collect();
    let expected = [
        (at(0), at(6), "ALARM", None),
        (at(30), at(36), "ALARM", Some("since 30")),
        (at(36), at(60), "INSUFFICIENT_DATA", Some("since 36")),
    ];
    assert_eq!(told, expected);
    assert_eq!((measured.time.fault_ms, measured.time.ok_ms), (60_000, 24_000));
    assert!(measured.flaps);
}

#[test]
fn detection_and_recovery_are_those_of_the_alarm() {
    let told =
        |measured: MeasuredAlarm| (measured.detected_after_ms, measured.recovered_after_ms, measured.flaps);
    assert_eq!(told(minute("OK", &[])), (None, None, false));
    assert_eq!(told(minute("OK", &[(10, "ALARM"), (65, "OK")])), (Some(10_000), Some(5_000), false));
    assert_eq!(told(minute("OK", &[(10, "ALARM"), (20, "OK")])), (Some(10_000), Some(0), false));
    assert_eq!(told(minute("ALARM", &[])), (Some(0), None, false));
    let flapping = [(10, "ALARM"), (20, "OK"), (30, "ALARM"), (40, "OK")];
    assert_eq!(told(minute("OK", &flapping)), (Some(10_000), None, true));
    let changing = [(10, "ALARM"), (20, "INSUFFICIENT_DATA"), (30, "OK")];
    assert_eq!(told(minute("OK", &changing)), (Some(10_000), Some(0), false));
}

#[test]
fn a_fault_without_a_length_has_the_state_of_its_moment() {
    for (before, expected) in [("OK", 1), ("ALARM", 0)] {
        let measured = measure(at(5), at(5), &standing(before), &[]);
        assert_eq!((measured.time.fault_ms, measured.time.ok_ms), (1, expected), "{before}");
    }
    // An engine's times may contradict each other.
    assert_eq!(measure(at(5), at(1), &standing("OK"), &[]).time.score(), Score::FULL);
}

#[test]
fn an_alarm_that_flaps_without_end_keeps_a_report_small() {
    let told: Vec<(i64, &str)> = (0..400).map(|n| (n, if n % 2 == 0 { "ALARM" } else { "OK" })).collect();
    let measured = measure(at(0), at(400), &standing("OK"), &changes(&told));
    assert_eq!((measured.time.ok_ms, measured.time.fault_ms), (200_000, 400_000));
    assert_eq!((measured.time.not_ok.len(), measured.time.left_out), (MAX_INTERVALS, 150));
}

const STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/// Puts changes to states of these numbers in order of time.
fn in_order(mut told: Vec<(i64, usize)>) -> Vec<(i64, &'static str)> {
    told.sort_by_key(|(second, _)| *second);
    told.into_iter().map(|(second, state)| (second, STATES[state])).collect()
}

proptest! {
    /// The measure agrees with a naive one that looks at every second.
    #[test]
    fn it_is_what_looking_at_every_second_would_give(
        length in 1_i64..300,
        before in 0..3_usize,
        told in prop::collection::vec((-50_i64..350, 0..3_usize), 0..30),
    ) {
        let told = in_order(told);
        let measured = measure(at(0), at(length), &standing(STATES[before]), &changes(&told));
        let in_ok = (0..length).filter(|second| {
            let last = told.iter().rev().find(|(change, _)| change <= second);
            last.map_or(STATES[before], |(_, state)| *state) == ALARM_OK
        });
        let ok = u64::try_from(in_ok.count()).unwrap();
        prop_assert_eq!(measured.time.ok_ms, ok * 1000);
        prop_assert_eq!(measured.time.fault_ms, u64::try_from(length).unwrap() * 1000);
        // The intervals are in order, do not overlap, and make up the rest.
        let intervals = &measured.time.not_ok;
        prop_assert!(intervals.windows(2).all(|pair| pair[0].to <= pair[1].from));
        let out: u64 = intervals.iter().map(|one| millis(one.from, one.to)).sum();
        prop_assert_eq!(out, measured.time.fault_ms - measured.time.ok_ms);
        prop_assert_eq!(measured.time.score().get() >= 100.0, intervals.is_empty());
    }

    /// One more second that is not in OK never makes the score better.
    #[test]
    fn a_change_for_the_worse_never_raises_the_score(
        told in prop::collection::vec((0_i64..100, 0..3_usize), 0..20),
        second in 0_i64..100,
    ) {
        let told = in_order(told);
        let score = |told: &[(i64, &str)]| {
            measure(at(0), at(100), &standing("OK"), &changes(told)).time.score()
        };
        let place = told.partition_point(|(change, _)| *change <= second);
        let mut worse = told.clone();
        worse.insert(place, (second, "ALARM"));
        prop_assert!(score(&worse) <= score(&told));
    }
}
