//! The poller that all followed runs of one control plane share. It has no task of its own: of those who
//! follow a run, the one who holds the turn waits until a run is due, asks for all that are, and tells the
//! others. When that follower is dropped, another takes the turn. A limit that one request meets with keeps
//! all of them from asking.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until, timeout};

use super::manager::{Manager, RunKey};
use super::schedule::{self, Budget, ExpectedDuration};
use super::tracking::RunTracking;
use super::trouble::{Trouble, TroubleKind};
use faultgate_core::clock::Clock;

/// Longest wait for the answer to a request.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the first answer that requests are too many, without a `Retry-After`. It doubles each time, up
/// to [`MAX_LIMIT_PAUSE`].
const LIMIT_PAUSE: Duration = Duration::from_secs(5);
const MAX_LIMIT_PAUSE: Duration = Duration::from_secs(120);
/// Longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// The state that all runs of one control plane share.
pub(super) struct Poller {
    pub(super) clock: Clock,
    /// The runs that this process launched or adopted, by notify id.
    pub(super) runs: RefCell<BTreeMap<String, RunTracking>>,
    budget: RefCell<Budget>,
    /// The moment before which nothing is asked, and the number of answers in a row that requests were too
    /// many.
    pause: Cell<(Instant, u32)>,
    rng: RefCell<fastrand::Rng>,
    /// The turn of the one follower who waits and asks for all.
    turn: Mutex<()>,
    /// Wakes followers when something new is known.
    news: Notify,
    /// Wakes the one who waits when a run is due sooner than was planned.
    sooner: Notify,
}

