//! LitmusChaos 3.x as a control plane: the GraphQL API of its ChaosCenter. No request ever stops a run that
//! is not ours.
//!
//! `client` is the way in and `session` the token, `queries` has the requests and `answers` reads what comes
//! back. `check` looks at everything before a launch. `remedies` knows what refusals mean and what to do
//! about them, and `links` what a person can do without faultgate.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::answers::{ExperimentRun, LaunchAnswer, RecentAnswer, RunAnswer, RunDetailsAnswer, StopAnswer};
use self::client::LitmusClient;
use self::queries::Operation;
use self::session::LitmusSession;
use crate::control_plane::{Asked, Manager, Run, RunDetails, RunKey, Trouble, TroubleKind};
use faultgate_core::model::{ExperimentPlan, Finding, LitmusProject};

mod answers;
mod check;
mod client;
mod links;
mod queries;
mod remedies;
mod session;

pub use session::LitmusCredentials;

/// Number of an experiment's last runs that are listed: to learn how long it takes, and to find the run of a
/// lost launch.
const RECENT_RUNS: u32 = 10;
/// Longest wait of a stop for a read of the run.
const READ_BEFORE_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The reason why a stop is not sent that would stop other runs as well.
const WITHOUT_RUN_ID: &str =
    "the run waits in the queue and has no run id yet, and LitmusChaos stops a single run only by that id";

/// One project of one ChaosCenter.
pub struct Litmus {
    project: String,
    client: LitmusClient,
    session: LitmusSession,
}

impl Litmus {
    /// Creates the control plane. The token or the password is hidden in every text from the server.
    pub fn new(project: LitmusProject, credentials: LitmusCredentials, http: reqwest::Client) -> Self {
        let client = LitmusClient::new(&project.url, project.origin.as_deref(), http);
        let (LitmusCredentials::Token(secret) | LitmusCredentials::Login { password: secret, .. }) =
            &credentials;
        client.wire.hide(secret);
        Self { project: project.project, client, session: LitmusSession::new(credentials) }
    }

    /// Sends one operation.
    async fn ask<T: DeserializeOwned>(&self, operation: &Operation, variables: Value) -> Result<T, Trouble> {
        self.ask_in(operation, operation.text, variables).await
    }

    /// Sends one operation, in a document that may have others. A token that is refused is replaced once, if
    /// there is a login. The refused request has had no effect, so it is safe to send it again.
    async fn ask_in<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        document: &str,
        variables: Value,
    ) -> Result<T, Trouble> {
        let mut token = self.session.token(&self.client).await?;
        let mut renewed = false;
        loop {
            let request = self.client.request(Method::POST, "/api/query").bearer_auth(token.expose());
            let answer = self.client.wire.graphql(operation.name, request, document, variables.clone()).await;
            let trouble = match answer.map_err(remedies::understand) {
                Err(trouble) if trouble.kind == TroubleKind::Unauthenticated && !renewed => trouble,
                answer => return answer,
            };
            token = self.session.renew(&self.client, &token).await?.ok_or(trouble)?;
            renewed = true;
        }
    }

    /// Returns the variables that find this run and no other. Fails if there is no id: a server answers with
    /// somebody's run then.
    fn finding(&self, run: &RunKey) -> Result<Value, Trouble> {
        let run_id = run.run_id.as_deref().unwrap_or_default();
        match (run.notify_id.as_str(), run_id) {
            ("", "") => Err(Trouble::new(TroubleKind::Refused, "the run has no id to ask for it by")),
            ("", run_id) => Ok(json!({ "projectID": self.project, "experimentRunID": run_id })),
            (notify_id, _) => Ok(json!({ "projectID": self.project, "notifyID": notify_id })),
        }
    }

    /// Reads one run. `None` if the server does not know it.
    async fn read_one(&self, run: &RunKey) -> Result<Option<Run>, Trouble> {
        let answer = self.ask::<RunAnswer<ExperimentRun>>(&queries::READ, self.finding(run)?).await;
        let seen = match answer {
            Ok(answer) => answer.get_experiment_run.into_run(),
            Err(trouble) if remedies::is_unknown_run(&trouble) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        theirs(run, seen.notify_id.as_deref())?;
        Ok(Some(seen))
    }

    /// Returns the run's id, by which it can be stopped; `None` if it is over. Fails if there is no id.
    async fn stoppable(&self, run: &RunKey) -> Result<Option<String>, Trouble> {
        let known = run.run_id.clone().filter(|id| !id.is_empty());
        // The run is read even if its id is known, since it may be over. A read that fails or hangs does not
        // keep the stop from a run whose id is known.
        let seen = tokio::time::timeout(READ_BEFORE_STOP_TIMEOUT, self.read_one(run)).await;
        match (seen, known) {
            // A stop would overwrite the result of a run that is over.
            (Ok(Ok(Some(seen))), _) if has_result(&seen.phase) => Ok(None),
            (Ok(Ok(Some(Run { run_id: Some(id), .. }))), _) | (_, Some(id)) => Ok(Some(id)),
            (Ok(Ok(Some(_))), None) => Err(Trouble::new(TroubleKind::Refused, WITHOUT_RUN_ID)),
            (Ok(Ok(None)), None) => {
                Err(Trouble::new(TroubleKind::Missing, "LitmusChaos does not know the run"))
            }
            (Ok(Err(trouble)), None) => Err(trouble),
            (Err(_), None) => Err(Trouble::new(TroubleKind::Unanswered, "no answer as to the run's id")),
        }
    }
}

/// Returns `true` if a run with this phase is over by itself. `Stopped` is not one of these: it says that a
/// stop was asked for, and not that the agent heard of it.
fn has_result(phase: &str) -> bool {
    phase.starts_with("Completed") || phase == "Error"
}

/// Fails if the answer is about another run.
fn theirs(run: &RunKey, notify_id: Option<&str>) -> Result<(), Trouble> {
    match notify_id {
        Some(other) if !run.notify_id.is_empty() && other != run.notify_id => {
            Err(Trouble::new(TroubleKind::Unanswered, "the server told of another run"))
        }
        _ => Ok(()),
    }
}

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
        // There is no request for several runs, so each takes one; all are sent at once.
        join_all(runs.iter().map(|run| self.read_one(run))).await
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
