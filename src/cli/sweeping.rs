//! The sweep of one account in one Region. Experiments are stopped first, because they are found by the
//! subscriptions that are removed after that.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::accounts::Account;
use super::say;
use super::stop::{identity, launched};
use super::stopping::{Stopped, Stopping};
use super::sweep::LONGEST;
use faultgate_config::{StopSettings, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::model::{ExperimentPlace, RunPhase, RunState};
use faultgate_core::text;
use faultgate_engines::Failure;
use faultgate_engines::fis::{Expiry, OpenExperiment, SubscriptionPart, SubscriptionPartKind, Sweeper};

/// Largest number of rules and queues of one place that are removed at the same time.
const MAX_REMOVALS_AT_ONCE: usize = 8;

/// The inputs that the sweeps of all places share.
pub(super) struct Sweeping<'a> {
    pub(super) settings: &'a StopSettings,
    pub(super) env: &'a Environment,
    pub(super) clock: Clock,
    pub(super) run_id: &'a str,
    /// `true` if experiments are stopped too.
    pub(super) stops: bool,
    pub(super) dry_run: bool,
}

/// The runs whose experiments may go on. Their subscriptions are kept, because another sweep finds the
/// experiments by them.
enum Unsettled {
    All,
    Runs(BTreeSet<String>),
}

impl Unsettled {
    fn concerns(&self, part: &SubscriptionPart) -> bool {
        match (self, &part.run_id) {
            (_, None) => false,
            (Self::All, _) => true,
            (Self::Runs(runs), Some(run)) => runs.contains(run),
        }
    }
}

impl Sweeping<'_> {
    /// Sweeps an account. Returns `true` if nothing that has expired is left there, as far as it can be
    /// known.
    pub(super) async fn sweep(&self, account: &Account) -> bool {
        let place = place(account);
        let here = Here { sweeping: self, account, place, told: Cell::default(), failed: Cell::default() };
        here.sweep().await;
        if !here.told.get() {
            here.tell(&format!("nothing to sweep in {}", here.place));
        }
        !here.failed.get()
    }
}

/// The account being swept. Each thing that is done is printed at once, because a signal may end the sweep at
/// any time.
struct Here<'a> {
    sweeping: &'a Sweeping<'a>,
    account: &'a Account,
    /// Region and role, as the user reads them.
    place: String,
    told: Cell<bool>,
    failed: Cell<bool>,
}

