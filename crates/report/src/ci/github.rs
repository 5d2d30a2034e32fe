//! The variables and events of GitHub Actions, and of Gitea's and Forgejo's Actions, which speak its language
//! and set a variable of their own besides.
//!
//! In many events `GITHUB_SHA` is not the commit that the run is about, so the event's file tells it: the
//! head of a pull request, or the commit of the run, the check or the status that caused this one.

use std::path::Path;

use serde_json::Value;

use super::facts::{Facts, api_url, is_commit, web_url};
use super::kind::Ci;
use super::remote;
use super::surroundings::{ReadOnly, Surroundings};
use crate::forge::{ForkBranch, PullRequest, Site};
use faultgate_core::files;
use faultgate_core::model::ForgeKind;

/// Maximum number of bytes of an event file that is read. GitHub sends none larger.
const MAX_EVENT_BYTES: u64 = 25 << 20;

/// The events of a pull request in which a fork's job has a token that only reads.
const READ_ONLY_FOR_FORKS: [&str; 3] = ["pull_request", "pull_request_review", "pull_request_review_comment"];

/// The events in which a job that Dependabot has caused has a token that only reads.
const READ_ONLY_FOR_DEPENDABOT: [&str; 7] = [
    "push",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "create",
    "deployment",
    "deployment_status",
];

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    let actions = Actions { ci: which(facts)?, facts };
    let cause = actions.cause();
    let (run, attempt) = (actions.get("RUN_ID"), actions.get("RUN_ATTEMPT"));
    Some(Surroundings {
        ci: actions.ci,
        run_url: actions.run_url(),
        attempt: attempt.and_then(|attempt| attempt.parse().ok()).filter(|attempt| *attempt > 0),
        job: actions.job(),
        site: actions.site(),
        repository: actions.get("REPOSITORY").map(str::to_owned),
        commit: cause.commit,
        pull_request: cause.pull_request.map(PullRequest::own),
        fork: cause.fork,
        read_only: actions.read_only(),
        is_private: actions.at("/repository/private").and_then(Value::as_bool) == Some(true),
        run: run.map(str::to_owned),
        short: Some(format!("{}-{}", run.unwrap_or("0"), attempt.unwrap_or("1"))),
        // A run has many jobs, a job many steps, and the legs of a matrix share the names of both: only the
        // runner's name tells them apart.
        key: Some(facts.key(
            actions.ci.as_str(),
            &[
                "GITHUB_SERVER_URL",
                "GITHUB_REPOSITORY",
                "GITHUB_RUN_ID",
                "GITHUB_RUN_ATTEMPT",
                "GITHUB_JOB",
                "GITHUB_ACTION",
                "RUNNER_NAME",
            ],
        )),
        ..Surroundings::default()
    })
}

/// Returns which of the three it is. Gitea and Forgejo set GitHub's variable too, and so are asked for first.
fn which(facts: &Facts<'_>) -> Option<Ci> {
    let names = [
        ("FORGEJO_ACTIONS", Ci::ForgejoActions),
        ("GITEA_ACTIONS", Ci::GiteaActions),
        ("GITHUB_ACTIONS", Ci::GitHubActions),
    ];
    names.into_iter().find(|(name, _)| facts.is_set(name)).map(|(_, ci)| ci)
}

pub(super) fn event_path<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    Actions { ci: which(facts)?, facts }.get("EVENT_PATH")
}

/// Reads the file of the event. It returns `None` if the file cannot be read, is too large, or is no JSON.
pub fn read_event(path: &Path) -> Option<Value> {
    serde_json::from_slice(&files::read(path, MAX_EVENT_BYTES).ok()?).ok()
}

/// Says whether a token is surely a person's, so that it does not matter what keeps the job's own token from
/// writing. A token of GitHub's that begins with `ghs_` is the job's own, or that of an app.
pub fn token_is_own(token: &str) -> bool {
    ["ghp_", "github_pat_", "gho_", "ghu_"].iter().any(|prefix| token.starts_with(prefix))
}

/// The commit and the pull request that have caused the run.
#[derive(Default)]
struct Cause {
    commit: Option<String>,
    pull_request: Option<u64>,
    fork: Option<ForkBranch>,
}

/// The Actions of one of the three CIs, with the facts that they tell.
struct Actions<'f, 'a> {
    ci: Ci,
    facts: &'f Facts<'a>,
}

