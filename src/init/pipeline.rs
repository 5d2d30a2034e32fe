//! The pipeline of each platform: a template of `ci-templates/`, edited so that it runs the suite instead of
//! the experiment that is named in it.
//!
//! A pipeline never holds an answer: all of them are in the suite or in the policy. GitHub's pipeline by
//! hand, and GitLab's always, starts for the default branch alone, since no other branch is deployed.

use super::blocks::{only, unindented, with_before, without, without_head};
use super::{GITLAB, NewFile, SUITE};
use faultgate_config::{Answers, EngineKind, Platform};

const STEP: &str = include_str!("../../ci-templates/github/step.yml");
const SHARDED: &str = include_str!("../../ci-templates/github/sharded.yml");
const INCLUDED: &str = include_str!("../../ci-templates/gitlab/faultgate.gitlab-ci.yml");
const FIS: &str = include_str!("../../ci-templates/gitlab/fis.gitlab-ci.yml");
const BUILDSPEC: &str = include_str!("../../ci-templates/codebuild/buildspec.yml");

const WORKFLOW: &str = ".github/workflows/chaos.yml";
pub(super) const GITLAB_INCLUDED: &str = ".gitlab/chaos.gitlab-ci.yml";
pub(super) const BUILDSPEC_FILE: &str = "buildspec.chaos.yml";

/// The names of an engine's secret.
pub(super) struct EngineSecret {
    /// The name of the secret in GitHub.
    pub(super) github: &'static str,
    /// The name and the key of the secret in Secrets Manager.
    pub(super) manager: &'static str,
    /// The input of faultgate that takes it.
    pub(super) input: &'static str,
    /// The variable of faultgate that takes it.
    pub(super) variable: &'static str,
}

/// Returns the names of an engine's secret, if it needs one.
pub(super) fn secret(engine: EngineKind) -> Option<EngineSecret> {
    match engine {
        EngineKind::Harness => Some(EngineSecret {
            github: "HARNESS_API_KEY",
            manager: "faultgate/harness:api-key",
            input: "harness-api-key",
            variable: "FAULTGATE_HARNESS_API_KEY",
        }),
        EngineKind::Litmus => Some(EngineSecret {
            github: "LITMUS_TOKEN",
            manager: "faultgate/litmus:token",
            input: "litmus-token",
            variable: "FAULTGATE_LITMUS_TOKEN",
        }),
        EngineKind::Fis | EngineKind::Command => None,
    }
}

/// Returns the files of the pipeline, or `None` if a template has changed. `has_gitlab` says whether there is
/// a GitLab pipeline already, which is then left alone.
pub(super) fn files(answers: &Answers, has_gitlab: bool) -> Option<Vec<NewFile>> {
    let engine = answers.engine;
    let head =
        format!("# The experiments of {SUITE} as a gate. Made by faultgate init; from now on it is yours.\n");
    let file = |path, content: String| NewFile::new(path, format!("{head}{content}"));
    Some(match answers.platform {
        Platform::GitHub => vec![file(WORKFLOW, github(engine)?)],
        Platform::GitLab => {
            let mut files = vec![file(GITLAB_INCLUDED, gitlab(engine)?)];
            if !has_gitlab {
                let main = format!("stages:\n  - chaos\n\ninclude:\n  - local: {GITLAB_INCLUDED}\n");
                files.push(NewFile::new(GITLAB, main));
            }
            files
        }
        Platform::CodeBuild | Platform::CodePipeline => vec![file(BUILDSPEC_FILE, codebuild(engine)?)],
    })
}

/// Returns GitHub's workflow.
fn github(engine: EngineKind) -> Option<String> {
    let mut text = without_head(STEP).to_owned();
    for of_the_suite in ["experiment-template-id:", "aws-region:", "aws-role-arn:"] {
        text = without(&text, of_the_suite)?;
    }
    if engine != EngineKind::Fis {
        text = without(&text, "id-token:")?;
    }
    let triggers = only(&text, "on:")?;
    text = text.replacen(&triggers, &called(engine), 1);
    text = with_before(&text, "runs-on:", GUARD)?;
    if let Some(secret) = secret(engine) {
        let line = format!("{}: ${{{{ secrets.{} }}}}", secret.input, secret.github);
        text = with_before(&text, "comment:", &line)?;
    }
    // The template names its experiment and needs no files, while the suite has to be checked out.
    if only(&text, "- uses: actions/checkout@").is_none() {
        let checkout = unindented(&only(SHARDED, "- uses: actions/checkout@")?);
        text = with_before(&text, "- id: chaos", &format!("{checkout}\n"))?;
        text = with_before(&text, "statuses:", "contents: read # for the suite file")?;
    }
    Some(text)
}

/// Returns the triggers of GitHub's workflow. A push is none of them, since it would judge the version that
/// was deployed before it.
fn called(engine: EngineKind) -> String {
    let secrets =
        secret(engine).map(|secret| format!("    secrets:\n      {}: {{ required: true }}\n", secret.github));
    let call = secrets
        .map_or_else(|| "  workflow_call:\n".to_owned(), |secrets| format!("  workflow_call:\n{secrets}"));
    format!(
        "# After the deployment, whose workflow calls this one, and by hand.\non:\n{call}  workflow_dispatch:\n"
    )
}

/// The condition of GitHub's job, with the comment that explains it.
const GUARD: &str = "# By hand for the default branch alone, since no other is deployed.\n\
    if: github.event_name != 'workflow_dispatch' || github.ref_name == github.event.repository.default_branch";

/// Returns the job by which another workflow of the repository calls this one, on one line.
pub(super) fn calling(engine: EngineKind) -> String {
    let tokens = if engine == EngineKind::Fis { "id-token: write, " } else { "" };
    let secrets = secret(engine).map_or_else(String::new, |secret| {
        format!(", secrets: {{ {0}: '${{{{ secrets.{0} }}}}' }}", secret.github)
    });
    format!(
        "chaos: {{ needs: deploy, uses: ./{WORKFLOW}, permissions: {{ {tokens}contents: read, statuses: write, pull-requests: \
         write }}{secrets} }}"
    )
}

/// Returns GitLab's job.
fn gitlab(engine: EngineKind) -> Option<String> {
    let mut job = without(&only(FIS, "chaos-job:")?, "variables:")?;
    if engine != EngineKind::Fis {
        job = without(&job, "id_tokens:")?;
    }
    // A pipeline of a branch that is not deployed would disturb one that is.
    job = with_before(&job, "environment:", "rules:\n  - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")?;
    Some(format!("{}\n{job}", without_head(INCLUDED)))
}

/// Returns CodeBuild's buildspec.
fn codebuild(engine: EngineKind) -> Option<String> {
    let text = without(BUILDSPEC, "FAULTGATE_EXPERIMENT_TEMPLATE_ID:")?;
    match secret(engine) {
        Some(secret) => {
            let lines = format!("secrets-manager:\n  {}: {}", secret.variable, secret.manager);
            with_before(&text, "exported-variables:", &lines)
        }
        None => Some(text),
    }
}
