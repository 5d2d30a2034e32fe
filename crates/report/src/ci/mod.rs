//! The recognition of the CI and of what it runs for: pure functions of the environment, the file of the
//! event and the checkout.
//!
//! There is a file for each CI. It has one function that recognises the CI and reads its variables.
//! `facts.rs` reads variables as what they should be, or not at all; `remote.rs` tells the forge by the URL
//! of a repository; `git.rs` reads the checkout; `part.rs` tells a job from its siblings; `overrides.rs` lets
//! the user's settings win; and `subject.rs` makes of all this what a run reports to. `logs.rs` knows how a
//! CI folds its logs.
//!
//! A new CI is one file here and one line in the table of [`Ci`]; the compiler asks for the rest. Variables may hold anything, so no value
//! is passed on before its form has been checked, and no URL with credentials is passed on at all.

use serde_json::Value;

use crate::forge::{ForkBranch, Pipeline, PullRequest, Site};
use faultgate_core::environment::Environment;
use faultgate_core::model::RunIdentity;

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
mod logs;
mod overrides;
mod part;
mod remote;
mod subject;
mod teamcity;
mod woodpecker;

use facts::Facts;
use remote::Remote;

pub use git::Checkout;
pub use github::{read_event, token_is_own};
pub use logs::LogStyle;
pub use overrides::Overrides;

/// Maximum number of characters of a run id that come from the CI. The names of rules, which the id is a part
/// of, take 64 characters in all.
const MAX_CHARS: usize = 28;

/// A function that recognises one CI and returns what the CI says, or `None` if it is another one.
type Detector = fn(&Facts<'_>) -> Option<Surroundings>;

/// Variables that hold `HEAD` where somebody started a build without naming a commit. The checkout then knows
/// the commit.
const COMMITS: [&str; 5] =
    ["CODEBUILD_SOURCE_VERSION", "BITBUCKET_COMMIT", "CIRCLE_SHA1", "DRONE_COMMIT_SHA", "CI_COMMIT_SHA"];

/// Makes of one table the enum of the CIs, their names, and the list of their detectors.
macro_rules! known {
    ($($ci:ident $name:literal $detect:path,)*) => {
        /// A CI that is known.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum Ci {
            #[default]
            None,
            $($ci,)*
        }

        /// The detectors, in the order in which they are asked.
        const KNOWN: &[Detector] = &[$($detect,)*];

        impl Ci {
            /// Returns the name of this CI as results and parts record it.
            pub fn name(self) -> &'static str {
                match self {
                    Self::None => "none",
                    $(Self::$ci => $name,)*
                }
            }
        }
    };
}

// A CI that speaks another's language, or runs inside it, goes before it. A step of GitHub Actions can start a
// build of CodeBuild and hands over all of its variables. One detector recognises all that speak GitHub's
// language. Jenkins is the last, since its variable reaches whatever Jenkins starts.
known! {
    CodeBuild "codebuild" codebuild::detect,
    ForgejoActions "forgejo-actions" github::detect,
    GiteaActions "gitea-actions" github::detect,
    GitHubActions "github-actions" github::detect,
    GitLabCi "gitlab-ci" gitlab::detect,
    BitbucketPipelines "bitbucket-pipelines" bitbucket::detect,
    Buildkite "buildkite" buildkite::detect,
    CircleCi "circleci" circleci::detect,
    AzurePipelines "azure-pipelines" azure::detect,
    Woodpecker "woodpecker" woodpecker::detect,
    Drone "drone" drone::detect,
    TeamCity "teamcity" teamcity::detect,
    Jenkins "jenkins" jenkins::detect,
}

impl Ci {
    /// Says whether this CI is GitHub Actions, or one that speaks its language.
    pub fn is_github_like(self) -> bool {
        matches!(self, Self::GitHubActions | Self::GiteaActions | Self::ForgejoActions)
    }

    /// Says whether the checkout fills the gaps. It does where the CI tells little else, and checks out
    /// nothing but the commit that is reported on.
    fn trusts_checkout(self) -> bool {
        match self {
            Self::None | Self::TeamCity | Self::Jenkins | Self::Buildkite => true,
            Self::CodeBuild
            | Self::ForgejoActions
            | Self::GiteaActions
            | Self::GitHubActions
            | Self::GitLabCi
            | Self::BitbucketPipelines
            | Self::CircleCi
            | Self::AzurePipelines
            | Self::Woodpecker
            | Self::Drone => false,
        }
    }
}

/// The reason why the token that the CI gives to the job cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// The pull request comes from a fork.
    Fork,
    /// Dependabot has caused the run.
    Dependabot,
}

