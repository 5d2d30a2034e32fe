//! The variables of Buildkite. The commit may read `HEAD`, and the pull request `false`; both count as not
//! told.

use super::facts::{Facts, web_url};
use super::kind::Ci;
use super::part;
use super::remote;
use super::surroundings::Surroundings;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("BUILDKITE")?;
    let step = facts.first(&["BUILDKITE_STEP_KEY", "BUILDKITE_LABEL"]);
    let job: Vec<_> = [facts.get("BUILDKITE_PIPELINE_SLUG"), step].into_iter().flatten().collect();
    let found = Surroundings {
        ci: Ci::Buildkite,
        run_url: facts.url(&["BUILDKITE_BUILD_URL"]).map(|build| {
            let job = facts.get("BUILDKITE_JOB_ID").and_then(|job| web_url(&format!("{build}#{job}")));
            job.unwrap_or(build)
        }),
        attempt: facts.attempt("BUILDKITE_RETRY_COUNT", 1),
        job: (!job.is_empty()).then(|| job.join("/")),
        part: facts.part(&part::BUILDKITE).into_iter().collect(),
        commit: facts.commit(&["BUILDKITE_COMMIT"]),
        pull_request: facts.pull_request(&["BUILDKITE_PULL_REQUEST"]),
        run: facts.get_owned("BUILDKITE_BUILD_ID"),
        short: facts.get_owned("BUILDKITE_BUILD_NUMBER"),
        ..Surroundings::default()
    };
    Some(found.cloned_from(facts.get("BUILDKITE_REPO").and_then(remote::parse)))
}
