//! Launches a run once. A control plane takes no token by which it would know a request that is sent again, so what
//! was there before is remembered: after a launch without an answer, the run that is new is ours, if there is but one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure;
use super::manager::{Asked, Manager, Run, RunKey};
use super::poller::Poller;
use super::schedule::Expected;
use super::tracking::News;
use super::wire::{Trouble, TroubleKind};
use crate::{Failure, FailureKind, Launched, Notary};
use faultgate_core::model::{ExperimentPlan, Intent, Source, State, Transition};

/// A launch is tried again for this long, where it is sure to have had no effect.
const LAUNCH_LIMIT: Duration = Duration::from_secs(70);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Times that the runs before a launch are asked for.
const BEFORE_TRIES: u32 = 3;
/// Pauses between looks for a run that may have begun. It may be written down a while after it was asked for.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// First word of a run of which nothing was read yet.
const LAUNCHED: &str = "launched";

/// What the list of runs holds that was not there before.
enum New {
    None,
    /// Some control planes tell a run's ids only when its agent has reported.
    Nameless,
    Run(RunKey),
}

/// What is known of launches.
#[derive(Default)]
pub(super) struct Launches {
    /// By the experiment's name in the plan.
    attempts: RefCell<BTreeMap<String, Attempt>>,
    /// By the control plane's id: launches of one experiment must not be taken for each other.
    turns: RefCell<BTreeMap<String, Rc<Mutex<()>>>>,
}

#[derive(Debug, Clone, Default)]
struct Attempt {
    /// What the runs that there were before are known by. None: not known.
    before: Option<BTreeSet<String>>,
    expected: Option<Expected>,
    /// A request is out that may have had an effect.
    may_have_begun: bool,
}

/// Everything that a launch needs.
pub(super) struct Launch<'a, M> {
    pub(super) manager: &'a M,
    pub(super) poller: &'a Poller,
    pub(super) launches: &'a Launches,
    pub(super) experiment: &'a ExperimentPlan,
}