impl<'a> Actions<'_, 'a> {
    /// Returns the variable `GITHUB_<name>`, or Forgejo's alias of it.
    fn get(&self, name: &str) -> Option<&'a str> {
        let alias = || (self.ci == Ci::ForgejoActions).then(|| self.facts.get(&format!("FORGEJO_{name}")))?;
        self.facts.get(&format!("GITHUB_{name}")).or_else(alias)
    }

    fn server(&self) -> Option<String> {
        self.get("SERVER_URL").and_then(api_url)
    }

    fn run_url(&self) -> Option<String> {
        // The pages of Gitea and Forgejo are named by the run's number within the repository, not by its id.
        let run = if self.ci == Ci::GitHubActions { "RUN_ID" } else { "RUN_NUMBER" };
        let (server, repository, run) = (self.server()?, self.get("REPOSITORY")?, self.get(run)?);
        web_url(&format!("{server}/{repository}/actions/runs/{run}"))
    }

    fn job(&self) -> Option<String> {
        let parts: Vec<_> = [self.get("WORKFLOW"), self.get("JOB")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("/"))
    }

    fn site(&self) -> Option<Site> {
        let given = self.get("API_URL").and_then(api_url);
        let (kind, given) = match self.ci {
            Ci::GitHubActions => (ForgeKind::GitHub, given),
            ci => {
                let kind = if ci == Ci::ForgejoActions { ForgeKind::Forgejo } else { ForgeKind::Gitea };
                // Only a URL of their own API is taken, since a runner may set one with a path of GitHub's.
                (kind, given.filter(|url| url.ends_with("/api/v1")))
            }
        };
        match given {
            Some(api_url) => Some(Site { kind, api_url }),
            None => remote::site_at(kind, &self.server()?),
        }
    }

    fn event_name(&self) -> &'a str {
        self.get("EVENT_NAME").unwrap_or_default()
    }

    /// Returns the value at a place in the event. `null` counts as not there.
    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.facts.event?.pointer(pointer).filter(|value| !value.is_null())
    }

    fn text_at(&self, pointer: &str) -> Option<&'a str> {
        self.at(pointer)?.as_str()
    }

    fn commit_at(&self, pointer: &str) -> Option<String> {
        self.text_at(pointer).filter(|text| is_commit(text)).map(str::to_owned)
    }

    fn number_at(&self, pointer: &str) -> Option<u64> {
        self.at(pointer)?.as_u64()
    }

    /// Returns the cause of the run. In many events `GITHUB_SHA` is not the commit that the run is about.
    fn cause(&self) -> Cause {
        match self.event_name() {
            name @ ("workflow_run" | "check_run" | "check_suite") => self.of_run(name),
            "status" => Cause { commit: self.commit_at("/sha"), ..Cause::default() },
            "issue_comment" => self.of_comment(),
            name if name.starts_with("pull_request") => self.of_pull_request(),
            // A workflow that is called has the event of its caller, whatever name its own event has.
            _ if self.at("/pull_request").is_some() || self.number_of_ref().is_some() => {
                self.of_pull_request()
            }
            _ => self.of_commit(),
        }
    }

    fn of_commit(&self) -> Cause {
        let commit = self.get("SHA").filter(|text| is_commit(text)).map(str::to_owned);
        Cause { commit, ..Cause::default() }
    }

    /// Returns the pull request of the event and its head. `GITHUB_SHA` is not used, since it merges the head
    /// into the base, or is the base.
    fn of_pull_request(&self) -> Cause {
        let numbers = ["/pull_request/number", "/number", "/issue/number"];
        Cause {
            commit: self.commit_at("/pull_request/head/sha"),
            pull_request: numbers
                .iter()
                .find_map(|pointer| self.number_at(pointer))
                .or_else(|| self.number_of_ref()),
            fork: None,
        }
    }

    fn number_of_ref(&self) -> Option<u64> {
        pull_request_of_ref(self.get("REF")?)
    }

    /// Returns the commit of the run or the check that the event is about. The pull requests that the event
    /// names may belong to other repositories in the network of forks, and only one of this repository is
    /// taken.
    fn of_run(&self, name: &str) -> Cause {
        let here = self.number_at("/repository/id");
        let numbers = self.at(&format!("/{name}/pull_requests")).and_then(Value::as_array);
        let ours = |pull: &&Value| match (here, pull.pointer("/base/repo/id").and_then(Value::as_u64)) {
            (Some(here), Some(base)) => here == base,
            _ => true,
        };
        Cause {
            commit: self.commit_at(&format!("/{name}/head_sha")),
            pull_request: numbers.and_then(|all| all.iter().find(ours)?.get("number")?.as_u64()),
            fork: self.fork(name),
        }
    }

    /// Returns the branch that a run was for, if it is a fork's. The event then names no pull request.
    fn fork(&self, name: &str) -> Option<ForkBranch> {
        let head = self.text_at(&format!("/{name}/head_repository/full_name"))?;
        let here = self.get("REPOSITORY")?;
        (!head.eq_ignore_ascii_case(here)).then_some(ForkBranch {
            owner: head.split('/').next()?.to_owned(),
            branch: self.text_at(&format!("/{name}/head_branch"))?.to_owned(),
        })
    }

    /// Returns the pull request that was commented on, whose head the event does not tell. A comment on an
    /// issue is about the default branch.
    fn of_comment(&self) -> Cause {
        let Some(number) = self.number_at("/issue/number") else {
            return Cause::default();
        };
        let on_pull_request = self.at("/issue/pull_request").is_some()
            || self.at("/is_pull").and_then(Value::as_bool) == Some(true);
        if on_pull_request {
            Cause { pull_request: Some(number), ..Cause::default() }
        } else {
            self.of_commit()
        }
    }

    fn read_only(&self) -> Option<ReadOnly> {
        let name = self.event_name();
        if READ_ONLY_FOR_FORKS.contains(&name) && self.comes_from_a_fork() {
            return Some(ReadOnly::Fork);
        }
        let dependabot = self.ci == Ci::GitHubActions && self.get("ACTOR") == Some("dependabot[bot]");
        (dependabot && READ_ONLY_FOR_DEPENDABOT.contains(&name)).then_some(ReadOnly::Dependabot)
    }

    fn comes_from_a_fork(&self) -> bool {
        if self.at("/pull_request/head").is_none() {
            return false;
        }
        let base = self.text_at("/pull_request/base/repo/full_name").or_else(|| self.get("REPOSITORY"));
        match (self.text_at("/pull_request/head/repo/full_name"), base) {
            (Some(head), Some(base)) => !head.eq_ignore_ascii_case(base),
            // The fork has been deleted, so the event has no repository of the head.
            (None, _) => self.at("/pull_request/head/repo").is_none(),
            (Some(_), None) => false,
        }
    }
}

/// Returns the number in `refs/pull/N/merge`.
pub(super) fn pull_request_of_ref(git_ref: &str) -> Option<u64> {
    git_ref.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}
