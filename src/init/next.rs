//! The three steps that are left to do by hand: access, the job in the pipeline, and a trial.
//!
//! Commands and lines of code are given so that they can be copied. An answer within a command is quoted as
//! one word.

use std::fmt::Write;
use std::path::Path;

use super::engines::{EngineAccess, EngineSecret, find_entry};
use super::new_file::GITLAB;
use super::pipeline::{self, BUILDSPEC_FILE, GITLAB_INCLUDED};
use super::texts::make_link;
use super::{guess, policy};
use faultgate_config::{Answers, Platform};

/// Returns the three steps. `has_pipeline` says whether the repository had a GitLab pipeline before.
pub(super) fn list_steps(answers: &Answers, dir: &Path, has_pipeline: bool) -> [String; 3] {
    [explain_access(answers, dir), explain_job(answers, has_pipeline), explain_trial(answers)]
}

fn explain_access(answers: &Answers, dir: &Path) -> String {
    match find_entry(answers.engine).access {
        EngineAccess::Role => explain_role(answers, guess::find_repository(dir).as_deref()),
        EngineAccess::Secret(secret) => explain_secret(answers.platform, secret),
        EngineAccess::Programs => explain_programs(answers),
    }
}

/// Returns the step for an engine of local commands, whose programs the image has to have.
fn explain_programs(answers: &Answers) -> String {
    let programs = ["run", "stop"].into_iter().filter(|name| !answers.does_without(name));
    let mut programs: Vec<&str> =
        programs.filter_map(|name| answers.get(name)?.split_whitespace().next()).collect();
    programs.dedup();
    format!(
        "Let the job find {}: it runs in faultgate's image, which has busybox's programs and no other, docker and kubectl neither. \
         Build an image of your own that has them and faultgate, or run the binary on a runner of yours: {}",
        programs.join(" and "),
        make_link("docs/container.md"),
    )
}

/// Returns the step for FIS, whose role needs a policy and a trust. `repository` is the repository as its
/// forge names it, where that is known.
fn explain_role(answers: &Answers, repository: Option<&str>) -> String {
    let flags = [("template", "experiment-template-id"), ("region", "aws-region")];
    let mut command = "faultgate iam".to_owned();
    let given = flags.into_iter().filter_map(|(flag, name)| Some((flag, answers.get(name)?)));
    for (flag, value) in given.chain(policy::find_account(answers).map(|account| ("account", account))) {
        let _ = write!(command, " --{flag} {}", quote_word(value));
    }
    let trust = match answers.platform {
        Platform::GitHub => format!(
            "and let it trust GitHub's tokens of the job: aud sts.amazonaws.com, sub repo:{}:ref:refs/heads/BRANCH, BRANCH being the \
             one that is deployed: {}#github",
            repository.unwrap_or("OWNER/NAME"),
            make_link("docs/aws-access.md")
        ),
        Platform::GitLab => format!(
            "and let it trust this GitLab's tokens of the job: aud the URL of this GitLab, such as https://gitlab.com, sub \
             project_path:{}:ref_type:branch:ref:BRANCH, BRANCH being the default one: {}#gitlab",
            repository.unwrap_or("GROUP/PROJECT"),
            make_link("docs/aws-access.md")
        ),
        Platform::CodeBuild | Platform::CodePipeline => {
            "and give the project's role the same policy, or let it assume the one in the suite".to_owned()
        }
    };
    format!("Give the role what a run needs: `{command}` prints its policy; {trust}")
}

/// Returns the step for a control plane, whose key has to be kept as a secret.
fn explain_secret(platform: Platform, secret: &EngineSecret) -> String {
    match platform {
        Platform::GitHub => format!(
            "Set the secret {} of the repository (Settings, Secrets and variables, Actions).",
            secret.github
        ),
        Platform::GitLab => format!(
            "Set the variable {} of the project, masked and protected (Settings, CI/CD, Variables).",
            secret.variable
        ),
        Platform::CodeBuild | Platform::CodePipeline => format!(
            "Keep the key in Secrets Manager as {}, and let the project's role read it (secretsmanager:GetSecretValue).",
            secret.manager
        ),
    }
}

fn explain_job(answers: &Answers, has_pipeline: bool) -> String {
    match answers.platform {
        Platform::GitHub => format!(
            "Call it from the workflow of your deployment, by a job after that of the deployment (here deploy): `{}`. By hand it \
             starts for the default branch alone.",
            pipeline::make_call(answers.engine),
        ),
        Platform::GitLab => {
            let included = if has_pipeline {
                format!(
                    "Add to {GITLAB}: `include: [{{ local: {GITLAB_INCLUDED} }}]`, and the stage `chaos` after that of the \
                     deployment. "
                )
            } else {
                String::new()
            };
            format!(
                "{included}Set the variable FAULTGATE_GITLAB_TOKEN, masked and protected, to a project access token with the scope api, for \
                 statuses and notes."
            )
        }
        Platform::CodeBuild => format!("{} Start it after your deployment.", explain_project()),
        Platform::CodePipeline => format!(
            "{} Add it to the pipeline as an action of the stage after the deployment to staging. A whole pipeline to copy is {}",
            explain_project(),
            make_link("ci-templates/codepipeline/README.md"),
        ),
    }
}

fn explain_project() -> String {
    format!(
        "Make a CodeBuild project with the image ghcr.io/faultgate/faultgate:{IMAGE_TAG} and the buildspec {BUILDSPEC_FILE}."
    )
}

/// The tag of the image, which all releases of one minor version share.
const IMAGE_TAG: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

fn explain_trial(answers: &Answers) -> String {
    let here = match (answers.get("aws-role-arn"), answers.platform) {
        (Some(_), Platform::GitHub | Platform::GitLab) => {
            " On your own machine `check` is refused the role, which trusts the job alone: run it in the job, or let the role \
             trust you too."
        }
        _ => "",
    };
    format!(
        "Try it: `faultgate rehearse --fault 30s` plays the suite without touching anything but what its probes look at, and \
         `faultgate check` verifies all that a run verifies before it launches.{here} A trial writes its report here: add the line \
         `faultgate-report/` to .gitignore. Then commit the files."
    )
}

/// Quotes a text as one word of a shell's command line. Answers hold no single quotes, so none needs to be
/// escaped.
fn quote_word(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c));
    if is_plain { text.to_owned() } else { format!("'{text}'") }
}
