//! The watch over one experiment until its end. Events wake it, silence makes it ask FIS, and FIS's record
//! alone ends it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::accounts::{self, TargetAccounts};
use super::adopted::AdoptedSubscriptions;
use super::clients::Clients;
use super::dry_mode::DryMode;
use super::events::state_of;
use super::inbox::{Inbox, Received};
use super::launch::get;
use super::listing::Listing;
use super::pause::pause;
use super::record::{Resolved, details, record};
use super::settings::{FisSettings, RunStep};
use super::shared_queue::COME_BACK;
use super::tracking::ExperimentTracking;
use crate::alarms::{AlarmFeed, HeardChange};
use crate::{EngineFailure, FailureKind, Record, Watcher};
use faultgate_core::clock::Clock;
use faultgate_core::model::{Monitor, Source, State, Transition};
use faultgate_net::aws::AwsPlace;

/// Pauses between polls where there are no events: they grow from the first to the longest.
const FIRST_POLL_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_POLL_PAUSE: Duration = Duration::from_secs(15);
/// Pause before a record is read again that an event has run ahead of.
const FIRST_CONFIRM_PAUSE: Duration = Duration::from_millis(200);
/// Number of refusals in a row that end the watch: a missing permission does not come by waiting.
const MAX_REFUSALS: u32 = 5;
/// Number of changes of stop conditions that are kept of one experiment.
const MAX_ALARM_CHANGES: usize = 64;
/// FIS's word for the mode of a dry run.
pub(super) const SKIP_ALL: &str = "skip-all";
/// FIS's word for the mode of any other run.
pub(super) const RUN_ALL: &str = "run-all";

/// The parts of the engine that a watch needs.
pub(super) struct Watching<'a> {
    pub(super) clients: &'a Clients,
    pub(super) place: AwsPlace,
    pub(super) settings: &'a FisSettings,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    pub(super) alarms: &'a AlarmFeed,
    /// Names of the alarms that are stop conditions of the experiment.
    pub(super) stop_alarms: Vec<String>,
    pub(super) adopted: &'a AdoptedSubscriptions,
    /// The progress of each experiment, by its id.
    pub(super) tracked: &'a RefCell<HashMap<String, ExperimentTracking>>,
    /// Permits to ask FIS how an experiment is.
    pub(super) asking: &'a Semaphore,
}

/// The reason for which FIS is asked for its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// An event says that the experiment has ended, or a stop was asked for.
    EndIsNear,
    /// No event has come for a while, or one that is not understood.
    Silence,
    /// There are no events.
    Polling,
}

/// The news from the inbox, the least important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EventNews {
    Nothing,
    /// An unknown word has come, which might be a new kind of end.
    Puzzle,
    End,
}

