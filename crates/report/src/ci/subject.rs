//! The subject that a run reports to, made of what was detected and set, or the reason why there is none.

use super::facts::is_commit;
use super::kind::Ci;
use super::surroundings::Surroundings;
use crate::forge::Subject;
use faultgate_core::model::ForgeKind;
use faultgate_core::text::plain;

/// Maximum number of bytes of a repository's name.
const MAX_NAME_BYTES: usize = 512;
/// Maximum number of characters that are shown of a value that is refused.
const MAX_SHOWN_CHARS: usize = 80;

impl Surroundings {
    /// Returns the subject that a run reports to. The error is the reason why there is none, as a sentence
    /// fragment on which a user can act.
    pub fn subject(&self) -> Result<Subject, String> {
        if let Some(obstacle) = &self.obstacle {
            return Err(obstacle.clone());
        }
        let repository = self.project.as_ref().or(self.repository.as_ref());
        let repository =
            repository.ok_or_else(|| self.missing("the repository is not known", "repository"))?;
        let site = self.site.clone().ok_or_else(|| self.no_site())?;
        fits(site.kind, repository)?;
        if let Some(target) = self.pull_request.as_ref().and_then(|pull| pull.repository.as_deref()) {
            fits(site.kind, target)?;
        }
        match &self.commit {
            Some(commit) if !is_commit(commit) => {
                return Err(format!(
                    "`{}` is not a commit: set `commit` to a hash of 7 to 64 hexadecimal digits",
                    plain(commit, MAX_SHOWN_CHARS)
                ));
            }
            None if self.pull_request.is_none() || !finds_head(site.kind) => {
                return Err(self.missing("the commit is not known", "commit"));
            }
            _ => {}
        }
        Ok(Subject {
            site,
            repository: repository.clone(),
            commit: self.commit.clone(),
            pull_request: self.pull_request.clone(),
            fork: self.fork.clone(),
            pipeline: self.pipeline.clone(),
        })
    }

    /// Makes the reason for a missing fact, with the remedy that fits the CI.
    fn missing(&self, what: &str, input: &str) -> String {
        match self.hint {
            Some(hint) => format!("{what}: set `repository` and `commit`, {hint}"),
            None if self.ci == Ci::None => format!(
                "{what}, and there is no CI that is known and would tell: set `repository` and `commit`, and `forge` \
                 where the repository's URL does not tell it"
            ),
            None => format!("{what}: set `{input}`"),
        }
    }

    fn no_site(&self) -> String {
        match &self.server {
            Some(server) => format!(
                "it is not known which forge {} is: set `forge`, and `forge-api-url` if its API is not at the usual \
                 place",
                plain(server, MAX_SHOWN_CHARS)
            ),
            None => "it is not known which forge the repository is on: set `forge`, and `forge-api-url` if it is not \
                     the public one"
                .to_owned(),
        }
    }
}

/// Says whether the head of a pull request is looked up on this forge where only its number is known.
pub(super) fn finds_head(kind: ForgeKind) -> bool {
    matches!(kind, ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::Forgejo)
}

/// Checks that this can be the name of a repository on such a forge, and can stand in the path of a URL as it
/// is.
fn fits(kind: ForgeKind, repository: &str) -> Result<(), String> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(safe);
    let parts = repository.split('/').count();
    let is_number = repository.bytes().all(|b| b.is_ascii_digit());
    let (right, wanted) = match kind {
        ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::Forgejo | ForgeKind::Bitbucket => {
            (parts == 2, "owner/name")
        }
        ForgeKind::GitLab => (parts > 1 || is_number, "group/project or its number"),
        ForgeKind::CodeCommit => (parts == 1, "a name without a slash"),
    };
    if right && repository.len() <= MAX_NAME_BYTES && repository.split('/').all(part) {
        return Ok(());
    }
    Err(format!(
        "`{}` is not a repository on {}: set `repository` to {wanted}, or `forge` if it is on another forge",
        plain(repository, MAX_SHOWN_CHARS),
        kind.title()
    ))
}
