//! Tests of what the environment of each CI means, as the CI's documentation describes it.
//!
//! There is a file for each CI that needs one, and `others.rs` for the rest. Most tests are tables: the
//! variables, and the subject in one line.

use super::*;
use crate::forge::{PullRequest, Site};
use faultgate_core::environment::Environment;
use faultgate_core::model::RunIdentity;

mod codebuild;
mod git;
mod github;
mod gitlab;
mod identity;
mod others;
mod overrides;
mod part;
mod properties;
mod remote;
mod subject;

/// The head of a pull request, or the commit that was pushed.
const HEAD: &str = "1111111111111111111111111111111111111111";
/// The commit that merges the pull request on trial.
const MERGE: &str = "2222222222222222222222222222222222222222";
/// The commit at the head of the default branch.
const BASE: &str = "3333333333333333333333333333333333333333";

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Returns what these variables mean. A variable of a later set wins over those of the sets before it.
fn in_env(sets: &[Pairs<'_>]) -> Surroundings {
    with_event(sets, None)
}

fn with_event(sets: &[Pairs<'_>], event: Option<&Value>) -> Surroundings {
    let env = Environment::from_pairs(sets.iter().flat_map(|set| set.iter().copied()));
    Surroundings::detect(&env, event, None)
}

fn url(found: &Surroundings) -> &str {
    found.run_url.as_deref().unwrap_or("none")
}

/// Returns the subject in one line: the forge, the API, the repository, the commit, the pull request and the
/// pipeline.
fn subject(found: &Surroundings) -> String {
    let subject = match found.subject() {
        Ok(subject) => subject,
        Err(why) => return why,
    };
    let commit = match subject.commit.as_deref() {
        Some(HEAD) => "head",
        Some(MERGE) => "merge",
        Some(BASE) => "base",
        Some(other) => other,
        None => "to look up",
    };
    let mut line =
        format!("{} {} {} {commit}", subject.site.kind.as_str(), subject.site.api_url, subject.repository);
    if let Some(pull) = subject.pull_request {
        line =
            format!("{line} !{} {}", pull.number, pull.repository.unwrap_or_default()).trim_end().to_owned();
    }
    if let Some(pipeline) = subject.pipeline {
        let (git_ref, job) = (pipeline.git_ref.unwrap_or_default(), pipeline.job.unwrap_or_default());
        line = format!("{line} pipeline {} [{git_ref}] [{job}]", pipeline.id);
    }
    line
}
