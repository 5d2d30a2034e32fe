use super::*;

const EVERY: Duration = Duration::from_secs(5);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn heard(number: u64, state: &str, second: i64, observed: i64) -> HeardChange {
    let change =
        AlarmChange { alarm: "slow".to_owned(), state: state.to_owned(), at: at(second), reason: None };
    HeardChange { change, observed_at: at(observed), number }
}

fn look(second: i64, passed: bool) -> Sample {
    Sample { at: at(second), phase: Phase::During, passed, latency_ms: None, reason: Some("ALARM".into()) }
}

fn course() -> AlarmCourse {
    AlarmCourse::new(at(0), 0)
}

#[test]
fn one_failure_counts_at_once_and_more_take_their_intervals() {
    let mut course = course();
    course.look(&look(0, true));
    assert_eq!(course.left(at(0), at(3), EVERY, 1), None);
    let told = [heard(1, "ALARM", 10, 11)];
    assert_eq!(course.hear(&told).len(), 1);
    assert!(course.hear(&told).is_empty(), "it is known");
    let left = |since, now, looks| course.left(at(since), at(now), EVERY, looks).unwrap();
    assert_eq!(left(0, 11, 1), Duration::ZERO);
    assert_eq!(left(0, 11, 3), Duration::from_secs(9));
    assert_eq!(left(0, 20, 3), Duration::ZERO);
    // The fault came in later, and failures from before it do not count.
    assert_eq!(left(18, 20, 3), Duration::from_secs(8));
    assert_eq!(left(18, 20, 1), Duration::ZERO);
    assert!(course.failure().unwrap().starts_with("has not been in OK since "));
}

#[test]
fn want_of_data_is_a_failure_too_and_only_ok_ends_it() {
    let mut course = course();
    course.hear(&[heard(1, "INSUFFICIENT_DATA", 10, 11), heard(2, "ALARM", 14, 15)]);
    assert_eq!(course.left(at(0), at(15), EVERY, 2), Some(Duration::ZERO), "since second 10");
    course.hear(&[heard(3, "OK", 16, 17)]);
    assert!(!course.is_failing());
}

#[test]
fn changes_that_overtake_each_other_do_not_turn_it_back() {
    let mut course = course();
    assert_eq!(course.hear(&[heard(1, "OK", 20, 21)]).len(), 1);
    assert!(course.hear(&[heard(2, "ALARM", 10, 22)]).is_empty(), "it is over since");
    assert!(!course.is_failing());
    // One batch is put in order first.
    course.hear(&[heard(3, "OK", 40, 41), heard(4, "ALARM", 30, 41)]);
    assert!(!course.is_failing());
}

#[test]
fn a_look_outweighs_what_was_heard_before_it_and_nothing_after() {
    let mut course = course();
    course.hear(&[heard(1, "ALARM", 10, 11)]);
    course.look(&look(9, true));
    assert!(course.is_failing(), "that look began before the event came");
    course.look(&look(11, true));
    assert!(!course.is_failing(), "the record says that the event lied, or that all is well again");
    course.look(&look(12, false));
    assert!(course.is_failing());
}

#[test]
fn changes_from_before_the_beginning_are_known_to_the_first_look() {
    let mut course = AlarmCourse::new(at(0), 2);
    course.look(&look(0, true));
    assert!(course.hear(&[heard(1, "ALARM", -9, -8), heard(2, "OK", -5, -4)]).is_empty());
    assert!(!course.is_failing());
}
