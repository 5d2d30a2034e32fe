//! Tests of the checkout: how its files are read, and when a run uses it.

use std::fs;
use std::path::Path;

use super::*;

const CONFIG: &str = "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = https://x/y\n[Remote \"origin\"]\n\
                      \tfetch = +refs/heads/*:refs/remotes/origin/*\n\turl = git@github.com:octo/shop.git\n\
                      [branch \"main\"]\n\turl = no\n";

type Files<'a> = &'a [(&'a str, &'a str)];

fn write(dir: &Path, files: Files<'_>) {
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn found(head: Option<&str>) -> Checkout {
    let origin = Some("git@github.com:octo/shop.git".to_owned());
    Checkout { head: head.map(str::to_owned), origin }
}

#[test]
fn head_is_a_commit_or_a_ref_to_one() {
    let loose = format!("{HEAD}\n");
    let packed =
        format!("# pack-refs with: peeled\n{BASE} refs/heads/other\n{HEAD} refs/heads/main\n^{BASE}\n");
    let table: &[(&str, Files<'_>, Option<&str>)] = &[
        ("detached", &[(".git/HEAD", &loose)], Some(HEAD)),
        ("branch", &[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", &loose)], Some(HEAD)),
        ("packed", &[(".git/HEAD", "ref: refs/heads/main\n"), (".git/packed-refs", &packed)], Some(HEAD)),
        ("nothing committed", &[(".git/HEAD", "ref: refs/heads/main\n")], None),
        (
            "out of the tree",
            &[(".git/HEAD", "ref: refs/../../secret\n"), (".git/refs/heads/x", ""), ("secret", &loose)],
            None,
        ),
        ("no commit", &[(".git/HEAD", "abcdef1\n")], None),
        ("shallow", &[(".git/HEAD", &loose), (".git/shallow", &loose)], Some(HEAD)),
    ];
    for (title, files, head) in table {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), files);
        write(dir.path(), &[(".git/config", CONFIG), ("a/b/file", "")]);
        assert_eq!(Checkout::read(dir.path()), Some(found(*head)), "{title}");
        assert_eq!(Checkout::read(&dir.path().join("a/b")), Some(found(*head)), "{title}, from below");
    }
}

#[test]
fn a_worktree_shares_refs_and_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main");
    write(
        &main,
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/config", CONFIG),
            (".git/refs/heads/main", BASE),
            (".git/refs/heads/retry", HEAD),
            (".git/worktrees/retry/HEAD", "ref: refs/heads/retry\n"),
            (".git/worktrees/retry/commondir", "../..\n"),
        ],
    );
    let gitdir = format!("gitdir: {}\n", main.join(".git/worktrees/retry").display());
    write(dir.path(), &[("retry/.git", &gitdir), ("beside/.git", "gitdir: ../main/.git/worktrees/retry")]);
    assert_eq!(Checkout::read(&dir.path().join("retry")), Some(found(Some(HEAD))));
    assert_eq!(Checkout::read(&dir.path().join("beside")), Some(found(Some(HEAD))));
    assert_eq!(Checkout::read(&main), Some(found(Some(BASE))));
}

#[test]
fn what_cannot_be_read_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Checkout::read(&dir.path().join("nowhere")), None);
    write(
        dir.path(),
        &[("broken/.git", "gitdir:"), ("odd/.git/HEAD", "\u{0}"), ("odd/.git/config", "[remote")],
    );
    assert_eq!(Checkout::read(&dir.path().join("odd")), Some(Checkout::default()));
    fs::write(dir.path().join("odd/.git/config"), [0xff, 0xfe]).unwrap();
    assert_eq!(Checkout::read(&dir.path().join("odd")), Some(Checkout::default()));
    let large = format!("{CONFIG}{}", "#".repeat(2 << 20));
    fs::write(dir.path().join("odd/.git/config"), large).unwrap();
    assert_eq!(Checkout::read(&dir.path().join("odd")), Some(found(None)), "its beginning is enough");
}

