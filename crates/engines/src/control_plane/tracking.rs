//! The state of one run while it is watched. Pure: times are handed in. Answers may be late, lost or about
//! another run, so no answer moves a run back, and one answer alone never gives it up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::execution::Execution;
use super::manager::{Run, RunKey};
use super::phase;
use super::record::{record, word};
use super::schedule::{self, Budget, ExpectedDuration, ScheduleFacts};
use super::trouble::{Trouble, TroubleKind};
use crate::Record;
use faultgate_core::model::{Source, State, Transition};

/// Time without an answer after which a run is given up.
const MAX_SILENCE: Duration = Duration::from_secs(5 * 60);
/// Time after which a run is given up if all answers were that requests are too many.
const MAX_LIMITED_SILENCE: Duration = Duration::from_secs(15 * 60);
/// Number of refusals in a row that end the watch: a permission that is missing does not come by waiting.
const MAX_REFUSALS: u32 = 5;
/// Number of reads in a row without the run, after it was there, that end the watch.
const MAX_MISSING: u32 = 5;
/// Number of troubles in a row after which the reader is warned.
const WARNED_AFTER: u32 = 3;
/// Longest wait for the score when the run is over.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);
const SETTLE_PAUSE: Duration = Duration::from_millis(1_500);
/// Pause after the first read that met with trouble. It doubles each time, up to [`MAX_TROUBLE_PAUSE`].
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);
const MAX_TROUBLE_PAUSE: Duration = Duration::from_secs(30);

/// A message for those who follow a run.
#[derive(Debug, Clone)]
pub(super) enum RunNews {
    Transition(Transition),
    Warning(String),
}

/// The details of a run that is over, if they could be read.
#[derive(Debug, Clone)]
pub(super) struct RunEnd {
    pub(super) execution: Option<Execution>,
    /// The reason why there is no `execution`.
    pub(super) unread: Option<String>,
}

/// The reason why a run is not watched any longer.
#[derive(Debug, Clone)]
pub(super) enum GaveUp {
    Trouble(Trouble),
    Vanished,
}

/// The state of one run, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct RunTracking {
    pub(super) key: RunKey,
    /// `true` for a dry run, which launches nothing.
    pub(super) dry_run: bool,
    begun: Instant,
    expected: Option<ExpectedDuration>,
    rng: fastrand::Rng,
    /// Number of those who wait for the run's end.
    pub(super) followers: usize,
    /// Moment of the next read.
    pub(super) due: Instant,
    /// The furthest state so far.
    reached: State,
    /// The last word that was told to followers.
    said: String,
    pub(super) news: Vec<RunNews>,
    pub(super) run: Option<Run>,
    /// Moment since which the run's word is one of an end.
    over_since: Option<Instant>,
    /// Time at which the whole end of the run was seen, its score included.
    pub(super) seen_at: Option<Timestamp>,
    pub(super) end: Option<RunEnd>,
    pub(super) stop_asked: Option<Instant>,
    /// The trouble of the last try to stop the run.
    pub(super) stop_trouble: Option<Trouble>,
    pub(super) gave_up: Option<GaveUp>,
    /// Moment of the last answer that told something.
    heard: Instant,
    /// Numbers in a row: reads in trouble, those of them that were refused, and reads that did not find the
    /// run.
    troubles: u32,
    refusals: u32,
    missing: u32,
    /// `true` if the reader was warned of the trouble that there is.
    warned: bool,
    pub(super) reads: u64,
}

