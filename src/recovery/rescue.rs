//! The end of a run after a panic: what it began is ended as by `faultgate stop`, in the same process but
//! over connections of its own, and everything that is known is reported.

use super::stop::{Stopped, Stopping};
use super::write_what_ended;
use crate::lifecycle::{Cancel, Known, Lifecycle, conclude};
use crate::state_file::RunJournal;
use crate::terminal::{MAX_LINE_CHARS, complain};
use faultgate_config::{ControlPlanes, Settings, StopSettings};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::model::{
    ExperimentPlan, ExperimentResult, ExperimentState, RehearsalNote, RunPhase, RunResult, RunState, Verdict,
};
use faultgate_core::panics;
use faultgate_core::panics::Panic;
use faultgate_core::text;

/// The duty to end what a run has begun, whatever breaks the run.
pub(crate) struct Rescuer<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) env: &'a Environment,
    pub(crate) cancel: &'a Cancel,
    pub(crate) clock: Clock,
    /// Note about the rehearsal, if the run is one.
    pub(crate) rehearsal: Option<&'a RehearsalNote>,
}

impl Rescuer<'_> {
    /// Does the work of a run. The error is the run's result if a panic came first, anywhere in this process.
    pub(crate) async fn work<T>(
        &self,
        lifecycle: Lifecycle<'_>,
        journal: &RunJournal<'_>,
        work: impl AsyncFnOnce(&Lifecycle<'_>) -> T,
    ) -> Result<T, RunResult> {
        let done = tokio::select! {
            // The panic is looked at first: after one, the outcome of the work cannot be trusted.
            biased;
            panic = panics::wait_for_panic() => Err(panic),
            done = panics::catch(panics::with_points("wait", work(&lifecycle))) => done,
        };
        // Another task may have panicked in the last moment of the work.
        let panic = match (done, panics::first()) {
            (Ok(done), None) => return Ok(done),
            (Ok(_), Some(panic)) | (Err(panic), _) => panic,
        };
        let known = lifecycle.take_known();
        // The tasks of the run end with it, so that they do not interfere with the stops.
        drop(lifecycle);
        Err(self.rescue(&panic, journal.state(), known).await)
    }

    /// Ends what a run has begun, and makes the result from what is known.
    async fn rescue(&self, panic: &Panic, mut state: RunState, known: Known) -> RunResult {
        // A second signal must not end the process before the stops have been sent.
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
        match panics::catch(stopping.end(&mut state)).await {
            Ok(Stopped { lines, mistakes, .. }) => {
                let told = lines.into_iter().chain(mistakes.iter().map(ToString::to_string));
                told.for_each(|line| complain(&text::plain(&line, MAX_LINE_CHARS)));
            }
            // The ending has panicked itself: the state before it still names everything that may be running.
            Err(_) => state = before,
        }
        // A rehearsal has nothing that outlives this process, so it needs no state file.
        if self.rehearsal.is_none() {
            write_what_ended(&self.settings.state_file, &state);
        }
        let Known { ended, calls } = known;
        // Experiments that had ended before the panic keep their real results.
        for (index, ended) in ended {
            state.experiments[index].outcome = Some(Box::new(ended));
        }
        for (plan, known) in plan.experiments.iter().zip(&mut state.experiments) {
            if known.outcome.is_none() {
                known.outcome = Some(Box::new(self.judge_broken(plan, known, panic)));
            }
        }
        state.handover.get_or_insert_default().add_calls(&calls);
        let mut result = conclude(plan, &state, self.clock.now());
        result.rehearsal = self.rehearsal.cloned();
        result.gate.break_off(panic.to_string());
        result
    }

    /// Returns the result of an experiment whose end only the stop after the panic has seen.
    fn judge_broken(
        &self,
        plan: &ExperimentPlan,
        known: &ExperimentState,
        panic: &Panic,
    ) -> ExperimentResult {
        let became = match known.phase {
            RunPhase::Planned => "it was not launched",
            RunPhase::Previewing => {
                "it was not launched, and its preview is NOT known to have ended: end it with faultgate stop"
            }
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
            preview: known.preview.clone(),
            ..ExperimentResult::planned(plan, self.settings.plan.monitor, Verdict::Errored, reason)
        }
    }

    fn stop_settings(&self) -> StopSettings {
        let settings = self.settings;
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
