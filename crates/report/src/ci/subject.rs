//! What a run reports to, out of what was detected and set, or why there is nothing.

use super::facts::is_commit;
use super::{Ci, Surroundings};
use crate::forge::Subject;
use faultgate_core::model::ForgeKind;
use faultgate_core::text::plain;

/// The longest name of a repository that is taken.
const LONGEST: usize = 512;
/// How much of a value that is refused is shown.
const SHOWN: usize = 80;

impl Surroundings {
    /// What a run reports to, or why there is nothing, as a sentence fragment a user can act on.
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
                    plain(commit, SHOWN)
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
                plain(server, SHOWN)
            ),
            None => "it is not known which forge the repository is on: set `forge`, and `forge-api-url` if it is not \
                     the public one"
                .to_owned(),
        }
    }
}

/// Whether the head of a pull request is looked up where only its number is known.
pub(super) fn finds_head(kind: ForgeKind) -> bool {
    matches!(kind, ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::Forgejo)
}

/// Whether this can be the name of a repository on such a forge, and stand in the path of a URL as it is.
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
    if right && repository.len() <= LONGEST && repository.split('/').all(part) {
        return Ok(());
    }
    Err(format!(
        "`{}` is not a repository on {}: set `repository` to {wanted}, or `forge` if it is on another forge",
        plain(repository, SHOWN),
        kind.title()
    ))
}
