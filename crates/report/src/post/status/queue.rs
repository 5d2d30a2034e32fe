//! The queue of commit statuses: the newest word of each context that has yet to go out.
//!
//! A word that has not gone out is dropped when a newer one comes, and no context is pending again after its
//! last word. The word of the run goes first, then last words, and those of contexts that were begun before
//! the others. A context is begun only if its last word will find room within the limits of the forge.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::{Pace, Reserve};
use crate::forge::{Again, Capacity, CommitStatus, Denied, ForgeFailure, StatusState};
use crate::post::retry::pause;
use crate::post::rivals::{RivalLook, is_worth_a_look};

/// The longest pause that a forge may ask for after the end of the run, when the pipeline waits.
const MAX_LAST_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait for room within the limits of the forge after the end of the run.
const MAX_LAST_WAIT: Duration = Duration::from_secs(10);
/// Time for which the answer to an early look for a rival counts.
const LOOK_IS_FRESH: Duration = Duration::from_secs(10);

/// A request to the forge.
#[derive(Debug)]
pub(super) enum Errand {
    /// A look for a rival before the last word is known.
    Look {
        place: usize,
        context: String,
    },
    Post(Parcel),
}

/// A word on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) place: usize,
    pub(super) status: CommitStatus,
    /// `true` if nothing was posted in this context before.
    pub(super) is_first: bool,
    /// The answer to an early look for a rival, if one was made.
    pub(super) look: Option<RivalLook>,
}

/// The fate of a word.
#[derive(Debug)]
pub(super) enum PostOutcome {
    Posted,
    /// Nothing was posted, since the failure of another job stands in this context. The text tells of it.
    Hidden(String),
    Refused(ForgeFailure),
}

/// The reason why the newest word of a context does not stand.
#[derive(Debug, Clone)]
pub(super) enum Obstacle {
    Hidden(String),
    Refused(ForgeFailure),
}

/// A look for a rival before the last word is known.
#[derive(Debug, Default)]
enum EarlyLook {
    #[default]
    None,
    Wanted,
    UnderWay,
    Made(Instant, RivalLook),
}

/// One context, and what has become of its words.
#[derive(Debug)]
struct ContextEntry {
    context: String,
    is_run: bool,
    /// The newest word, wherever it is.
    newest: Option<CommitStatus>,
    /// `true` if the newest word waits for its turn.
    waits: bool,
    /// The state of the word that is on its way.
    under_way: Option<StatusState>,
    /// The state of the last word that the forge has taken.
    told: Option<StatusState>,
    /// `true` if a word may have been taken although no answer has said so.
    in_doubt: bool,
    tries: u32,
    not_before: Option<Instant>,
    obstacle: Option<Obstacle>,
    look: EarlyLook,
}

impl ContextEntry {
    fn new(context: String, is_run: bool) -> Self {
        Self {
            context,
            is_run,
            newest: None,
            waits: false,
            under_way: None,
            told: None,
            in_doubt: false,
            tries: 0,
            not_before: None,
            obstacle: None,
            look: EarlyLook::None,
        }
    }

    fn has_last_word(&self) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.state.is_final())
    }

    /// Says whether the forge may show this context as pending, now or in a moment.
    fn is_begun(&self) -> bool {
        let open = |state: Option<StatusState>| state.is_some_and(|state| !state.is_final());
        open(self.told) || open(self.under_way) || (self.told.is_none() && self.in_doubt)
    }

    fn is_over(&self) -> bool {
        self.told.is_some_and(StatusState::is_final)
    }

    /// Says whether the failure of another job stands in this context.
    fn is_hidden(&self) -> bool {
        matches!(self.obstacle, Some(Obstacle::Hidden(_)))
    }

    fn is_idle(&self) -> bool {
        !self.waits && self.under_way.is_none()
    }
}

/// The words that have yet to go out, the run's context last among the entries.
#[derive(Debug)]
pub(super) struct Queue {
    entries: Vec<ContextEntry>,
    pub(super) pace: Pace,
    /// `true` once the run is over, and the pipeline waits.
    is_closing: bool,
}

/// The rank of a word: a lower one goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    OfRun,
    LastOfBegun,
    Last,
    OnTheWay,
}

impl Queue {
    /// Makes a queue for these contexts of experiments, and that of the run if it has one.
    pub(super) fn new(experiments: Vec<String>, run: Option<String>) -> Self {
        let experiments = experiments.into_iter().map(|context| ContextEntry::new(context, false));
        let run = run.map(|context| ContextEntry::new(context, true));
        Self { entries: experiments.chain(run).collect(), pace: Pace::default(), is_closing: false }
    }

    pub(super) fn set_capacity(&mut self, capacity: Capacity) {
        self.pace.set_capacity(capacity);
    }

    pub(super) fn context(&self, place: usize) -> Option<&str> {
        self.entries.get(place).map(|entry| entry.context.as_str())
    }

