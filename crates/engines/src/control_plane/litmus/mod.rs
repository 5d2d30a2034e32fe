//! LitmusChaos 3.x as a control plane: the GraphQL API of its ChaosCenter. No request ever stops a run that
//! is not ours.
//!
//! `center` is one project, `client` the way in and `session` the token; `queries` has the requests and
//! `answers` reads what comes back. `check` looks at everything before a launch. `refusals` knows what
//! refusals mean, `remedies` what to do about them, and `links` what a person can do without faultgate.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use self::answers::{LaunchAnswer, RecentAnswer, RunAnswer, RunDetailsAnswer, StopAnswer};
use self::center::theirs;
use crate::control_plane::{Asked, Manager, Run, RunDetails, RunKey, Trouble, TroubleKind};
use faultgate_core::model::{ExperimentPlan, Finding};

mod answers;
mod center;
mod check;
mod client;
mod links;
mod queries;
mod refusals;
mod remedies;
mod session;

pub use center::Litmus;
pub use session::LitmusCredentials;

/// Number of an experiment's last runs that are listed: to learn how long it takes, and to find the run of a
/// lost launch.
const RECENT_RUNS: u32 = 10;
/// Number of runs that are read at once.
const MAX_READS_AT_ONCE: usize = 16;
#[async_trait(?Send)]
impl Manager for Litmus {
    fn title(&self) -> &'static str {
        "LitmusChaos"
    }

    async fn check(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        check::check(self, experiments).await
    }

    async fn launch(&self, experiment: &ExperimentPlan) -> Result<RunKey, Trouble> {
        let experiment = experiment.spec.source();
        let variables = json!({ "projectID": self.project, "experimentID": experiment });
        let launched: LaunchAnswer = self.ask(&queries::RUN, variables).await?;
        Ok(RunKey {
            experiment: experiment.to_owned(),
            notify_id: launched.run_chaos_experiment.notify_id,
            run_id: None,
        })
    }

    async fn read(&self, runs: &[RunKey]) -> Vec<Result<Option<Run>, Trouble>> {
        // There is no request for several runs, so each takes one.
        let reading = runs.iter().map(|run| self.read_one(run));
        stream::iter(reading).buffered(MAX_READS_AT_ONCE).collect().await
    }

    fn requests(&self, runs: usize) -> usize {
        runs
    }

    async fn details(&self, run: &RunKey) -> Result<RunDetails, Trouble> {
        let answer: RunAnswer<RunDetailsAnswer> = self.ask(&queries::DETAILS, self.finding(run)?).await?;
        let details = answer.get_experiment_run;
        // The details of another run must not be taken for those of this one.
        theirs(run, details.notify_id.as_deref())?;
        Ok(details.into_details())
    }

    async fn recent(&self, experiment: &ExperimentPlan) -> Result<Vec<Run>, Trouble> {
        let experiment = experiment.spec.source();
        let request = json!({
            "experimentIDs": [experiment],
            "sort": { "field": "TIME", "ascending": false },
            "pagination": { "page": 0, "limit": RECENT_RUNS },
        });
        let variables = json!({ "projectID": self.project, "request": request });
        let recent: RecentAnswer = self.ask(&queries::RECENT, variables).await?;
        Ok(recent.list_experiment_run.into_runs().collect())
    }

    async fn stop(&self, run: &RunKey) -> Result<(), Trouble> {
        let Some(run_id) = self.stoppable(run).await? else { return Ok(()) };
        let variables =
            json!({ "projectID": self.project, "experimentID": run.experiment, "experimentRunID": run_id });
        let stopped: StopAnswer = self.ask(&queries::STOP, variables).await?;
        if stopped.stop_experiment_runs {
            return Ok(());
        }
        Err(Trouble::new(TroubleKind::Refused, "LitmusChaos answered that it has stopped nothing"))
    }

    fn link(&self, run: &RunKey) -> Option<String> {
        links::link(&self.client.url, &self.project, run)
    }

    fn stop_by_hand(&self, run: &RunKey) -> String {
        links::stop(&self.client, &self.project, run)
    }

    fn remedy(&self, trouble: &Trouble, what: Asked) -> Option<String> {
        remedies::remedy(self, trouble, what)
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.client.wire.calls()
    }
}
