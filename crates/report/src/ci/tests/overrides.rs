//! Tests of the user's settings, which win over what the CI says and remove what belongs to something else.

use super::*;
use faultgate_core::model::ForgeKind;

const GITLAB: Pairs<'_> = &[
    ("GITLAB_CI", "true"),
    ("CI_API_V4_URL", "https://gitlab.com/api/v4"),
    ("CI_PROJECT_ID", "1234"),
    ("CI_PROJECT_PATH", "octo/shop"),
    ("CI_PIPELINE_ID", "500"),
    ("CI_COMMIT_SHA", HEAD),
    ("CI_COMMIT_REF_NAME", "retry"),
    ("CI_OPEN_MERGE_REQUESTS", "octo/shop!12"),
];

const GITHUB: Pairs<'_> = &[
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_API_URL", "https://api.github.com"),
    ("GITHUB_REPOSITORY", "octo/shop"),
    ("GITHUB_EVENT_NAME", "push"),
    ("GITHUB_SHA", HEAD),
];

const UNKNOWN_HOST: Pairs<'_> = &[
    ("BUILDKITE", "true"),
    ("BUILDKITE_REPO", "git@code.example.com:octo/shop.git"),
    ("BUILDKITE_COMMIT", HEAD),
    ("BUILDKITE_PULL_REQUEST", "7"),
];

fn set() -> Overrides<'static> {
    Overrides::default()
}

fn told(env: Pairs<'_>, overrides: &Overrides<'_>) -> String {
    subject(&in_env(&[env]).with(overrides))
}

#[test]
fn nothing_set_changes_nothing() {
    for env in [GITLAB, GITHUB, UNKNOWN_HOST, &[]] {
        assert_eq!(in_env(&[env]).with(&set()), in_env(&[env]));
    }
}

#[test]
fn the_environment_of_the_job_is_that_of_the_run_unless_the_user_says_another() {
    let of = |env: &[Pairs<'_>], environment: Option<&'static str>| {
        in_env(env).with(&Overrides { environment, ..set() }).identity("x").environment
    };
    let job: Pairs<'_> = &[("CI_ENVIRONMENT_NAME", "review/shop")];
    assert_eq!(of(&[GITLAB, job], None).as_deref(), Some("review/shop"));
    assert_eq!(of(&[GITLAB, job], Some("staging")).as_deref(), Some("staging"));
    assert_eq!(of(&[GITLAB, &[("CI_ENVIRONMENT_NAME", "")]], None), None);
    assert_eq!(of(&[GITHUB, job], None), None, "only GitLab sets it");
    assert_eq!(of(&[GITHUB], Some("staging")).as_deref(), Some("staging"));
}

#[test]
fn another_repository_takes_commit_pull_request_and_pipeline_with_it() {
    let other = || Overrides { repository: Some("octo/other"), ..set() };
    assert_eq!(told(GITLAB, &other()), "the commit is not known: set `commit`");
    let found = in_env(&[GITLAB]).with(&other());
    assert_eq!((found.commit, found.pull_request, found.pipeline), (None, None, None));
    assert_eq!(
        told(GITLAB, &Overrides { commit: Some(BASE), pull_request: Some(3), ..other() }),
        "gitlab https://gitlab.com/api/v4 octo/other base !3"
    );
}

#[test]
fn the_same_repository_keeps_them() {
    let all = "gitlab https://gitlab.com/api/v4 1234 head !12 pipeline 500 [retry] []";
    for same in ["octo/shop", "Octo/Shop", "/octo/shop/", "1234", "https://gitlab.com/octo/shop.git"] {
        assert_eq!(told(GITLAB, &Overrides { repository: Some(same), ..set() }), all, "{same}");
    }
    let ghes: Pairs<'_> = &[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://code.example.com"),
        ("GITHUB_REPOSITORY", "octo/shop"),
        ("GITHUB_SHA", HEAD),
    ];
    let url = Overrides { repository: Some("https://code.example.com/octo/shop"), ..set() };
    assert_eq!(told(ghes, &url), "github https://code.example.com/api/v3 octo/shop head");
}

