//! The variables of AWS CodeBuild, alone and as an action of CodePipeline.
//!
//! A build may have been started by a step of GitHub Actions, and then has the variables of that step as
//! well.

use faultgate_core::url;
use faultgate_net::aws::{DEFAULT_CONSOLE_DOMAIN, console_domain};

use super::facts::{Facts, is_full_commit, web_url};
use super::github::pull_request_of_ref;
use super::kind::Ci;
use super::remote::{self, Remote};
use super::surroundings::Surroundings;
use crate::forge::PullRequest;

/// The way to tell the repository and the commit in CodePipeline, which hands over files and does not tell a
/// build where they come from.
const HINT: &str = "which CodePipeline passes as environment variables of the action: FAULTGATE_REPOSITORY with \
                    #{SourceVariables.FullRepositoryName} and FAULTGATE_COMMIT with #{SourceVariables.CommitId}";

/// The variable by which a pipeline may pass on its id, `#{codepipeline.PipelineExecutionId}`. CodePipeline
/// sets none by itself.
const EXECUTION: &str = "CODEPIPELINE_EXECUTION_ID";

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    let build = facts.get("CODEBUILD_BUILD_ID")?;
    if is_runner_of_another(facts) {
        return None;
    }
    let (project, id) = build.rsplit_once(':').unwrap_or((build, build));
    let batch = facts.get("CODEBUILD_BATCH_BUILD_IDENTIFIER");
    let in_pipeline = facts.get("CODEBUILD_INITIATOR").is_some_and(|who| who.starts_with("codepipeline/"));
    let source = facts.get("CODEBUILD_SOURCE_REPO_URL").and_then(remote::parse);
    let version = Version::read(facts, source.as_ref());
    let found = Surroundings {
        ci: Ci::CodeBuild,
        run_url: facts.url(&["CODEBUILD_PUBLIC_BUILD_URL"]).or_else(|| console_url(facts, project, build)),
        job: Some(batch.map_or_else(|| project.to_owned(), |leg| format!("{project}/{leg}"))),
        part: batch.map(str::to_owned).into_iter().collect(),
        commit: version.commit,
        pull_request: version.pull_request.map(PullRequest::own),
        hint: in_pipeline.then_some(HINT),
        run: run(facts),
        short: Some(id.to_owned()),
        // A build that is tried again is a new build with a new id, so the id tells attempts apart.
        key: Some(facts.key("codebuild", &["CODEBUILD_BUILD_ARN", "CODEBUILD_BUILD_ID"])),
        ..Surroundings::default()
    };
    Some(found.cloned_from(source))
}

/// Returns the id of the pipeline, if the pipeline passes it on. A build of a pipeline or a batch is
/// otherwise told only its role within it, and not the id of the whole.
fn run(facts: &Facts<'_>) -> Option<String> {
    facts.get_owned(EXECUTION)
}

/// Says whether the build is a runner of another CI, to which the job then belongs. GitHub's runner says so
/// by variables that a build does not get from a step which only started it.
fn is_runner_of_another(facts: &Facts<'_>) -> bool {
    let runs_github = || facts.first(&["RUNNER_NAME", "RUNNER_OS", "RUNNER_TEMP"]).is_some();
    facts.first(&["GITLAB_CI", "BUILDKITE"]).is_some() || (facts.is_set("GITHUB_ACTIONS") && runs_github())
}

/// The version of the source that is built.
struct Version {
    commit: Option<String>,
    pull_request: Option<u64>,
}

impl Version {
    fn read(facts: &Facts<'_>, source: Option<&Remote>) -> Self {
        let given = facts.get("CODEBUILD_SOURCE_VERSION").unwrap_or_default();
        // A version may be written `REF^{COMMIT}`, which names both.
        let (git_ref, named) = match given.strip_suffix('}').and_then(|given| given.split_once("^{")) {
            Some((git_ref, commit)) => (git_ref, commit),
            None => (given, given),
        };
        let step = StartingStep::read(facts, source);
        let commit = facts
            .get("CODEBUILD_RESOLVED_SOURCE_VERSION")
            .into_iter()
            .chain([named])
            .find(|text| is_full_commit(text))
            // The commit that merges a pull request on trial carries no status, so the head is looked up
            // instead.
            .filter(|commit| !is_merge(git_ref) && step.merge != Some(*commit));
        let trigger = facts.get("CODEBUILD_WEBHOOK_TRIGGER").unwrap_or_default();
        Self {
            commit: commit.map(str::to_owned),
            pull_request: [trigger, git_ref].into_iter().find_map(pull_request).or(step.pull_request),
        }
    }
}

/// The step of GitHub Actions that started the build, which hands over its `GITHUB_*` variables.
#[derive(Default)]
struct StartingStep<'a> {
    pull_request: Option<u64>,
    /// The commit that merges the pull request on trial.
    merge: Option<&'a str>,
}

impl<'a> StartingStep<'a> {
    /// Reads the step's variables. A step that ran for another repository than the source's tells nothing.
    fn read(facts: &Facts<'a>, source: Option<&Remote>) -> Self {
        let here = facts.get("GITHUB_REPOSITORY").zip(source);
        let git_ref = facts.get("GITHUB_REF").unwrap_or_default();
        match here {
            Some((name, source)) if source.repository.eq_ignore_ascii_case(name) => Self {
                pull_request: pull_request_of_ref(git_ref),
                merge: facts.get("GITHUB_SHA").filter(|_| is_merge(git_ref)),
            },
            _ => Self::default(),
        }
    }
}

/// Returns the number in `pr/N` or `refs/pull/N/head`.
fn pull_request(version: &str) -> Option<u64> {
    version
        .strip_prefix("pr/")
        .and_then(|number| number.parse().ok())
        .or_else(|| pull_request_of_ref(version))
}

fn is_merge(git_ref: &str) -> bool {
    pull_request_of_ref(git_ref).is_some() && git_ref.ends_with("/merge")
}

/// Returns the URL of the build's page in the console of the partition, Region and account that its ARN
/// names.
fn console_url(facts: &Facts<'_>, project: &str, build: &str) -> Option<String> {
    let mut parts = facts.get("CODEBUILD_BUILD_ARN")?.split(':').skip(1);
    let (partition, _service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let domain = console_domain(partition).unwrap_or(DEFAULT_CONSOLE_DOMAIN);
    let (project, build) = (url::escape(project), url::escape(build));
    web_url(&format!(
        "https://{region}.console.{domain}/codesuite/codebuild/{account}/projects/{project}/build/{build}/?region={region}"
    ))
}
