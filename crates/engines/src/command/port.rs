//! Local commands behind the port.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::context::{CommandContext, by_hand};
use super::end::{self, CommandProgress};
use super::engine::{
    CommandEngine, CommandTracking, NOT_STARTED, cannot_start, fail_as_unfollowed, fail_as_unknown,
};
use super::outcome;
use crate::{Engine, EngineFailure, Judgement, Launched, Notary, Record, StopCause, Takeover, Watcher};
use faultgate_core::model::{
    CommandSpec, EngineSpec, ExperimentPlan, Finding, Intent, LaunchRecord, Monitor, MonitorRecord, Source,
    State, Trace, Transition,
};
use faultgate_core::processes::group as process_group;

#[async_trait(?Send)]
impl Engine for CommandEngine {
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        experiments.iter().flat_map(|experiment| self.look_at(experiment)).collect()
    }

    async fn launch(
        &self,
        experiment: &ExperimentPlan,
        notary: &dyn Notary,
    ) -> Result<Launched, EngineFailure> {
        let EngineSpec::Command(spec) = &experiment.spec else {
            return Err(fail_as_unknown(&experiment.name));
        };
        let name = &experiment.name;
        if !self.settings.dry_run {
            // The start is noted before it happens, so that a takeover can end the command of a run that was
            // killed between the two.
            notary.intend(Intent::default()).await;
        }
        let (id, process, progress) = if self.settings.dry_run {
            (format!("command-{name}-dry-run"), None, watch::channel(CommandProgress::default()).1)
        } else {
            let (id, process, progress) =
                self.begin(name, spec).map_err(|error| cannot_start(&spec.run, error))?;
            (id, Some(process), progress)
        };
        let now = self.clock.now();
        let (state, raw) = match process {
            Some(_) => (State::Running, "running"),
            None => (State::Completed, NOT_STARTED),
        };
        let first = Transition {
            state,
            raw_state: raw.to_owned(),
            at: now,
            observed_at: now,
            source: Source::Launch,
            reason: None,
        };
        let tracking = CommandTracking { spec: spec.clone(), process, progress, told: 0 };
        self.lives.borrow_mut().insert(id.clone(), tracking);
        Ok(Launched { id, url: None, first })
    }

    /// Finds what another process may have started. A start by this process is always answered at once.
    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure> {
        let recalled = format!("command-{}", experiment.name);
        if !self.orphans.borrow().contains_key(&recalled) {
            return Ok(None);
        }
        let launch = LaunchRecord { id: recalled, url: None, at: self.clock.now(), trace: Trace::default() };
        Ok(Some(Launched::by_another(&launch)))
    }

    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, EngineFailure> {
        let id = &launched.id;
        let progress = self.lives.borrow().get(id).map(|tracking| tracking.progress.clone());
        let mut progress = progress.ok_or_else(|| fail_as_unknown(id))?;
        loop {
            // The mark comes before the read: a change during the read then ends the wait below at once.
            progress.mark_unchanged();
            let (news, record) = self.news(id)?;
            for transition in news {
                watcher.transition(transition);
            }
            if let Some(record) = record {
                return Ok(record);
            }
            if progress.changed().await.is_err() {
                return Err(fail_as_unfollowed(id, "its watch has ended before it"));
            }
        }
    }

    /// Asks for a stop. The rest is up to the experiment's life: the `stop` command, SIGTERM, then SIGKILL.
    async fn stop(&self, launched: &Launched) -> Result<(), EngineFailure> {
        let orphan = self.orphans.borrow().get(&launched.id).cloned();
        if let Some(orphan) = orphan {
            return orphan.stop(self.settings.limits).await;
        }
        let lives = self.lives.borrow();
        let tracking = lives.get(&launched.id).ok_or_else(|| fail_as_unknown(&launched.id))?;
        if let Some(process) = &tracking.process {
            process.stop_asked.cancel();
        }
        Ok(())
    }

    async fn look(&self, launched: &Launched) -> Result<Record, EngineFailure> {
        if let Some(orphan) = self.orphans.borrow().get(&launched.id) {
            return Ok(orphan.record());
        }
        let lives = self.lives.borrow();
        let tracking = lives.get(&launched.id).ok_or_else(|| fail_as_unknown(&launched.id))?;
        let progress = tracking.progress.borrow();
        Ok(tracking.record(&progress).unwrap_or_else(|| {
            let last = progress.transitions.last().unwrap_or(&launched.first);
            Record {
                state: last.state,
                raw_state: last.raw_state.clone(),
                started_at: Some(launched.first.at),
                ..Record::unknown()
            }
        }))
    }

    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement {
        let lives = self.lives.borrow();
        let Some(tracking) = lives.get(&launched.id) else {
            return Judgement::errored(fail_as_unknown(&launched.id).to_string());
        };
        let progress = tracking.progress.borrow();
        let context = CommandContext {
            spec: &tracking.spec,
            end: progress.end.as_ref(),
            dry_run: self.settings.dry_run,
            injection: self.settings.injection,
            stop,
        };
        outcome::judge(record, &context)
    }

    fn monitoring(&self, _experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord {
        let mut monitoring = MonitorRecord::new(Monitor::Events);
        if let Some(tracking) = id.and_then(|id| self.lives.borrow().get(id).map(|tracking| tracking.told)) {
            monitoring.events = tracking as u64;
            "by the end of its process".clone_into(&mut monitoring.learned);
        }
        monitoring
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn stop_command(&self, launched: &Launched) -> String {
        if let Some(orphan) = self.orphans.borrow().get(&launched.id) {
            return orphan.stop_by_hand();
        }
        let lives = self.lives.borrow();
        let Some(tracking) = lives.get(&launched.id) else { return String::new() };
        let stop = tracking.spec.stop.as_ref().map(|stop| stop.shown.clone());
        let survivors = tracking.progress.borrow().end.as_ref().map(|end| end::pids(&end.survivors));
        // A stop command is enough unless processes are known to survive it; without one the group has to be
        // killed.
        let kill = match survivors {
            Some(survivors) if !survivors.is_empty() => Some(format!("kill -s KILL {survivors}")),
            Some(_) if stop.is_some() => None,
            _ => {
                let group = tracking.process.as_ref().map(|process| process.group.id());
                Some(format!("kill -s KILL -- -{}", group.unwrap_or_default())).filter(|_| stop.is_none())
            }
        };
        by_hand(&stop.into_iter().chain(kill).collect::<Vec<_>>().join("; "))
    }

    fn stop_takes(&self, experiment: &ExperimentPlan) -> Duration {
        match experiment.spec.as_command() {
            Some(CommandSpec { stop: Some(_), stop_within, .. }) => *stop_within,
            Some(CommandSpec { stop: None, .. }) | None => Duration::ZERO,
        }
    }

    fn takeover(&self) -> &dyn Takeover {
        self
    }
}

impl Takeover for CommandEngine {
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        self.take_up(launch.id.clone(), experiment, launch.trace.process.clone());
        Launched::by_another(launch)
    }

    fn recall(&self, experiment: &ExperimentPlan, _intent: &Intent) {
        self.take_up(format!("command-{}", experiment.name), experiment, None);
    }

    fn trace(&self, launched: &Launched) -> Trace {
        let lives = self.lives.borrow();
        let process = lives.get(&launched.id).and_then(|tracking| tracking.process.as_ref());
        let process = process.and_then(|process| process_group::identity(process.group.id()));
        Trace { launched_experiment: None, process }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
