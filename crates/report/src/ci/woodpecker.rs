//! The variables of Woodpecker, which tells its forge as well.

use super::facts::Facts;
use super::kind::Ci;
use super::remote;
use super::surroundings::Surroundings;
use faultgate_core::model::ForgeKind;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("CI").filter(|ci| *ci == "woodpecker")?;
    let mut found = Surroundings {
        ci: Ci::Woodpecker,
        run_url: facts.url(&["CI_PIPELINE_URL", "CI_STEP_URL"]),
        job: facts.join(&["CI_WORKFLOW_NAME", "CI_STEP_NAME"]),
        commit: facts.commit(&["CI_COMMIT_SHA"]),
        pull_request: facts.pull_request(&["CI_COMMIT_PULL_REQUEST"]),
        run: facts.get_owned("CI_PIPELINE_NUMBER"),
        short: facts.get_owned("CI_PIPELINE_NUMBER"),
        ..Surroundings::default()
    }
    .cloned_from(facts.first(&["CI_REPO_URL", "CI_REPO_CLONE_URL"]).and_then(remote::parse));
    if let Some(forge) = facts.get("CI_FORGE_TYPE") {
        let server = facts.url(&["CI_FORGE_URL"]).or(found.server.take());
        found.site = match ForgeKind::find(forge) {
            Some(kind) => {
                found.site.filter(|site| site.kind == kind).or(server.and_then(|s| remote::site_at(kind, &s)))
            }
            // Woodpecker says that the forge is one that is not known, so a guess by the host's name is
            // dropped.
            None => None,
        };
    }
    found.repository = facts.get_owned("CI_REPO").or(found.repository);
    Some(found)
}
