//! The pipeline of each platform: a template of `ci-templates/`, edited so that it runs the suite instead of
//! the experiment that is named in it.
//!
//! A pipeline never holds an answer: all of them are in the suite or in the policy. GitHub's pipeline by
//! hand, and GitLab's always, starts for the default branch alone, since no other branch is deployed.

use super::blocks::{drop_block, drop_head, insert_before, keep_block, unindent};
use super::engines::find_entry;
use super::new_file::{GITLAB, NewFile, SUITE};
use faultgate_config::{Answers, EngineKind, Platform};

const STEP: &str = include_str!("../../ci-templates/github/step.yml");
const SHARDED: &str = include_str!("../../ci-templates/github/sharded.yml");
const INCLUDED: &str = include_str!("../../ci-templates/gitlab/faultgate.gitlab-ci.yml");
const FIS: &str = include_str!("../../ci-templates/gitlab/fis.gitlab-ci.yml");
const BUILDSPEC: &str = include_str!("../../ci-templates/codebuild/buildspec.yml");

const WORKFLOW: &str = ".github/workflows/chaos.yml";
pub(super) const GITLAB_INCLUDED: &str = ".gitlab/chaos.gitlab-ci.yml";
pub(super) const BUILDSPEC_FILE: &str = "buildspec.chaos.yml";

/// Returns the files of the pipeline, or `None` if a template has changed. `has_gitlab` says whether there is
/// a GitLab pipeline already, which is then left alone.
pub(super) fn make_files(answers: &Answers, has_gitlab: bool) -> Option<Vec<NewFile>> {
    let engine = answers.engine;
    let head =
        format!("# The experiments of {SUITE} as a gate. Made by faultgate init; from now on it is yours.\n");
    let file = |path, content: String| NewFile::new(path, format!("{head}{content}"));
    Some(match answers.platform {
        Platform::GitHub => vec![file(WORKFLOW, make_github(engine)?)],
        Platform::GitLab => {
            let mut files = vec![file(GITLAB_INCLUDED, make_gitlab(engine)?)];
            if !has_gitlab {
                let main = format!("stages:\n  - chaos\n\ninclude:\n  - local: {GITLAB_INCLUDED}\n");
                files.push(NewFile::new(GITLAB, main));
            }
            files
        }
        Platform::CodeBuild | Platform::CodePipeline => vec![file(BUILDSPEC_FILE, make_codebuild(engine)?)],
    })
}

/// Returns GitHub's workflow.
fn make_github(engine: EngineKind) -> Option<String> {
    let mut text = drop_head(STEP).to_owned();
    for of_the_suite in ["experiment-template-id:", "aws-region:", "aws-role-arn:"] {
        text = drop_block(&text, of_the_suite)?;
    }
    if !find_entry(engine).needs_token() {
        text = drop_block(&text, "id-token:")?;
    }
    let triggers = keep_block(&text, "on:")?;
    text = text.replacen(&triggers, &make_triggers(engine), 1);
    text = insert_before(&text, "runs-on:", GUARD)?;
    if let Some(secret) = find_entry(engine).secret() {
        let line = format!("{}: ${{{{ secrets.{} }}}}", secret.input, secret.github);
        text = insert_before(&text, "comment:", &line)?;
    }
    // The template names its experiment and needs no files, while the suite has to be checked out.
    if keep_block(&text, "- uses: actions/checkout@").is_none() {
        let checkout = unindent(&keep_block(SHARDED, "- uses: actions/checkout@")?);
        text = insert_before(&text, "- id: chaos", &format!("{checkout}\n"))?;
        text = insert_before(&text, "statuses:", "contents: read # for the suite file")?;
    }
    Some(text)
}

/// Returns the triggers of GitHub's workflow. A push is none of them, since it would judge the version that
/// was deployed before it.
fn make_triggers(engine: EngineKind) -> String {
    let secrets = find_entry(engine)
        .secret()
        .map(|secret| format!("    secrets:\n      {}: {{ required: true }}\n", secret.github));
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
pub(super) fn make_call(engine: EngineKind) -> String {
    let tokens = if find_entry(engine).needs_token() { "id-token: write, " } else { "" };
    let secrets = find_entry(engine).secret().map_or_else(String::new, |secret| {
        format!(", secrets: {{ {0}: '${{{{ secrets.{0} }}}}' }}", secret.github)
    });
    format!(
        "chaos: {{ needs: deploy, uses: ./{WORKFLOW}, permissions: {{ {tokens}contents: read, statuses: write, pull-requests: \
         write }}{secrets} }}"
    )
}

/// Returns GitLab's job.
fn make_gitlab(engine: EngineKind) -> Option<String> {
    let mut job = drop_block(&keep_block(FIS, "chaos-job:")?, "variables:")?;
    if !find_entry(engine).needs_token() {
        job = drop_block(&job, "id_tokens:")?;
    }
    // A pipeline of a branch that is not deployed would disturb one that is.
    job = insert_before(&job, "environment:", "rules:\n  - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")?;
    Some(format!("{}\n{job}", drop_head(INCLUDED)))
}

/// Returns CodeBuild's buildspec.
fn make_codebuild(engine: EngineKind) -> Option<String> {
    let text = drop_block(BUILDSPEC, "FAULTGATE_EXPERIMENT_TEMPLATE_ID:")?;
    match find_entry(engine).secret() {
        Some(secret) => {
            let lines = format!("secrets-manager:\n  {}: {}", secret.variable, secret.manager);
            insert_before(&text, "exported-variables:", &lines)
        }
        None => Some(text),
    }
}
