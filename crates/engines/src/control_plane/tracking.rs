//! What is known of one run while it is watched. Pure: times are handed in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::execution::Execution;
use super::manager::{Run, RunKey};
use super::phase;
use super::record::{record, word};
use super::schedule::{self, Budget, Expected, Seen};
use super::wire::{Trouble, TroubleKind};
use crate::Record;
use faultgate_core::model::{Source, State, Transition};

/// A run is given up when nothing was heard of it for so long; the second where the control plane wants fewer requests.
const SILENCE: Duration = Duration::from_secs(5 * 60);
const LIMITED_SILENCE: Duration = Duration::from_secs(15 * 60);
/// Refusals in a row that end the watch: a permission that is missing does not come by waiting.
const MOST_REFUSALS: u32 = 5;
/// Reads in a row without the run, after it was there, that end the watch.
const MOST_MISSING: u32 = 5;
/// Troubles in a row before they are told of.
const TOLD_AFTER: u32 = 3;
/// How long a score is waited for when the run is over.
const SETTLE: Duration = Duration::from_secs(20);
const SETTLE_PAUSE: Duration = Duration::from_millis(1_500);
/// Between reads in trouble.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What those who follow a run are to be told.
#[derive(Debug, Clone)]
pub(super) enum News {
    Transition(Transition),
    Warning(String),
}

/// What was read of a run's faults when it was over.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) execution: Option<Execution>,
    /// Why there is none.
    pub(super) unread: Option<String>,
}

/// Why a run is not watched any longer.
#[derive(Debug, Clone)]
pub(super) enum GaveUp {
    Trouble(Trouble),
    Vanished,
}

#[derive(Debug, Clone)]
pub(super) struct Tracking {
    pub(super) key: RunKey,
    /// It is a dry run: nothing was launched.
    pub(super) dry_run: bool,
    begun: Instant,
    expected: Option<Expected>,
    rng: fastrand::Rng,
    /// Who waits for its end.
    pub(super) followers: usize,
    pub(super) due: Instant,
    /// The furthest state, and the last word told.
    reached: State,
    said: String,
    pub(super) news: Vec<News>,
    pub(super) run: Option<Run>,
    /// Since when its word is one of an end.
    over_since: Option<Instant>,
    /// When its end was seen, all of it.
    pub(super) seen_at: Option<Timestamp>,
    pub(super) end: Option<End>,
    pub(super) stop_asked: Option<Instant>,
    /// What the last try to stop it met with.
    pub(super) stop_trouble: Option<Trouble>,
    pub(super) gave_up: Option<GaveUp>,
    heard: Instant,
    troubles: u32,
    refusals: u32,
    missing: u32,
    warned: bool,
    pub(super) reads: u64,
}

impl Tracking {
    /// `pause`: before it is read for the first time.
    pub(super) fn new(key: RunKey, expected: Option<Expected>, now: Instant, pause: Duration) -> Self {
        let mut hasher = DefaultHasher::new();
        key.notify_id.hash(&mut hasher);
        let mut rng = fastrand::Rng::with_seed(hasher.finish());
        let due = now + schedule::jittered(pause, &mut rng);
        Self {
            rng,
            key,
            dry_run: false,
            begun: now,
            expected,
            followers: 0,
            due,
            reached: State::Pending,
            said: String::new(),
            news: Vec::new(),
            run: None,
            over_since: None,
            seen_at: None,
            end: None,
            stop_asked: None,
            stop_trouble: None,
            gave_up: None,
            heard: now,
            troubles: 0,
            refusals: 0,
            missing: 0,
            warned: false,
            reads: 0,
        }
    }

    /// It is to be read again and again.
    pub(super) fn is_open(&self) -> bool {
        self.seen_at.is_none() && self.gave_up.is_none() && !self.dry_run
    }

    /// Somebody begins to wait for its end, maybe again.
    pub(super) fn begin_to_follow(&mut self, now: Instant) {
        self.followers += 1;
        if self.gave_up.take().is_some() {
            (self.troubles, self.refusals, self.missing, self.heard) = (0, 0, 0, now);
            self.due = now;
        }
    }

    /// From here on its end is near.
    pub(super) fn stop_was_asked(&mut self, now: Instant) {
        self.stop_asked.get_or_insert(now);
        self.due = now + self.wanted(now);
    }

    fn wanted(&self, now: Instant) -> Duration {
        schedule::wanted(&Seen {
            age: now.saturating_duration_since(self.begun),
            running: self.reached == State::Running,
            expected: self.expected,
            stopping: self.stop_asked.map(|at| now.saturating_duration_since(at)),
        })
    }

    /// What a read said of it. `requests`: what one look at all runs costs.
    pub(super) fn told(
        &mut self,
        answer: Result<Option<Run>, Trouble>,
        now: Instant,
        at: Timestamp,
        budget: &Budget,
        requests: usize,
    ) {
        self.reads += 1;
        if !self.is_open() {
            // A look has been faster.
            return;
        }
        let pause = match answer {
            Ok(Some(run)) if self.is_another(&run) => {
                let trouble = Trouble::new(TroubleKind::Unanswered, "the answer tells of another run");
                Some(self.in_trouble(trouble, now))
            }
            Ok(Some(run)) => {
                self.heard(now);
                self.missing = 0;
                self.see(run, now, at);
                None
            }
            Ok(None) => self.not_there(now),
            Err(trouble) if trouble.kind == TroubleKind::Missing => self.not_there(now),
            Err(trouble) => Some(self.in_trouble(trouble, now)),
        };
        let wanted = match pause {
            Some(pause) => pause,
            None if self.over_since.is_some() => SETTLE_PAUSE,
            None => self.wanted(now),
        };
        // After a request to stop nothing is put off.
        let bearable = if self.stop_asked.is_some() { wanted } else { budget.pause(now, wanted, requests) };
        self.due = now + schedule::jittered(bearable, &mut self.rng);
    }

