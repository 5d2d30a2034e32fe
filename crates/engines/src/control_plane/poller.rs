//! One shared poller of all runs that are followed. It has no task of its own: whoever follows a run and holds the
//! turn waits until one is due, asks for all that are, and tells the others. When it is dropped, another takes over.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until, timeout};

use super::manager::{Manager, RunKey};
use super::schedule::{self, Budget, Expected};
use super::tracking::Tracking;
use super::wire::{Trouble, TroubleKind};
use faultgate_core::clock::Clock;

/// A request that is not answered after this long will not be.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Between requests that were too many.
const FIRST_LIMITED: Duration = Duration::from_secs(5);
const LONGEST_LIMITED: Duration = Duration::from_secs(120);
/// Longest that a control plane may keep us from asking.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// What all runs of one control plane share.
pub(super) struct Poller {
    pub(super) clock: Clock,
    /// By notify id.
    pub(super) runs: RefCell<BTreeMap<String, Tracking>>,
    budget: RefCell<Budget>,
    /// Nothing is asked before, since requests were too many; and how often in a row.
    pause: Cell<(Instant, u32)>,
    rng: RefCell<fastrand::Rng>,
    turn: Mutex<()>,
    /// Something is known that was not.
    news: Notify,
    /// A run is due sooner than was planned.
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

    /// A run that has begun.
    pub(super) fn begin<M: Manager>(&self, manager: &M, key: RunKey, expected: Option<Expected>) {
        let now = Instant::now();
        let requests = manager.requests(self.open(|_| ()).len() + 1);
        let pause = self.budget.borrow().pause(now, schedule::FIRST, requests);
        let id = key.notify_id.clone();
        self.runs.borrow_mut().insert(id, Tracking::new(key, expected, now, pause));
    }

    /// From here on the run is read, until the guard is dropped. None: it is not known.
    pub(super) fn follow<'a>(&'a self, id: &'a str) -> Option<Followed<'a>> {
        self.runs.borrow_mut().get_mut(id)?.begin_to_follow(Instant::now());
        self.sooner.notify_waiters();
        Some(Followed { poller: self, id })
    }

    pub(super) fn change<T>(&self, id: &str, change: impl FnOnce(&mut Tracking) -> T) -> Option<T> {
        self.runs.borrow_mut().get_mut(id).map(change)
    }

    /// A run is due sooner, or is known to be over.
    pub(super) fn hurry(&self) {
        self.sooner.notify_waiters();
        self.news.notify_waiters();
    }

    /// Lets time go on until there may be news.
    pub(super) async fn wait<M: Manager>(&self, manager: &M, news: impl Future<Output = ()>) {
        let turn = tokio::select! {
            biased;
            () = news => return,
            turn = self.turn.lock() => turn,
        };
        self.round(manager).await;
        drop(turn);
    }

    /// Made before one looks at what is known, so that nothing is missed between.
    pub(super) fn news(&self) -> impl Future<Output = ()> + '_ {
        self.news.notified()
    }

    async fn round<M: Manager>(&self, manager: &M) {
        let sooner = self.sooner.notified();
        let due = self.open(|tracking| tracking.due).into_iter().map(|(_, due)| due).min();
        let Some(due) = due else { return };
        tokio::select! {
            biased;
            () = sooner => return,
            () = sleep_until(due.max(self.pause.get().0)) => {}
        }
        self.read(manager).await;
        self.news.notify_waiters();
    }

    /// Something of each run that is followed and not known to be over.
    fn open<T>(&self, of: impl Fn(&Tracking) -> T) -> Vec<(String, T)> {
        let runs = self.runs.borrow();
        let open = runs.iter().filter(|(_, tracking)| tracking.followers > 0 && tracking.is_open());
        open.map(|(id, tracking)| (id.clone(), of(tracking))).collect()
    }

    /// Asks for the runs that are due; for all, where that costs no more.
    async fn read<M: Manager>(&self, manager: &M) {
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
        let answers = match timeout(ANSWER_LIMIT, manager.read(&keys)).await {
            Ok(answers) => answers,
            Err(_) => keys.iter().map(|_| Err(no_answer())).collect(),
        };
        let limited =
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|it| is_limit(it)).cloned());
        match limited {
            Some(trouble) => self.limited(&trouble),
            None if answers.iter().any(Result::is_ok) => self.granted(),
            None => {}
        }
        let (now, at, budget) = (Instant::now(), self.clock.now(), *self.budget.borrow());
        let answers = answers.into_iter().chain(std::iter::repeat_with(|| Err(no_answer())));
        for (id, answer) in ids.iter().zip(answers) {
            self.change(id, |tracking| tracking.told(answer, now, at, &budget, everyone));
        }
    }

    pub(super) fn spend(&self, requests: usize) {
        self.budget.borrow_mut().spend(Instant::now(), requests);
    }

    /// Requests were too many: nobody asks for a while.
    pub(super) fn limited(&self, trouble: &Trouble) {
        let (until, times) = self.pause.get();
        let mut rng = self.rng.borrow_mut();
        let pause = match trouble.wait {
            Some(wait) => wait.min(LONGEST_WAIT) + Duration::from_millis(rng.u64(0..1_000)),
            None => schedule::backoff(FIRST_LIMITED, LONGEST_LIMITED, times, &mut rng),
        };
        tracing::debug!(?pause, why = trouble.why, "requests are limited");
        self.pause.set((until.max(Instant::now() + pause), times.saturating_add(1)));
    }

    pub(super) fn granted(&self) {
        let (until, _) = self.pause.get();
        self.pause.set((until, 0));
    }

    /// When requests may be made again.
    pub(super) fn paused_until(&self) -> Instant {
        self.pause.get().0
    }

    /// A pause before something is tried again.
    pub(super) fn backoff(&self, first: Duration, longest: Duration, attempt: u32) -> Duration {
        schedule::backoff(first, longest, attempt, &mut self.rng.borrow_mut())
    }

    /// One request that is not a read of the poller: within its time, counted, and heeded where it was one too many.
    pub(super) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        self.spend(1);
        let answer = timeout(ANSWER_LIMIT, request).await.unwrap_or_else(|_| Err(no_answer()));
        match &answer {
            Err(trouble) if is_limit(trouble) => self.limited(trouble),
            Ok(_) => self.granted(),
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

/// A run that somebody waits for.
pub(super) struct Followed<'a> {
    poller: &'a Poller,
    id: &'a str,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.poller.change(self.id, |tracking| tracking.followers = tracking.followers.saturating_sub(1));
    }
}
