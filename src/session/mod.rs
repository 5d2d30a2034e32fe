//! The session of a run, which `run`, `check`, `rehearse`, `launch`, `monitor` and `score` share: [`RunSession`]
//! connects, makes the sinks, and writes the reports at the end.
//!
//! - [`whole`] is a run in one process, and its check; [`split`] is a run in three steps; [`resume`] takes up the
//!   state that the first step has left.
//! - [`audience`] are the sinks while a run goes on; [`rendering`] makes the reports of a result that exists, and
//!   [`merging`] those of the results of a suite's parts.
//!
//! The run itself is the lifecycle's. What a session does in vain is a refusal or a report, never a panic.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::MultiProgress;

mod audience;
pub(crate) mod merging;
pub(crate) mod provenance;
pub(crate) mod rendering;
pub(crate) mod resume;
pub(crate) mod split;
pub(crate) mod whole;

use self::audience::Audience;
use crate::ids::make_id;
use crate::lifecycle::{Cancel, Equipment, Guard, Herald, Journal, Lifecycle, Misfit, RunInputs, Share};
use crate::recovery::rescue::Rescuer;
use crate::state_file::{self, Hold, NotHeld};
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::refuse_run;
use crate::terminal::{complain, say};
use crate::wiring::endpoints::Endpoints;
use crate::wiring::engines::{ControlPlaneCredentials, Wiring};
use crate::wiring::guard::PolicyGuard;
use crate::wiring::places::AccountPlace;
use crate::wiring::rehearsal::Rehearsed;
use crate::wiring::sinks::Reporting;
use crate::wiring::surroundings::find_surroundings;
use faultgate_config::Settings;
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    ExperimentPlace, ExperimentState, RehearsalNote, RunEvent, RunIdentity, RunResult, RunState,
    SubscriptionState, Verdict,
};
use faultgate_engines::fis::RunStep;
use faultgate_policy::Policy;
use faultgate_rehearsal::Scenario;
use faultgate_report as report;
use faultgate_report::ci::Surroundings;

/// Longest time of all reporting after the end of a run.
const REPORT_TIMEOUT: Duration = Duration::from_secs(20);

