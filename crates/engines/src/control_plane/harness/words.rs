//! The words for people: where a run can be seen, how it is stopped by hand, and what to do about trouble.

use super::api::{Api, is_no_such_place};
use super::stop;
use crate::control_plane::{Asked, RunKey, Trouble, TroubleKind};
use faultgate_core::model::HarnessProject;
use faultgate_core::text;
use faultgate_net::http;

/// Returns the address of the experiment's runs in the web console.
pub(super) fn link(api: &Api, run: &RunKey) -> Option<String> {
    let HarnessProject { url, account, org, project } = api.project();
    let mut page = reqwest::Url::parse(url.trim_end_matches('/')).ok()?;
    let path = [
        "ng",
        "account",
        account,
        "module",
        "chaos",
        "orgs",
        org,
        "projects",
        project,
        "experiments",
        &run.experiment,
        "runs",
    ];
    page.path_segments_mut().ok()?.pop_if_empty().extend(path);
    page.set_query(None);
    Some(page.into())
}

/// Returns the command for a shell that stops this run and no other.
pub(super) fn stop_by_hand(api: &Api, run: &RunKey) -> String {
    let query = stop::query(run);
    let url =
        api.rest_url(&["experiment", &run.experiment, "stop"], &query).ok().filter(|_| !query.is_empty());
    match url {
        Some(url) => {
            // The address stands in single quotes.
            let url = url.as_str().replace('\'', "%27");
            text::code(&format!("curl -X POST -H \"x-api-key: $HARNESS_API_KEY\" '{url}'"))
        }
        None => format!("stopping it in {}", link(api, run).unwrap_or_else(|| "Harness".to_owned())),
    }
}

/// Returns what the reader can do about trouble with a request.
pub(super) fn remedy(project: &HarnessProject, trouble: &Trouble, what: Asked) -> Option<String> {
    let HarnessProject { account, org, project, .. } = project;
    // A redirect is the answer of a web page or of a login: no API is there.
    if trouble.is_of_another_server() || trouble.why.starts_with("HTTP 3") {
        return Some(
            "set `harness-url` to the address that Harness is opened at in a browser, up to and without `/ng`"
                .to_owned(),
        );
    }
    match trouble.kind {
        TroubleKind::Unauthenticated => Some(format!(
            "set `harness-api-key` (FAULTGATE_HARNESS_API_KEY) to a key of a user (`pat.…`) or, better, of a service \
             account (`sat.…`) in account {account} that has not expired"
        )),
        TroubleKind::Denied => {
            let permission = match what {
                Asked::Launch | Asked::Stop => "Chaos Experiment: Execute",
                Asked::Check | Asked::Read => "Chaos Experiment: View",
            };
            Some(format!(
                "give the key's owner a role with `{permission}` in project {project} of organisation {org}"
            ))
        }
        TroubleKind::Missing if is_no_such_place(trouble) && what == Asked::Check => Some(
            "check `harness-url`: no Harness chaos API is there, or its chaos module is not installed".to_owned(),
        ),
        TroubleKind::Missing => Some(format!(
            "check `harness-experiment-id`: is the experiment in project {project} of organisation {org}?"
        )),
        TroubleKind::Limited => Some(
            "Harness counts 1000 requests a minute for each API key, over all jobs that use it: give this job a key \
             of its own"
                .to_owned(),
        ),
        TroubleKind::Unsent => Some(http::remedy(&trouble.why).map_or_else(
            || "check `harness-url`, and that this job can reach it".to_owned(),
            str::to_owned,
        )),
        TroubleKind::Refused => refusal(&trouble.why.to_ascii_lowercase()).map(str::to_owned),
        TroubleKind::Unanswered => http::remedy(&trouble.why).map(str::to_owned),
    }
}

fn refusal(words: &str) -> Option<&'static str> {
    if words.contains("inactive") || words.contains("not active") {
        Some("start the chaos infrastructure (agent) of the experiment")
    } else if words.contains("identity") {
        Some("set `harness-experiment-id` to the experiment's id, a UUID")
    } else if words.contains("governance") || words.contains("chaosguard") || words.contains("blocked") {
        Some("ask who keeps the project's ChaosGuard rules to allow this experiment")
    } else {
        None
    }
}