impl Poller {
    pub(super) fn new(clock: Clock, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            clock,
            runs: RefCell::default(),
            budget: RefCell::new(Budget::new(now)),
            pause: Cell::new((now, 0)),
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            turn: Mutex::new(()),
            news: Notify::new(),
            sooner: Notify::new(),
        }
    }

    /// Begins to track a run that was launched or adopted. Its first read waits, since the agent needs time
    /// to report.
    pub(super) fn begin(&self, manager: &dyn Manager, key: RunKey, expected: Option<ExpectedDuration>) {
        let now = Instant::now();
        let requests = manager.requests(self.open(|_| ()).len() + 1);
        let pause = self.budget.borrow().pause(now, schedule::MIN_PENDING_PAUSE, requests);
        let id = key.notify_id.clone();
        self.runs.borrow_mut().insert(id, RunTracking::new(key, expected, now, pause));
    }

    /// Has the run read until the guard is dropped. `None` if the run is not known.
    pub(super) fn follow<'a>(&'a self, id: &'a str) -> Option<Followed<'a>> {
        self.runs.borrow_mut().get_mut(id)?.begin_to_follow(Instant::now());
        self.sooner.notify_waiters();
        Some(Followed { poller: self, id })
    }

    /// Changes or reads what is known of a run. `None` if the run is not known.
    pub(super) fn change<T>(&self, id: &str, change: impl FnOnce(&mut RunTracking) -> T) -> Option<T> {
        self.runs.borrow_mut().get_mut(id).map(change)
    }

    /// Wakes everybody, since a run is due sooner or is known to be over.
    pub(super) fn hurry(&self) {
        self.sooner.notify_waiters();
        self.news.notify_waiters();
    }

    /// Waits until there may be news: by the read of another follower or, once the turn is free, by a read of
    /// its own.
    pub(super) async fn wait(&self, manager: &dyn Manager, news: impl Future<Output = ()>) {
        let turn = tokio::select! {
            // News come first: with them the follower may be done, and must not begin a round.
            biased;
            () = news => return,
            turn = self.turn.lock() => turn,
        };
        self.round(manager).await;
        drop(turn);
    }

    /// Returns a future of the next news. It must be made before the state is looked at, so that
    /// none is missed between.
    pub(super) fn news(&self) -> impl Future<Output = ()> + '_ {
        self.news.notified()
    }

    /// Waits until a run is due, and reads it. Returns early if another one is due sooner by now.
    async fn round(&self, manager: &dyn Manager) {
        let sooner = self.sooner.notified();
        let due = self.open(|tracking| tracking.due).into_iter().map(|(_, due)| due).min();
        let Some(due) = due else { return };
        tokio::select! {
            // A change of the schedule comes first: the caller looks at it again before anything is asked.
            biased;
            () = sooner => return,
            () = sleep_until(due.max(self.pause.get().0)) => {}
        }
        self.read(manager).await;
        self.news.notify_waiters();
    }

    /// Returns the ids of all runs that are followed and not known to be over, each with what `of` takes from
    /// it.
    fn open<T>(&self, of: impl Fn(&RunTracking) -> T) -> Vec<(String, T)> {
        let runs = self.runs.borrow();
        let open = runs.iter().filter(|(_, tracking)| tracking.followers > 0 && tracking.is_open());
        open.map(|(id, tracking)| (id.clone(), of(tracking))).collect()
    }

    /// Reads the runs that are due, or all of them if that takes no more requests.
    async fn read(&self, manager: &dyn Manager) {
        let now = Instant::now();
        let open = self.open(|tracking| (tracking.due, tracking.key.clone()));
        let due = open.iter().filter(|(_, (due, _))| *due <= now).count();
        let everyone = manager.requests(open.len());
        let all = everyone <= manager.requests(due);
        let (ids, keys): (Vec<String>, Vec<RunKey>) = open
            .into_iter()
            .filter(|(_, (due, _))| all || *due <= now)
            .map(|(id, (_, key))| (id, key))
            .unzip();
        self.spend(manager.requests(keys.len()));
        let answers = match timeout(ANSWER_TIMEOUT, manager.read(&keys)).await {
            Ok(answers) => answers,
            Err(_) => keys.iter().map(|_| Err(no_answer())).collect(),
        };
        let limited =
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|it| is_limit(it)).cloned());
        match limited {
            Some(trouble) => self.note_limit(&trouble),
            None if answers.iter().any(Result::is_ok) => self.note_grant(),
            None => {}
        }
        let (now, at, budget) = (Instant::now(), self.clock.now(), *self.budget.borrow());
        // A manager that gives too few answers must not leave a run without one: it would be due for ever.
        let answers = answers.into_iter().chain(std::iter::repeat_with(|| Err(no_answer())));
        for (id, answer) in ids.iter().zip(answers) {
            self.change(id, |tracking| tracking.take_answer(answer, now, at, &budget, everyone));
        }
    }

    /// Takes requests from the budget.
    pub(super) fn spend(&self, requests: usize) {
        self.budget.borrow_mut().spend(Instant::now(), requests);
    }

    /// Keeps everybody from asking for a while, since requests were too many.
    pub(super) fn note_limit(&self, trouble: &Trouble) {
        let (until, times) = self.pause.get();
        let mut rng = self.rng.borrow_mut();
        // A chance of up to a second is added, so that jobs that were told the same time come back apart.
        let pause = match trouble.wait {
            Some(wait) => wait.min(MAX_RETRY_AFTER) + Duration::from_millis(rng.u64(0..1_000)),
            None => schedule::backoff(LIMIT_PAUSE, MAX_LIMIT_PAUSE, times, &mut rng),
        };
        tracing::debug!(?pause, why = trouble.why, "requests are limited");
        self.pause.set((until.max(Instant::now() + pause), times.saturating_add(1)));
    }

    /// Notes that a request was granted: the next limit begins with a short pause again.
    pub(super) fn note_grant(&self) {
        let (until, _) = self.pause.get();
        self.pause.set((until, 0));
    }

    /// Returns the moment from which requests may be made.
    pub(super) fn paused_until(&self) -> Instant {
        self.pause.get().0
    }

    /// Returns the pause before something is tried again.
    pub(super) fn backoff(&self, first: Duration, longest: Duration, attempt: u32) -> Duration {
        schedule::backoff(first, longest, attempt, &mut self.rng.borrow_mut())
    }

    /// Waits for a request that is not a read of the poller. It is taken from the budget and has a time
    /// limit, and an answer that requests are too many holds for all.
    pub(super) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        self.spend(1);
        let answer = timeout(ANSWER_TIMEOUT, request).await.unwrap_or_else(|_| Err(no_answer()));
        match &answer {
            Err(trouble) if is_limit(trouble) => self.note_limit(trouble),
            Ok(_) => self.note_grant(),
            Err(_) => {}
        }
        answer
    }
}

fn is_limit(trouble: &Trouble) -> bool {
    trouble.kind == TroubleKind::Limited
}

fn no_answer() -> Trouble {
    Trouble::new(TroubleKind::Unanswered, "there was no answer")
}

/// A guard: while it is there, its run is read.
pub(super) struct Followed<'a> {
    poller: &'a Poller,
    id: &'a str,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.poller.change(self.id, |tracking| tracking.followers = tracking.followers.saturating_sub(1));
    }
}
