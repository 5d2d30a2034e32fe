//! The stop of everything in one account and Region. Each experiment is asked to stop as soon as a page of
//! the list names it, all at once, and its line is printed when it has ended. Then the list is read again, since
//! a run that lives may have launched its next experiment meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::EmergencyStop;
use crate::lifecycle::{STOP_LIMIT, Share};
use crate::recovery::sweep::describe_place;
use crate::recovery::unanswered::Unanswered;
use crate::recovery::{make_launched, tell_if_late};
use crate::terminal::say_line;
use crate::wiring::accounts::AwsAccount;
use faultgate_core::duration::exact;
use faultgate_core::model::{ExperimentPlace, RunPhase};
use faultgate_core::panics;
use faultgate_core::panics::Panic;
use faultgate_engines::fis::{Emergency, ListedPage, LiveExperiment};
use faultgate_engines::{Engine, FailureKind};

/// Pause before a list that was not answered is asked for again.
const LIST_PAUSE: Duration = Duration::from_millis(500);
/// Pause before the list is read again. A run that waited for the end of another experiment launches its own in this
/// time.
const LIST_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Largest number of times that the list of a place is read.
const MAX_LISTS: usize = 10;
/// Longest time for which the stops wait for the safety lever, so that nothing begins behind them.
const LEVER_FIRST: Duration = Duration::from_secs(10);
/// Longest such time where the user is asked before.
const ANSWER_FIRST: Duration = Duration::from_secs(30);

/// The numbers of a stop of everything.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Number of experiments that are to be stopped.
    found: usize,
    /// Number of those that have ended by their record.
    ended: usize,
    pub(super) failed: bool,
}

impl Tally {
    pub(super) fn add(self, other: Self) -> Self {
        Self {
            found: self.found + other.found,
            ended: self.ended + other.ended,
            failed: self.failed || other.failed,
        }
    }

    /// Returns the last line, which says how it stands.
    pub(super) fn tell(self, dry_run: bool) -> String {
        let Self { found, ended, failed } = self;
        let unknown =
            if failed { "; NOT everything is known: see the lines above, and repeat this" } else { "" };
        if dry_run {
            return format!("experiments that would be stopped: {found}{unknown}");
        }
        format!(
            "experiments found: {found}, ended: {ended}{unknown}; rules and queues are left as they are: \
             faultgate sweep removes those whose time is up"
        )
    }
}

/// The account and Region being stopped.
pub(super) struct PlaceStop<'a> {
    pub(super) stop: &'a EmergencyStop<'a>,
    pub(super) account: &'a AwsAccount,
    pub(super) connection: Emergency,
    /// Region and role, as the user reads them.
    pub(super) place: String,
    /// The ids of the experiments that the lists have named.
    known: RefCell<BTreeSet<String>>,
    unanswered: Unanswered,
    tally: Cell<Tally>,
}

impl<'a> PlaceStop<'a> {
    /// Prepares the stop of a place. No request is sent yet.
    pub(super) fn new(stop: &'a EmergencyStop<'a>, account: &'a AwsAccount) -> Self {
        Self {
            stop,
            account,
            connection: Emergency::new(&account.sdk, account.role_arn.as_deref()),
            place: describe_place(account),
            known: RefCell::default(),
            unanswered: Unanswered::default(),
            tally: Cell::default(),
        }
    }

    /// Stops everything there, and returns the numbers. A panic keeps no other place from being stopped.
    pub(super) async fn end(self) -> Tally {
        // A second signal must not end the process before all that is found was asked to stop.
        let _duty = self.stop.cancel.take_duty();
        if let Err(panic) = panics::catch(self.engage_and_stop()).await {
            self.fail_by(&panic);
        }
        self.tally.get()
    }

