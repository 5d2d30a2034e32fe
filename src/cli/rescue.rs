//! What becomes of a run that a panic ends: what it began is ended as by `faultgate stop`, in the same process but with
//! connections of their own, and all that is known is reported.

use super::complain;
use super::run::Session;
use super::stop::write_what_ended;
use super::stopping::{Stopped, Stopping};
use crate::lifecycle::{Known, Lifecycle, conclude};
use crate::state_file::RunJournal;
use faultgate_config::{ControlPlanes, StopSettings};
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, ExperimentState, RunPhase, RunResult, RunState, Verdict,
};
use faultgate_core::panics;
use faultgate_core::panics::Panic;
use faultgate_core::text;

/// Longest line told.
const LONGEST: usize = 2_000;

impl Session<'_> {
    /// Does the work of a run. The error is the run's result where a panic came first, anywhere in this process.
    pub(super) async fn unless_broken<T>(
        &self,
        lifecycle: Lifecycle<'_>,
        journal: &RunJournal<'_>,
        work: impl AsyncFnOnce(&Lifecycle<'_>) -> T,
    ) -> Result<T, RunResult> {
        let done = tokio::select! {
            biased;
            panic = panics::came() => Err(panic),
            done = panics::caught(panics::pointed("wait", work(&lifecycle))) => done,
        };
        // What panicked may have been another task, in the last moment of the work.
        let panic = match (done, panics::first()) {
            (Ok(done), None) => return Ok(done),
            (Ok(_), Some(panic)) | (Err(panic), _) => panic,
        };
        let known = lifecycle.known();
        // Its tasks end with it.
        drop(lifecycle);
        Err(self.rescue(&panic, journal.state(), known).await)
    }

    /// Ends what a run has begun, and makes its result of what is known.
    async fn rescue(&self, panic: &Panic, mut state: RunState, known: Known) -> RunResult {
        // A second signal ends nothing before the stops have gone out.
        let _duty = self.cancel.take_duty();
        let plan = &self.settings.plan;
        let settings = self.stop_settings();
        let stopping = Stopping {
            settings: &settings,
            env: self.env,
            commands: &plan.experiments,
            veil: &self.settings.veil,
            clock: self.clock,
        };
        let before = state.clone();
        match panics::caught(stopping.end(&mut state)).await {
            Ok(Stopped { lines, mistakes, .. }) => {
                let told = lines.into_iter().chain(mistakes.iter().map(ToString::to_string));
                told.for_each(|line| complain(&text::plain(&line, LONGEST)));
            }
            Err(_) => state = before,
        }
        // Nothing of a rehearsal outlives this process.
        if self.rehearsal.is_none() {
            write_what_ended(&self.settings.state_file, &state);
        }
        let Known { ended, calls } = known;
        for (index, ended) in ended {
            state.experiments[index].outcome = Some(Box::new(ended));
        }
        for (plan, known) in plan.experiments.iter().zip(&mut state.experiments) {
            if known.outcome.is_none() {
                known.outcome = Some(Box::new(self.broken(plan, known, panic)));
            }
        }
        state.handover.get_or_insert_default().add_calls(&calls);
        let mut result = conclude(plan, &state, self.clock.now());
        result.rehearsal.clone_from(&self.rehearsal);
        result.gate.break_off(panic.to_string());
        result
    }

    /// An experiment whose end only `faultgate stop` has seen.
    fn broken(&self, plan: &ExperimentPlan, known: &ExperimentState, panic: &Panic) -> ExperimentResult {
        let became = match known.phase {
            RunPhase::Planned => "it was not launched",
            RunPhase::Over => "it was stopped",
            RunPhase::Intended | RunPhase::Launched => {
                "it is NOT known to be stopped: end it with faultgate stop, and look at it"
            }
        };
        let reason = format!("{became}; {panic}");
        let launch = known.launch.as_ref();
        ExperimentResult {
            id: launch.map(|launch| launch.id.clone()),
            url: launch.and_then(|launch| launch.url.clone()),
            ..ExperimentResult::planned(plan, self.settings.plan.monitor, Verdict::Errored, reason)
        }
    }

    fn stop_settings(&self) -> StopSettings {
        let settings = &self.settings;
        StopSettings {
            region: settings.region.clone(),
            role_arn: settings.role_arn.clone(),
            tokens: settings.tokens.clone(),
            control_planes: ControlPlanes::of(&settings.plan.experiments),
            litmus_username: settings.litmus_username.clone(),
            http: settings.http.clone(),
            log_format: settings.log_format,
            warnings: Vec::new(),
        }
    }
}
