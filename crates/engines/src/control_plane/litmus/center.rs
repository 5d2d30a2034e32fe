//! One project of a ChaosCenter: operations with a token, and the runs that they tell of.

use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{ExperimentRun, RunAnswer};
use super::client::LitmusClient;
use super::queries::{Operation, READ};
use super::refusals::{is_unknown_run, understand};
use super::session::{LitmusCredentials, LitmusSession};
use crate::control_plane::{Run, RunKey, Trouble, TroubleKind};
use faultgate_core::model::LitmusProject;

/// Longest wait of a stop for a read of the run.
const READ_BEFORE_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The reason why a stop is not sent that would stop other runs as well.
pub(super) const WITHOUT_RUN_ID: &str =
    "the run waits in the queue and has no run id yet, and LitmusChaos stops a single run only by that id";

/// One project of one ChaosCenter.
pub struct Litmus {
    pub(super) project: String,
    pub(super) client: LitmusClient,
    pub(super) session: LitmusSession,
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
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        variables: Value,
    ) -> Result<T, Trouble> {
        self.ask_in(operation, operation.text, variables).await
    }

    /// Sends one operation, in a document that may have others. A token that is refused is replaced once, if
    /// there is a login. The refused request has had no effect, so it is safe to send it again.
    pub(super) async fn ask_in<T: DeserializeOwned>(
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
            let trouble = match answer.map_err(understand) {
                Err(trouble) if trouble.kind == TroubleKind::Unauthenticated && !renewed => trouble,
                answer => return answer,
            };
            token = self.session.renew(&self.client, &token).await?.ok_or(trouble)?;
            renewed = true;
        }
    }

    /// Returns the variables that find this run and no other. Fails if there is no id: a server answers with
    /// somebody's run then.
    pub(super) fn finding(&self, run: &RunKey) -> Result<Value, Trouble> {
        let run_id = run.run_id.as_deref().unwrap_or_default();
        match (run.notify_id.as_str(), run_id) {
            ("", "") => Err(Trouble::new(TroubleKind::Refused, "the run has no id to ask for it by")),
            ("", run_id) => Ok(json!({ "projectID": self.project, "experimentRunID": run_id })),
            (notify_id, _) => Ok(json!({ "projectID": self.project, "notifyID": notify_id })),
        }
    }

    /// Reads one run. `None` if the server does not know it.
    pub(super) async fn read_one(&self, run: &RunKey) -> Result<Option<Run>, Trouble> {
        let answer = self.ask::<RunAnswer<ExperimentRun>>(&READ, self.finding(run)?).await;
        let seen = match answer {
            Ok(answer) => answer.get_experiment_run.into_run(),
            Err(trouble) if is_unknown_run(&trouble) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        theirs(run, seen.notify_id.as_deref())?;
        Ok(Some(seen))
    }

    /// Returns the run's id, by which it can be stopped; `None` if it is over. Fails if there is no id.
    pub(super) async fn stoppable(&self, run: &RunKey) -> Result<Option<String>, Trouble> {
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
pub(super) fn theirs(run: &RunKey, notify_id: Option<&str>) -> Result<(), Trouble> {
    match notify_id {
        Some(other) if !run.notify_id.is_empty() && other != run.notify_id => {
            Err(Trouble::new(TroubleKind::Unanswered, "the server told of another run"))
        }
        _ => Ok(()),
    }
}
