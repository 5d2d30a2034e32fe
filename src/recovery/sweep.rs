//! The sweep of many accounts and Regions: what runs have left there although its time is up is removed.
//! Experiments are stopped first, because they are found by the subscriptions that are removed after that.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use futures_util::stream::{self, StreamExt};

use super::expired::{LeftoverFate, Unsettled, judge, tell_expired};
use super::stop::{Stopped, Stopping};
use super::{make_identity, make_launched};
use crate::ids::make_id;
use crate::terminal::refusal::{Refused, refuse};
use crate::terminal::signals::until_signal;
use crate::terminal::{logging, say_line, warn};
use crate::wiring::accounts::{AwsAccount, AwsAccounts, RoleInputs};
use crate::wiring::endpoints::Endpoints;
use crate::wiring::places::AccountPlace;
use faultgate_config as config;
use faultgate_config::{SUITE_DIR, StopSettings, SweepSettings, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{ExperimentPlace, RunPhase, RunState, Verdict};
use faultgate_core::panics;
use faultgate_engines::EngineFailure;
use faultgate_engines::fis::{OpenExperiment, SubscriptionPart, SubscriptionPartKind, Sweeper};

/// Largest number of accounts and Regions that are swept at the same time.
const MAX_SWEEPS_AT_ONCE: usize = 8;
/// Largest number of rules and queues of one place that are removed at the same time.
const MAX_REMOVALS_AT_ONCE: usize = 8;

/// The request to `faultgate sweep`.
pub(crate) struct SweepRequest {
    pub(crate) flags: Vec<(String, OsString)>,
    /// `true` if experiments are stopped too.
    pub(crate) stops: bool,
    /// `true` if nothing is changed, and only told.
    pub(crate) dry_run: bool,
}

/// Sweeps everywhere, and returns the exit code.
pub(crate) async fn sweep_requested(request: &SweepRequest, env: &Environment) -> u8 {
    let settings = match config::sweep_settings(env, &request.flags, Path::new(SUITE_DIR)) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(Refused::Sweep, &mistakes),
    };
    until_signal(async {
        logging::start(env, settings.stop.log_format, &Veil::default());
        settings.stop.warnings.iter().for_each(|warning| warn(warning));
        sweep_everywhere(&settings, request, env).await
    })
    .await
}

/// Sweeps each Region by each role. A place that fails keeps no other from being swept.
async fn sweep_everywhere(settings: &SweepSettings, request: &SweepRequest, env: &Environment) -> u8 {
    let run_id = format!("sweep-{}", make_id());
    let accounts = match connect(settings, env, &run_id).await {
        Ok(accounts) => accounts,
        Err(mistake) => return refuse(Refused::Sweep, &[mistake]),
    };
    let sweeping = Sweeping {
        settings: &settings.stop,
        env,
        clock: Clock::start(),
        run_id: &run_id,
        stops: request.stops,
        dry_run: request.dry_run,
    };
    let swept = accounts.iter().map(async |account| {
        // A panic in one place keeps no other from being swept.
        panics::catch(sweeping.sweep(account)).await.unwrap_or(false)
    });
    let swept: Vec<bool> = stream::iter(swept).buffer_unordered(MAX_SWEEPS_AT_ONCE).collect().await;
    if swept.into_iter().all(std::convert::identity) { 0 } else { Verdict::Errored.exit_code(None) }
}

/// Prepares the connections to all places. No request is sent yet.
async fn connect(
    settings: &SweepSettings,
    env: &Environment,
    run_id: &str,
) -> Result<Vec<AwsAccount>, Mistake> {
    let SweepSettings { regions, role_arns, stop } = settings;
    let places = role_arns.iter().flat_map(|role_arn| {
        regions.iter().map(|region| AccountPlace { region: region.clone(), role_arn: role_arn.clone() })
    });
    let endpoints = Endpoints::Real(stop.http.clone());
    let role_inputs = RoleInputs { env, id_token: stop.tokens.aws_id.as_ref(), run_id };
    let mut accounts = AwsAccounts::prepare(regions, &endpoints, role_inputs).await?;
    for place in places {
        accounts.reach(&place, "a sweep")?;
    }
    Ok(accounts.into_known())
}

/// The inputs that the sweeps of all places share.
struct Sweeping<'a> {
    settings: &'a StopSettings,
    env: &'a Environment,
    clock: Clock,
    run_id: &'a str,
    /// `true` if experiments are stopped too.
    stops: bool,
    dry_run: bool,
}

impl Sweeping<'_> {
    /// Sweeps an account. Returns `true` if nothing that has expired is left there, as far as it can be
    /// known.
    async fn sweep(&self, account: &AwsAccount) -> bool {
        let place = describe_place(account);
        let here =
            PlaceSweep { sweeping: self, account, place, told: Cell::default(), failed: Cell::default() };
        here.sweep().await;
        if !here.told.get() {
            here.tell(&format!("nothing to sweep in {}", here.place));
        }
        !here.failed.get()
    }
}

/// The account being swept. Each thing that is done is printed at once, because a signal may end the sweep at
/// any time.
struct PlaceSweep<'a> {
    sweeping: &'a Sweeping<'a>,
    account: &'a AwsAccount,
    /// Region and role, as the user reads them.
    place: String,
    told: Cell<bool>,
    failed: Cell<bool>,
}

