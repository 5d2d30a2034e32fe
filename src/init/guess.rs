//! The platform that a repository most likely has its pipeline on.

use std::path::Path;

use crate::ci::{Checkout, Surroundings};
use crate::config::{Environment, Platform};
use crate::forge::ForgeKind;

/// By where it was cloned from, else by the files of a platform that are there.
pub fn platform(dir: &Path) -> Option<Platform> {
    let nothing = Environment::from_pairs::<&str, &str>([]);
    let checkout = Checkout::read(dir);
    let forge = Surroundings::detect(&nothing, None, checkout.as_ref()).site.map(|site| site.kind);
    let by_forge = forge.and_then(|kind| match kind {
        ForgeKind::GitHub => Some(Platform::GitHub),
        ForgeKind::GitLab => Some(Platform::GitLab),
        ForgeKind::CodeCommit => Some(Platform::CodePipeline),
        ForgeKind::Gitea | ForgeKind::Forgejo | ForgeKind::Bitbucket => None,
    });
    let by_file = || {
        let files = [
            (".github", Platform::GitHub),
            (super::GITLAB, Platform::GitLab),
            ("buildspec.yml", Platform::CodeBuild),
        ];
        files.into_iter().find(|(name, _)| dir.join(name).exists()).map(|(_, platform)| platform)
    };
    by_forge.or_else(by_file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_remote_tells_more_than_files() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(platform(dir.path()), None);
        fs::write(dir.path().join("buildspec.yml"), "").unwrap();
        assert_eq!(platform(dir.path()), Some(Platform::CodeBuild));
        fs::create_dir(dir.path().join(".github")).unwrap();
        assert_eq!(platform(dir.path()), Some(Platform::GitHub));
        fs::create_dir(dir.path().join(".git")).unwrap();
        for (remote, wanted) in [
            ("git@gitlab.com:octo/shop.git", Some(Platform::GitLab)),
            ("https://github.com/octo/shop", Some(Platform::GitHub)),
            ("codecommit::eu-west-1://shop", Some(Platform::CodePipeline)),
            ("https://bitbucket.org/octo/shop", Some(Platform::GitHub)),
        ] {
            let config = format!("[remote \"origin\"]\n\turl = {remote}\n");
            fs::write(dir.path().join(".git/config"), config).unwrap();
            assert_eq!(platform(dir.path()), wanted, "{remote}");
        }
    }
}
