//! Tests of the subject that a run reports to, and of the reasons why there is none.

use super::*;
use faultgate_core::model::ForgeKind;

fn on(kind: ForgeKind, repository: &str) -> Surroundings {
    Surroundings {
        site: Some(Site { kind, api_url: "https://api".to_owned() }),
        repository: Some(repository.to_owned()),
        commit: Some(HEAD.to_owned()),
        ..Surroundings::default()
    }
}

#[test]
fn a_repository_fits_its_forge_and_a_url() {
    for (kind, right) in [
        (ForgeKind::GitHub, "octo/shop"),
        (ForgeKind::Gitea, "octo/shop.js"),
        (ForgeKind::Forgejo, "octo/.github"),
        (ForgeKind::Bitbucket, "octo-team/shop_1"),
        (ForgeKind::GitLab, "octo/web/shop"),
        (ForgeKind::GitLab, "1234"),
        (ForgeKind::CodeCommit, "shop"),
    ] {
        assert!(on(kind, right).subject().is_ok(), "{kind:?} {right}");
    }
    for (kind, wrong) in [
        (ForgeKind::GitHub, "shop"),
        (ForgeKind::GitHub, "octo/web/shop"),
        (ForgeKind::GitHub, "octo/"),
        (ForgeKind::GitHub, "octo/.."),
        (ForgeKind::GitHub, "octo/shop?x"),
        (ForgeKind::GitHub, "octo/sh op"),
        (ForgeKind::GitHub, "octo/shop\n"),
        (ForgeKind::GitHub, "octo/%2e%2e"),
        (ForgeKind::GitLab, "shop"),
        (ForgeKind::GitLab, "octo/../shop"),
        (ForgeKind::CodeCommit, "octo/shop"),
        (ForgeKind::CodeCommit, ".."),
    ] {
        let why = on(kind, wrong).subject().unwrap_err();
        assert!(why.contains("is not a repository on") && why.contains("set `repository` to"), "{why}");
        assert!(!why.contains('\n'));
    }
    let long = format!("octo/{}", "x".repeat(600));
    assert!(on(ForgeKind::GitHub, &long).subject().unwrap_err().len() < 300);
}

#[test]
fn the_repository_of_a_pull_request_must_fit_as_well() {
    let mut found = on(ForgeKind::GitHub, "octo/shop");
    found.pull_request = Some(PullRequest { number: 7, repository: Some("../../user".to_owned()) });
    assert!(found.subject().is_err());
}

#[test]
fn a_commit_is_hexadecimal() {
    for (commit, right) in [("abcdef1", true), ("abcdef", false), ("main", false), ("../../../user", false)] {
        let mut found = on(ForgeKind::GitHub, "octo/shop");
        found.commit = Some(commit.to_owned());
        assert_eq!(found.subject().is_ok(), right, "{commit}");
    }
}

#[test]
fn only_some_forges_tell_the_head_of_a_pull_request() {
    for kind in ForgeKind::ALL {
        let repository = if kind == ForgeKind::CodeCommit { "shop" } else { "octo/shop" };
        let mut found = on(kind, repository);
        found.commit = None;
        found.ci = Ci::Jenkins;
        assert_eq!(found.subject().unwrap_err(), "the commit is not known: set `commit`");
        found.pull_request = Some(PullRequest::own(7));
        let looks = matches!(kind, ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::Forgejo);
        assert_eq!(found.subject().is_ok(), looks, "{kind:?}");
    }
}