impl<M: Manager> Launch<'_, M> {
    /// Launches it. What may have had an effect is never sent again.
    pub(super) async fn launch(&self, notary: &dyn Notary) -> Result<Launched, Failure> {
        let turn = self.turn();
        let _turn = turn.lock().await;
        let deadline = Instant::now() + LAUNCH_LIMIT;
        let (before, expected) = self.before(deadline).await?;
        let earlier_runs = before.as_ref().map(|before| before.iter().cloned().collect());
        self.attempt(|attempt| *attempt = Attempt { before, expected, may_have_begun: false });
        notary.intend(Intent { earlier_runs, ..Intent::default() }).await;
        let mut tries = 0;
        loop {
            self.pause(deadline).await?;
            self.attempt(|attempt| attempt.may_have_begun = true);
            let answer = self.poller.ask(self.manager.launch(self.experiment)).await;
            let trouble = match answer {
                Ok(key) => return self.begun(key),
                Err(trouble) => trouble,
            };
            if trouble.kind == TroubleKind::Unanswered {
                return match self.search().await? {
                    Some(key) => self.adopted(key),
                    None => Err(self.unanswered(&trouble)),
                };
            }
            self.attempt(|attempt| attempt.may_have_begun = false);
            let pause = self.poller.backoff(FIRST_PAUSE, LONGEST_PAUSE, tries);
            if !is_passing(&trouble) || Instant::now() + pause >= deadline {
                return Err(self.refused(&trouble));
            }
            sleep(pause).await;
            tries += 1;
        }
    }

    /// Looks for a run that a launch without an answer may have begun.
    pub(super) async fn find_unanswered(&self) -> Result<Option<Launched>, Failure> {
        if !self.may_have_begun() {
            return Ok(None);
        }
        let turn = self.turn();
        let _turn = turn.lock().await;
        self.search().await?.map(|key| self.adopted(key)).transpose()
    }

    /// A request is out that may have had an effect, and nothing was found of it.
    fn may_have_begun(&self) -> bool {
        self.attempt(|attempt| attempt.may_have_begun)
    }

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

    /// What another process knew before its launch, of whose answer nothing is known.
    pub(super) fn recall(&self, intent: &Intent) {
        let before = intent.earlier_runs.as_ref().map(|before| before.iter().cloned().collect());
        self.attempt(|attempt| *attempt = Attempt { before, expected: None, may_have_begun: true });
    }

    fn turn(&self) -> Rc<Mutex<()>> {
        let experiment = self.experiment.spec.source().to_owned();
        self.launches.turns.borrow_mut().entry(experiment).or_default().clone()
    }

    fn attempt<T>(&self, change: impl FnOnce(&mut Attempt) -> T) -> T {
        change(self.launches.attempts.borrow_mut().entry(self.experiment.name.clone()).or_default())
    }

    /// Waits while the control plane wants no requests.
    async fn pause(&self, deadline: Instant) -> Result<(), Failure> {
        let until = self.poller.paused_until();
        if until >= deadline {
            return Err(self.refused(&Trouble::new(TroubleKind::Limited, "it wants no requests for now")));
        }
        sleep_until(until).await;
        Ok(())
    }

    /// The runs that there are. A control plane that does not answer this would leave a launch in the dark; one that
    /// refuses it does not stand in the way of a launch.
    async fn before(
        &self,
        deadline: Instant,
    ) -> Result<(Option<BTreeSet<String>>, Option<Expected>), Failure> {
        let mut tries = 1;
        loop {
            self.pause(deadline).await?;
            let trouble = match self.poller.ask(self.manager.recent(self.experiment)).await {
                Ok(runs) => {
                    let before = runs.iter().flat_map(known_by).collect();
                    return Ok((Some(before), Expected::of(&runs)));
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
                return Err(self.refused(&Trouble { why, ..trouble }));
            }
            sleep(self.poller.backoff(FIRST_PAUSE, LONGEST_PAUSE, tries)).await;
            tries += 1;
        }
    }

    /// The one run that is new.
    async fn search(&self) -> Result<Option<RunKey>, Failure> {
        let Some(before) = self.attempt(|attempt| attempt.before.clone()) else {
            return Err(self.cannot_tell("which runs there were before is not known"));
        };
        if before.contains(UNTOLD) {
            return Err(self.cannot_tell("a run that waited before could not be told from it"));
        }
        let mut unclear = None;
        for pause in LOOKS {
            sleep(pause).await;
            sleep_until(self.poller.paused_until()).await;
            unclear = match self.poller.ask(self.manager.recent(self.experiment)).await {
                Ok(runs) => match self.new_one(&self.named(runs, &before).await, &before)? {
                    New::Run(key) => return Ok(Some(key)),
                    New::Nameless => Some("a new run has no notify id".to_owned()),
                    New::None => None,
                },
                Err(trouble) => Some(format!("its runs could not be listed: {}", trouble.why)),
            };
        }
        unclear.map_or(Ok(None), |why| Err(self.cannot_tell(&why)))
    }

    /// Some lists leave notify ids out: those of new runs are asked for by the run's id, also of those that are over.
    async fn named(&self, mut runs: Vec<Run>, before: &BTreeSet<String>) -> Vec<Run> {
        let is_nameless = |run: &&mut Run| {
            !was_there(run, before) && run.notify_id.as_deref().unwrap_or_default().is_empty()
        };
        for run in runs.iter_mut().filter(is_nameless) {
            let Some(run_id) = run.run_id.clone().filter(|id| !id.is_empty()) else { continue };
            let experiment = self.experiment.spec.source().to_owned();
            let key = RunKey { experiment, notify_id: String::new(), run_id: Some(run_id) };
            let asking = async { self.manager.read(&[key]).await.pop().unwrap_or(Ok(None)) };
            if let Ok(Some(seen)) = self.poller.ask(asking).await {
                *run = seen;
            }
        }
        runs
    }

    fn new_one(&self, runs: &[Run], before: &BTreeSet<String>) -> Result<New, Failure> {
        let ours = self.poller.runs.borrow();
        let is_known = |run: &&Run| {
            was_there(run, before) || run.notify_id.as_deref().is_some_and(|id| ours.contains_key(id))
        };
        let new: Vec<&Run> = runs.iter().filter(|run| !is_known(run)).collect();
        // Newest first: what stands below a run of before is not new, however little is known of it.
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
            several => Err(self.cannot_tell(&format!(
                "{} runs are new, and none of them can be told to be ours",
                several.len()
            ))),
        }
    }

    /// Nothing proves that it is ours: it says so.
    fn adopted(&self, key: RunKey) -> Result<Launched, Failure> {
        let launched = self.begun(key)?;
        let warning = format!(
            "the launch of {} was not answered; the only run that is new since, {}, is taken for it",
            self.experiment.name, launched.id
        );
        self.poller.change(&launched.id, |tracking| tracking.news.push(News::Warning(warning)));
        Ok(launched)
    }

    /// From here on the run is ours to watch.
    fn begun(&self, key: RunKey) -> Result<Launched, Failure> {
        self.attempt(|attempt| attempt.may_have_begun = false);
        let id = key.notify_id.clone();
        if id.is_empty() {
            return Err(Failure {
                remedy: Some(
                    "use an experiment that is not scheduled, and see by hand whether this has changed the schedule"
                        .to_owned(),
                ),
                ..self.failure(
                    FailureKind::Refused,
                    "the control plane took it and named no run: so it does with a scheduled (cron) experiment, which \
                     has no run of its own. The request may have had an effect all the same",
                )
            });
        }
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

    fn failure(&self, kind: FailureKind, why: &str) -> Failure {
        Failure { kind, what: self.what(), why: why.to_owned(), remedy: None }
    }

    /// It is sure that nothing has begun.
    fn refused(&self, trouble: &Trouble) -> Failure {
        let failure = failure(self.manager, trouble, Asked::Launch, self.what());
        let kind = if failure.kind == FailureKind::Unanswered { FailureKind::Refused } else { failure.kind };
        Failure { kind, ..failure }
    }

    fn unanswered(&self, trouble: &Trouble) -> Failure {
        Failure {
            remedy: Some(
                "no run of it has begun so far, and it is not asked for again, since a launch cannot be repeated safely"
                    .to_owned(),
            ),
            ..self.failure(FailureKind::Unanswered, &trouble.why)
        }
    }

    /// A run may have begun, and cannot be told from others: nothing is stopped.
    fn cannot_tell(&self, why: &str) -> Failure {
        Failure {
            remedy: Some(self.by_hand()),
            ..self.failure(
                FailureKind::Refused,
                &format!("the request was not answered, so a run may have begun, and {why}"),
            )
        }
    }
}

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

/// The request has had no effect, and may be granted later.
fn is_passing(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::Unsent | TroubleKind::Limited)
}

/// A run of before that had no id, nor a time by which it could be known again.
const UNTOLD: &str = "untold";

/// What a run can be known by again. One that waits may have no id yet, and has its time of creation.
fn known_by(run: &Run) -> Vec<String> {
    let ids: Vec<String> = ids(run).map(str::to_owned).collect();
    if ids.is_empty() { vec![created(run).unwrap_or_else(|| UNTOLD.to_owned())] } else { ids }
}

fn was_there(run: &Run, before: &BTreeSet<String>) -> bool {
    ids(run).any(|id| before.contains(id)) || created(run).is_some_and(|created| before.contains(&created))
}

fn created(run: &Run) -> Option<String> {
    run.created_at.map(|at| format!("created:{}", at.as_millisecond()))
}

fn ids(run: &Run) -> impl Iterator<Item = &str> {
    [run.notify_id.as_deref(), run.run_id.as_deref()].into_iter().flatten().filter(|id| !id.is_empty())
}
