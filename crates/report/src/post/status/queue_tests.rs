//! Laws of the queue, for any words, refusals, limits and times.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::queue::{Errand, PostOutcome, Queue};
use crate::forge::{Again, Capacity, CommitStatus, Denied, ForgeFailure, StatusState};
use crate::post::rivals::RivalLook;

const EXPERIMENTS: usize = 4;
/// The place of the run's status.
const RUN: usize = EXPERIMENTS;
const STATES: [StatusState; 6] = [
    StatusState::Pending,
    StatusState::Running,
    StatusState::Success,
    StatusState::Failure,
    StatusState::Error,
    StatusState::Cancelled,
];

#[derive(Debug, Clone)]
enum Move {
    Say(usize, StatusState),
    Foresee(usize),
    /// Takes what there is to take, as if so many requests were under way already.
    Take(bool),
    /// Ends the request that was taken first in this way.
    End(Answer),
    Wait(u64),
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Posted,
    Hidden,
    Refused(Again),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let place = 0..=RUN;
    let again = prop_oneof![
        Just(Again::Never),
        Just(Again::Soon),
        (1..120_u64).prop_map(|seconds| Again::After(Duration::from_secs(seconds))),
    ];
    let answer = prop_oneof![
        4 => Just(Answer::Posted),
        1 => Just(Answer::Hidden),
        2 => again.prop_map(Answer::Refused),
    ];
    let one = prop_oneof![
        4 => (place.clone(), prop::sample::select(STATES.to_vec())).prop_map(|(place, state)| Move::Say(place, state)),
        1 => place.prop_map(Move::Foresee),
        4 => any::<bool>().prop_map(Move::Take),
        3 => answer.prop_map(Move::End),
        1 => (0..90_000_u64).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 0..80)
}

fn status(place: usize, state: StatusState, number: usize) -> CommitStatus {
    CommitStatus {
        context: format!("context {place}"),
        state,
        description: number.to_string(),
        target_url: None,
    }
}

/// The queue, and what has been seen of it.
struct Seen {
    queue: Queue,
    now: Instant,
    /// Places and states of what is under way.
    under_way: Vec<(usize, StatusState)>,
    looks: Vec<usize>,
    /// The states that went out, by their places.
    sent: Vec<Vec<StatusState>>,
    /// The state that the forge shows at each place.
    shown: Vec<Option<StatusState>>,
    /// Times of the requests for experiments.
    times: Vec<Instant>,
    said: usize,
}

impl Seen {
    fn new(capacity: Capacity) -> Self {
        let contexts = (0..EXPERIMENTS).map(|place| format!("context {place}")).collect();
        let mut queue = Queue::new(contexts, Some(format!("context {RUN}")));
        queue.set_capacity(capacity);
        Self {
            queue,
            now: Instant::now(),
            under_way: Vec::new(),
            looks: Vec::new(),
            sent: vec![Vec::new(); RUN + 1],
            shown: vec![None; RUN + 1],
            times: Vec::new(),
            said: 0,
        }
    }

    fn say(&mut self, place: usize, state: StatusState) {
        self.said += 1;
        self.queue.say(place, status(place, state, self.said));
    }

    fn take(&mut self, is_busy: bool, limit: usize) {
        while let Some(errand) = self.queue.take(self.now, is_busy) {
            let parcel = match errand {
                Errand::Look { place, .. } => {
                    self.looks.push(place);
                    continue;
                }
                Errand::Post(parcel) => parcel,
            };
            let (place, state) = (parcel.place, parcel.status.state);
            assert!(self.under_way.iter().all(|(other, _)| *other != place), "two words of one context");
            let had_last = self.sent[place].iter().any(|state| state.is_final());
            assert!(state.is_final() || !had_last, "pending after the last word");
            assert_eq!(parcel.is_first, self.shown[place].is_none());
            if place != RUN {
                assert!(!is_busy, "only the run's word goes out beside the others");
                let now = self.now;
                self.times.retain(|at| now.duration_since(*at) < Duration::from_secs(60));
                assert!(self.times.len() < limit, "more than the forge takes");
                self.times.push(now);
            }
            self.sent[place].push(state);
            self.under_way.push((place, state));
        }
    }

    fn end(&mut self, answer: Answer) {
        if let Some(place) = self.looks.pop() {
            return self.queue.note_look(place, Some(RivalLook(None)), self.now);
        }
        if self.under_way.is_empty() {
            return;
        }
        let (place, state) = self.under_way.remove(0);
        let delivery = match answer {
            Answer::Posted => {
                self.shown[place] = Some(state);
                PostOutcome::Posted
            }
            Answer::Hidden => PostOutcome::Hidden("another job has failed".to_owned()),
            Answer::Refused(again) => {
                PostOutcome::Refused(ForgeFailure::new(Denied::with(again), "do it", "no"))
            }
        };
        self.queue.settle(place, delivery, self.now);
    }
}

proptest! {
    #[test]
    fn the_run_is_told_last_and_nothing_stays_pending_in_silence(
        moves in moves(),
        limit in 3..40_usize,
        at_once in 1..4_usize,
    ) {
        let capacity = Capacity { at_once, per_minute: Some(limit), per_hour: None };
        let mut seen = Seen::new(capacity);
        for one in moves {
            match one {
                Move::Say(place, state) => seen.say(place, state),
                Move::Foresee(place) => seen.queue.foresee(place),
                Move::Take(is_busy) => seen.take(is_busy, limit),
                Move::End(answer) => seen.end(answer),
                Move::Wait(millis) => seen.now += Duration::from_millis(millis),
            }
        }
        // The run ends: each context is told its end, and the forge takes everything from now on.
        for place in 0..=RUN {
            seen.say(place, StatusState::Success);
        }
        seen.queue.close();
        for _ in 0..200 {
            seen.take(false, limit);
            if seen.queue.is_settled() {
                break;
            }
            if seen.under_way.is_empty() && seen.looks.is_empty() {
                seen.queue.give_up_what_has_no_room(seen.now);
            }
            match seen.queue.wake_at(seen.now) {
                Some(at) if seen.under_way.is_empty() && seen.looks.is_empty() => seen.now = at.max(seen.now),
                _ => seen.end(Answer::Posted),
            }
        }
        prop_assert!(seen.queue.is_settled());
        let (pending, untold) = (seen.queue.left_pending(), seen.queue.left_untold());
        for (place, shown) in seen.shown.iter().enumerate() {
            let context = format!("context {place}");
            let is_named = pending.contains(&&*context) || untold.contains(&&*context);
            prop_assert!(
                *shown == Some(StatusState::Success) || is_named,
                "{context} shows {shown:?}, and only {pending:?} and {untold:?} are named"
            );
        }
    }
}
