//! The manager under test, connected to a stand-in, and the plans and keys that tests ask it about.

use std::time::Duration;

use faultgate_core::model::{EngineSpec, ExperimentPlan, LitmusProject, LitmusSpec};
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::litmus::{Litmus, LitmusCredentials};
use faultgate_engines::control_plane::{Asked, Manager, Run, RunKey, Trouble};
use faultgate_testkit::litmus::{EXPERIMENT, LitmusStandIn, PASSWORD, PROJECT, TOKEN, USER};
use faultgate_testkit::plans;

pub(crate) fn project(url: &str) -> LitmusProject {
    LitmusProject { url: url.to_owned(), project: PROJECT.to_owned(), origin: None }
}

pub(crate) fn token() -> LitmusCredentials {
    LitmusCredentials::Token(Secret::new(TOKEN))
}

pub(crate) fn login() -> LitmusCredentials {
    LitmusCredentials::Login { username: USER.to_owned(), password: Secret::new(PASSWORD) }
}

pub(crate) fn litmus(center: &LitmusStandIn) -> Litmus {
    litmus_as(center, token())
}

pub(crate) fn litmus_as(center: &LitmusStandIn, credentials: LitmusCredentials) -> Litmus {
    Litmus::new(project(&center.url()), credentials, client_within(Duration::from_secs(20)))
}

pub(crate) fn client_within(limit: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .unwrap()
}

pub(crate) fn plan_of(experiment: &str) -> ExperimentPlan {
    let project = project("https://litmus.example");
    let spec = EngineSpec::Litmus(LitmusSpec { project, experiment: experiment.to_owned() });
    ExperimentPlan {
        weight: 10,
        timeout: Duration::from_mins(30),
        queue_timeout: Duration::from_mins(5),
        ..plans::experiment("pod-delete", spec)
    }
}

pub(crate) fn plan() -> ExperimentPlan {
    plan_of(EXPERIMENT)
}

pub(crate) fn key(notify_id: &str, run_id: Option<&str>) -> RunKey {
    RunKey {
        experiment: EXPERIMENT.to_owned(),
        notify_id: notify_id.to_owned(),
        run_id: run_id.map(str::to_owned),
    }
}

pub(crate) async fn read(litmus: &Litmus, run: &RunKey) -> Result<Option<Run>, Trouble> {
    litmus.read(std::slice::from_ref(run)).await.remove(0)
}

/// Reads a run that must be there.
pub(crate) async fn seen(litmus: &Litmus, run: &RunKey) -> Run {
    read(litmus, run).await.unwrap().unwrap()
}

/// Returns what a user reads of the trouble. Neither that nor its `Debug` form may hold a secret.
pub(crate) fn told(litmus: &Litmus, trouble: &Trouble, what: Asked) -> String {
    let remedy = litmus.remedy(trouble, what);
    let told = format!("{} | {}", trouble.why, remedy.as_deref().unwrap_or("no remedy"));
    assert_hidden(&format!("{told} {trouble:?}"));
    told
}

#[track_caller]
pub(crate) fn assert_hidden(text: &str) {
    for secret in [TOKEN, PASSWORD] {
        assert!(!text.contains(secret), "{text}");
    }
}