    async fn engage_and_stop(&self) {
        if let Some(role) = &self.account.role {
            let given = self.stop.cancel.within(STOP_LIMIT, Share::Find, role.credentials());
            let given = tell_if_late(|| Some(self.describe_wait("the role")), given).await;
            let refusal = match given {
                Some(Ok(_)) => None,
                Some(Err(refusal)) => Some(refusal.with_remedy()),
                None => Some("the role was not given in time".to_owned()),
            };
            if let Some(refusal) = refusal {
                // All requests would fail for the same reason, so it is told once.
                return self.fail(&format!("could not stop anything in {}: {refusal}", self.place));
            }
        }
        let settled = CancellationToken::new();
        let engaging = async {
            // The stops do not wait for a lever that has failed, not even by a panic.
            let _settled = settled.clone().drop_guard();
            self.engage_lever().await;
        };
        let stopping = async {
            self.wait_for_lever(&settled).await;
            self.stop_experiments().await;
        };
        let (engaged, stopped) = tokio::join!(panics::catch(engaging), panics::catch(stopping));
        for panic in [engaged.err(), stopped.err()].into_iter().flatten() {
            self.fail_by(&panic);
        }
    }

    /// Waits until it is known what became of the lever, but not for long: the stops go out in any case.
    async fn wait_for_lever(&self, settled: &CancellationToken) {
        let longest = if self.stop.confirmation.asks() { ANSWER_FIRST } else { LEVER_FIRST };
        tokio::select! {
            biased;
            () = settled.cancelled() => {}
            _ = self.stop.cancel.cancelled() => {}
            () = sleep(longest) => {}
        }
    }

    /// Stops all that the list names, until it names nothing new.
    async fn stop_experiments(&self) {
        let EmergencyStop { request, stopping, run, cancel, .. } = self.stop;
        let engine = stopping.reach_engine(self.account, run, cancel);
        for _ in 0..MAX_LISTS {
            let before = self.tally.get().found;
            if !self.stop_listed(engine.as_ref()).await {
                return;
            }
            let found = self.tally.get().found;
            if found == 0 {
                say_line(&format!("nothing to stop in {}", self.place));
            }
            if found == before || request.dry_run {
                return;
            }
            tokio::select! {
                biased;
                // A signal leaves no time for another list.
                _ = cancel.cancelled() => return,
                () = sleep(LIST_AGAIN_AFTER) => {}
            }
        }
        self.fail(&format!(
            "NOT everything in {} is known to have ended: each of {MAX_LISTS} lists had experiments that were launched \
             meanwhile; cancel the pipelines that launch them, and repeat this",
            self.place
        ));
    }

    /// Stops what the list names and no list before it has named. Returns `true` if the list could be read to
    /// its end.
    async fn stop_listed(&self, engine: &dyn Engine) -> bool {
        let is_complete = Cell::new(true);
        self.find_experiments()
            .for_each_concurrent(None, async |found| match found {
                Ok(experiment) => {
                    if self.known.borrow_mut().insert(experiment.id.clone()) {
                        self.deal_with(&experiment, engine).await;
                    }
                }
                Err(why) => {
                    is_complete.set(false);
                    self.fail(&self.tell_unlisted(&why));
                }
            })
            .await;
        is_complete.get()
    }

    /// Finds all experiments that have not ended, page by page. A page that cannot be read is the last
    /// item, as an error that says why.
    fn find_experiments(&self) -> impl Stream<Item = Result<LiveExperiment, String>> {
        let pages = stream::unfold(Some(None), async |token: Option<Option<String>>| {
            match self.list(token?.as_deref()).await {
                Ok(ListedPage { live, next }) => {
                    Some((live.into_iter().map(Ok).collect::<Vec<_>>(), next.map(Some)))
                }
                Err(why) => Some((vec![Err(why)], None)),
            }
        });
        pages.flat_map(stream::iter)
    }

