//! The variables of Drone.

use super::facts::Facts;
use super::kind::Ci;
use super::remote;
use super::surroundings::Surroundings;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("DRONE")?;
    let mut found = Surroundings {
        ci: Ci::Drone,
        run_url: facts.url(&["DRONE_BUILD_LINK"]),
        job: facts.join(&["DRONE_STAGE_NAME", "DRONE_STEP_NAME"]),
        commit: facts.commit(&["DRONE_COMMIT_SHA"]),
        pull_request: facts.pull_request(&["DRONE_PULL_REQUEST"]),
        run: facts.get_owned("DRONE_BUILD_NUMBER"),
        short: facts.get_owned("DRONE_BUILD_NUMBER"),
        ..Surroundings::default()
    }
    .cloned_from(facts.first(&["DRONE_REPO_LINK", "DRONE_GIT_HTTP_URL"]).and_then(remote::parse));
    // The name goes before the one in the URL, which may begin with the path that the forge is below.
    found.repository = facts.get_owned("DRONE_REPO").or(found.repository);
    Some(found)
}