    /// What a look outside of the poller saw: it moves no schedule, and counts no trouble.
    pub(super) fn look(&mut self, run: Option<Run>, now: Instant, at: Timestamp) {
        self.reads += 1;
        if let Some(run) = run.filter(|run| self.seen_at.is_none() && !self.is_another(run)) {
            self.heard(now);
            self.missing = 0;
            self.see(run, now, at);
        }
    }

    /// Its word is one of an end.
    pub(super) fn is_over(&self) -> bool {
        self.seen_at.is_some() || self.run.as_ref().is_some_and(phase::is_over)
    }

    fn is_another(&self, run: &Run) -> bool {
        run.notify_id.as_deref().is_some_and(|id| !id.is_empty() && id != self.key.notify_id)
    }

    fn heard(&mut self, now: Instant) {
        self.heard = now;
        (self.troubles, self.refusals, self.warned) = (0, 0, false);
    }

    /// Right after a launch that is no wonder.
    fn not_there(&mut self, now: Instant) -> Option<Duration> {
        self.heard(now);
        if self.run.is_some() {
            self.missing += 1;
            if self.missing >= MOST_MISSING {
                self.gave_up = Some(GaveUp::Vanished);
            }
            return Some(FIRST_PAUSE * self.missing);
        }
        None
    }

    fn in_trouble(&mut self, trouble: Trouble, now: Instant) -> Duration {
        let silent = now.saturating_duration_since(self.heard);
        let pause = schedule::backoff(FIRST_PAUSE, LONGEST_PAUSE, self.troubles, &mut self.rng);
        self.troubles += 1;
        let lost = match trouble.kind {
            TroubleKind::Unsent | TroubleKind::Unanswered => silent >= SILENCE,
            TroubleKind::Limited => silent >= LIMITED_SILENCE,
            _ => {
                self.refusals += 1;
                self.refusals >= MOST_REFUSALS
            }
        };
        if self.troubles >= TOLD_AFTER && !self.warned {
            self.warned = true;
            self.news.push(News::Warning(format!(
                "the run {} cannot be read, it is tried again: {}",
                self.key.notify_id, trouble.why
            )));
        }
        if lost {
            self.gave_up = Some(GaveUp::Trouble(trouble));
        }
        pause
    }

    fn see(&mut self, run: Run, now: Instant, at: Timestamp) {
        if self.key.run_id.is_none() {
            self.key.run_id = run.run_id.clone().filter(|id| !id.is_empty());
        }
        if !phase::is_over(&run) {
            // A word of an end that was taken back was none.
            self.over_since = None;
            self.progress(run, at);
            return;
        }
        let since = *self.over_since.get_or_insert(now);
        let waited = now.saturating_duration_since(since) >= SETTLE || self.stop_asked.is_some();
        let settled = phase::is_settled(&run) || waited;
        self.run = Some(run);
        if settled {
            self.seen_at = Some(at);
        }
    }

    /// A state that was not known yet is told. A late answer moves nothing back.
    fn progress(&mut self, run: Run, at: Timestamp) {
        let state = phase::state(&run);
        let said = word(&run.phase);
        let further = state.rank() > self.reached.rank();
        if !further && state != State::Unknown {
            if state == self.reached || self.run.is_none() {
                self.run = Some(run);
            }
            return;
        }
        self.run = Some(run);
        if further {
            self.reached = state;
        }
        if further || said != self.said {
            self.said.clone_from(&said);
            self.tell(state, said, at, at);
        }
    }

    fn tell(&mut self, state: State, raw_state: String, at: Timestamp, observed_at: Timestamp) {
        let reason = None;
        self.news.push(News::Transition(Transition {
            state,
            raw_state,
            at,
            observed_at,
            source: Source::Poll,
            reason,
        }));
    }

    /// All is known of its end.
    pub(super) fn finish(&mut self, end: End) {
        self.end = Some(end);
        let (record, Some(observed_at)) = (self.record(), self.seen_at) else { return };
        let at = record.ended_at.unwrap_or(observed_at);
        self.tell(record.state, record.raw_state, at, observed_at);
    }

    /// The record as far as it is known.
    pub(super) fn record(&self) -> Record {
        if self.dry_run {
            return Record {
                state: State::Completed,
                raw_state: "not launched".to_owned(),
                ..Record::unknown()
            };
        }
        let execution = self.end.as_ref().and_then(|end| end.execution.as_ref());
        match &self.run {
            Some(run) => record(run, execution, self.seen_at),
            None => {
                Record { state: State::Pending, raw_state: "not told yet".to_owned(), ..Record::unknown() }
            }
        }
    }
}