impl PlaceSweep<'_> {
    fn tell(&self, line: &str) {
        self.told.set(true);
        say_line(line);
    }

    fn fail(&self, line: &str) {
        self.failed.set(true);
        self.tell(line);
    }

    fn fail_by(&self, failure: &EngineFailure) {
        self.fail(&format!("in {}: {}", self.place, failure.with_remedy()));
    }

    async fn sweep(&self) {
        let AwsAccount { role, role_arn, sdk, .. } = self.account;
        if let Some(role) = role
            && let Err(refusal) = role.credentials().await
        {
            // All requests would fail for the same reason, so it is told once.
            return self.fail(&format!("could not sweep {}: {}", self.place, refusal.with_remedy()));
        }
        let sweeper = Sweeper::new(sdk, role_arn.as_deref(), self.sweeping.clock.now());
        let parts = sweeper.parts().await;
        for failure in &parts.unlisted {
            self.fail_by(failure);
        }
        let unsettled = if self.sweeping.stops {
            match sweeper.open_experiments(&parts.runs_over()).await {
                Ok(open) => Unsettled::Runs(self.end_experiments(open).await),
                Err(failure) => {
                    self.fail_by(&failure);
                    // The experiments that go on are not known, so the subscriptions of all runs are kept.
                    Unsettled::All
                }
            }
        } else {
            Unsettled::Runs(BTreeSet::new())
        };
        let ending = parts.found.iter().map(|part| self.sweep_part(&sweeper, part, &unsettled));
        stream::iter(ending).buffer_unordered(MAX_REMOVALS_AT_ONCE).collect::<Vec<()>>().await;
    }

    async fn sweep_part(&self, sweeper: &Sweeper, part: &SubscriptionPart, unsettled: &Unsettled) {
        let name = format!("the {} {} in {}", kind_word(part.kind), part.name, self.place);
        let expiry = part.expiry.as_ref().map_err(EngineFailure::with_remedy);
        let is_needed = unsettled.concerns(part.run_id.as_deref());
        match judge(expiry, is_needed, self.sweeping.dry_run) {
            LeftoverFate::Keep(why) => self.tell(&format!("left alone {name}: {why}")),
            LeftoverFate::Unclear(why) => self.fail(&format!("left alone {name}: {why}")),
            LeftoverFate::Needed(since) => {
                // The next sweep could not find the run's experiment any more without its subscription.
                let left =
                    sweeper.describe_leftover(part, "its run's experiment may go on, and is found by it");
                self.fail(&format!("NOT removed in {}, {}: {left}", self.place, tell_expired(since)));
            }
            LeftoverFate::Announce(since) => {
                self.tell(&format!("would remove {name}: {}", tell_expired(since)));
            }
            LeftoverFate::End(since) => match sweeper.remove(part).await {
                Ok(()) => self.tell(&format!("removed {name}: {}", tell_expired(since))),
                Err(failure) => {
                    let left = sweeper.describe_leftover(part, &failure.with_remedy());
                    self.fail(&format!("NOT removed in {}, {}: {left}", self.place, tell_expired(since)));
                }
            },
        }
    }

    /// Stops the experiments that go on although their run is over. Returns the runs of which something may
    /// still go on.
    async fn end_experiments(&self, open: Vec<OpenExperiment>) -> BTreeSet<String> {
        let mut over = Vec::new();
        for experiment in open {
            let name = self.name_experiment(&experiment);
            // An experiment is found by what its run has left, and nothing is found by it.
            match judge(Ok(&experiment.expiry), false, self.sweeping.dry_run) {
                LeftoverFate::Keep(why) => self.tell(&format!("left alone {name}: {why}")),
                LeftoverFate::Unclear(why) => self.fail(&format!("left alone {name}: {why}")),
                LeftoverFate::Announce(since) => {
                    self.tell(&format!("would stop {name}: its run is over: {}", tell_expired(since)));
                }
                LeftoverFate::End(since) | LeftoverFate::Needed(since) => {
                    over.push((format!("{name} (its run is over: {})", tell_expired(since)), experiment));
                }
            }
        }
        if over.is_empty() { BTreeSet::new() } else { self.stop_experiments(over).await }
    }

    /// Stops experiments in the way of `faultgate stop`. Returns the runs of those that have not ended.
    async fn stop_experiments(&self, over: Vec<(String, OpenExperiment)>) -> BTreeSet<String> {
        let Sweeping { settings, env, clock, run_id, .. } = self.sweeping;
        let now = clock.now();
        let mut state = RunState::of(&make_identity((*run_id).to_owned()), false, now);
        for (name, experiment) in &over {
            let place = ExperimentPlace::Fis {
                template: String::new(),
                region: Some(self.account.region.clone()),
                role_arn: self.account.role_arn.clone(),
            };
            state.experiments.push(make_launched(name, &experiment.id, place, now));
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

    fn name_experiment(&self, OpenExperiment { id, name, .. }: &OpenExperiment) -> String {
        let called = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        format!("the experiment {id}{called} in {}", self.place)
    }
}

fn kind_word(kind: SubscriptionPartKind) -> &'static str {
    match kind {
        SubscriptionPartKind::Rule => "rule",
        SubscriptionPartKind::Queue => "queue",
    }
}

fn describe_place(AwsAccount { region, role_arn, .. }: &AwsAccount) -> String {
    let role = role_arn.as_ref().map(|role| format!(" as {role}")).unwrap_or_default();
    format!("{region}{role}")
}
