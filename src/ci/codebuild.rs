//! AWS CodeBuild, alone and as an action of CodePipeline.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::facts::{Facts, is_full_commit, web_url};
use super::{Ci, Surroundings, remote};
use crate::forge::PullRequest;

/// What stands for itself in a URL.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// CodePipeline hands over files: the build is not told where they are from.
const HINT: &str = "which CodePipeline passes as environment variables of the action: FAULTGATE_REPOSITORY with \
                    #{SourceVariables.FullRepositoryName} and FAULTGATE_COMMIT with #{SourceVariables.CommitId}";

/// A variable of the pipeline's own, with `#{codepipeline.PipelineExecutionId}`.
const EXECUTION: &str = "CODEPIPELINE_EXECUTION_ID";

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    let build = facts.get("CODEBUILD_BUILD_ID")?;
    let (project, id) = build.rsplit_once(':').unwrap_or((build, build));
    let batch = facts.get("CODEBUILD_BATCH_BUILD_IDENTIFIER");
    let in_pipeline = facts.get("CODEBUILD_INITIATOR").is_some_and(|who| who.starts_with("codepipeline/"));
    let found = Surroundings {
        ci: Ci::CodeBuild,
        run_url: facts.url(&["CODEBUILD_PUBLIC_BUILD_URL"]).or_else(|| console_url(facts, project, build)),
        job: Some(batch.map_or_else(|| project.to_owned(), |leg| format!("{project}/{leg}"))),
        commit: commit(facts),
        pull_request: pull_request(facts).map(PullRequest::own),
        hint: in_pipeline.then_some(HINT),
        run: run(facts),
        short: Some(id.to_owned()),
        // A build that is tried again is a new build with a new id.
        key: Some(facts.key("codebuild", &["CODEBUILD_BUILD_ARN", "CODEBUILD_BUILD_ID"])),
        ..Surroundings::default()
    };
    Some(found.cloned_from(facts.get("CODEBUILD_SOURCE_REPO_URL").and_then(remote::parse)))
}

/// The builds of one pipeline or batch are builds of their own: their role in it is told, and its id is not, unless the
/// pipeline passes it on.
fn run(facts: &Facts<'_>) -> Option<String> {
    facts.owned(EXECUTION)
}

/// Both may also hold a branch, a tag, or the version of an object in S3.
fn commit(facts: &Facts<'_>) -> Option<String> {
    ["CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_SOURCE_VERSION"]
        .iter()
        .find_map(|name| facts.get(name).filter(|text| is_full_commit(text)))
        .map(str::to_owned)
}

fn pull_request(facts: &Facts<'_>) -> Option<u64> {
    ["CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION"]
        .iter()
        .find_map(|name| facts.get(name)?.strip_prefix("pr/")?.parse().ok())
}

/// The build's page in the console of the partition, Region and account that its ARN names.
fn console_url(facts: &Facts<'_>, project: &str, build: &str) -> Option<String> {
    let mut parts = facts.get("CODEBUILD_BUILD_ARN")?.split(':').skip(1);
    let (partition, _service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let domain = match partition {
        "aws-cn" => "amazonaws.cn",
        "aws-us-gov" => "amazonaws-us-gov.com",
        _ => "aws.amazon.com",
    };
    let (project, build) =
        (utf8_percent_encode(project, &UNRESERVED), utf8_percent_encode(build, &UNRESERVED));
    web_url(&format!(
        "https://{region}.console.{domain}/codesuite/codebuild/{account}/projects/{project}/build/{build}/?region={region}"
    ))
}
