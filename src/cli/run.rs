//! `faultgate run`: carries out a whole run in one process.
//!
//! [`Session`] is what all commands that talk to engines share: `check`, `rehearse`, and the three steps of
//! `steps`. It connects, tells the sinks, and writes the reports at the end; the run itself is the
//! lifecycle's.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;
use indicatif::MultiProgress;
use tokio_util::task::AbortOnDropHandle;

use super::accounts::Place;
use super::connect::{Endpoints, Probes, Secrets, Wiring};
use super::rehearsed;
use super::reporting::{Reporting, surroundings};
use super::signals::Signals;
use super::{complain, leftovers, logging, printing, random, refuse, say, settings};
use crate::lifecycle::{Cancel, Equipment, Journal, Lifecycle, RunInputs, Share};
use crate::state_file::{self, Hold, NotHeld, RunJournal};
use faultgate_config::{Settings, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    EngineSpec, ExperimentPlace, ExperimentState, Finding, Level, Monitor, Plan, RehearsalNote, RunEvent,
    RunIdentity, RunResult, RunState, SubscriptionState, Verdict,
};
use faultgate_core::panics;
use faultgate_engines::Unnoted;
use faultgate_engines::fis::RunStep;
use faultgate_rehearsal::{Scenario, Server, TEMPLATE_ID, World};
use faultgate_report as report;
use faultgate_report::ci::Surroundings;
use faultgate_report::{Sink, closing};

/// Longest time of all reporting after the end of a run.
const REPORT_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn run(matches: &ArgMatches, env: &Environment) -> u8 {
    match settings(matches, env, None) {
        Ok(settings) => run_with(settings, env, None).await,
        Err(mistakes) => refuse(&mistakes, env),
    }
}

/// Runs until the end, or until a second signal. `fault` is the length of the fault in a rehearsal, if not
/// that of the scenario.
pub(super) async fn run_with(settings: Settings, env: &Environment, fault: Option<Duration>) -> u8 {
    leftovers::clear(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let session = Session { fault, ..Session::new(settings, env, &cancel) };
    cancellable(&cancel, session.run()).await
}

/// Works until the end, or until a second signal. Returns the exit code.
pub(super) async fn cancellable(cancel: &Cancel, work: impl Future<Output = u8>) -> u8 {
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("faultgate could not listen to signals, so it launches nothing: {error}"));
            return Verdict::Errored.exit_code(None);
        }
    };
    tokio::select! {
        // A result that is ready counts, even if a second signal has come in the same moment.
        biased;
        code = work => code,
        signal = signals.forward(cancel) => signal.exit_code(),
    }
}

/// Takes the state file for this process, so that no other process overwrites what it has begun. `who` tells
/// others who holds it. None, with a warning, if the file system cannot lock.
pub(super) fn hold(path: &Path, who: &str, warnings: &mut Vec<String>) -> Result<Option<Hold>, Mistake> {
    let place = path.display().to_string();
    match state_file::hold(path, who) {
        Ok(held) => Ok(Some(held)),
        Err(NotHeld::ByAnother(who)) => {
            let what = format!("{place} is in use: another faultgate goes on with it ({who})");
            let hint = "wait for its end, or give this run a state-file or report-dir of its own";
            Err(Mistake::new(&place, what).hint(hint))
        }
        Err(NotHeld::Unknown(why)) => {
            warnings.push(format!(
                "the state file {place} cannot be locked, so a second run with it would not be noticed: {why}"
            ));
            Ok(None)
        }
    }
}

/// The sinks of a run while it goes on. Every event passes the veil before a sink hears it.
pub(super) struct Audience {
    sinks: RefCell<Vec<Box<dyn Sink>>>,
    veil: Veil,
}

impl Audience {
    pub(super) fn tell(&self, event: &RunEvent<'_>) {
        report::tell_veiled(event, &self.veil, &mut |event| {
            for sink in self.sinks.borrow_mut().iter_mut() {
                // The other sinks hear of the event all the same, and the run ends by the panic.
                let _ = panics::caught_now(|| {
                    panics::point("sink");
                    sink.on(event);
                });
            }
        });
    }

    pub(super) fn warn(&self, message: &str) {
        self.tell(&RunEvent::Warning(message));
    }
}

