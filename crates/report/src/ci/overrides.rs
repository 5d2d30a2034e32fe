//! The settings by which the user corrects what the CI says.
//!
//! Each setting wins over the CI for itself. One that names another repository, forge or commit than the
//! detected one also removes what the CI has said about the detected one, so that no report goes to a commit
//! of one repository and a pull request of another.

use super::facts::{api_url, is_commit, web_url};
use super::part::values_of;
use super::remote::{self, Remote};
use super::surroundings::Surroundings;
use crate::forge::{PullRequest, Site};
use faultgate_core::model::ForgeKind;

/// The settings of the user.
#[derive(Debug, Clone, Default)]
pub struct Overrides<'a> {
    pub forge: Option<ForgeKind>,
    pub forge_api_url: Option<&'a str>,
    pub run_url: Option<&'a str>,
    pub environment: Option<&'a str>,
    /// The repository as `owner/name`, as a path or number of GitLab's, or as the URL it is cloned from.
    pub repository: Option<&'a str>,
    pub commit: Option<&'a str>,
    pub pull_request: Option<u64>,
    /// The values of the job's matrix, as JSON or as text.
    pub matrix: Option<&'a str>,
    /// The forges for which a token was given. A single one tells which forge an unknown host is.
    pub tokens: Vec<ForgeKind>,
}