#[test]
fn a_repository_by_its_url_brings_its_forge() {
    let url = |url| Overrides { repository: Some(url), commit: Some(BASE), ..set() };
    assert_eq!(
        told(GITHUB, &url("https://gitlab.example.com/octo/shop.git")),
        "gitlab https://gitlab.example.com/api/v4 octo/shop base"
    );
    assert_eq!(
        told(GITLAB, &url("https://mona:s3cr3t@github.com/octo/shop")),
        "github https://api.github.com octo/shop base"
    );
    for wrong in ["https://s3cr3t@", "s3cr3t:@x:y\u{7f}", "ftp://s3cr3t@x/y"] {
        let found = in_env(&[GITHUB]).with(&url(wrong));
        let why = found.subject().unwrap_err();
        assert!(why.contains("`repository`") && !format!("{found:?}").contains("s3cr3t"), "{why}");
    }
}

#[test]
fn a_name_without_a_known_forge_is_on_the_tokens() {
    for (token, expected) in [
        (ForgeKind::GitHub, "github https://api.github.com octo/shop base"),
        (ForgeKind::GitLab, "gitlab https://gitlab.com/api/v4 octo/shop base"),
        (ForgeKind::Bitbucket, "bitbucket https://api.bitbucket.org/2.0 octo/shop base"),
    ] {
        let named =
            Overrides { repository: Some("octo/shop"), commit: Some(BASE), tokens: vec![token], ..set() };
        assert_eq!(told(&[], &named), expected);
    }
    let untold = Overrides { repository: Some("octo/shop"), commit: Some(BASE), ..set() };
    assert!(told(&[], &untold).contains("set `forge`"));
    let two = vec![ForgeKind::GitHub, ForgeKind::GitLab];
    assert!(told(&[], &Overrides { tokens: two, ..untold }).contains("set `forge`"));
}

#[test]
fn a_token_does_not_move_a_known_forge() {
    let gitlab = Overrides { tokens: vec![ForgeKind::GitLab], ..set() };
    assert_eq!(told(GITHUB, &gitlab), "github https://api.github.com octo/shop head");
}

#[test]
fn a_forge_that_is_set_says_what_an_unknown_host_is() {
    for (kind, expected) in [
        (ForgeKind::GitHub, "github https://code.example.com/api/v3 octo/shop head !7"),
        (ForgeKind::GitLab, "gitlab https://code.example.com/api/v4 octo/shop head !7"),
        (ForgeKind::Forgejo, "forgejo https://code.example.com/api/v1 octo/shop head !7"),
    ] {
        assert_eq!(told(UNKNOWN_HOST, &Overrides { forge: Some(kind), ..set() }), expected);
    }
    // A host whose forge was only guessed by its name can be another forge after all.
    let misnamed: Pairs<'_> = &[
        ("DRONE", "true"),
        ("DRONE_REPO_LINK", "https://gitlab.example.com/octo/shop"),
        ("DRONE_COMMIT_SHA", HEAD),
    ];
    assert_eq!(
        told(misnamed, &Overrides { forge: Some(ForgeKind::Gitea), ..set() }),
        "gitea https://gitlab.example.com/api/v1 octo/shop head"
    );
}

#[test]
fn another_forge_is_another_repository() {
    let moved = Overrides { forge: Some(ForgeKind::GitLab), ..set() };
    assert_eq!(told(GITHUB, &moved), "the commit is not known: set `commit`");
    let named = Overrides { repository: Some("octo/web/shop"), commit: Some(BASE), ..moved };
    assert_eq!(told(GITHUB, &named), "gitlab https://gitlab.com/api/v4 octo/web/shop base");
    let same = Overrides { forge: Some(ForgeKind::GitHub), ..set() };
    assert_eq!(told(GITHUB, &same), "github https://api.github.com octo/shop head");
}

#[test]
fn gitea_has_no_place_of_its_own() {
    let gitea = Overrides { forge: Some(ForgeKind::Gitea), commit: Some(BASE), ..set() };
    assert_eq!(
        told(GITHUB, &gitea),
        "Gitea is at no place of its own: set `forge-api-url`, for example to https://git.example.com/api/v1"
    );
    let there = Overrides { forge_api_url: Some("https://git.example.com/api/v1/"), ..gitea };
    assert_eq!(told(GITHUB, &there), "gitea https://git.example.com/api/v1 octo/shop base");
}