impl RunTracking {
    /// Begins to track a run, which is due for its first read after `pause`.
    pub(super) fn new(
        key: RunKey,
        expected: Option<ExpectedDuration>,
        now: Instant,
        pause: Duration,
    ) -> Self {
        // The run's id is the seed, so that the runs of a job are not due in step.
        let mut hasher = DefaultHasher::new();
        key.notify_id.hash(&mut hasher);
        let mut rng = fastrand::Rng::with_seed(hasher.finish());
        let due = now + schedule::jitter(pause, &mut rng);
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

    /// Returns the time that the run is expected to take, by earlier runs of its experiment.
    pub(super) fn expected_duration(&self) -> Option<Duration> {
        self.expected.map(ExpectedDuration::middle)
    }

    /// Returns `true` if the run is to be read again.
    pub(super) fn is_open(&self) -> bool {
        self.seen_at.is_none() && self.gave_up.is_none() && !self.dry_run
    }

    /// Counts one more follower. A run that was given up gets another chance, since it is asked for again.
    pub(super) fn begin_to_follow(&mut self, now: Instant) {
        self.followers += 1;
        if self.gave_up.take().is_some() {
            (self.troubles, self.refusals, self.missing, self.heard) = (0, 0, 0, now);
            self.due = now;
        }
    }

    /// Notes that a stop is asked for. The run is read more often from here on, since its end is near.
    pub(super) fn stop_was_asked(&mut self, now: Instant) {
        self.stop_asked.get_or_insert(now);
        self.due = now + self.compute_pause(now);
    }

    /// Returns the pause before the next read, if requests cost nothing.
    fn compute_pause(&self, now: Instant) -> Duration {
        schedule::compute_pause(&ScheduleFacts {
            age: now.saturating_duration_since(self.begun),
            running: self.reached == State::Running,
            expected: self.expected,
            stopping: self.stop_asked.map(|at| now.saturating_duration_since(at)),
        })
    }

    /// Takes the answer of a read and sets when the next one is due. `requests` is what one read of all runs
    /// takes.
    pub(super) fn take_answer(
        &mut self,
        answer: Result<Option<Run>, Trouble>,
        now: Instant,
        at: Timestamp,
        budget: &Budget,
        requests: usize,
    ) {
        self.reads += 1;
        if !self.is_open() {
            // A read outside of the poller has seen the end while this one was on its way.
            return;
        }
        let pause = match answer {
            Ok(Some(run)) if self.is_another(&run) => {
                let trouble = Trouble::new(TroubleKind::Unanswered, "the answer tells of another run");
                Some(self.in_trouble(trouble, now))
            }
            Ok(Some(run)) => {
                self.note_answer(now);
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
            None => self.compute_pause(now),
        };
        // The budget does not hold after a request to stop: the confirmation has a deadline.
        let bearable = if self.stop_asked.is_some() { wanted } else { budget.pause(now, wanted, requests) };
        self.due = now + schedule::jitter(bearable, &mut self.rng);
    }

    /// Takes the answer of a read outside of the poller, which moves no schedule and counts no trouble.
    pub(super) fn look(&mut self, run: Option<Run>, now: Instant, at: Timestamp) {
        self.reads += 1;
        if let Some(run) = run.filter(|run| self.seen_at.is_none() && !self.is_another(run)) {
            self.note_answer(now);
            self.missing = 0;
            self.see(run, now, at);
        }
    }

    /// Returns `true` if the run's word is one of an end.
    pub(super) fn is_over(&self) -> bool {
        self.seen_at.is_some() || self.run.as_ref().is_some_and(phase::is_over)
    }

    fn is_another(&self, run: &Run) -> bool {
        run.notify_id.as_deref().is_some_and(|id| !id.is_empty() && id != self.key.notify_id)
    }

    fn note_answer(&mut self, now: Instant) {
        self.heard = now;
        (self.troubles, self.refusals, self.warned) = (0, 0, false);
    }

    /// Notes that the control plane does not know the run. Right after a launch it may not know it yet, so
    /// only a run that was there once is given up.
    fn not_there(&mut self, now: Instant) -> Option<Duration> {
        self.note_answer(now);
        if self.run.is_some() {
            self.missing += 1;
            if self.missing >= MAX_MISSING {
                self.gave_up = Some(GaveUp::Vanished);
            }
            return Some(TROUBLE_PAUSE * self.missing);
        }
        None
    }

    /// Counts the trouble, and gives the run up if there was too much of it. Returns the pause before the
    /// next read.
    fn in_trouble(&mut self, trouble: Trouble, now: Instant) -> Duration {
        let silent = now.saturating_duration_since(self.heard);
        let pause = schedule::backoff(TROUBLE_PAUSE, MAX_TROUBLE_PAUSE, self.troubles, &mut self.rng);
        self.troubles += 1;
        let lost = match trouble.kind {
            TroubleKind::Unsent | TroubleKind::Unanswered => silent >= MAX_SILENCE,
            TroubleKind::Limited => silent >= MAX_LIMITED_SILENCE,
            TroubleKind::Unauthenticated
            | TroubleKind::Denied
            | TroubleKind::Missing
            | TroubleKind::Refused => {
                self.refusals += 1;
                self.refusals >= MAX_REFUSALS
            }
        };
        if self.troubles >= WARNED_AFTER && !self.warned {
            self.warned = true;
            self.news.push(RunNews::Warning(format!(
                "the run {} cannot be read, it is tried again: {}",
                self.key.notify_id, trouble.why
            )));
        }
        if lost {
            self.gave_up = Some(GaveUp::Trouble(trouble));
        }
        pause
    }

    /// Takes what is told of the run. Its end is seen once it is settled, or was waited for long enough.
    fn see(&mut self, run: Run, now: Instant, at: Timestamp) {
        if self.key.run_id.is_none() {
            self.key.run_id = run.run_id.clone().filter(|id| !id.is_empty());
        }
        if !phase::is_over(&run) {
            // The control plane has taken the word of an end back.
            self.over_since = None;
            self.progress(run, at);
            return;
        }
        let since = *self.over_since.get_or_insert(now);
        // The score of a run that was asked to stop does not count, so it is not waited for.
        let waited = now.saturating_duration_since(since) >= SETTLE_TIMEOUT || self.stop_asked.is_some();
        let settled = phase::is_settled(&run) || waited;
        self.run = Some(run);
        if settled {
            self.seen_at = Some(at);
        }
    }

    /// Tells followers a state that was not known yet. A late answer moves nothing back.
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
        self.news.push(RunNews::Transition(Transition {
            state,
            raw_state,
            at,
            observed_at,
            source: Source::Poll,
            reason,
        }));
    }

    /// Takes the details of the run's end, and tells followers of it.
    pub(super) fn finish(&mut self, end: RunEnd) {
        self.end = Some(end);
        let (record, Some(observed_at)) = (self.record(), self.seen_at) else { return };
        let at = record.ended_at.unwrap_or(observed_at);
        self.tell(record.state, record.raw_state, at, observed_at);
    }

    /// Returns the record of the run as far as it is known.
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
