//! The launch of a run, at most once. A control plane takes no launch token by which it would know a request
//! that is sent again, so the runs that were there before are remembered: after a launch without an answer,
//! the one run that is new is taken for ours. Where several are new, none is taken, and none is stopped: it
//! could be somebody else's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::failure;
use super::manager::{Asked, Manager, Run, RunKey};
use super::poller::Poller;
use super::schedule::ExpectedDuration;
use super::tracking::RunNews;
use super::trouble::{Trouble, TroubleKind};
use crate::{EngineFailure, FailureKind, Launched, Notary};
use faultgate_core::model::{ExperimentPlan, Intent, Source, State, Transition};

/// Longest time for which a launch is tried again that is sure to have had no effect.
const LAUNCH_TIMEOUT: Duration = Duration::from_secs(70);
/// Pause before the first retry. It doubles with each one, up to [`MAX_RETRY_PAUSE`].
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(15);
/// Number of times that the runs before a launch are asked for.
const BEFORE_TRIES: u32 = 3;
/// Pauses before each look for a run that may have begun. A run may be listed only a while after its launch.
const SEARCH_PAUSES: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// The engine's word for a run of which nothing was read yet.
const LAUNCHED: &str = "launched";

/// The run in a list that was not there before.
enum New {
    None,
    /// A run whose notify id is not told yet: some control planes tell ids only when the agent has reported.
    Nameless,
    Run(RunKey),
}

/// The launches of one control plane, so far.
#[derive(Default)]
pub(super) struct Launches {
    /// The last launch of each experiment, by its name in the plan.
    attempts: RefCell<BTreeMap<String, Attempt>>,
    /// A lock for each experiment of the control plane, by its id there. Runs of two launches at once could
    /// be taken for each other.
    turns: RefCell<BTreeMap<String, Rc<Mutex<()>>>>,
}

/// The state before a launch, and the mark that the launch may have had an effect.
#[derive(Debug, Clone, Default)]
struct Attempt {
    /// Ids and times by which the earlier runs can be recognised; `None` if they are not known.
    before: Option<BTreeSet<String>>,
    expected: Option<ExpectedDuration>,
    /// `true` if a request is out that may have had an effect.
    may_have_begun: bool,
}

/// One launch of one experiment, with what it needs.
pub(super) struct RunLaunch<'a> {
    pub(super) manager: &'a dyn Manager,
    pub(super) poller: &'a Poller,
    pub(super) launches: &'a Launches,
    pub(super) experiment: &'a ExperimentPlan,
}

