//! A control plane behind the port.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::outcome::RunContext;
use super::tracking::{RunEnd, RunNews, RunTracking};
use super::{
    Asked, ControlPlaneEngine, MAX_RETRY_PAUSE, RETRY_PAUSE, RunKey, STOP_TRIES, TroubleKind, outcome,
};
use crate::{Engine, EngineFailure, Judgement, Launched, Notary, Record, StopCause, Takeover, Watcher};
use faultgate_core::model::{
    ExperimentPlan, Finding, Forecast, Intent, LaunchRecord, Monitor, MonitorRecord, Trace,
};

#[async_trait(?Send)]
impl Engine for ControlPlaneEngine {
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        self.manager.check(experiments).await
    }

    async fn launch(
        &self,
        experiment: &ExperimentPlan,
        notary: &dyn Notary,
    ) -> Result<Launched, EngineFailure> {
        if self.settings.dry_run {
            return Ok(self.dry_run(experiment));
        }
        self.launch_of(experiment).launch(notary).await
    }

    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure> {
        self.launch_of(experiment).find_unanswered().await
    }

    fn how_to_look(&self, experiment: &ExperimentPlan) -> Option<String> {
        self.launch_of(experiment).how_to_look()
    }

    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, EngineFailure> {
        let id = &launched.id;
        self.change(id, |_| ())?;
        let _followed = self.poller.follow(id);
        loop {
            // The wait for a change begins before the state is read: none between the two is missed.
            let changed = self.poller.news();
            let take_state = |tracking: &mut RunTracking| {
                let news = std::mem::take(&mut tracking.news);
                let record = (tracking.dry_run || tracking.end.is_some()).then(|| tracking.record());
                (news, record, tracking.seen_at.is_some(), tracking.gave_up.clone())
            };
            let (news, record, is_over, gave_up) = self.change(id, take_state)?;
            for news in news {
                match news {
                    RunNews::Transition(transition) => watcher.transition(transition),
                    RunNews::Warning(message) => watcher.warning(&message),
                }
            }
            if let Some(record) = record {
                return Ok(record);
            }
            if let Some(why) = gave_up {
                return Err(self.gave_up(id, &why));
            }
            if is_over {
                self.end(id).await?;
            } else {
                self.poller.wait(self.manager.as_ref(), changed).await;
            }
        }
    }

    async fn stop(&self, launched: &Launched) -> Result<(), EngineFailure> {
        let id = &launched.id;
        let done = self.change(id, |tracking| {
            tracking.stop_was_asked(Instant::now());
            tracking.dry_run || tracking.is_over()
        })?;
        if done {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let Err(trouble) = self.ask_to_stop(id).await else {
                self.poller.hurry();
                return Ok(());
            };
            tries += 1;
            self.change(id, |tracking| tracking.stop_trouble = Some(trouble.clone()))?;
            // A run that has ended cannot be stopped, and its record says whether it has. A run without an id
            // may get one.
            let refused = matches!(trouble.kind, TroubleKind::Refused | TroubleKind::Missing);
            if refused && self.read(id).await.is_ok_and(|record| record.has_ended()) {
                return Ok(());
            }
            let has_no_id = self.change(id, |tracking| tracking.key.run_id.is_none())?;
            let again = trouble.kind == TroubleKind::Limited || (refused && has_no_id && tries < STOP_TRIES);
            if !again {
                return Err(self.failure(&trouble, Asked::Stop, format!("stop the run {id}")));
            }
            let pause = self.poller.backoff(RETRY_PAUSE, MAX_RETRY_PAUSE, tries - 1);
            sleep(trouble.wait.map_or(pause, |wait| wait.clamp(RETRY_PAUSE, MAX_RETRY_PAUSE))).await;
        }
    }

    fn stop_so_far(&self, launched: &Launched) -> Option<EngineFailure> {
        let trouble = self.poller.change(&launched.id, |tracking| tracking.stop_trouble.clone())??;
        Some(self.failure(&trouble, Asked::Stop, format!("stop the run {}", launched.id)))
    }

    async fn look(&self, launched: &Launched) -> Result<Record, EngineFailure> {
        let known = self.change(&launched.id, |tracking| {
            (tracking.dry_run || tracking.seen_at.is_some()).then(|| tracking.record())
        })?;
        match known {
            Some(record) => Ok(record),
            None => self.read(&launched.id).await,
        }
    }

    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement {
        let known = self.change(&launched.id, |tracking| (tracking.run.clone(), tracking.end.clone()));
        let (run, end) = match known {
            Ok(known) => known,
            Err(failure) => {
                return Judgement::errored(failure.to_string());
            }
        };
        let not_asked = "they were not asked for".to_owned();
        let RunEnd { execution, unread } = end.unwrap_or(RunEnd { execution: None, unread: Some(not_asked) });
        outcome::judge(
            record,
            &RunContext {
                title: self.manager.title(),
                dry_run: self.settings.dry_run,
                injection: self.settings.injection,
                stop,
                run: run.as_ref(),
                execution: execution.as_ref(),
                unread: unread.as_deref(),
            },
        )
    }

    fn monitoring(&self, _experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord {
        let mut monitoring = MonitorRecord::new(Monitor::Poll);
        // One request may tell of several runs, so each experiment is told the calls of all.
        monitoring.api_calls = self.manager.calls();
        let known = id.and_then(|id| self.poller.change(id, |tracking| (tracking.seen_at, tracking.reads)));
        if let Some((Some(_), reads)) = known {
            monitoring.learned = format!("by asking {}, {reads} times", self.manager.title());
        }
        monitoring
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.manager.calls()
    }

    fn stop_command(&self, launched: &Launched) -> String {
        let key = self.poller.change(&launched.id, |tracking| tracking.key.clone());
        let title = self.manager.title();
        key.map_or_else(
            || format!("the console of {title}: {}", launched.id),
            |key| self.manager.stop_by_hand(&key),
        )
    }

    fn forecast(&self, _experiment: &ExperimentPlan, launched: &Launched) -> Forecast {
        let lasts = self.poller.change(&launched.id, |tracking| tracking.expected_duration());
        Forecast { lasts: lasts.flatten(), actions: Vec::new() }
    }

    fn takeover(&self) -> &dyn Takeover {
        self
    }
}

impl Takeover for ControlPlaneEngine {
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        if self.settings.dry_run {
            return self.dry_run(experiment);
        }
        let known = launch.trace.launched_experiment.as_deref();
        let key = RunKey {
            experiment: known.unwrap_or(experiment.spec.source()).to_owned(),
            notify_id: launch.id.clone(),
            run_id: None,
        };
        self.poller.begin(self.manager.as_ref(), key, None);
        Launched::by_another(launch)
    }

    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent) {
        self.launch_of(experiment).recall(intent);
    }

    fn trace(&self, launched: &Launched) -> Trace {
        let launched_experiment =
            self.poller.change(&launched.id, |tracking| tracking.key.experiment.clone());
        Trace { launched_experiment, process: None }
    }
}
