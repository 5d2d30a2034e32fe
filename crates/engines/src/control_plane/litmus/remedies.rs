//! The remedies for LitmusChaos's refusals. The server has no codes, so the words decide.

use super::center::{Litmus, WITHOUT_RUN_ID};
use super::session::OLD;
use crate::control_plane::{Asked, NOT_ITS_API, Trouble, TroubleKind};
use faultgate_net::http;

const INVALID_ORIGIN: &str = "Invalid origin";
const INACTIVE: &str = "inactive infra";
const NO_STOP: &str = r#"Cannot query field "stopExperimentRuns"#;

/// Returns what the reader can do about trouble with a request. The words come before the kind, since they
/// tell more.
pub(super) fn remedy(litmus: &Litmus, trouble: &Trouble, what: Asked) -> Option<String> {
    let why = &trouble.why;
    let has = |word: &str| why.contains(word);
    if has(WITHOUT_RUN_ID) {
        return Some(
            "an agent that is connected gives the run an id within seconds: ask for the stop again then; if none is, \
             the run does not begin. Nothing else was asked for, since without that id LitmusChaos up to 3.30 stops \
             every run of the experiment, and 3.31 marks the run as stopped without telling the agent"
                .to_owned(),
        );
    }
    if has(INVALID_ORIGIN) {
        return Some(format!(
            "set litmus-origin to an origin that ChaosCenter allows, or allow {} in ALLOWED_ORIGINS of its server and \
             of its authentication server",
            litmus.client.origin
        ));
    }
    if has(OLD) {
        return Some("faultgate works with LitmusChaos 3.x: upgrade ChaosCenter and its agents".to_owned());
    }
    if has(NO_STOP) {
        return Some("upgrade ChaosCenter: LitmusChaos 3.0 cannot stop a run".to_owned());
    }
    if has(INACTIVE) {
        return Some(agent());
    }
    if is_elsewhere(why) {
        return Some(format!(
            "check litmus-url: it is the address of ChaosCenter's web page, and {}/api/query is not its API",
            litmus.client.url
        ));
    }
    match trouble.kind {
        TroubleKind::Unsent => http::remedy(why).map(str::to_owned).or_else(|| {
            Some(format!(
                "check that {} is ChaosCenter's address and can be reached from here",
                litmus.client.url
            ))
        }),
        TroubleKind::Unauthenticated => Some(credentials(litmus)),
        TroubleKind::Denied => Some(role(litmus, what)),
        TroubleKind::Missing => Some(format!(
            "check litmus-experiment-id, and that the experiment is in project {}",
            litmus.project
        )),
        TroubleKind::Unanswered | TroubleKind::Limited | TroubleKind::Refused => None,
    }
}

/// The remedy for an agent that is not connected.
pub(super) fn agent() -> String {
    "see that the subscriber runs in the cluster of the experiment's infrastructure and can reach ChaosCenter: without \
     it a run waits in the queue for ever"
        .to_owned()
}

/// Returns `true` if a server for pages answered: it does not take requests for an API, or answers them with
/// a page.
fn is_elsewhere(why: &str) -> bool {
    ["HTTP 404", "HTTP 405", "HTTP 30"].iter().any(|status| why.contains(status)) || why.contains(NOT_ITS_API)
}

fn credentials(litmus: &Litmus) -> String {
    if litmus.session.logs_in() {
        return "check the user and the password; an account that still has its first password must change it in \
                ChaosCenter once"
            .to_owned();
    }
    "make a new API token in ChaosCenter, in the settings of the account, and give it as litmus-token \
     (FAULTGATE_LITMUS_TOKEN); with user and password instead faultgate logs in again by itself"
        .to_owned()
}

/// The remedy for a request that the user's role does not permit.
pub(super) fn role(litmus: &Litmus, what: Asked) -> String {
    let roles = match what {
        Asked::Launch | Asked::Stop => "Owner or Executor",
        Asked::Check | Asked::Read => "Owner, Executor or Viewer",
    };
    let own = match litmus.session.own_project().as_deref() {
        Some("") => {
            "; the user owns no project: an account that still has its first password must change it in \
                     ChaosCenter once"
                .to_owned()
        }
        Some(own) if own != litmus.project => format!("; the user's own project is {own}"),
        _ => String::new(),
    };
    format!(
        "check litmus-project-id, and that the user is a member of project {} as {roles}{own}",
        litmus.project
    )
}
