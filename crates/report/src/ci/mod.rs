//! Which CI this is, and what it runs for: pure functions of the environment, the file of the event and the checkout.
//!
//! A CI is one file here with one function that recognises it, one [`Ci`] and one line in [`KNOWN`].

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

/// The longest part of a run id that comes from the CI; rule names take 64 characters in all.
const LONGEST: usize = 28;

/// Recognises its CI and tells what it says; None if it is another one.
type Detector = fn(&Facts<'_>) -> Option<Surroundings>;

/// In this order: a CI that speaks another's language, or runs inside it, goes before it. A step of GitHub Actions can
/// start a build of CodeBuild and hands over all of its variables. Jenkins is the last, since its variable reaches
/// whatever it starts.
const KNOWN: [Detector; 11] = [
    codebuild::detect,
    github::detect,
    gitlab::detect,
    bitbucket::detect,
    buildkite::detect,
    circleci::detect,
    azure::detect,
    woodpecker::detect,
    drone::detect,
    teamcity::detect,
    jenkins::detect,
];

/// Variables that hold `HEAD` where somebody started a build without naming a commit. The checkout then knows it.
const COMMITS: [&str; 5] =
    ["CODEBUILD_SOURCE_VERSION", "BITBUCKET_COMMIT", "CIRCLE_SHA1", "DRONE_COMMIT_SHA", "CI_COMMIT_SHA"];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ci {
    #[default]
    None,
    GitHubActions,
    GiteaActions,
    ForgejoActions,
    GitLabCi,
    CodeBuild,
    BitbucketPipelines,
    Buildkite,
    CircleCi,
    AzurePipelines,
    Woodpecker,
    Drone,
    TeamCity,
    Jenkins,
}

impl Ci {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::GitHubActions => "github-actions",
            Self::GiteaActions => "gitea-actions",
            Self::ForgejoActions => "forgejo-actions",
            Self::GitLabCi => "gitlab-ci",
            Self::CodeBuild => "codebuild",
            Self::BitbucketPipelines => "bitbucket-pipelines",
            Self::Buildkite => "buildkite",
            Self::CircleCi => "circleci",
            Self::AzurePipelines => "azure-pipelines",
            Self::Woodpecker => "woodpecker",
            Self::Drone => "drone",
            Self::TeamCity => "teamcity",
            Self::Jenkins => "jenkins",
        }
    }

    /// GitHub, and what speaks its language.
    pub fn is_github_like(self) -> bool {
        matches!(self, Self::GitHubActions | Self::GiteaActions | Self::ForgejoActions)
    }

    /// Whether the checkout fills the gaps: where little else is told, and nothing but the commit that is reported
    /// on is checked out.
    fn trusts_checkout(self) -> bool {
        matches!(self, Self::None | Self::TeamCity | Self::Jenkins | Self::Buildkite)
    }
}

/// Why the token that the CI gives to the job cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// The pull request comes from a fork.
    Fork,
    /// Dependabot caused the run.
    Dependabot,
}

/// Where a run takes place and what it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub ci: Ci,
    /// The page of the run: http or https, without credentials.
    pub run_url: Option<String>,
    /// From 1.
    pub attempt: Option<u32>,
    /// The name of workflow and job, the same for every re-run.
    pub job: Option<String>,
    /// What tells the job from its siblings of a matrix or of a parallel step: the same for every re-run.
    pub part: Vec<String>,
    pub site: Option<Site>,
    /// As people name it: `owner/name`, on GitLab the path with its groups.
    pub repository: Option<String>,
    /// The commit that carries the status: a pull request's head, never the commit that merges it on trial.
    pub commit: Option<String>,
    pub pull_request: Option<PullRequest>,
    /// Where the pull request comes from, if its number is not told.
    pub fork: Option<ForkBranch>,
    pub pipeline: Option<Pipeline>,
    pub read_only: Option<ReadOnly>,

    /// What the forge's API calls the repository, where it has a better name than people have.
    project: Option<String>,
    /// The server of a repository that is on none of the public forges: `https://git.example.com`.
    server: Option<String>,
    /// Whether the repository's name was read from a URL of http, and may begin with the path that the forge is below.
    is_web: bool,
    /// The AWS Region around, for CodeCommit.
    region: Option<String>,
    /// Why what the user set leads nowhere.
    obstacle: Option<String>,
    /// How to tell what is missing, in this CI.
    hint: Option<&'static str>,
    /// The CI's id of what groups the jobs of one pipeline, in each attempt. None where it does not tell.
    run: Option<String>,
    /// For the names of rules and queues.
    short: Option<String>,
    /// Everything that tells this attempt of this job from any other. None where the CI does not tell them apart:
    /// each invocation is then one of its own.
    key: Option<Vec<String>>,
}

impl Surroundings {
    /// What the CI says. `event` is the file at [`Self::event_path`].
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

    /// Where the event lies that caused the run.
    pub fn event_path(env: &Environment) -> Option<&str> {
        let facts = Facts::new(env, None);
        codebuild::detect(&facts).is_none().then(|| github::event_path(&facts))?
    }

    /// Who runs this. `random` is new for each invocation.
    pub fn identity(&self, random: &str) -> RunIdentity {
        let short = match (&self.short, self.ci) {
            (Some(short), _) => short.as_str(),
            (None, Ci::None) => "local",
            (None, ci) => ci.name(),
        };
        let short: String =
            short.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(LONGEST).collect();
        RunIdentity {
            id: format!("{short}-{random}"),
            ci: self.ci.name().to_owned(),
            pipeline: self.run.clone(),
            url: self.run_url.clone(),
            repository: self.repository.clone(),
            commit: self.commit.clone(),
            shard: None,
            attempt_key: self.key.as_ref().map_or_else(
                || random.to_owned(),
                |key| key.iter().chain(&self.part).map(String::as_str).collect::<Vec<_>>().join("\n"),
            ),
        }
    }

    /// Takes forge and repository from where the repository is cloned from.
    fn cloned_from(mut self, remote: Option<Remote>) -> Self {
        if let Some(remote) = remote {
            self.site = remote.site;
            self.server = remote.server;
            self.is_web = remote.is_web;
            self.repository = Some(remote.repository);
        }
        self
    }

    /// Takes the pull request from its page's URL, and with it the repository it asks to merge into.
    fn asked_at(mut self, page: &str) -> Self {
        if let Some((remote, number)) = remote::pull_request(page) {
            let own = self.repository.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&remote.repository));
            self.pull_request = Some(PullRequest { number, repository: (!own).then_some(remote.repository) });
        }
        self
    }

    /// Fills what the CI does not tell. A checkout of another repository tells nothing.
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