impl RunLaunch<'_> {
    /// Launches the experiment. A request that may have had an effect is never sent again. The failure is
    /// `Unanswered` if there was no answer and no run of it is found.
    pub(super) async fn launch(&self, notary: &dyn Notary) -> Result<Launched, EngineFailure> {
        let turn = self.turn();
        let _turn = turn.lock().await;
        let deadline = Instant::now() + LAUNCH_TIMEOUT;
        let (before, expected) = self.before(deadline).await?;
        let earlier_runs = before.as_ref().map(|before| before.iter().cloned().collect());
        self.attempt(|attempt| *attempt = Attempt { before, expected, may_have_begun: false });
        notary.intend(Intent { earlier_runs, ..Intent::default() }).await;
        let mut tries = 0;
        loop {
            self.pause(deadline).await?;
            // The mark stands before the request leaves, since this future may be dropped while it waits.
            self.attempt(|attempt| attempt.may_have_begun = true);
            let answer = self.poller.ask(self.manager.launch(self.experiment)).await;
            let trouble = match answer {
                Ok(key) => return self.begin_to_track(key),
                Err(trouble) => trouble,
            };
            if trouble.kind == TroubleKind::Unanswered {
                return match self.search().await? {
                    Some(key) => self.take_for_ours(key),
                    None => Err(self.explain_silence(&trouble)),
                };
            }
            self.attempt(|attempt| attempt.may_have_begun = false);
            let pause = self.poller.backoff(RETRY_PAUSE, MAX_RETRY_PAUSE, tries);
            if !is_passing(&trouble) || Instant::now() + pause >= deadline {
                return Err(self.explain_refusal(&trouble));
            }
            sleep(pause).await;
            tries += 1;
        }
    }

    /// Looks for a run that a launch without an answer may have begun. `None` if there is no such launch, or
    /// no such run.
    pub(super) async fn find_unanswered(&self) -> Result<Option<Launched>, EngineFailure> {
        if !self.may_have_begun() {
            return Ok(None);
        }
        let turn = self.turn();
        let _turn = turn.lock().await;
        self.search().await?.map(|key| self.take_for_ours(key)).transpose()
    }

    /// Returns `true` if a request is out that may have had an effect, and no run of it was found.
    fn may_have_begun(&self) -> bool {
        self.attempt(|attempt| attempt.may_have_begun)
    }

    /// The advice to look for a run that may have begun; `None` if none may have.
    pub(super) fn how_to_look(&self) -> Option<String> {
        self.may_have_begun()
            .then(|| format!("faultgate stop looks for it again and stops it, or {}", self.by_hand()))
    }

    fn by_hand(&self) -> String {
        format!(
            "look by hand in {} whether a run of {} has begun, and stop it there",
            self.manager.title(),
            self.experiment.spec.source()
        )
    }

    /// Takes up a launch of another process, whose answer is not known, with what was known before it.
    pub(super) fn recall(&self, intent: &Intent) {
        let before = intent.earlier_runs.as_ref().map(|before| before.iter().cloned().collect());
        self.attempt(|attempt| *attempt = Attempt { before, expected: None, may_have_begun: true });
    }

    /// The lock that launches of this experiment hold, one after the other.
    fn turn(&self) -> Rc<Mutex<()>> {
        let experiment = self.experiment.spec.source().to_owned();
        self.launches.turns.borrow_mut().entry(experiment).or_default().clone()
    }

    fn attempt<T>(&self, change: impl FnOnce(&mut Attempt) -> T) -> T {
        change(self.launches.attempts.borrow_mut().entry(self.experiment.name.clone()).or_default())
    }

    /// Waits while the control plane wants no requests. Fails at once if that is past the deadline.
    async fn pause(&self, deadline: Instant) -> Result<(), EngineFailure> {
        let until = self.poller.paused_until();
        if until >= deadline {
            return Err(
                self.explain_refusal(&Trouble::new(TroubleKind::Limited, "it wants no requests for now"))
            );
        }
        sleep_until(until).await;
        Ok(())
    }

    /// Lists the runs that there are. A control plane that does not answer would leave a launch in the dark,
    /// so this fails; one that refuses the list does not stand in the way of a launch.
    async fn before(
        &self,
        deadline: Instant,
    ) -> Result<(Option<BTreeSet<String>>, Option<ExpectedDuration>), EngineFailure> {
        let mut tries = 1;
        loop {
            self.pause(deadline).await?;
            let trouble = match self.poller.ask(self.manager.recent(self.experiment)).await {
                Ok(runs) => {
                    let before = runs.iter().flat_map(known_by).collect();
                    return Ok((Some(before), ExpectedDuration::of(&runs)));
                }
                Err(trouble) => trouble,
            };
            let passing = is_passing(&trouble) || trouble.kind == TroubleKind::Unanswered;
            if !passing {
                tracing::debug!(why = trouble.why, "earlier runs cannot be listed");
                return Ok((None, None));
            }
            if tries >= BEFORE_TRIES {
                let why = format!(
                    "its runs so far cannot be listed, without which a launch could not be told from others: {}",
                    trouble.why
                );
                return Err(self.explain_refusal(&Trouble { why, ..trouble }));
            }
            sleep(self.poller.backoff(RETRY_PAUSE, MAX_RETRY_PAUSE, tries)).await;
            tries += 1;
        }
    }

    /// Searches for the one run that is new. Fails if a run may have begun and cannot be told from others.
    async fn search(&self) -> Result<Option<RunKey>, EngineFailure> {
        let Some(before) = self.attempt(|attempt| attempt.before.clone()) else {
            return Err(self.cannot_tell("which runs there were before is not known"));
        };
        if before.contains(UNTOLD) {
            return Err(self.cannot_tell("a run that waited before could not be told from it"));
        }
        // The last look decides: what was unclear before may have become clear, or be gone.
        let mut unclear = None;
        for pause in SEARCH_PAUSES {
            sleep(pause).await;
            sleep_until(self.poller.paused_until()).await;
            unclear = match self.poller.ask(self.manager.recent(self.experiment)).await {
                Ok(runs) => match self.new_one(&self.fill_in_ids(runs, &before).await, &before)? {
                    New::Run(key) => return Ok(Some(key)),
                    New::Nameless => Some("a new run has no notify id".to_owned()),
                    New::None => None,
                },
                Err(trouble) => Some(format!("its runs could not be listed: {}", trouble.why)),
            };
        }
        unclear.map_or(Ok(None), |why| Err(self.cannot_tell(&why)))
    }

    /// Fills in the notify ids of new runs, which some lists leave out, by reading each run by its run id. A
    /// run that cannot be read stays without one.
    async fn fill_in_ids(&self, mut runs: Vec<Run>, before: &BTreeSet<String>) -> Vec<Run> {
        let is_nameless = |run: &&mut Run| {
            !was_there(run, before) && run.notify_id.as_deref().unwrap_or_default().is_empty()
        };
        for run in runs.iter_mut().filter(is_nameless) {
            let Some(run_id) = run.run_id.clone().filter(|id| !id.is_empty()) else { continue };
            let experiment = self.experiment.spec.source().to_owned();
            let key = RunKey { experiment, notify_id: String::new(), run_id: Some(run_id.clone()) };
            let asking = async { self.manager.read(&[key]).await.pop().unwrap_or(Ok(None)) };
            // An answer about another run would have that one stopped.
            if let Ok(Some(seen)) = self.poller.ask(asking).await
                && seen.run_id.as_deref().is_none_or(|id| id == run_id)
            {
                *run = seen;
            }
        }
        runs
    }

    /// Returns the one run that is new. Fails if several are.
    fn new_one(&self, runs: &[Run], before: &BTreeSet<String>) -> Result<New, EngineFailure> {
        let ours = self.poller.runs.borrow();
        let is_known = |run: &&Run| {
            was_there(run, before) || run.notify_id.as_deref().is_some_and(|id| ours.contains_key(id))
        };
        let new: Vec<&Run> = runs.iter().filter(|run| !is_known(run)).collect();
        // The list is newest first: a run below an earlier one is not new, however little is known of it.
        let leading = runs.iter().take_while(|run| !was_there(run, before));
        let leading = leading.filter(|run| !is_known(run)).count();
        match new.as_slice() {
            [] => Ok(New::None),
            [run] if leading == 1 => Ok(match run.notify_id.clone().filter(|id| !id.is_empty()) {
                Some(notify_id) => New::Run(RunKey {
                    experiment: self.experiment.spec.source().to_owned(),
                    notify_id,
                    run_id: run.run_id.clone().filter(|id| !id.is_empty()),
                }),
                None => New::Nameless,
            }),
            [_] => Err(self.cannot_tell("the one run that is new cannot be told to be ours")),
            several => Err(self.cannot_tell(&format!(
                "{} runs are new, and none of them can be told to be ours",
                several.len()
            ))),
        }
    }

    /// Takes the run for ours, with a warning, since nothing proves it.
    fn take_for_ours(&self, key: RunKey) -> Result<Launched, EngineFailure> {
        let launched = self.begin_to_track(key)?;
        let warning = format!(
            "the launch of {} was not answered; the only run that is new since, {}, is taken for it",
            self.experiment.name, launched.id
        );
        self.poller.change(&launched.id, |tracking| tracking.news.push(RunNews::Warning(warning)));
        Ok(launched)
    }

    /// Begins to track the run. Fails if it has no notify id, or if another experiment follows it.
    fn begin_to_track(&self, key: RunKey) -> Result<Launched, EngineFailure> {
        let id = key.notify_id.clone();
        if id.is_empty() {
            let why = "the control plane took it and named no run: so it does with a scheduled (cron) experiment, \
                       which has no run of its own. The request may have had an effect all the same";
            return Err(self.failure(FailureKind::Refused, why).remedy(
                "use an experiment that is not scheduled, and see by hand whether this has changed the schedule"
                    .to_owned(),
            ));
        }
        // The doubt stays where there is no id: a run may have begun that nobody can name.
        self.attempt(|attempt| attempt.may_have_begun = false);
        if self.poller.runs.borrow().contains_key(&id) {
            let why =
                format!("the control plane named the run {id}, which another experiment of this run follows");
            return Err(self.failure(FailureKind::Refused, &why));
        }
        let (url, now) = (self.manager.link(&key), self.poller.clock.now());
        let expected = self.attempt(|attempt| attempt.expected);
        self.poller.begin(self.manager, key, expected);
        Ok(Launched { id, url, first: first(State::Pending, LAUNCHED, now) })
    }

    fn what(&self) -> String {
        format!("launch {} in {}", self.experiment.name, self.manager.title())
    }

    fn failure(&self, kind: FailureKind, why: &str) -> EngineFailure {
        EngineFailure::new(kind, self.what(), why)
    }

    /// The failure of a launch that has surely begun nothing. It is never `Unanswered`, which means doubt. Of
    /// requests that were too many the lifecycle knows that they may be granted later.
    fn explain_refusal(&self, trouble: &Trouble) -> EngineFailure {
        let failure = failure(self.manager, trouble, Asked::Launch, self.what());
        let kind = match failure.kind {
            _ if trouble.kind == TroubleKind::Limited => FailureKind::Throttled,
            FailureKind::Unanswered => FailureKind::Refused,
            kind => kind,
        };
        failure.with_kind(kind)
    }

    fn explain_silence(&self, trouble: &Trouble) -> EngineFailure {
        self.failure(FailureKind::Unanswered, &trouble.why).remedy(
            "no run of it has begun so far, and it is not asked for again, since a launch cannot be repeated safely"
                .to_owned(),
        )
    }

    /// The failure of a launch whose run cannot be told from others, so that none of them is stopped.
    fn cannot_tell(&self, why: &str) -> EngineFailure {
        let why = format!("the request was not answered, so a run may have begun, and {why}");
        self.failure(FailureKind::Refused, &why).remedy(self.by_hand())
    }
}

