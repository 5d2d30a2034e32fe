//! The variables of CircleCI. A fork's build names the pull request that is open in the repository it was
//! forked from.

use super::facts::Facts;
use super::kind::Ci;
use super::part;
use super::remote;
use super::surroundings::Surroundings;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("CIRCLECI")?;
    let pages = facts.first(&["CIRCLE_PULL_REQUEST", "CIRCLE_PULL_REQUESTS"]).unwrap_or_default();
    let found = Surroundings {
        ci: Ci::CircleCi,
        run_url: facts.url(&["CIRCLE_BUILD_URL"]),
        job: facts.get_owned("CIRCLE_JOB"),
        part: facts.part(&part::CIRCLECI).into_iter().collect(),
        commit: facts.commit(&["CIRCLE_SHA1"]),
        pull_request: facts.pull_request(&["CIRCLE_PR_NUMBER"]),
        // A workflow that is run again is a new workflow of the same pipeline, so the pipeline's id goes
        // first.
        run: facts.first(&["CIRCLE_PIPELINE_ID", "CIRCLE_WORKFLOW_ID"]).map(str::to_owned),
        short: facts.get_owned("CIRCLE_BUILD_NUM"),
        ..Surroundings::default()
    };
    let found = found.cloned_from(facts.get("CIRCLE_REPOSITORY_URL").and_then(remote::parse));
    Some(found.asked_at(pages.split(',').next().unwrap_or_default()))
}
