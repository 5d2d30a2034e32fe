//! The variables of Bitbucket Pipelines. The commit is the head of the source branch, in a pull request's
//! pipeline too.

use super::facts::{Facts, web_url};
use super::kind::Ci;
use super::part;
use super::remote;
use super::surroundings::Surroundings;
use faultgate_core::model::ForgeKind;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    let build = facts.get("BITBUCKET_BUILD_NUMBER")?;
    let repository = facts.get_owned("BITBUCKET_REPO_FULL_NAME");
    Some(Surroundings {
        ci: Ci::BitbucketPipelines,
        run_url: repository.as_ref().and_then(|repository| {
            web_url(&format!("https://bitbucket.org/{repository}/pipelines/results/{build}"))
        }),
        attempt: facts.attempt("BITBUCKET_STEP_RUN_NUMBER", 0),
        part: facts.part(&part::BITBUCKET).into_iter().collect(),
        site: remote::public(ForgeKind::Bitbucket),
        repository,
        commit: facts.commit(&["BITBUCKET_COMMIT"]),
        pull_request: facts.pull_request(&["BITBUCKET_PR_ID"]),
        run: Some(build.to_owned()),
        short: Some(build.to_owned()),
        ..Surroundings::default()
    })
}