/// Watches an experiment until FIS's record says that it has ended.
pub(super) async fn follow(
    watching: Watching<'_>,
    id: &str,
    watcher: &dyn Watcher,
) -> Result<Record, EngineFailure> {
    let (inbox, asking) = (watching.inbox.clone(), watching.asking);
    let mut watch = Watch {
        watching,
        id,
        watcher,
        end_is_near: false,
        heard: false,
        attempt: 0,
        asked: false,
        resolved: None,
        troubled: false,
    };
    watch.end_is_near = watch.tracking(|tracking| tracking.stop_requested);
    let mut changed = inbox.subscribe();
    let mut refusals = 0;
    let mut next_look = Instant::now() + watch.interval();
    match watch.dry_mode() {
        DryMode::Broken(failure) => return Err(failure),
        DryMode::Unsaid => next_look = Instant::now(),
        DryMode::Fine => {}
    }
    if watch.tracking(|tracking| tracking.adopted) {
        // The experiment may have ended long ago, but its events are worth waiting for.
        next_look = next_look.min(Instant::now() + COME_BACK);
    }
    loop {
        let mut prompt = match watch.take_news() {
            EventNews::End => Some(Prompt::EndIsNear),
            EventNews::Puzzle => Some(Prompt::Silence),
            EventNews::Nothing => None,
        };
        if prompt.is_none() {
            if watch.notice_trouble(inbox.trouble()) {
                next_look = next_look.min(Instant::now() + watch.interval());
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(next_look) => prompt = Some(watch.prompt()),
            }
        }
        let Some(prompt) = prompt else { continue };
        // The permits and the box keep connections and memory small, where many experiments are watched.
        let asked = {
            let _turn = asking.acquire().await;
            let _turn_in_region = watch.watching.settings.turns.take().await;
            Box::pin(watch.ask(prompt)).await
        };
        match asked {
            Ok(record) if record.has_ended() => {
                Box::pin(watch.watching.adopted.hear_all(watch.watching.clients, &inbox)).await;
                watch.take_news();
                return Ok(watch.finish(record, prompt));
            }
            Ok(record) => {
                refusals = 0;
                watch.progress(&record, prompt);
                if let DryMode::Broken(failure) = watch.dry_mode() {
                    return Err(failure);
                }
            }
            Err(failure) if failure.kind == FailureKind::Unanswered => {
                tracing::debug!(%failure, "FIS did not answer");
            }
            Err(failure) => {
                refusals += 1;
                if refusals >= MAX_REFUSALS {
                    return Err(failure);
                }
            }
        }
        next_look = Instant::now() + watch.interval();
        watch.attempt += 1;
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Watch<'a> {
    watching: Watching<'a>,
    id: &'a str,
    watcher: &'a dyn Watcher,
    /// `true` if the experiment has ended or is about to: all that is missing is FIS's record.
    end_is_near: bool,
    /// `true` if an event has said that the experiment has ended.
    heard: bool,
    /// Number of times in a row that FIS was asked for the same reason.
    attempt: u32,
    /// `true` if FIS's record was read.
    asked: bool,
    resolved: Option<Resolved>,
    /// `true` if the queue cannot be read.
    troubled: bool,
}

impl Watch<'_> {
    /// Returns the time to wait before FIS is asked again, if no event comes.
    fn interval(&self) -> Duration {
        if self.end_is_near {
            pause(FIRST_CONFIRM_PAUSE, LONGEST_POLL_PAUSE, self.attempt)
        } else if self.polls() {
            pause(FIRST_POLL_PAUSE, LONGEST_POLL_PAUSE, self.attempt)
        } else if self.watching.inbox.is_proved() && !self.watching.inbox.is_full_of(self.id) {
            self.watching.settings.reconcile_interval
        } else {
            // The event of the end may not come, or find no room among forged ones.
            self.watching.settings.reconcile_interval.min(LONGEST_POLL_PAUSE)
        }
    }

    fn polls(&self) -> bool {
        // A process that only launches reads no events.
        let reads_none = self.watching.settings.step == RunStep::Launch;
        self.troubled || reads_none || self.watching.settings.monitor == Monitor::Poll
    }

    fn prompt(&self) -> Prompt {
        match self.watching.settings.monitor {
            _ if self.end_is_near => Prompt::EndIsNear,
            Monitor::Poll => Prompt::Polling,
            Monitor::Events | Monitor::Queue => Prompt::Silence,
        }
    }

    fn dry_mode(&self) -> DryMode {
        let dry_run = self.watching.settings.dry_run;
        self.tracking(|tracking| DryMode::judge(self.id, tracking, dry_run, self.asked))
    }

    /// Notes if the queue can be read. Returns `true` if trouble has just begun, so that FIS must be asked
    /// sooner.
    fn notice_trouble(&mut self, trouble: Option<String>) -> bool {
        let began = trouble.is_some() && !self.troubled;
        self.troubled = trouble.is_some();
        if let (true, Some(trouble)) = (began, trouble) {
            self.attempt = 0;
            self.watcher.warning(&format!("events cannot be relied on, so FIS is asked directly: {trouble}"));
        }
        began
    }

    fn take_news(&mut self) -> EventNews {
        self.take_alarms();
        let taken = self.tracking(|tracking| tracking.taken);
        let received = self.watching.inbox.after(self.id, taken);
        self.tracking(|tracking| tracking.taken += received.len());
        let news =
            received.into_iter().map(|received| self.take(received)).max().unwrap_or(EventNews::Nothing);
        if news == EventNews::End && !self.heard {
            self.heard = true;
            self.end_is_near = true;
            self.attempt = 0;
        }
        news
    }

    /// Passes on what events have told of the experiment's stop conditions since its launch.
    fn take_alarms(&self) {
        for alarm in &self.watching.stop_alarms {
            for HeardChange { change, number, .. } in self.watching.alarms.heard_changes(alarm) {
                let is_news = self.tracking(|tracking| {
                    let taken = tracking.taken_of_alarms.entry(alarm.clone()).or_default();
                    let is_news = number > *taken;
                    *taken = number.max(*taken);
                    let is_news = is_news && tracking.launched_at.is_some_and(|launch| change.at >= launch);
                    if is_news && tracking.alarms.len() < MAX_ALARM_CHANGES {
                        tracking.alarms.push(change.clone());
                    }
                    is_news
                });
                if is_news {
                    self.watcher.alarm(change);
                }
            }
        }
    }

    fn take(&self, Received { change, observed_at }: Received) -> EventNews {
        let state = state_of(&change.word);
        self.tracking(|tracking| {
            if state.rank() >= tracking.reached.rank() {
                tracking.reached = state;
                tracking.announced.clone_from(&change.reason);
            }
        });
        self.watcher.transition(Transition {
            state,
            raw_state: change.word,
            at: change.at.unwrap_or(observed_at),
            observed_at,
            source: Source::Event,
            reason: change.reason,
        });
        match state {
            State::Unknown => EventNews::Puzzle,
            state if state.is_terminal() => EventNews::End,
            _ => EventNews::Nothing,
        }
    }

    async fn ask(&mut self, prompt: Prompt) -> Result<Record, EngineFailure> {
        let calls = self.tracking(|tracking| {
            tracking.reconciliations += u64::from(prompt == Prompt::Silence);
            tracking.calls.clone()
        });
        let place = self.watching.place.clone();
        let get = get(self.watching.clients, &place, self.id);
        // The resolved targets do not change, and do not depend on the record: both requests go out together.
        let (experiment, resolved) = if prompt == Prompt::EndIsNear && self.resolved.is_none() {
            let listing = self.listing();
            calls.count_in(async { tokio::join!(get, listing.resolved_targets()) }).await
        } else {
            (calls.count_in(get).await, None)
        };
        self.resolved = resolved.or(self.resolved.take());
        let experiment = experiment?;
        self.asked = true;
        self.tracking(|tracking| tracking.details = Some(details(&experiment)));
        let found = record(&experiment, self.resolved.as_ref());
        if found.state == State::Pending {
            // Nothing is resolved yet, whatever a forged event said.
            self.resolved = None;
        }
        if !found.has_ended() {
            return Ok(found);
        }
        if self.resolved.is_none() && prompt != Prompt::EndIsNear {
            self.resolved = calls.count_in(self.listing().resolved_targets()).await;
        }
        if accounts::has_several(&experiment) {
            let configured = calls.count_in(self.listing().accounts()).await;
            let accounts =
                TargetAccounts::of(configured, accounts::count_accounts(&experiment), self.resolved.as_ref());
            self.tracking(|tracking| tracking.accounts = Some(accounts));
        }
        Ok(record(&experiment, self.resolved.as_ref()))
    }

    fn listing(&self) -> Listing<'_> {
        let Self { watching, id, watcher, .. } = self;
        Listing { clients: watching.clients, place: watching.place.clone(), id, watcher: *watcher }
    }

    /// Reports a state that FIS's record has and no event has told.
    fn progress(&self, record: &Record, prompt: Prompt) {
        let further = self.tracking(|tracking| {
            let further = record.state.rank() > tracking.reached.rank();
            if further {
                tracking.reached = record.state;
            }
            further
        });
        if !further {
            return;
        }
        let now = self.watching.clock.now();
        let source = if prompt == Prompt::Polling { Source::Poll } else { Source::Reconcile };
        self.watcher.transition(Transition {
            state: record.state,
            raw_state: record.raw_state.clone(),
            at: record.ended_at.filter(|_| record.has_ended()).unwrap_or(now),
            observed_at: now,
            source,
            reason: record.reason.clone(),
        });
    }

    fn finish(&self, record: Record, prompt: Prompt) -> Record {
        self.progress(&record, prompt);
        self.tracking(|tracking| {
            let learned = match prompt {
                _ if self.heard => "by an event, confirmed by GetExperiment",
                Prompt::EndIsNear => "by asking FIS after the request to stop",
                Prompt::Silence if self.troubled => "by asking FIS, since events could not be read",
                Prompt::Silence => "by asking FIS, since no event had announced it",
                Prompt::Polling => "by polling",
            };
            learned.clone_into(&mut tracking.learned);
            if tracking.is_preview {
                let all = self.resolved.as_ref().filter(|resolved| !resolved.has_more);
                tracking.resolved = all.map(|resolved| resolved.targets.clone());
            }
        });
        record
    }

    fn tracking<T>(&self, change: impl FnOnce(&mut ExperimentTracking) -> T) -> T {
        let mut tracked = self.watching.tracked.borrow_mut();
        change(tracked.entry(self.id.to_owned()).or_insert_with(ExperimentTracking::new))
    }
}
