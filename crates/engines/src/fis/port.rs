//! FIS behind the port: the requests of one experiment, from its check to its judgement.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::doubt::Doubting;
use super::error::failure;
use super::inbox::Inbox;
use super::outcome::FisContext;
use super::preflight::{Preflight, alarm_name, check_role, describe_alarms, get_lever, preflight};
use super::record::{RecordDetails, details, record};
use super::tracking::ExperimentTracking;
use super::{FisEngine, FisSettings, launch, outcome, watch};
use crate::{
    Admission, Channel, Engine, EngineFailure, FailureKind, Inspection, Judgement, Launched, Notary,
    Particulars, Preview, Record, StopCause, Takeover, Watcher,
};
use faultgate_core::model::{
    ExperimentPlan, Finding, Forecast, Intent, LaunchRecord, Level, Monitor, MonitorRecord, State,
    time_actions,
};
use faultgate_core::text;
use faultgate_net::aws::calls::{Calls, sum};

#[async_trait(?Send)]
impl Engine for FisEngine {
    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        let ids: BTreeSet<String> =
            experiments.iter().map(|experiment| experiment.spec.source().to_owned()).collect();
        let role = match self.settings.role.as_deref().map(check_role) {
            Some(finding) => Some(finding.await),
            None => None,
        };
        if role.as_ref().is_some_and(|finding| finding.level == Level::Error) {
            // Every other check would fail for the same reason.
            return role.into_iter().collect();
        }
        let Preflight { mut findings, templates, unread } =
            preflight(&self.clients, &self.place(), &ids).await;
        findings.splice(0..0, role);
        // The ARN of the template has the account, so no request of its own is needed for it.
        if let Some(place) = templates.values().find_map(|template| template.place.clone()) {
            *self.place.borrow_mut() = place;
        } else if self.settings.monitor == Monitor::Events && !templates.is_empty() {
            findings.push(Finding::new(
                Level::Error,
                "subscription",
                "FIS does not say in which account the template is, so no queue policy can be made; \
                 set monitor to queue or poll",
            ));
        }
        if let (Monitor::Queue, Some(queue)) = (self.settings.monitor, &self.settings.event_queue) {
            findings.extend(queue.look(&self.clients.counted).await);
        }
        *self.inbox.borrow_mut() = Inbox::new(ids, self.place()).feeding(self.settings.alarms.clone());
        *self.templates.borrow_mut() = templates;
        *self.unread.borrow_mut() = unread;
        findings.extend(self.tell_of_alarms_without_room());
        findings
    }

    async fn launch(
        &self,
        experiment: &ExperimentPlan,
        notary: &dyn Notary,
    ) -> Result<Launched, EngineFailure> {
        let launch = self.launch_of(experiment);
        let calls = self.calls_for(experiment);
        let doubting = Doubting { doubts: &self.doubts, name: launch.name, clock: self.clock, notary };
        let started = calls.count_in(launch.start(&self.clients, &self.place(), &doubting)).await;
        // A launch without an answer stays in doubt; any other outcome is certain.
        if started.as_ref().err().is_none_or(|failure| failure.kind != FailureKind::Unanswered) {
            self.doubts.settle(launch.name);
        }
        Ok(self.begin(&started?, calls, &launch))
    }

    async fn find_unanswered(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure> {
        if !self.doubts.is_in(&experiment.name) {
            return Ok(None);
        }
        let launch = self.launch_of(experiment);
        let calls = self.calls_for(experiment);
        let Some(found) = calls.count_in(launch.search(&self.clients, &self.place())).await? else {
            return Ok(None);
        };
        self.doubts.settle(launch.name);
        Ok(Some(self.begin(&found, calls, &launch)))
    }

    fn how_to_look(&self, experiment: &ExperimentPlan) -> Option<String> {
        self.doubts.how_to_look(&self.launch_of(experiment), &self.place())
    }

    async fn follow(&self, launched: &Launched, watcher: &dyn Watcher) -> Result<Record, EngineFailure> {
        let template = self.tracked.borrow().get(&launched.id).map(|tracking| tracking.template.clone());
        watch::follow(self.watching(&template.unwrap_or_default()), &launched.id, watcher).await
    }

    async fn stop(&self, launched: &Launched) -> Result<(), EngineFailure> {
        let stop = async {
            let request = self.clients.fis.stop_experiment().id(&launched.id).customize();
            let answer = request.config_override(self.clients.stopping(&self.cancelled)).send().await;
            answer.map(drop).map_err(|error| {
                failure(
                    error,
                    "StopExperiment",
                    format!("stop the experiment {}", launched.id),
                    &self.place(),
                )
            })
        };
        if let Some(tracking) = self.tracked.borrow_mut().get_mut(&launched.id) {
            tracking.stop_requested = true;
        }
        match self.calls_of(&launched.id).count_in(stop).await {
            // FIS refuses to stop an experiment that has ended, and may refuse one that is stopping, such
            // as by the safety lever. Its record says whether it is.
            Err(refused) if refused.kind == FailureKind::Refused => match self.look(launched).await {
                Ok(record) if record.has_ended() || record.state == State::Stopping => Ok(()),
                _ => Err(refused),
            },
            other => other,
        }
    }

    async fn look(&self, launched: &Launched) -> Result<Record, EngineFailure> {
        let place = self.place();
        let look = launch::get(&self.clients, &place, &launched.id);
        let experiment = self.calls_of(&launched.id).count_in(look).await?;
        if let Some(tracking) = self.tracked.borrow_mut().get_mut(&launched.id) {
            tracking.details = Some(details(&experiment));
        }
        Ok(record(&experiment, None))
    }

    async fn judge(&self, record: &Record, launched: &Launched, stop: Option<&StopCause>) -> Judgement {
        let tracking =
            self.tracked.borrow().get(&launched.id).cloned().unwrap_or_else(ExperimentTracking::new);
        let stop_alarms = self.stop_alarms(&tracking.template);
        // The record does not say who stopped an experiment.
        let asks = stop.is_none() && matches!(record.state, State::Stopped | State::Cancelled);
        let place = self.place();
        let (alarms, lever) = if asks {
            let alarms = async {
                let names = stop_alarms.iter().map(|arn| alarm_name(arn));
                if stop_alarms.is_empty() {
                    Ok(Vec::new())
                } else {
                    describe_alarms(&self.clients, &place, names).await
                }
            };
            let gather =
                tracking.calls.count_in(async { tokio::join!(alarms, get_lever(&self.clients, &place)) });
            tokio::select! {
                biased;
                (alarms, lever) = gather => (alarms.ok(), lever.ok()),
                () = self.cancelled.cancelled() => (None, None),
            }
        } else {
            (None, None)
        };
        let FisSettings { run, .. } = &self.settings;
        let of = |details: &RecordDetails| details.foreign(&tracking.template, &run.id, &tracking.name);
        let foreign = tracking.details.as_ref().and_then(of);
        outcome::judge(
            record,
            &FisContext {
                dry_run: self.settings.dry_run,
                injection: self.settings.injection,
                stop,
                alarms: alarms.as_deref(),
                told: &tracking.alarms,
                lever: lever.as_deref(),
                announced: tracking.announced.as_deref(),
                details: tracking.details.as_ref(),
                foreign: foreign.as_deref(),
                accounts: tracking.accounts.as_ref(),
            },
        )
    }

    fn monitoring(&self, experiment: &ExperimentPlan, id: Option<&str>) -> MonitorRecord {
        let mut monitoring = MonitorRecord::new(self.settings.monitor);
        let inbox = self.inbox();
        monitoring.malformed = inbox.count_malformed();
        monitoring.let_go = inbox.count_let_go();
        let own = self.launches.borrow().get(&experiment.name).map(Calls::snapshot).unwrap_or_default();
        monitoring.api_calls = sum(self.clients.counted.shared.snapshot(), own);
        if let Some(id) = id {
            monitoring.events = inbox.count_received(id);
            monitoring.duplicates = inbox.count_duplicates(id);
        }
        if let Some(tracking) = id.and_then(|id| self.tracked.borrow().get(id).cloned()) {
            monitoring.reconciliations = tracking.reconciliations;
            monitoring.learned = tracking.learned;
        }
        monitoring
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.clients.counted.total.snapshot()
    }

    fn stop_command(&self, launched: &Launched) -> String {
        text::code(&format!("aws fis stop-experiment --region {} --id {}", self.place().region, launched.id))
    }

    fn particulars(&self, experiment: &ExperimentPlan) -> Particulars {
        Particulars {
            region: Some(self.place().region),
            stop_conditions: self.stop_alarms(experiment.spec.source()),
        }
    }

    fn forecast(&self, experiment: &ExperimentPlan, _launched: &Launched) -> Forecast {
        let timed = Inspection::template(self, experiment).and_then(|facts| time_actions(&facts.actions));
        let actions = timed.unwrap_or_default();
        Forecast { lasts: actions.iter().map(|action| action.ends).max(), actions }
    }

    fn takeover(&self) -> &dyn Takeover {
        self
    }

    fn inspection(&self) -> Option<&dyn Inspection> {
        Some(self)
    }

    fn admission(&self) -> Option<&dyn Admission> {
        Some(self)
    }

    fn preview(&self) -> Option<&dyn Preview> {
        Some(self)
    }

    fn channel(&self) -> Option<&dyn Channel> {
        Some(self)
    }
}

impl Takeover for FisEngine {
    fn adopt(&self, experiment: &ExperimentPlan, launch: &LaunchRecord) -> Launched {
        let launched = Launched::by_another(launch);
        self.inbox().claim(&launched.id);
        let calls = self.calls_for(experiment);
        let ExperimentPlan { spec, name, .. } = experiment;
        let tracking = ExperimentTracking::begin(calls, &launched.first, spec.source(), name).mark_adopted();
        self.tracked.borrow_mut().insert(launched.id.clone(), tracking);
        launched
    }

    fn recall(&self, experiment: &ExperimentPlan, intent: &Intent) {
        self.doubts.recall(&experiment.name, intent);
    }
}