/// The facts about where a run takes place and what it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub ci: Ci,
    /// The URL of the run's page, of http or https and without credentials.
    pub run_url: Option<String>,
    /// The number of the attempt, counted from 1.
    pub attempt: Option<u32>,
    /// The name of the workflow and the job, which is the same in every re-run.
    pub job: Option<String>,
    /// The values that tell the job from its siblings of a matrix or of a parallel step. They are the same in
    /// every re-run.
    pub part: Vec<String>,
    /// The environment that the job is for, as the CI names it.
    pub environment: Option<String>,
    pub site: Option<Site>,
    /// The repository as people name it: `owner/name`, or on GitLab the path with its groups.
    pub repository: Option<String>,
    /// The commit that carries the status. In a pull request this is its head, never the commit that merges
    /// it on trial.
    pub commit: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// The branch that the pull request comes from, if its number is not told.
    pub fork: Option<ForkBranch>,
    pub pipeline: Option<Pipeline>,
    pub read_only: Option<ReadOnly>,

    /// The name that the forge's API has for the repository, where that is a better one than people have.
    project: Option<String>,
    /// The server of a repository that is on none of the public forges: `https://git.example.com`.
    server: Option<String>,
    /// `true` if the repository's name was read from a URL of http, and may begin with the path that the
    /// forge is below.
    is_web: bool,
    /// The AWS Region of the environment, which CodeCommit needs.
    region: Option<String>,
    /// The reason why a setting of the user leads nowhere.
    obstacle: Option<String>,
    /// The way to tell in this CI what is missing.
    hint: Option<&'static str>,
    /// The CI's id of the pipeline, which all of its jobs share in each attempt. It is `None` where the CI
    /// does not tell it.
    run: Option<String>,
    /// The part of the run id that names of rules and queues take from the CI.
    short: Option<String>,
    /// The values that tell this attempt of this job from any other. They are `None` where the CI does not
    /// tell attempts apart, and each invocation is then an attempt of its own.
    key: Option<Vec<String>>,
}

impl Surroundings {
    /// Reads what the CI says. `event` is the content of the file at [`Self::event_path`].
    pub fn detect(env: &Environment, event: Option<&Value>, git: Option<&Checkout>) -> Self {
        let facts = Facts::new(env, event);
        let mut found = KNOWN.iter().find_map(|detect| detect(&facts)).unwrap_or_default();
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

    /// Returns the identity of this run. `random` is new for each invocation.
    pub fn identity(&self, random: &str) -> RunIdentity {
        let short = match (&self.short, self.ci) {
            (Some(short), _) => short.as_str(),
            (None, Ci::None) => "local",
            (None, ci) => ci.name(),
        };
        let short: String =
            short.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(MAX_CHARS).collect();
        RunIdentity {
            id: format!("{short}-{random}"),
            ci: self.ci.name().to_owned(),
            pipeline: self.run.clone(),
            url: self.run_url.clone(),
            repository: self.repository.clone(),
            commit: self.commit.clone(),
            environment: self.environment.clone(),
            shard: None,
            // The key makes the launch token. Where attempts are not told apart, a shared key would let one
            // attempt find the experiment of another.
            attempt_key: self.key.as_ref().map_or_else(
                || random.to_owned(),
                |key| key.iter().chain(&self.part).map(String::as_str).collect::<Vec<_>>().join("\n"),
            ),
        }
    }

    /// Takes the forge and the repository from the URL that the repository is cloned from.
    fn cloned_from(mut self, remote: Option<Remote>) -> Self {
        if let Some(remote) = remote {
            self.site = remote.site;
            self.server = remote.server;
            self.is_web = remote.is_web;
            self.repository = Some(remote.repository);
        }
        self
    }

    /// Takes the pull request from the URL of its page, and with it the repository into which it asks to be
    /// merged.
    fn asked_at(mut self, page: &str) -> Self {
        if let Some((remote, number)) = remote::pull_request(page) {
            let own = self.repository.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&remote.repository));
            self.pull_request = Some(PullRequest { number, repository: (!own).then_some(remote.repository) });
        }
        self
    }

    /// Fills in what the CI does not tell. A checkout of another repository tells nothing.
    fn completed_by(mut self, git: &Checkout) -> Self {
        let origin = git.origin.as_deref().and_then(remote::parse);
        if self.repository.is_none() {
            self = self.cloned_from(origin);
        } else if origin.is_none_or(|origin| Some(origin.repository) != self.repository) {
            return self;
        }
        if self.commit.is_none() && self.pull_request.is_none() {
            self.commit = git.head.as_deref().filter(|head| facts::is_commit(head)).map(str::to_owned);
        }
        self
    }
}

#[cfg(test)]
mod tests;