#[test]
#[cfg(unix)]
fn a_link_out_of_the_repository_is_not_followed() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let loose = format!("{HEAD}\n");
    let packed = format!("{HEAD} refs/heads/main\n");
    write(dir.path(), &[("else/HEAD", &loose), ("else/config", CONFIG), ("else/packed-refs", &packed)]);
    for (name, rest) in [
        ("HEAD", &[] as Files<'_>),
        ("refs/heads/main", &[("HEAD", "ref: refs/heads/main\n")]),
        ("packed-refs", &[("HEAD", "ref: refs/heads/main\n")]),
        ("config", &[("HEAD", "ref: refs/heads/main\n")]),
    ] {
        let repository = dir.path().join(name.replace('/', "-"));
        let git = repository.join(".git");
        write(&git, rest);
        let link = git.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if name == "refs/heads/main" { "HEAD" } else { name };
        symlink(dir.path().join("else").join(target), &link).unwrap();
        assert_eq!(Checkout::read(&repository), Some(Checkout::default()), "{name}");
    }
    // A link within git's folder is as good as a file, since git once made `HEAD` a link.
    let old = dir.path().join("old");
    write(&old, &[(".git/refs/heads/main", &loose), (".git/config", CONFIG)]);
    symlink("refs/heads/main", old.join(".git/HEAD")).unwrap();
    assert_eq!(Checkout::read(&old), Some(found(Some(HEAD))));
}

/// A build that somebody starts without naming a commit has `HEAD` in the variable of the commit.
#[test]
fn head_is_what_is_checked_out() {
    let checkout = found(Some(HEAD));
    let github = "github https://api.github.com octo/shop";
    let cis: &[Pairs<'_>] = &[
        &[
            ("BUILDKITE", "true"),
            ("BUILDKITE_REPO", "git@github.com:octo/shop.git"),
            ("BUILDKITE_COMMIT", "HEAD"),
        ],
        &[
            ("CIRCLECI", "true"),
            ("CIRCLE_REPOSITORY_URL", "git@github.com:octo/shop.git"),
            ("CIRCLE_SHA1", "HEAD"),
        ],
        &[
            ("DRONE", "true"),
            ("DRONE_REPO_LINK", "https://github.com/octo/shop"),
            ("DRONE_COMMIT_SHA", "HEAD"),
        ],
        &[
            ("CODEBUILD_BUILD_ID", "chaos:0a1b"),
            ("CODEBUILD_SOURCE_REPO_URL", "https://github.com/octo/shop.git"),
            ("CODEBUILD_SOURCE_VERSION", "HEAD"),
        ],
    ];
    for variables in cis {
        let env = Environment::from_pairs(variables.iter().copied());
        let at = |checkout: Option<&Checkout>| subject(&Surroundings::detect(&env, None, checkout));
        assert_eq!(at(Some(&checkout)), format!("{github} head"), "{variables:?}");
        assert_eq!(at(None), "the commit is not known: set `commit`", "{variables:?}");
        let other = Checkout { origin: Some("git@github.com:octo/web.git".to_owned()), ..checkout.clone() };
        assert_eq!(at(Some(&other)), "the commit is not known: set `commit`", "{variables:?}");
    }
}

/// A CI may check out the commit that merges the pull request on trial.
#[test]
fn the_head_of_a_pull_request_is_looked_up_and_not_taken_from_the_checkout() {
    let env = Environment::from_pairs([
        ("BUILDKITE", "true"),
        ("BUILDKITE_REPO", "git@github.com:octo/shop.git"),
        ("BUILDKITE_COMMIT", "HEAD"),
        ("BUILDKITE_PULL_REQUEST", "7"),
    ]);
    let found = Surroundings::detect(&env, None, Some(&found(Some(MERGE))));
    assert_eq!(subject(&found), "github https://api.github.com octo/shop to look up !7");
}
