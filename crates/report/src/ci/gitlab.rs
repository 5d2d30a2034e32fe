//! The variables of GitLab CI.

use super::facts::{Facts, api_url};
use super::kind::Ci;
use super::part;
use super::remote;
use super::surroundings::Surroundings;
use crate::forge::{Pipeline, PullRequest, Site};
use faultgate_core::model::ForgeKind;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("GITLAB_CI")?;
    Some(Surroundings {
        ci: Ci::GitLabCi,
        run_url: facts.url(&["CI_JOB_URL", "CI_PIPELINE_URL"]),
        job: facts.get_owned("CI_JOB_NAME"),
        part: part(facts).into_iter().collect(),
        environment: facts.get_owned("CI_ENVIRONMENT_NAME"),
        site: site(facts),
        repository: facts.get_owned("CI_PROJECT_PATH"),
        pipeline: pipeline(facts),
        commit: commit(facts),
        pull_request: merge_request(facts),
        is_private: matches!(facts.get("CI_PROJECT_VISIBILITY"), Some("private" | "internal")),
        // The number is the same when the project moves, and needs no escaping.
        project: facts.number("CI_PROJECT_ID").map(|id| id.to_string()),
        run: facts.get_owned("CI_PIPELINE_ID"),
        short: Some(format!(
            "{}-{}",
            facts.get("CI_PIPELINE_ID").unwrap_or("0"),
            facts.get("CI_JOB_ID").unwrap_or("0")
        )),
        // A job that is tried again is a new job with a new id, so the id tells attempts apart.
        key: Some(facts.key("gitlab-ci", &["CI_SERVER_URL", "CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_JOB_ID"])),
        ..Surroundings::default()
    })
}

fn site(facts: &Facts<'_>) -> Option<Site> {
    match facts.get("CI_API_V4_URL").and_then(api_url) {
        Some(api_url) => Some(Site { kind: ForgeKind::GitLab, api_url }),
        None => remote::site_at(ForgeKind::GitLab, facts.get("CI_SERVER_URL")?),
    }
}

/// Returns the commit that carries the status. A pipeline of merged results runs on a commit that merges the
/// request on trial, and has the head in a variable of its own.
fn commit(facts: &Facts<'_>) -> Option<String> {
    let merged = matches!(facts.get("CI_MERGE_REQUEST_EVENT_TYPE"), Some("merged_result" | "merge_train"));
    let head = facts.commit(&["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"]);
    head.or_else(|| facts.commit(&["CI_COMMIT_SHA"]).filter(|_| !merged))
}

/// Returns the values of `parallel:matrix`, with which the name of the job ends, or its number of `parallel`.
fn part(facts: &Facts<'_>) -> Option<String> {
    let number = facts.part(&part::GITLAB)?;
    let name = facts.get("CI_JOB_NAME").unwrap_or_default();
    let values = name.strip_suffix(']').and_then(|name| name.split_once(": [")).map(|(_, values)| values);
    Some(values.map_or(number, str::to_owned))
}

/// Returns the pipeline as its jobs are told it. GitLab may know the pipeline by another ref, and one of
/// merged results by another commit. The forge's client then falls back to a looser tie.
fn pipeline(facts: &Facts<'_>) -> Option<Pipeline> {
    Some(Pipeline {
        id: facts.number("CI_PIPELINE_ID")?,
        git_ref: facts.get_owned("CI_COMMIT_REF_NAME"),
        job: facts.get_owned("CI_JOB_NAME"),
    })
}

/// Returns the merge request of the pipeline, or in a branch's pipeline the first that is open for the
/// branch. A merge request belongs to the project into which it asks to be merged.
fn merge_request(facts: &Facts<'_>) -> Option<PullRequest> {
    let not_own = |name: &str, target: &str| {
        (facts.get(name) != Some(target) && !target.is_empty()).then(|| target.to_owned())
    };
    if let Some(number) = facts.number("CI_MERGE_REQUEST_IID") {
        let target = facts.get("CI_MERGE_REQUEST_PROJECT_ID").unwrap_or_default();
        return Some(PullRequest { number, repository: not_own("CI_PROJECT_ID", target) });
    }
    let first = facts.get("CI_OPEN_MERGE_REQUESTS")?.split(',').next()?.trim();
    let (target, number) = first.rsplit_once('!')?;
    Some(PullRequest { number: number.parse().ok()?, repository: not_own("CI_PROJECT_PATH", target) })
}
