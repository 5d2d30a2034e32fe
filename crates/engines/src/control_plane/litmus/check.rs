//! The checks of LitmusChaos before anything is launched: its version, the user's role, the experiments and
//! their agents. Nothing is changed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answers::{ExperimentsAnswer, LitmusExperiment};
use super::center::Litmus;
use super::{queries, remedies};
use crate::control_plane::{Asked, Trouble, TroubleKind};
use faultgate_core::model::{ExperimentPlan, Finding, Level};
use faultgate_core::text::plain;

/// The role that may look and not launch.
const VIEWER: &str = "Viewer";
/// Most characters that are shown of a name.
const MAX_CHARS: usize = 120;

#[derive(Deserialize)]
struct ProjectRole {
    role: String,
}

/// Checks all experiments by one request, and the role by another.
pub(super) async fn check(litmus: &Litmus, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
    let ids: BTreeSet<&str> = experiments.iter().map(|experiment| experiment.spec.source()).collect();
    let listed = match list(litmus, &ids).await {
        Ok(listed) => listed,
        Err(trouble) => return vec![report_refusal(litmus, &trouble)],
    };
    let project = format!("project {}", litmus.project);
    let reached = Finding::new(Level::Ok, "LitmusChaos", format!("{} answers, as 3.x", litmus.client.url));
    let mut findings = vec![reached, role(litmus, project).await];
    for id in ids {
        match listed.iter().find(|experiment| experiment.id == id) {
            Some(experiment) => findings.extend(of_experiment(experiment)),
            None => findings.push(
                Finding::new(
                    Level::Error,
                    format!("experiment {id}"),
                    format!("does not exist in project {}", litmus.project),
                )
                .with_remedy(
                    "check litmus-experiment-id: it is the id in the address of the experiment's page",
                ),
            ),
        }
    }
    findings
}

/// Lists the experiments. The request has every operation that a run may need, so that a server which lacks
/// one says so now.
async fn list(litmus: &Litmus, ids: &BTreeSet<&str>) -> Result<Vec<LitmusExperiment>, Trouble> {
    let request = json!({ "experimentIDs": ids, "pagination": { "page": 0, "limit": ids.len() } });
    let variables = json!({ "projectID": litmus.project, "request": request });
    let listed: ExperimentsAnswer = litmus.ask_in(&queries::EXPERIMENTS, queries::ALL, variables).await?;
    Ok(listed.list_experiment.into_all())
}

fn report_refusal(litmus: &Litmus, trouble: &Trouble) -> Finding {
    let finding =
        Finding::new(Level::Error, "LitmusChaos", format!("could not be looked at: {}", trouble.why));
    match remedies::remedy(litmus, trouble, Asked::Check) {
        Some(remedy) => finding.with_remedy(remedy),
        None => finding,
    }
}

/// Checks the user's role, by which a launch and a stop are permitted. A role that cannot be had is only a
/// note, since the launch will tell.
async fn role(litmus: &Litmus, subject: String) -> Finding {
    match ask_role(litmus).await {
        Ok(role) if role == VIEWER => {
            Finding::new(Level::Error, subject, format!("role {role} may not launch experiments"))
                .with_remedy(remedies::role(litmus, Asked::Launch))
        }
        Ok(role) => {
            let role = plain(&role, MAX_CHARS);
            Finding::new(Level::Ok, subject, format!("launch and stop are permitted: role {role}"))
        }
        Err(trouble) => Finding::new(Level::Note, subject, format!("the role is not known: {}", trouble.why)),
    }
}

async fn ask_role(litmus: &Litmus) -> Result<String, Trouble> {
    let token = litmus.session.token(&litmus.client).await?;
    let mut path = String::from("/auth/get_project_role/");
    path.extend(faultgate_core::url::escape(&litmus.project));
    let request = litmus.client.request(Method::GET, &path).bearer_auth(token.expose());
    let role: ProjectRole = litmus.client.wire.send("GetProjectRole", request).await?;
    // The server answers `N/A`, or nothing, for a role that it does not tell.
    match role.role.as_str() {
        "" | "N/A" => Err(Trouble::new(TroubleKind::Refused, "the server does not tell it")),
        _ => Ok(role.role),
    }
}

fn of_experiment(experiment: &LitmusExperiment) -> Vec<Finding> {
    let subject = format!("experiment {}", experiment.id);
    if experiment.is_scheduled() {
        let finding =
            Finding::new(Level::Error, subject, "runs on a schedule, and such a launch names no run");
        return vec![finding.with_remedy("make an experiment of it that is run on demand (non-cron)")];
    }
    let found =
        Finding::new(Level::Ok, subject.clone(), format!("exists: {}", plain(&experiment.name, MAX_CHARS)));
    let Some(infra) = &experiment.infra else {
        let lost = Finding::new(Level::Error, subject, "has no chaos infrastructure to run on");
        return vec![found, lost.with_remedy("choose an infrastructure for the experiment in ChaosCenter")];
    };
    let agent = format!("agent {}", plain(&infra.name, MAX_CHARS));
    let agent = if infra.is_active {
        Finding::new(Level::Ok, agent, "is connected")
    } else {
        Finding::new(Level::Error, agent, "is not connected").with_remedy(remedies::agent())
    };
    vec![found, agent]
}
