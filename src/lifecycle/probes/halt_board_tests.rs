//! Tests of the board of failing probes.

use futures_util::FutureExt;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn board(failing_probes: u32, scope: HaltScope, experiments: usize) -> (HaltBoard, Vec<Arc<Trip>>) {
    let board = HaltBoard::new(
        HaltRule { failing_probes: Some(failing_probes), scope },
        (0..experiments).map(|number| format!("e{number}")).collect(),
    );
    let trips: Vec<Arc<Trip>> = (0..experiments).map(|_| Arc::default()).collect();
    for (number, trip) in trips.iter().enumerate() {
        board.join(number, trip.clone());
    }
    (board, trips)
}

fn has_fired(trip: &Trip) -> bool {
    trip.wait_until_fired().now_or_never().is_some()
}

#[test]
fn as_many_probes_as_the_rule_says_must_fail_at_the_same_time() {
    let (board, trips) = board(2, HaltScope::Own, 1);
    board.note_fault(0, true);
    board.post(0, "a", at(1), Some("status 503"));
    board.post(0, "a", at(2), Some("status 503"));
    assert!(!has_fired(&trips[0]), "one probe that fails twice is one");
    board.post(0, "a", at(3), None);
    board.post(0, "b", at(3), Some("slow"));
    assert!(!has_fired(&trips[0]), "they failed one after the other");
    board.post(0, "a", at(4), Some("status 500"));
    assert!(has_fired(&trips[0]));
    assert_eq!(
        board.reason_to_halt(0).unwrap(),
        "2 probes failed at the same time while the fault was in: a of e0 (status 500), b of e0 (slow)"
    );
}

#[test]
fn probes_of_several_experiments_count_together_once_their_faults_are_in() {
    let (board, trips) = board(2, HaltScope::Own, 3);
    board.note_fault(0, true);
    board.post(0, "a", at(1), Some("x"));
    board.post(1, "b", at(1), Some("y"));
    // The second alone has to ask, since the first fault is known to be in.
    assert!(!has_fired(&trips[0]) && has_fired(&trips[1]) && !has_fired(&trips[2]));
    assert_eq!(board.reason_to_halt(0), None, "the second fault is not known to be in");
    board.note_fault(1, true);
    assert!(has_fired(&trips[0]) && has_fired(&trips[1]));
    assert!(board.reason_to_halt(0).is_some() && board.reason_to_halt(1).is_some());
    assert_eq!(board.reason_to_halt(2), None, "none of its probes fails");
    board.leave(1);
    assert_eq!(board.reason_to_halt(0), None, "it has ended");
}

#[test]
fn failures_before_the_fault_do_not_count() {
    let (board, trips) = board(1, HaltScope::Own, 1);
    board.post(0, "a", at(5), Some("x"));
    assert!(has_fired(&trips[0]));
    trips[0].arm(at(6));
    board.note_fault(0, true);
    assert_eq!(board.reason_to_halt(0), None);
    board.post(0, "a", at(6), Some("x"));
    assert!(has_fired(&trips[0]) && board.reason_to_halt(0).is_some());
}

#[test]
fn a_halt_of_one_is_one_of_all_where_the_rule_says_so() {
    let (alone, trips) = board(1, HaltScope::Own, 2);
    alone.spread("first", "it hurts");
    assert!(alone.halted().is_none() && !has_fired(&trips[1]));
    let (board, trips) = board(1, HaltScope::All, 2);
    board.spread("first", "it hurts");
    board.spread("second", "it hurts more");
    assert_eq!(board.halted().unwrap(), "the run was halted with first: it hurts");
    assert!(trips.iter().all(|trip| has_fired(trip)));
    let late = Arc::<Trip>::default();
    board.join(2, late.clone());
    assert!(has_fired(&late), "it was launched meanwhile");
}

#[test]
fn without_a_rule_nothing_is_kept() {
    let board = HaltBoard::default();
    board.join(0, Arc::default());
    board.note_fault(0, true);
    board.post(0, "a", at(1), Some("x"));
    assert_eq!(board.reason_to_halt(0), None);
    assert!(board.posted().experiments[&0].failing.is_empty());
}