    /// Lists one page, and asks again while there is no answer.
    async fn list(&self, token: Option<&str>) -> Result<ListedPage, String> {
        let unanswered = RefCell::new(None);
        let asking = async {
            loop {
                match self.connection.list(token).await {
                    Err(failure) if failure.kind == FailureKind::Unanswered => {
                        if unanswered.replace(Some(failure.clone())).is_none() {
                            self.tell_trouble(&failure.with_remedy());
                        }
                        sleep(LIST_PAUSE).await;
                    }
                    other => return other,
                }
            }
        };
        let answer = self.stop.cancel.within(STOP_LIMIT, Share::Find, asking);
        let late = || unanswered.borrow().is_none().then(|| self.describe_wait("the list of experiments"));
        let failure = match tell_if_late(late, answer).await {
            Some(Ok(page)) => return Ok(page),
            Some(Err(failure)) => Some(failure),
            None => unanswered.take(),
        };
        Err(failure.map_or_else(|| "FIS did not answer".to_owned(), |failure| failure.with_remedy()))
    }

    /// Returns the line about an answer that is late.
    fn describe_wait(&self, what: &str) -> String {
        format!("still waiting for {what} in {}, for up to {}", self.place, exact(STOP_LIMIT))
    }

    /// Tells that the list was not given, since it is asked for again and again: nothing else would be said for
    /// minutes.
    fn tell_trouble(&self, why: &str) {
        let longest = exact(STOP_LIMIT);
        say_line(&format!("not listed yet in {}, and tried again for up to {longest}: {why}", self.place));
    }

    /// Stops an experiment, or tells why it is left alone.
    async fn deal_with(&self, experiment: &LiveExperiment, engine: &dyn Engine) {
        let EmergencyStop { request, stopping, cancel, .. } = self.stop;
        let name = self.name_experiment(experiment);
        if let Some(environment) = &request.environment
            && !experiment.acts_on(environment)
        {
            let why = match &experiment.environment {
                Some(other) => format!("its environment is {other}"),
                None => "it has no tag faultgate:environment".to_owned(),
            };
            return say_line(&format!("left alone {name}: {why}"));
        }
        self.count(|tally| tally.found += 1);
        if request.dry_run {
            return say_line(&format!("would stop {name}"));
        }
        let place = ExperimentPlace::Fis {
            template: String::new(),
            region: Some(self.account.region.clone()),
            role_arn: self.account.role_arn.clone(),
        };
        let launched = make_launched(&name, &experiment.id, place, stopping.clock.now());
        let ended = stopping.end_at(engine, &launched, cancel, &self.unanswered).await;
        if ended.phase == RunPhase::Over {
            self.count(|tally| tally.ended += 1);
            say_line(&format!("{name}: {}", ended.line));
        } else {
            self.fail(&format!("{name}: {}", ended.line));
        }
    }

    fn name_experiment(&self, LiveExperiment { id, name, run_id, .. }: &LiveExperiment) -> String {
        let called = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        format!("the experiment {id}{called} of the run {run_id} in {}", self.place)
    }

    fn tell_unlisted(&self, why: &str) -> String {
        let region = &self.account.region;
        format!(
            "NOT all experiments in {} are known: {why}; look for them by: aws fis list-experiments \
             --region {region} --query 'experiments[?tags.\"faultgate:run-id\"].[id,state.status]' \
             --output text; and stop each by: aws fis stop-experiment --region {region} --id ID",
            self.place
        )
    }

    /// Prints a line about something that is not as it should be, at once: a signal may end the command at
    /// any time.
    pub(super) fn fail(&self, line: &str) {
        self.count(|tally| tally.failed = true);
        say_line(line);
    }

    fn fail_by(&self, panic: &Panic) {
        self.fail(&self.tell_unlisted(&panic.to_string()));
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_that_is_not_known_is_told_in_the_end() {
        let well = Tally { found: 3, ended: 3, failed: false };
        let broken = Tally { found: 2, ended: 1, failed: true };
        let total = well.add(broken);
        assert_eq!(total, Tally { found: 5, ended: 4, failed: true });
        assert_eq!(total, broken.add(well));
        assert!(total.tell(false).starts_with("experiments found: 5, ended: 4; NOT everything is known"));
        assert!(!well.tell(false).contains("NOT") && well.tell(false).contains("faultgate sweep"));
        assert_eq!(well.tell(true), "experiments that would be stopped: 3");
    }
}