#[test]
fn codecommit_is_in_the_region_around() {
    let moved = Overrides {
        forge: Some(ForgeKind::CodeCommit),
        repository: Some("shop"),
        commit: Some(BASE),
        ..set()
    };
    assert_eq!(
        told(&[("AWS_REGION", "eu-west-1")], &moved),
        "codecommit https://codecommit.eu-west-1.amazonaws.com shop base"
    );
    assert!(told(&[], &moved).contains("https://codecommit.eu-west-1.amazonaws.com"));
}

#[test]
fn the_url_of_an_api_may_tell_its_forge() {
    let at = |url| Overrides { forge_api_url: Some(url), commit: Some(BASE), ..set() };
    // A proxy before the same forge does not make it another forge, so the commit stays.
    assert_eq!(
        told(GITHUB, &Overrides { commit: None, ..at("http://127.0.0.1:8080/") }),
        "github http://127.0.0.1:8080 octo/shop head"
    );
    assert_eq!(
        told(GITHUB, &at("https://gitlab.example.com/api/v4")),
        "gitlab https://gitlab.example.com/api/v4 octo/shop base"
    );
    assert_eq!(
        told(UNKNOWN_HOST, &at("https://code.example.com/api/v1")),
        "gitea https://code.example.com/api/v1 octo/shop base !7"
    );
    assert_eq!(
        told(UNKNOWN_HOST, &at("https://api.example.com")),
        "`forge-api-url` does not tell which forge it is: set `forge`"
    );
    assert!(told(GITHUB, &at("https://x/?y")).contains("is not an http or https URL"));
    let forgejo: Pairs<'_> =
        &[("FORGEJO_ACTIONS", "true"), ("FORGEJO_REPOSITORY", "octo/shop"), ("GITHUB_SHA", HEAD)];
    let forgejo = [forgejo, &[("FORGEJO_SERVER_URL", "https://git.example.com")]].concat();
    assert_eq!(
        told(&forgejo, &Overrides { commit: None, ..at("https://git.internal/api/v1") }),
        "forgejo https://git.internal/api/v1 octo/shop head"
    );
}

#[test]
fn another_commit_has_no_pipeline() {
    let all = "gitlab https://gitlab.com/api/v4 1234 head !12 pipeline 500 [retry] []";
    let commit = |commit| told(GITLAB, &Overrides { commit: Some(commit), ..set() });
    assert_eq!(commit(BASE), "gitlab https://gitlab.com/api/v4 1234 base !12");
    assert_eq!(commit(HEAD), all);
    assert_eq!(commit(&HEAD[..12]), all, "short for the same");
    assert!(commit("main").contains("`main` is not a commit"));
}

#[test]
fn another_pull_request_is_one_of_the_runs_own_repository() {
    let fork: Pairs<'_> = &[("CI_OPEN_MERGE_REQUESTS", "up/stream!12")];
    let env = [GITLAB, fork].concat();
    let pull = |number| in_env(&[&env]).with(&Overrides { pull_request: Some(number), ..set() }).pull_request;
    assert_eq!(pull(12).unwrap().repository.as_deref(), Some("up/stream"));
    assert_eq!(pull(3), Some(PullRequest::own(3)));
    let alone =
        Overrides { repository: Some("https://github.com/octo/shop"), pull_request: Some(7), ..set() };
    assert_eq!(told(&[], &alone), "github https://api.github.com octo/shop to look up !7");
}

#[test]
fn the_page_of_the_run_can_be_set() {
    let page = |url| in_env(&[GITHUB]).with(&Overrides { run_url: Some(url), ..set() }).run_url;
    assert_eq!(page("https://ci.example.com/42").as_deref(), Some("https://ci.example.com/42"));
    assert_eq!(page("javascript:alert(1)"), None);
}

