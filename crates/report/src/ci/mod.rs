//! The recognition of the CI and of what it runs for: pure functions of the environment, the file of the
//! event and the checkout.
//!
//! There is a file for each CI. It has one function that recognises the CI and reads its variables into
//! `surroundings.rs`; `kind.rs` names the CIs. `facts.rs` reads variables as what they should be, or not at
//! all; `remote.rs` tells the forge by the URL of a repository; `git.rs` reads the checkout; `part.rs` tells
//! a job from its siblings; `overrides.rs` lets the user's settings win; and `subject.rs` makes of all this
//! what a run reports to. `logs.rs` knows how a CI folds its logs.
//!
//! A new CI is one file here and one member of [`Ci`]; the compiler asks for the rest. Variables may hold
//! anything, so no value is passed on before its form has been checked, and no URL with credentials is passed
//! on at all.

use faultgate_core::environment::Environment;
use serde_json::Value;

mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod codebuild;
mod drone;
mod facts;
mod git;
mod github;
mod gitlab;
mod jenkins;
mod kind;
mod logs;
mod overrides;
mod part;
mod remote;
mod subject;
mod surroundings;
mod teamcity;
mod woodpecker;

use facts::Facts;

pub use git::Checkout;
pub use github::{read_event, token_is_own};
pub use kind::Ci;
pub use logs::LogStyle;
pub use overrides::Overrides;
pub use part::find_shard;
pub use surroundings::{ReadOnly, Surroundings};

/// A function that recognises one CI and returns what the CI says, or `None` if it is another one.
type Detector = fn(&Facts<'_>) -> Option<Surroundings>;

/// Variables that hold `HEAD` where somebody started a build without naming a commit. The checkout then knows
/// the commit.
const COMMITS: [&str; 5] =
    ["CODEBUILD_SOURCE_VERSION", "BITBUCKET_COMMIT", "CIRCLE_SHA1", "DRONE_COMMIT_SHA", "CI_COMMIT_SHA"];

/// Returns the function that recognises a CI. One recognises all that speak GitHub's language.
fn find_detector(ci: Ci) -> Option<Detector> {
    match ci {
        Ci::None => None,
        Ci::CodeBuild => Some(codebuild::detect),
        Ci::ForgejoActions | Ci::GiteaActions | Ci::GitHubActions => Some(github::detect),
        Ci::GitLabCi => Some(gitlab::detect),
        Ci::BitbucketPipelines => Some(bitbucket::detect),
        Ci::Buildkite => Some(buildkite::detect),
        Ci::CircleCi => Some(circleci::detect),
        Ci::AzurePipelines => Some(azure::detect),
        Ci::Woodpecker => Some(woodpecker::detect),
        Ci::Drone => Some(drone::detect),
        Ci::TeamCity => Some(teamcity::detect),
        Ci::Jenkins => Some(jenkins::detect),
    }
}

impl Surroundings {
    /// Reads what the CI says. `event` is the content of the file at [`Self::event_path`].
    pub fn detect(env: &Environment, event: Option<&Value>, git: Option<&Checkout>) -> Self {
        let facts = Facts::new(env, event);
        let mut detectors = Ci::ALL.into_iter().filter_map(find_detector);
        let mut found = detectors.find_map(|detect| detect(&facts)).unwrap_or_default();
        found.region = facts.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).map(str::to_owned);
        match git {
            Some(git) if found.ci.trusts_checkout() || facts.first(&COMMITS) == Some("HEAD") => {
                found.completed_by(git)
            }
            _ => found,
        }
    }

    /// Returns the path of the file with the event that caused the run.
    pub fn event_path(env: &Environment) -> Option<&str> {
        let facts = Facts::new(env, None);
        // A build of CodeBuild may have the variables of the step that started it, but not that step's files.
        codebuild::detect(&facts).is_none().then(|| github::event_path(&facts))?
    }
}

#[cfg(test)]
mod tests;