/// Takes the state file for this process, so that no other process overwrites what it has begun. `who` tells
/// others who holds it. None, with a warning, if the file system cannot lock.
pub(crate) fn hold_state_file(
    path: &Path,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<Hold>, Mistake> {
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

/// Removes every report except these files. A report that cannot be removed is only a warning.
pub(crate) fn clear_reports(report_dir: &Path, kept: &[PathBuf]) {
    for problem in report::clear(report_dir, kept) {
        complain(&format!("warning: a report of an earlier run stays: {problem}"));
    }
}

/// The data that every step of a run needs.
pub(crate) struct RunSession<'a> {
    pub(crate) settings: Settings,
    /// The policies that a launch has to keep.
    policies: Vec<Policy>,
    env: &'a Environment,
    cancel: &'a Cancel,
    pub(crate) clock: Clock,
    step: RunStep,
    /// Characters that are new for each invocation, at the end of the run's id.
    id: String,
    surroundings: Surroundings,
    pub(crate) identity: RunIdentity,
    screen: MultiProgress,
    /// The embedded world of a rehearsal.
    rehearsed: Option<Rehearsed>,
}

impl<'a> RunSession<'a> {
    /// Makes the session of a whole run. Live lines are drawn on the `screen` of the log.
    pub(crate) fn new(
        settings: Settings,
        env: &'a Environment,
        cancel: &'a Cancel,
        screen: MultiProgress,
    ) -> Self {
        let id = make_id();
        let surroundings = find_surroundings(&settings.of_reports(), env);
        let plan_run = settings.plan_run.clone();
        Self {
            identity: RunIdentity { plan_run, ..surroundings.identity(&id) },
            surroundings,
            settings,
            policies: Vec::new(),
            env,
            cancel,
            clock: Clock::start(),
            step: RunStep::Whole,
            id,
            screen,
            rehearsed: None,
        }
    }

    /// Makes this the session of a run that has to keep these policies.
    pub(crate) fn under(self, policies: Vec<Policy>) -> Self {
        Self { policies, ..self }
    }

    /// Returns the guard by which the policies are applied.
    pub(crate) fn guard(&self) -> PolicyGuard<'_> {
        PolicyGuard { policies: &self.policies, clock: self.clock }
    }

    /// Makes this the session of one step of a run.
    pub(crate) fn for_step(self, step: RunStep) -> Self {
        Self { step, ..self }
    }

    /// Makes this the session of a run that another process has begun.
    pub(crate) fn for_run(self, run: &RunIdentity) -> Self {
        Self { identity: run.clone(), ..self }
    }

    /// Rewrites the plan for an embedded world, if the settings ask for a rehearsal. `fault` is the length of
    /// the fault, if not that of the scenario.
    pub(crate) async fn rehearse(mut self, fault: Option<Duration>) -> Result<Self, Mistake> {
        let Some(scenario) = self.settings.rehearsal.as_deref().and_then(Scenario::find) else {
            return Ok(self);
        };
        let rehearsed = Rehearsed::prepare(self.settings.plan.clone(), scenario, fault, self.clock).await?;
        self.settings.plan.clone_from(&rehearsed.plan);
        Ok(Self { rehearsed: Some(rehearsed), ..self })
    }

    /// Returns the note about the rehearsal, if this is one.
    pub(crate) fn rehearsal_note(&self) -> Option<&RehearsalNote> {
        self.rehearsed.as_ref().map(|rehearsed| &rehearsed.note)
    }

    /// Makes the sinks, and tells them the warnings about settings that may not do what the user expects.
    pub(crate) fn open_audience(&self) -> Audience {
        if !self.settings.origins.is_empty() {
            say(&format!("settings from the environment: {}", self.settings.origins.join(", ")));
        }
        let reporting = self.reporting();
        let audience = Audience::new(reporting.make_sinks(), self.settings.veil.clone());
        for warning in self.settings.warnings.iter().chain(&reporting.warnings()) {
            audience.warn(warning);
        }
        audience
    }

    /// Writes all reports, and returns the exit code.
    pub(crate) async fn finish(&self, audience: Audience, result: RunResult) -> u8 {
        let mut result = report::veil_result(result, &self.settings.veil);
        let mut sinks = audience.into_sinks();
        let plan = &self.settings.plan;
        // After a signal the reports get only their share of the time until the CI kills the step.
        let within = self.cancel.shorten_limit(REPORT_TIMEOUT, Share::Report);
        let cut = self.cancel.wait_until_used_up(Share::Report);
        report::finish(&mut sinks, &mut result, plan.reporting_must_succeed, within, cut).await;
        let medium = find_medium(Output::Stdout, self.env);
        say(&report::closing(&result, &plan.report_dir.display().to_string(), medium));
        result.gate.exit_code
    }

    /// Connects to the engines, unless a signal comes first. The error is the exit code.
    pub(crate) async fn connect_unless_cancelled(&self) -> Result<Vec<Equipment>, u8> {
        match self.cancel.within(Duration::MAX, Share::Launch, self.connect()).await {
            Some(Ok(connected)) => Ok(connected),
            Some(Err(mistake)) => Err(refuse_run(&[mistake], self.env)),
            None => Err(Verdict::Cancelled.exit_code(self.cancel.signal())),
        }
    }

    /// Takes the state file of this run. Returns the lock, and the subscriptions that earlier runs have left
    /// and that the file must not forget.
    pub(crate) fn take_state_file(&mut self) -> Result<(Option<Hold>, Vec<SubscriptionState>), Mistake> {
        if self.settings.rehearsal.is_some() {
            return Ok((None, Vec::new()));
        }
        let path = self.settings.state_file.clone();
        let who = format!("run {}", self.identity.id);
        let held = hold_state_file(&path, &who, &mut self.settings.warnings)?;
        let left = state_file::find_left_subscriptions(&path).map_err(|why| {
            let place = path.display().to_string();
            Mistake::new(&place, format!("{place} {}", why.what)).maybe_hint(why.hint)
        })?;
        Ok((held, left))
    }

    /// Returns the state of a run that has begun nothing.
    pub(crate) fn make_state(&self, connected: &[Equipment], left: Vec<SubscriptionState>) -> RunState {
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

    /// Returns the duty to end what this run has begun, if a panic breaks it.
    pub(crate) fn rescuer(&self) -> Rescuer<'_> {
        Rescuer {
            settings: &self.settings,
            env: self.env,
            cancel: self.cancel,
            clock: self.clock,
            rehearsal: self.rehearsal_note(),
        }
    }

    pub(crate) fn make_lifecycle<'s>(
        &'s self,
        connected: Vec<Equipment>,
        journal: &'s dyn Journal,
        guard: &'s dyn Guard,
        herald: Option<&'s dyn Herald>,
        publish: &'s dyn Fn(&RunEvent<'_>),
    ) -> Result<Lifecycle<'s>, Mistake> {
        let inputs = RunInputs {
            plan: &self.settings.plan,
            run: &self.identity,
            rehearsal: self.rehearsal_note().cloned(),
            journal,
            clock: self.clock,
            cancel: self.cancel,
            publish,
        };
        let lifecycle = Lifecycle::new(inputs, connected);
        let misfit = |misfit: Misfit| Mistake::new("the plan", misfit.to_string());
        let length = self.rehearsed.as_ref().map(|rehearsed| rehearsed.length);
        let ready =
            |lifecycle: Lifecycle<'s>| lifecycle.guarded_by(guard).heralded_by(herald).rehearsed_for(length);
        lifecycle.map(ready).map_err(misfit)
    }

    pub(crate) fn reporting(&self) -> Reporting<'_> {
        Reporting {
            settings: self.settings.of_reports(),
            env: self.env,
            surroundings: &self.surroundings,
            clock: self.clock,
            id: &self.id,
            screen: &self.screen,
            is_merge: false,
        }
    }

    /// Connects to the real engines or, in a rehearsal, to the embedded world.
    pub(crate) async fn connect(&self) -> Result<Vec<Equipment>, Mistake> {
        let endpoints = match &self.rehearsed {
            None => Endpoints::Real(self.settings.http.clone()),
            Some(rehearsed) => Endpoints::Embedded(rehearsed.url.clone()),
        };
        let Settings { plan, region, role_arn, http, tokens, litmus_username, veil, .. } = &self.settings;
        let wiring = Wiring {
            run: &self.identity,
            step: self.step,
            endpoints: &endpoints,
            http,
            env: self.env,
            veil,
            credentials: ControlPlaneCredentials { tokens, litmus_username: litmus_username.as_deref() },
            clock: self.clock,
            cancel: self.cancel,
        };
        let usual = AccountPlace { region: region.clone(), role_arn: role_arn.clone() };
        wiring.connect_plan(plan, &usual).await
    }
}
