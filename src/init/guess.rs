//! The guess of the platform on which a repository most likely has its pipeline. It offers a default to a
//! question, and decides nothing.

use std::path::{Path, PathBuf};

use super::new_file::GITLAB;
use faultgate_config::Platform;
use faultgate_core::environment::Environment;
use faultgate_core::model::ForgeKind;
use faultgate_report::ci::{Checkout, Surroundings};

/// Returns the platform by the forge that the repository was cloned from, or else by the files of a platform
/// that are there.
pub(super) fn guess_platform(dir: &Path) -> Option<Platform> {
    let forge = read_surroundings(dir).site.map(|site| site.kind);
    let by_forge = forge.and_then(|kind| match kind {
        ForgeKind::GitHub => Some(Platform::GitHub),
        ForgeKind::GitLab => Some(Platform::GitLab),
        ForgeKind::CodeCommit => Some(Platform::CodePipeline),
        ForgeKind::Gitea | ForgeKind::Forgejo | ForgeKind::Bitbucket => None,
    });
    let by_file = || {
        let files = [
            (".github", Platform::GitHub),
            (GITLAB, Platform::GitLab),
            ("buildspec.yml", Platform::CodeBuild),
        ];
        files.into_iter().find(|(name, _)| dir.join(name).exists()).map(|(_, platform)| platform)
    };
    by_forge.or_else(by_file)
}

/// Returns what git alone tells. The environment is left out, since it describes the user's shell and not the
/// repository.
fn read_surroundings(dir: &Path) -> Surroundings {
    let nothing = Environment::from_pairs::<&str, &str>([]);
    Surroundings::detect(&nothing, None, Checkout::read(dir).as_ref())
}

/// Returns the repository as its forge names it, by the URL that it was cloned from.
pub(super) fn find_repository(dir: &Path) -> Option<String> {
    read_surroundings(dir).repository
}

/// Returns the top folder of the repository if `dir` is below it, and `None` if `dir` is the top folder
/// itself.
pub(super) fn find_top(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let top = dir.ancestors().find(|folder| folder.join(".git").exists())?;
    (top != dir).then(|| top.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_remote_tells_more_than_files() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(guess_platform(dir.path()), None);
        fs::write(dir.path().join("buildspec.yml"), "").unwrap();
        assert_eq!(guess_platform(dir.path()), Some(Platform::CodeBuild));
        fs::create_dir(dir.path().join(".github")).unwrap();
        assert_eq!(guess_platform(dir.path()), Some(Platform::GitHub));
        fs::create_dir(dir.path().join(".git")).unwrap();
        for (remote, wanted) in [
            ("git@gitlab.com:octo/shop.git", Some(Platform::GitLab)),
            ("https://github.com/octo/shop", Some(Platform::GitHub)),
            ("codecommit::eu-west-1://shop", Some(Platform::CodePipeline)),
            ("https://bitbucket.org/octo/shop", Some(Platform::GitHub)),
        ] {
            let config = format!("[remote \"origin\"]\n\turl = {remote}\n");
            fs::write(dir.path().join(".git/config"), config).unwrap();
            assert_eq!(guess_platform(dir.path()), wanted, "{remote}");
            assert!(find_repository(dir.path()).is_some_and(|name| name.ends_with("shop")), "{remote}");
        }
    }

    #[test]
    fn a_folder_below_the_top_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(find_top(&below), None);
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(find_top(&below), Some(dir.path().canonicalize().unwrap()));
        assert_eq!(find_top(dir.path()), None);
    }
}
