//! The variables of Jenkins' plugins: Git, the branch sources, GitHub's pull request builders, and GitLab.

use super::facts::Facts;
use super::kind::Ci;
use super::remote;
use super::subject::finds_head;
use super::surroundings::Surroundings;

/// The variables that hold the number of a pull request. `gitlabMergeRequestId` is none of them, since it is
/// counted over all projects of the server.
const NUMBERS: [&str; 4] = ["ghprbPullId", "GITHUB_PR_NUMBER", "gitlabMergeRequestIid", "CHANGE_ID"];
/// The variables that hold the commit at the head of a pull request.
const HEADS: [&str; 3] = ["ghprbActualCommit", "GITHUB_PR_HEAD_SHA", "gitlabMergeRequestLastCommit"];
/// The variables that hold the URL of a pull request's page.
const PAGES: [&str; 3] = ["ghprbPullLink", "GITHUB_PR_URL", "CHANGE_URL"];

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("JENKINS_URL")?;
    let page = facts.first(&PAGES).unwrap_or_default();
    let cloned = facts.first(&["GIT_URL", "GIT_URL_1"]).and_then(remote::parse);
    let found = Surroundings {
        ci: Ci::Jenkins,
        run_url: facts.url(&["BUILD_URL"]),
        job: facts.get_owned("JOB_NAME"),
        pull_request: facts.pull_request(&NUMBERS),
        run: facts.get_owned("BUILD_TAG"),
        short: facts.get_owned("BUILD_NUMBER"),
        ..Surroundings::default()
    };
    let found = found.cloned_from(cloned.or_else(|| remote::pull_request(page).map(|(remote, _)| remote)));
    let mut found = found.asked_at(page);
    found.commit = facts.commit(&HEADS).or_else(|| find_checked_out(facts, &found));
    Some(found)
}

/// Returns the commit that the Git plugin has checked out, if it can be a head. Branch sources may merge a
/// pull request on trial first, and tell so only if they build it both ways. In doubt the commit is left to
/// be looked up, on a forge where that is possible.
fn find_checked_out(facts: &Facts<'_>, found: &Surroundings) -> Option<String> {
    let branch = facts.get("BRANCH_NAME").unwrap_or_default();
    let kind = found.site.as_ref().map(|site| site.kind);
    let merged = facts.is_set("CHANGE_ID")
        && !branch.ends_with("-head")
        && (branch.ends_with("-merge") || (found.pull_request.is_some() && kind.is_some_and(finds_head)));
    facts.commit(&["GIT_COMMIT"]).filter(|_| !merged)
}