    /// Takes a word in. It is dropped if it is said already, or if the context has had its last word.
    pub(super) fn say(&mut self, place: usize, status: CommitStatus) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        if entry.newest.as_ref() == Some(&status) || (entry.has_last_word() && !status.state.is_final()) {
            return;
        }
        // A context that was refused for good is tried only once more, with its last word.
        if matches!(entry.obstacle, Some(Obstacle::Refused(_))) && !status.state.is_final() {
            return;
        }
        entry.newest = Some(status);
        entry.waits = true;
        (entry.tries, entry.not_before, entry.obstacle) = (0, None, None);
    }

    /// Asks for an early look for a rival, since the last word of the context is near.
    pub(super) fn foresee(&mut self, place: usize) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        // Before the first word, rivals are looked for in another way.
        if entry.told.is_some() && !entry.has_last_word() && !matches!(entry.look, EarlyLook::UnderWay) {
            entry.look = EarlyLook::Wanted;
        }
    }

    /// Says that the run is over. What may be granted after all is tried again.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        for entry in &mut self.entries {
            let may_help = |refused: &ForgeFailure| !matches!(refused.kind.again, Again::Never | Again::Anew);
            if matches!(&entry.obstacle, Some(Obstacle::Refused(refused)) if may_help(refused)) {
                entry.waits = entry.newest.is_some();
                (entry.tries, entry.not_before, entry.obstacle) = (0, None, None);
            }
        }
    }

    /// Takes back what was under way when the courier was lost.
    pub(super) fn recover(&mut self) {
        for entry in &mut self.entries {
            if entry.under_way.take().is_some() {
                entry.in_doubt = true;
                entry.waits = entry.obstacle.is_none();
            }
            entry.look = EarlyLook::None;
        }
    }

    /// Returns the next request to the forge, and notes that it is under way. `is_busy` is `true` if as many are
    /// under way as may be; then only a word of the run goes out beside them.
    pub(super) fn take(&mut self, now: Instant, is_busy: bool) -> Option<Errand> {
        if let Some((until, failure)) = self.pace.pause(now) {
            // Nobody waits for a long pause while the pipeline waits.
            if self.is_closing && until.duration_since(now) > MAX_LAST_PAUSE {
                let failure = failure.clone();
                self.give_up(&failure);
            }
            return None;
        }
        let (begun, open) = self.count_open();
        let ready = self.entries.iter().enumerate().filter(|(_, entry)| entry.is_ready(now));
        let next = ready
            .map(|(place, entry)| (entry.rank(), place))
            .filter(|(rank, place)| self.has_room(*rank, &self.entries[*place], now, begun, open))
            .min()
            .filter(|(rank, _)| !is_busy || *rank == Rank::OfRun);
        if !is_busy
            && next.is_none_or(|(rank, _)| rank != Rank::OfRun)
            && let Some(place) = self.entries.iter().position(|entry| matches!(entry.look, EarlyLook::Wanted))
        {
            let entry = &mut self.entries[place];
            entry.look = EarlyLook::UnderWay;
            self.pace.note_requests(now, 1);
            return Some(Errand::Look { place, context: entry.context.clone() });
        }
        let (_, place) = next?;
        self.pace.note_sent(now);
        let entry = &mut self.entries[place];
        let status = entry.newest.clone()?;
        entry.waits = false;
        entry.under_way = Some(status.state);
        let look = match std::mem::take(&mut entry.look) {
            EarlyLook::Made(at, look) if now.duration_since(at) <= LOOK_IS_FRESH => Some(look),
            _ => None,
        };
        let is_first = entry.told.is_none();
        let looks = look.is_none() && is_worth_a_look(&status, is_first);
        self.pace.note_requests(now, 1 + usize::from(looks));
        Some(Errand::Post(Parcel { place, status, is_first, look }))
    }

    /// Notes the answer to an early look. A look that has failed is made again before the last word.
    pub(super) fn note_look(&mut self, place: usize, look: Option<RivalLook>, now: Instant) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        entry.look = look.map_or(EarlyLook::None, |look| EarlyLook::Made(now, look));
    }

    /// Notes what has become of a word.
    pub(super) fn settle(&mut self, place: usize, delivery: PostOutcome, now: Instant) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        let state = entry.under_way.take();
        match delivery {
            PostOutcome::Posted => {
                entry.told = state;
                (entry.tries, entry.in_doubt) = (0, false);
            }
            PostOutcome::Hidden(said) => entry.obstacle = Some(Obstacle::Hidden(said)),
            PostOutcome::Refused(failure) => {
                entry.in_doubt |= failure.kind.again == Again::Soon;
                if let Again::After(pause) = failure.kind.again {
                    entry.waits = true;
                    self.pace.pause_until(now + pause, now, &failure);
                } else if !entry.waits {
                    entry.tries += 1;
                    match pause(&failure, entry.tries, Duration::MAX) {
                        Some(pause) => (entry.waits, entry.not_before) = (true, Some(now + pause)),
                        None => entry.obstacle = Some(Obstacle::Refused(failure)),
                    }
                }
            }
        }
    }

    /// Returns the next moment at which something that waits may go out, if only time is needed.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        if !self.entries.iter().any(|entry| entry.waits) {
            return None;
        }
        if let Some((until, _)) = self.pace.pause(now) {
            return Some(*until);
        }
        let waiting = self.entries.iter().filter(|entry| entry.waits);
        let later = waiting.filter_map(|entry| entry.not_before.filter(|at| *at > now));
        later.chain(self.pace.next_room(now)).min()
    }

    /// Says whether nothing waits and nothing is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.entries.iter().all(ContextEntry::is_idle)
    }

    /// Returns the obstacles to the newest words, that of the run first.
    pub(super) fn obstacles(&self) -> impl Iterator<Item = &Obstacle> {
        self.entries.iter().rev().filter_map(|entry| entry.obstacle.as_ref())
    }

    /// Returns the contexts that the forge may show as pending, that of the run first.
    pub(super) fn left_pending(&self) -> Vec<&str> {
        self.name(|entry| entry.is_begun() && !entry.is_hidden())
    }

    /// Returns the contexts whose last word the forge does not show, and shows no pending one instead.
    pub(super) fn left_untold(&self) -> Vec<&str> {
        self.name(|entry| {
            let stands = entry.is_idle() && entry.obstacle.is_none();
            entry.newest.is_some() && !stands && !entry.is_hidden() && !entry.is_begun()
        })
    }

    fn name(&self, which: impl Fn(&ContextEntry) -> bool) -> Vec<&str> {
        let named = self.entries.iter().rev().filter(|entry| entry.is_run && which(entry));
        let others = self.entries.iter().filter(|entry| !entry.is_run && which(entry));
        named.chain(others).map(|entry| entry.context.as_str()).collect()
    }

    /// Returns the number of contexts of experiments that were begun, and of those without a last word at the
    /// forge.
    fn count_open(&self) -> (usize, usize) {
        let experiments = || self.entries.iter().filter(|entry| !entry.is_run);
        let begun = experiments().filter(|entry| entry.is_begun()).count();
        (begun, experiments().filter(|entry| !entry.is_over()).count())
    }

    /// Says whether the word may go out now, and leaves room for the last words of others.
    fn has_room(&self, rank: Rank, entry: &ContextEntry, now: Instant, begun: usize, open: usize) -> bool {
        let leaves = |of_minute, of_hour| self.pace.has_room(now, Reserve { of_minute, of_hour });
        match rank {
            // The forge itself is asked whether it takes the run's word.
            Rank::OfRun => true,
            Rank::LastOfBegun => leaves(0, 0),
            Rank::Last => leaves(begun, begun) && self.pace.has_learned_room(now, begun),
            Rank::OnTheWay => {
                let begun = begun + usize::from(!entry.is_begun());
                leaves(begun, open)
                    && self.pace.has_learned_room(now, begun)
                    && (entry.is_begun() || self.pace.is_swift_enough(begun))
            }
        }
    }

    /// Lets the words come to nothing that will have no room for a while, once the pipeline waits for them.
    pub(super) fn give_up_what_has_no_room(&mut self, now: Instant) {
        let is_near = self.wake_at(now).is_some_and(|at| at.duration_since(now) <= MAX_LAST_WAIT);
        if self.is_closing && !is_near {
            let why = "the forge's limits leave no room for more statuses now";
            let again = Again::After(MAX_LAST_WAIT);
            self.give_up(&ForgeFailure::new(Denied::with(again), "set all commit statuses", why));
        }
    }

    /// Lets every word that waits come to nothing, for this reason.
    fn give_up(&mut self, failure: &ForgeFailure) {
        for entry in self.entries.iter_mut().filter(|entry| entry.waits) {
            entry.waits = false;
            entry.obstacle = Some(Obstacle::Refused(failure.clone()));
        }
    }
}

impl ContextEntry {
    fn is_ready(&self, now: Instant) -> bool {
        let looks = matches!(self.look, EarlyLook::UnderWay);
        let is_time = self.not_before.is_none_or(|at| at <= now);
        self.waits && self.under_way.is_none() && is_time && !(looks && self.has_last_word())
    }

    fn rank(&self) -> Rank {
        match (self.is_run, self.has_last_word()) {
            (true, _) => Rank::OfRun,
            // A last word that corrects another one is as urgent as the first.
            (false, true) if self.is_begun() || self.is_over() => Rank::LastOfBegun,
            (false, true) => Rank::Last,
            (false, false) => Rank::OnTheWay,
        }
    }
}