/// An API at `http://h/gitlab/api/v4` knows `http://h/gitlab/g/p.git` as `g/p`.
#[test]
fn the_path_that_a_forge_is_below_is_no_part_of_a_repositorys_name() {
    let jenkins = |git: &str, page: &str| {
        in_env(&[&[
            ("JENKINS_URL", "https://jenkins.example.com/"),
            ("GIT_URL", git),
            ("GIT_COMMIT", HEAD),
            ("CHANGE_URL", page),
            ("gitlabMergeRequestLastCommit", HEAD),
        ]])
    };
    let at = |api, given| Overrides { forge_api_url: Some(api), repository: given, ..Overrides::default() };
    let (gitlab, gitea) = ("http://h/gitlab/api/v4", "http://h:3000/git/api/v1");
    let table = [
        ("http://h/gitlab/g/p.git", "", gitlab, None, "gitlab http://h/gitlab/api/v4 g/p head"),
        ("http://h/gitlab/g/sub/p.git", "", gitlab, None, "gitlab http://h/gitlab/api/v4 g/sub/p head"),
        // A group may have the same name as the path, and stands below it.
        ("http://h/gitlab/gitlab/p.git", "", gitlab, None, "gitlab http://h/gitlab/api/v4 gitlab/p head"),
        ("https://h/git/o/r.git", "", gitea, None, "gitea http://h:3000/git/api/v1 o/r head"),
        (
            "http://h/gitlab/g/p.git",
            "http://h/gitlab/g/p/-/merge_requests/7",
            gitlab,
            None,
            "gitlab http://h/gitlab/api/v4 g/p head !7",
        ),
        (
            "http://h/gitlab/fork/p.git",
            "http://h/gitlab/g/p/-/merge_requests/7",
            gitlab,
            None,
            "gitlab http://h/gitlab/api/v4 fork/p head !7 g/p",
        ),
        // The repository in the settings is the same one, whether it is given by its name or by its URL.
        ("http://h/gitlab/g/p.git", "", gitlab, Some("g/p"), "gitlab http://h/gitlab/api/v4 g/p head"),
        (
            "http://h/gitlab/g/p.git",
            "",
            gitlab,
            Some("http://h/gitlab/g/p.git"),
            "gitlab http://h/gitlab/api/v4 g/p head",
        ),
        // A URL of ssh does not have the path that the forge is below, and the path of another host is its
        // own.
        ("git@h:gitlab/p.git", "", gitlab, None, "gitlab http://h/gitlab/api/v4 gitlab/p head"),
        ("http://other/gitlab/p.git", "", gitlab, None, "gitlab http://h/gitlab/api/v4 gitlab/p head"),
        ("http://h/g/p.git", "", "http://h/api/v4", None, "gitlab http://h/api/v4 g/p head"),
    ];
    for (git, page, api, given, expected) in table {
        assert_eq!(subject(&jenkins(git, page).with(&at(api, given))), expected, "{git} {page} {given:?}");
    }
}

/// A host with letters of another alphabet is one host, however it is written.
#[test]
fn a_host_of_another_alphabet_is_named_in_ascii() {
    let ascii = "gitlab https://gitlab.xn--bcher-kva.example/api/v4 g/p head";
    for url in [
        "https://gitlab.bücher.example/g/p.git",
        "https://GITLAB.BÜCHER.example/g/p.git",
        "git@gitlab.bücher.example:g/p.git",
        "ssh://git@gitlab.bücher.example:2222/g/p.git",
        "https://gitlab.xn--bcher-kva.example/g/p.git",
    ] {
        let found = in_env(&[&[("JENKINS_URL", "https://j/"), ("GIT_URL", url), ("GIT_COMMIT", HEAD)]]);
        assert_eq!(subject(&found), ascii, "{url}");
    }
    let github = in_env(&[&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://GHES.bücher.example"),
        ("GITHUB_API_URL", "https://ghes.bücher.example/api/v3"),
        ("GITHUB_REPOSITORY", "octo/shop"),
        ("GITHUB_RUN_ID", "1"),
        ("GITHUB_SHA", HEAD),
    ]]);
    let expected = "github https://ghes.xn--bcher-kva.example/api/v3 octo/shop head";
    assert_eq!(subject(&github), expected);
    assert_eq!(url(&github), "https://ghes.xn--bcher-kva.example/octo/shop/actions/runs/1");
    let same =
        Overrides { repository: Some("https://ghes.bücher.example/octo/shop.git"), ..Overrides::default() };
    assert_eq!(subject(&github.with(&same)), expected, "no other repository");
}
