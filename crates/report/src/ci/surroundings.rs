//! The facts about where a run takes place and what it is for.

use super::facts;
use super::git::Checkout;
use super::kind::Ci;
use super::remote::{self, Remote};
use crate::forge::{ForkBranch, Pipeline, PullRequest, Site};
use faultgate_core::model::RunIdentity;

/// Maximum number of characters of a run id that come from the CI. The names of rules, which the id is a part
/// of, take 64 characters in all.
const MAX_CHARS: usize = 28;

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
    /// `true` if the CI says that not everybody may read the repository.
    pub is_private: bool,

    /// The name that the forge's API has for the repository, where that is a better one than people have.
    pub(super) project: Option<String>,
    /// The server of a repository that is on none of the public forges: `https://git.example.com`.
    pub(super) server: Option<String>,
    /// `true` if the repository's name was read from a URL of http, and may begin with the path that the
    /// forge is below.
    pub(super) is_web: bool,
    /// The AWS Region of the environment, which CodeCommit needs.
    pub(super) region: Option<String>,
    /// The reason why a setting of the user leads nowhere.
    pub(super) obstacle: Option<String>,
    /// The way to tell in this CI what is missing.
    pub(super) hint: Option<&'static str>,
    /// The CI's id of the pipeline, which all of its jobs share in each attempt. It is `None` where the CI
    /// does not tell it.
    pub(super) run: Option<String>,
    /// The part of the run id that names of rules and queues take from the CI.
    pub(super) short: Option<String>,
    /// The values that tell this attempt of this job from any other. They are `None` where the CI does not
    /// tell attempts apart, and each invocation is then an attempt of its own.
    pub(super) key: Option<Vec<String>>,
}

impl Surroundings {
    /// Returns the identity of this run. `random` is new for each invocation.
    pub fn identity(&self, random: &str) -> RunIdentity {
        let short = match (&self.short, self.ci) {
            (Some(short), _) => short.as_str(),
            (None, Ci::None) => "local",
            (None, ci) => ci.as_str(),
        };
        let short: String =
            short.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(MAX_CHARS).collect();
        RunIdentity {
            id: format!("{short}-{random}"),
            ci: self.ci.as_str().to_owned(),
            pipeline: self.run.clone(),
            url: self.run_url.clone(),
            repository: self.repository.clone(),
            commit: self.commit.clone(),
            environment: self.environment.clone(),
            shard: None,
            // The key makes the launch token. Where attempts are not told apart, a shared key would let one
            // attempt find the experiment of another.
            plan_run: None,
            attempt_key: self.key.as_ref().map_or_else(
                || random.to_owned(),
                |key| key.iter().chain(&self.part).map(String::as_str).collect::<Vec<_>>().join("\n"),
            ),
        }
    }

    /// Takes the forge and the repository from the URL that the repository is cloned from.
    pub(super) fn cloned_from(mut self, remote: Option<Remote>) -> Self {
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
    pub(super) fn asked_at(mut self, page: &str) -> Self {
        if let Some((remote, number)) = remote::pull_request(page) {
            let own = self.repository.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&remote.repository));
            self.pull_request = Some(PullRequest { number, repository: (!own).then_some(remote.repository) });
        }
        self
    }

    /// Fills in what the CI does not tell. A checkout of another repository tells nothing.
    pub(super) fn completed_by(mut self, git: &Checkout) -> Self {
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