impl Here<'_> {
    fn tell(&self, line: &str) {
        self.told.set(true);
        say(&text::plain(line, LONGEST));
    }

    fn fail(&self, line: &str) {
        self.failed.set(true);
        self.tell(line);
    }

    fn fail_by(&self, failure: &Failure) {
        self.fail(&format!("in {}: {}", self.place, failure.with_remedy()));
    }

    async fn sweep(&self) {
        let Account { role, role_arn, sdk, .. } = self.account;
        if let Some(role) = role
            && let Err(refusal) = role.credentials().await
        {
            // All requests would fail for the same reason, so it is told once.
            let remedy = refusal.what_to_do().map(|remedy| format!("; {remedy}")).unwrap_or_default();
            return self.fail(&format!("could not sweep {}: {refusal}{remedy}", self.place));
        }
        let sweeper = Sweeper::new(sdk, role_arn.as_deref(), self.sweeping.clock.now());
        let parts = sweeper.parts().await;
        for failure in &parts.unlisted {
            self.fail_by(failure);
        }
        let unsettled = if self.sweeping.stops {
            match sweeper.open_experiments(&parts.runs_over()).await {
                Ok(open) => Unsettled::Runs(self.end(open).await),
                Err(failure) => {
                    self.fail_by(&failure);
                    // The experiments that go on are not known, so the subscriptions of all runs are kept.
                    Unsettled::All
                }
            }
        } else {
            Unsettled::Runs(BTreeSet::new())
        };
        let ending = parts.found.iter().map(|part| self.part(&sweeper, part, &unsettled));
        stream::iter(ending).buffer_unordered(MAX_REMOVALS_AT_ONCE).collect::<Vec<()>>().await;
    }

    async fn part(&self, sweeper: &Sweeper, part: &SubscriptionPart, unsettled: &Unsettled) {
        let name = format!("the {} {} in {}", word(part.kind), part.name, self.place);
        let since = match &part.expiry {
            Ok(Expiry::Past(since)) => expired(*since),
            Ok(other) => return self.keep(&name, other),
            Err(failure) => return self.fail(&format!("left alone {name}: {}", failure.with_remedy())),
        };
        // The next sweep could not find the run's experiment any more without its subscription.
        if unsettled.concerns(part) {
            let left = sweeper.left(part, "its run's experiment may go on, and is found by it");
            return self.fail(&format!("NOT removed in {}, {since}: {left}", self.place));
        }
        if self.sweeping.dry_run {
            return self.tell(&format!("would remove {name}: {since}"));
        }
        match sweeper.remove(part).await {
            Ok(()) => self.tell(&format!("removed {name}: {since}")),
            Err(left) => self.fail(&format!("NOT removed in {}, {since}: {left}", self.place)),
        }
    }

    /// Tells of something that is kept because it has not expired, or may not have.
    fn keep(&self, name: &str, expiry: &Expiry) {
        match expiry {
            Expiry::Past(since) => self.tell(&format!("left alone {name}: {}", expired(*since))),
            Expiry::Ahead(at) => self.tell(&format!("left alone {name}: it may be needed until {at}")),
            Expiry::Untagged => {
                let why = "it has no tag faultgate:expires-at, so it is not faultgate's";
                self.tell(&format!("left alone {name}: {why}"));
            }
            Expiry::Unreadable(value) => self.fail(&format!(
                "left alone {name}: its tag faultgate:expires-at is \"{}\", which is no time (RFC 3339); write one \
                 there, or remove it by hand",
                text::plain(value, 80)
            )),
        }
    }

    /// Stops the experiments that go on although their run is over. Returns the runs of which something may
    /// still go on.
    async fn end(&self, open: Vec<OpenExperiment>) -> BTreeSet<String> {
        let mut over = Vec::new();
        for experiment in open {
            let name = self.experiment(&experiment);
            let Expiry::Past(since) = &experiment.expiry else {
                self.keep(&name, &experiment.expiry);
                continue;
            };
            let why = format!("its run is over: {}", expired(*since));
            if self.sweeping.dry_run {
                self.tell(&format!("would stop {name}: {why}"));
            } else {
                over.push((format!("{name} ({why})"), experiment));
            }
        }
        if over.is_empty() { BTreeSet::new() } else { self.stop(over).await }
    }

    /// Stops experiments in the way of `faultgate stop`. Returns the runs of those that have not ended.
    async fn stop(&self, over: Vec<(String, OpenExperiment)>) -> BTreeSet<String> {
        let Sweeping { settings, env, clock, run_id, .. } = self.sweeping;
        let now = clock.now();
        let mut state = RunState::of(&identity((*run_id).to_owned()), false, now);
        for (name, experiment) in &over {
            let place = ExperimentPlace::Fis {
                template: String::new(),
                region: Some(self.account.region.clone()),
                role_arn: self.account.role_arn.clone(),
            };
            state.experiments.push(launched(name, &experiment.id, place, now));
        }
        let stopping = Stopping { settings, env, commands: &[], veil: &Veil::default(), clock: *clock };
        let Stopped { lines, failed, mistakes } = stopping.end(&mut state).await;
        self.failed.set(self.failed.get() || failed);
        for line in &lines {
            self.tell(line);
        }
        for mistake in mistakes {
            self.fail(&format!("could not stop experiments in {}: {mistake}", self.place));
        }
        let goes_on = over.into_iter().zip(&state.experiments).filter(|(_, now)| now.phase != RunPhase::Over);
        goes_on.map(|((_, experiment), _)| experiment.run_id).collect()
    }

    fn experiment(&self, OpenExperiment { id, name, .. }: &OpenExperiment) -> String {
        let called = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        format!("the experiment {id}{called} in {}", self.place)
    }
}

fn expired(since: Timestamp) -> String {
    format!("expired since {since}")
}

fn word(kind: SubscriptionPartKind) -> &'static str {
    match kind {
        SubscriptionPartKind::Rule => "rule",
        SubscriptionPartKind::Queue => "queue",
    }
}

fn place(Account { region, role_arn, .. }: &Account) -> String {
    let role = role_arn.as_ref().map(|role| format!(" as {role}")).unwrap_or_default();
    format!("{region}{role}")
}