/// The data that every command needs that talks to an engine.
pub(super) struct Session<'a> {
    pub(super) settings: Settings,
    pub(super) env: &'a Environment,
    pub(super) cancel: &'a Cancel,
    pub(super) clock: Clock,
    step: RunStep,
    random: String,
    surroundings: Surroundings,
    pub(super) identity: RunIdentity,
    screen: MultiProgress,
    pub(super) rehearsal: Option<RehearsalNote>,
    /// Length of the fault in a rehearsal. None if it is as the scenario says.
    fault: Option<Duration>,
    server: Option<AbortOnDropHandle<()>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(settings: Settings, env: &'a Environment, cancel: &'a Cancel) -> Self {
        let random = random();
        let screen = printing::screen();
        logging::start(env, settings.log_format, &screen, &settings.veil);
        let surroundings = surroundings(&settings, env);
        Self {
            identity: surroundings.identity(&random),
            surroundings,
            settings,
            env,
            cancel,
            clock: Clock::start(),
            step: RunStep::Whole,
            random,
            screen,
            rehearsal: None,
            fault: None,
            server: None,
        }
    }

    /// Makes this the session of one step of a run.
    pub(super) fn doing(self, step: RunStep) -> Self {
        Self { step, ..self }
    }

    /// Makes this the session of a run that another process has begun.
    pub(super) fn of(self, run: &RunIdentity) -> Self {
        Self { identity: run.clone(), ..self }
    }

    async fn run(mut self) -> u8 {
        let (_held, left) = match self.earlier_state() {
            Ok(earlier) => earlier,
            Err(mistake) => return refuse(&[mistake], self.env),
        };
        let audience = self.audience();
        // The look-up of a Region and credentials may take a while, and there is nothing to stop yet.
        let connected = match self.connect_unless_cancelled().await {
            Ok(connected) => connected,
            Err(code) => return code,
        };
        let result = {
            let warn = |message: &str| audience.warn(message);
            let state = self.state(&connected, left);
            let kept = RunJournal::new(self.settings.state_file.clone(), self.clock, state, &warn);
            // A rehearsal leaves nothing that outlives it, and its state must not overwrite that of a real
            // run.
            let journal: &dyn Journal = if self.rehearsal.is_none() { &kept } else { &Unnoted };
            let publish = |event: &RunEvent<'_>| audience.tell(event);
            let lifecycle = match self.lifecycle(connected, journal, &publish) {
                Ok(lifecycle) => lifecycle,
                Err(mistake) => return refuse(&[mistake], self.env),
            };
            let run = self.unless_broken(lifecycle, &kept, async |lifecycle| lifecycle.run().await).await;
            run.unwrap_or_else(|rescued| rescued)
        };
        self.finish(audience, result).await
    }

    /// Makes the sinks, and tells them the warnings about settings that may not do what the user expects.
    pub(super) fn audience(&self) -> Audience {
        if !self.settings.origins.is_empty() {
            say(&format!("settings from the environment: {}", self.settings.origins.join(", ")));
        }
        let reporting = self.reporting();
        let audience = Audience { sinks: RefCell::new(reporting.sinks()), veil: self.settings.veil.clone() };
        for warning in self.settings.warnings.iter().chain(&reporting.warnings()) {
            audience.warn(warning);
        }
        audience
    }

    /// Writes all reports, and returns the exit code.
    pub(super) async fn finish(&self, audience: Audience, result: RunResult) -> u8 {
        let mut result = report::veiled(result, &audience.veil);
        let mut sinks = audience.sinks.into_inner();
        let plan = &self.settings.plan;
        // After a signal the reports get only their share of the time until the CI kills the step.
        let within = self.cancel.left(REPORT_TIMEOUT, Share::Report);
        let cut = self.cancel.used_up(Share::Report);
        report::finish(&mut sinks, &mut result, plan.reporting_must_succeed, within, cut).await;
        say(&closing(&result, &plan.report_dir.display().to_string()));
        result.gate.exit_code
    }

    /// Connects to the engines, unless a signal comes first. The error is the exit code.
    pub(super) async fn connect_unless_cancelled(&mut self) -> Result<Vec<Equipment>, u8> {
        match self.cancel.within(Duration::MAX, Share::Launch, self.connect()).await {
            Some(Ok(connected)) => Ok(connected),
            Some(Err(mistake)) => Err(refuse(&[mistake], self.env)),
            None => Err(Verdict::Cancelled.exit_code(self.cancel.signal())),
        }
    }

    /// Does the checks before a launch and nothing else. Returns their findings, preceded by the warnings of
    /// a run.
    pub(super) async fn check(mut self) -> Result<Vec<Finding>, Mistake> {
        let told = |subject: &'static str| move |warning| Finding::new(Level::Warning, subject, warning);
        let mut findings: Vec<Finding> =
            self.settings.warnings.iter().cloned().map(told("settings")).collect();
        findings.extend(self.reporting().warnings().into_iter().map(told("reports")));
        let connected = self.connect().await?;
        findings.extend(self.lifecycle(connected, &Unnoted, &|_| {})?.check().await);
        Ok(findings)
    }

    /// Takes the state file of this run. Returns the lock, and the subscriptions that earlier runs have left
    /// and that the file must not forget.
    pub(super) fn earlier_state(&mut self) -> Result<(Option<Hold>, Vec<SubscriptionState>), Mistake> {
        if self.settings.rehearsal.is_some() {
            return Ok((None, Vec::new()));
        }
        let path = self.settings.state_file.clone();
        let who = format!("run {}", self.identity.id);
        let held = hold(&path, &who, &mut self.settings.warnings)?;
        let left = state_file::what_earlier_runs_left(&path).map_err(|why| {
            let place = path.display().to_string();
            Mistake::new(&place, format!("{place} {}", why.what)).hint(why.hint)
        })?;
        Ok((held, left))
    }

    /// Returns the state of a run that has begun nothing.
    pub(super) fn state(&self, connected: &[Equipment], left: Vec<SubscriptionState>) -> RunState {
        let plan = &self.settings.plan;
        let experiments = plan.experiments.iter().zip(connected).map(|(experiment, equipment)| {
            let region = equipment.engine.particulars(experiment).region;
            let place = ExperimentPlace::of(&experiment.spec, region);
            ExperimentState::planned(&experiment.name, place)
        });
        RunState {
            experiments: experiments.collect(),
            subscriptions: left,
            ..RunState::of(&self.identity, plan.dry_run, self.clock.started_at())
        }
    }

    pub(super) fn lifecycle<'s>(
        &'s self,
        connected: Vec<Equipment>,
        journal: &'s dyn Journal,
        publish: &'s dyn Fn(&RunEvent<'_>),
    ) -> Result<Lifecycle<'s>, Mistake> {
        let inputs = RunInputs {
            plan: &self.settings.plan,
            run: &self.identity,
            rehearsal: self.rehearsal.clone(),
            journal,
            clock: self.clock,
            cancel: self.cancel,
            publish,
        };
        Lifecycle::new(inputs, connected).map_err(|misfit| Mistake::new("the plan", misfit.to_string()))
    }

    fn reporting(&self) -> Reporting<'_> {
        Reporting {
            settings: &self.settings,
            env: self.env,
            surroundings: &self.surroundings,
            clock: self.clock,
            random: &self.random,
            screen: &self.screen,
        }
    }

    /// Connects to the real engines or, in a rehearsal, to an embedded world.
    async fn connect(&mut self) -> Result<Vec<Equipment>, Mistake> {
        let endpoints = match self.settings.rehearsal.as_deref().and_then(Scenario::find) {
            None => Endpoints::Real(self.settings.http.clone()),
            Some(scenario) => Endpoints::Embedded(self.embed(scenario).await?),
        };
        let Settings { plan, region, role_arn, http, tokens, litmus_username, veil, .. } = &self.settings;
        let wiring = Wiring {
            plan,
            run: &self.identity,
            step: self.step,
            endpoints: &endpoints,
            usual: &Place { region: region.clone(), role_arn: role_arn.clone() },
            probes: Probes { http, env: self.env, veil },
            secrets: Secrets { tokens, litmus_username: litmus_username.as_deref() },
            clock: self.clock,
            cancel: self.cancel,
        };
        wiring.connect().await
    }

    /// Serves a world that plays the scenario for every experiment of the plan, as long as this session
    /// lives. Returns its URL.
    async fn embed(&mut self, scenario: &Scenario) -> Result<String, Mistake> {
        let plan = &mut self.settings.plan;
        if plan.monitor == Monitor::Queue {
            // The user's queue does not exist in the embedded world.
            plan.monitor = Monitor::Events;
        }
        let replaced = stand_ins(plan);
        let world = World::new(scenario, self.clock);
        for experiment in &plan.experiments {
            world.script(experiment.spec.source(), scenario.life(self.fault));
        }
        let server = Server::bind(world).await.map_err(|error| {
            Mistake::new(
                "rehearsal",
                format!("the embedded endpoints could not listen on 127.0.0.1: {error}"),
            )
        })?;
        // The world serves on a port that is only now known, so probes are pointed at the target last.
        rehearsed::measure(plan, scenario.aborts_after);
        rehearsed::point_at_target(plan, &server.target_url());
        self.rehearsal = Some(RehearsalNote {
            scenario: scenario.name.to_owned(),
            note: format!("{}; embedded endpoints, no real system was touched{replaced}", scenario.summary),
        });
        let url = server.url.clone();
        self.server = Some(AbortOnDropHandle::new(tokio::spawn(server.serve())));
        Ok(url)
    }
}

/// Replaces each experiment that is not FIS's by one of the scenario, since a rehearsal must not touch a real
/// system. Returns a note about it.
fn stand_ins(plan: &mut Plan) -> String {
    let mut names = Vec::new();
    for experiment in &mut plan.experiments {
        if !matches!(experiment.spec, EngineSpec::Fis { .. }) {
            experiment.spec =
                EngineSpec::Fis { template: TEMPLATE_ID.to_owned(), region: None, role_arn: None };
            names.push(experiment.name.as_str());
        }
    }
    if names.is_empty() {
        return String::new();
    }
    format!("; nothing of {} was started: the scenario's experiment stood in", names.join(", "))
}