impl Surroundings {
    /// Returns the surroundings with the user's settings applied.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides<'_>) -> Self {
        let api = overrides.forge_api_url.and_then(api_url);
        // The prefix goes first, so that the repository in the settings is compared with the name that the
        // API knows.
        self.leave_out_prefix(api.as_deref());
        let mut elsewhere =
            overrides.repository.is_some_and(|given| self.set_repository(given, api.as_deref()));
        elsewhere |= self.set_site(overrides);
        if elsewhere {
            self.project = None;
            self.commit = None;
            self.pull_request = None;
            self.fork = None;
            self.pipeline = None;
            self.is_private = false;
        }
        if let Some(commit) = overrides.commit {
            self.set_commit(commit);
        }
        if let Some(number) = overrides.pull_request
            && self.pull_request.as_ref().is_none_or(|detected| detected.number != number)
        {
            self.pull_request = Some(PullRequest::own(number));
        }
        if let Some(matrix) = overrides.matrix {
            self.part = values_of(matrix);
        }
        if let Some(environment) = overrides.environment {
            self.environment = Some(environment.to_owned());
        }
        if let Some(url) = overrides.run_url.and_then(web_url) {
            self.run_url = Some(url);
        }
        self
    }

    /// Names the repository as the API does, without the path that the forge is below.
    fn leave_out_prefix(&mut self, api: Option<&str>) {
        let (Some(api), Some(server), true) = (api, &self.server, self.is_web) else { return };
        let target = self.pull_request.as_mut().and_then(|pull| pull.repository.as_mut());
        for name in self.repository.iter_mut().chain(target) {
            *name = remote::without_prefix(std::mem::take(name), server, api);
        }
        self.is_web = false;
    }

    /// Sets the repository. It returns `true` if this is another repository than the detected one.
    fn set_repository(&mut self, given: &str, api: Option<&str>) -> bool {
        let given = given.trim();
        if given.contains(':') {
            let remote = remote::parse(given).map(|remote| remote.at_api(api));
            if remote.is_none() {
                self.obstacle = Some(
                    "what `repository` is set to is no URL of a repository: set it to its full name, or to the URL \
                     it is cloned from"
                        .to_owned(),
                );
            }
            return self.move_to(remote);
        }
        let name = given.trim_matches('/');
        if self.is_named(name) {
            return false;
        }
        let elsewhere = self.has_repository();
        self.repository = Some(name.to_owned());
        elsewhere
    }

    fn has_repository(&self) -> bool {
        self.repository.is_some() || self.project.is_some()
    }

    fn is_named(&self, name: &str) -> bool {
        [&self.repository, &self.project].into_iter().flatten().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Takes the repository and the forge of a URL. It returns `true` if the repository is another than the
    /// detected one.
    fn move_to(&mut self, remote: Option<Remote>) -> bool {
        if let Some(remote) = &remote
            && self.is_named(&remote.repository)
            && self.is_at(remote)
        {
            return false;
        }
        let elsewhere = self.has_repository();
        self.repository = None;
        self.site = None;
        self.server = None;
        *self = std::mem::take(self).cloned_from(remote);
        elsewhere
    }

    /// Says whether the remote is on the forge that was detected.
    fn is_at(&self, remote: &Remote) -> bool {
        let Some(site) = &self.site else {
            return self.server.is_some() && self.server == remote.server;
        };
        let there = remote.server.as_ref().and_then(|server| remote::site_at(site.kind, server));
        remote.site.as_ref() == Some(site) || there.as_ref() == Some(site)
    }

    /// Sets the forge. It returns `true` if this is another forge than the detected one. A setting that tells
    /// what a guessed host is, or where its API is, moves nothing.
    fn set_site(&mut self, overrides: &Overrides<'_>) -> bool {
        let detected = self.site.take();
        // The forge of a server of its own was only guessed by the host's name.
        let guessed = self.server.is_some();
        self.site = match (overrides.forge_api_url, overrides.forge) {
            (Some(url), _) => self.at_api(url, detected.as_ref(), overrides),
            (None, Some(kind)) => self.on_forge(kind, detected.as_ref()),
            (None, None) => detected.clone().or_else(|| self.by_token(overrides)),
        };
        let moved = |site: &Site| self.site.as_ref().is_none_or(|now| !alike(now.kind, site.kind));
        !guessed && detected.as_ref().is_some_and(moved)
    }

    /// Returns the forge whose API is at this URL. Its kind comes from the settings, from the detected forge
    /// unless the URL contradicts it, from the URL, or from the only token.
    fn at_api(&mut self, url: &str, detected: Option<&Site>, overrides: &Overrides<'_>) -> Option<Site> {
        let Some(api_url) = api_url(url) else {
            self.obstacle =
                Some("`forge-api-url` is not an http or https URL to which paths can be added".to_owned());
            return None;
        };
        let told = kind_of_api(&api_url);
        let kind = overrides.forge.or(match detected {
            Some(site) if told.is_none_or(|told| alike(told, site.kind)) => Some(site.kind),
            _ => told.or_else(|| the_one(&overrides.tokens)),
        });
        if kind.is_none() {
            self.obstacle = Some("`forge-api-url` does not tell which forge it is: set `forge`".to_owned());
        }
        Some(Site { kind: kind?, api_url })
    }

    fn on_forge(&mut self, kind: ForgeKind, detected: Option<&Site>) -> Option<Site> {
        match detected {
            Some(site) if alike(kind, site.kind) => Some(Site { kind, api_url: site.api_url.clone() }),
            _ => self.usual_place(kind),
        }
    }

    /// Returns the forge that the only token tells: the kind of an unknown host, or the public forge of a
    /// repository of which the user has set only the name.
    fn by_token(&self, overrides: &Overrides<'_>) -> Option<Site> {
        let kind = the_one(&overrides.tokens)?;
        match &self.server {
            Some(server) => remote::site_at(kind, server),
            None => overrides.repository.and_then(|_| remote::public(kind)),
        }
    }

    /// Returns the forge at its usual place: on the server that the repository is cloned from, or else the
    /// public one.
    fn usual_place(&mut self, kind: ForgeKind) -> Option<Site> {
        let site = match (&self.server, kind) {
            (_, ForgeKind::CodeCommit) => self.region.as_deref().and_then(remote::codecommit_site),
            (Some(server), kind) => remote::site_at(kind, server).or_else(|| remote::public(kind)),
            (None, kind) => remote::public(kind),
        };
        if site.is_none() {
            let example = match kind {
                ForgeKind::CodeCommit => "https://codecommit.eu-west-1.amazonaws.com",
                ForgeKind::GitHub
                | ForgeKind::GitLab
                | ForgeKind::Gitea
                | ForgeKind::Forgejo
                | ForgeKind::Bitbucket => "https://git.example.com/api/v1",
            };
            self.obstacle = Some(format!(
                "{} is at no place of its own: set `forge-api-url`, for example to {example}",
                kind.title()
            ));
        }
        site
    }

    /// Sets the commit. A shortened hash of the detected commit means the detected one. Another commit has
    /// neither the pipeline nor the fork's branch of the detected one.
    fn set_commit(&mut self, given: &str) {
        let same = self.commit.as_ref().is_some_and(|detected| {
            is_commit(given) && detected.to_ascii_lowercase().starts_with(&given.to_ascii_lowercase())
        });
        if !same {
            self.commit = Some(given.to_owned());
            self.fork = None;
            self.pipeline = None;
        }
    }
}

/// Returns the forge of the token, if there is exactly one.
fn the_one(tokens: &[ForgeKind]) -> Option<ForgeKind> {
    match tokens {
        [kind] => Some(*kind),
        _ => None,
    }
}

/// Says whether two forges have the same API, as Gitea and Forgejo do.
fn alike(one: ForgeKind, other: ForgeKind) -> bool {
    let of_gitea = |kind| matches!(kind, ForgeKind::Gitea | ForgeKind::Forgejo);
    one == other || (of_gitea(one) && of_gitea(other))
}

/// Returns the forge that has its API at such a URL, as far as the host or the path tells.
fn kind_of_api(url: &str) -> Option<ForgeKind> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':']).next()?;
    Some(match host {
        "api.github.com" => ForgeKind::GitHub,
        "api.bitbucket.org" => ForgeKind::Bitbucket,
        host if host.starts_with("api.") && host.ends_with(".ghe.com") => ForgeKind::GitHub,
        host if host.starts_with("codecommit.") => ForgeKind::CodeCommit,
        _ if url.ends_with("/api/v3") => ForgeKind::GitHub,
        _ if url.ends_with("/api/v4") => ForgeKind::GitLab,
        _ if url.ends_with("/api/v1") => ForgeKind::Gitea,
        _ => return None,
    })
}