/// The transition that a launch itself tells.
pub(super) fn first(state: State, raw: &str, now: jiff::Timestamp) -> Transition {
    Transition {
        state,
        raw_state: raw.to_owned(),
        at: now,
        observed_at: now,
        source: Source::Launch,
        reason: None,
    }
}

/// Returns `true` if the request has had no effect and may be granted later.
fn is_passing(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::Unsent | TroubleKind::Limited)
}

/// Mark of an earlier run that had neither an id nor a time by which it could be recognised.
const UNTOLD: &str = "untold";

/// Returns what a run can be recognised by. One that waits may have no id yet, but a time of creation.
fn known_by(run: &Run) -> Vec<String> {
    let ids: Vec<String> = ids(run).map(str::to_owned).collect();
    if ids.is_empty() { vec![mark_creation(run).unwrap_or_else(|| UNTOLD.to_owned())] } else { ids }
}

fn was_there(run: &Run, before: &BTreeSet<String>) -> bool {
    ids(run).any(|id| before.contains(id))
        || mark_creation(run).is_some_and(|created| before.contains(&created))
}

fn mark_creation(run: &Run) -> Option<String> {
    run.created_at.map(|at| format!("created:{}", at.as_millisecond()))
}

fn ids(run: &Run) -> impl Iterator<Item = &str> {
    [run.notify_id.as_deref(), run.run_id.as_deref()].into_iter().flatten().filter(|id| !id.is_empty())
}
