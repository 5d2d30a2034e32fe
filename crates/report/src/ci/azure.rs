//! The variables of Azure Pipelines, for repositories on other forges. Azure's own forge has statuses and
//! comments of another kind, which faultgate does not know.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::facts::{Facts, api_url, web_url};
use super::github::pull_request_of_ref;
use super::kind::Ci;
use super::part;
use super::remote;
use super::surroundings::Surroundings;
use crate::forge::PullRequest;
use faultgate_core::model::ForgeKind;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("TF_BUILD")?;
    let of_ref = facts.get("BUILD_SOURCEBRANCH").and_then(pull_request_of_ref);
    let is_pull_request = of_ref.is_some()
        || facts.is_set("SYSTEM_PULLREQUEST_PULLREQUESTID")
        || facts.get("BUILD_REASON") == Some("PullRequest");
    // The version of a pull request's source is the commit that merges it on trial.
    let commit = if is_pull_request { "SYSTEM_PULLREQUEST_SOURCECOMMITID" } else { "BUILD_SOURCEVERSION" };
    let mut found = Surroundings {
        ci: Ci::AzurePipelines,
        run_url: run_url(facts),
        attempt: facts.attempt("SYSTEM_JOBATTEMPT", 0),
        job: facts.join(&["BUILD_DEFINITIONNAME", "SYSTEM_STAGENAME", "SYSTEM_JOBNAME"]),
        part: facts.part(&part::AZURE).into_iter().collect(),
        commit: facts.commit(&[commit]),
        run: facts.get_owned("BUILD_BUILDID"),
        short: facts.get_owned("BUILD_BUILDID"),
        ..Surroundings::default()
    }
    .cloned_from(facts.get("BUILD_REPOSITORY_URI").and_then(remote::parse));
    if facts.get("BUILD_REPOSITORY_PROVIDER") == Some("GitHubEnterprise")
        && let Some(server) = &found.server
    {
        found.site = remote::site_at(ForgeKind::GitHub, server);
    }
    // The id of a pull request on GitHub is not its number.
    let on_github = found.site.as_ref().is_some_and(|site| site.kind == ForgeKind::GitHub);
    let id = facts.number("SYSTEM_PULLREQUEST_PULLREQUESTID").filter(|_| !on_github);
    let number = facts.number("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER").or(of_ref).or(id);
    found.pull_request = number.map(PullRequest::own);
    Some(found)
}

/// Returns the URL of the build's page, which no variable holds as a whole.
fn run_url(facts: &Facts<'_>) -> Option<String> {
    let collection = facts.first(&["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"])?;
    let project = utf8_percent_encode(facts.get("SYSTEM_TEAMPROJECT")?, NON_ALPHANUMERIC);
    let build = facts.number("BUILD_BUILDID")?;
    web_url(&format!("{}/{project}/_build/results?buildId={build}", api_url(collection)?))
}
