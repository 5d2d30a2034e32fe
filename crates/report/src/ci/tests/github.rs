//! Tests of GitHub Actions, Gitea's and Forgejo's, with the files of their events in `fixtures/`.

use super::*;

const GITHUB: Pairs<'_> = &[
    ("CI", "true"),
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_API_URL", "https://api.github.com"),
    ("GITHUB_REPOSITORY", "octo/shop"),
    ("GITHUB_RUN_ID", "1658821493"),
    ("GITHUB_RUN_NUMBER", "12"),
    ("GITHUB_RUN_ATTEMPT", "2"),
    ("GITHUB_WORKFLOW", "release"),
    ("GITHUB_JOB", "chaos"),
    ("GITHUB_ACTOR", "mona"),
    ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
];

const MERGED: Pairs<'_> = &[("GITHUB_SHA", MERGE), ("GITHUB_REF", "refs/pull/7/merge")];
const PUSHED: Pairs<'_> = &[("GITHUB_SHA", HEAD), ("GITHUB_REF", "refs/heads/main")];
const ON_BASE: Pairs<'_> = &[("GITHUB_SHA", BASE), ("GITHUB_REF", "refs/heads/main")];
const DEPENDABOT: Pairs<'_> = &[("GITHUB_ACTOR", "dependabot[bot]")];

macro_rules! event {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../fixtures/", $name, ".json"))).ok()
    };
}

fn run(name: &str, event: Option<&Value>, sets: &[Pairs<'_>]) -> Surroundings {
    let named = [("GITHUB_EVENT_NAME", name)];
    let mut all = vec![GITHUB, &named];
    all.extend(sets);
    with_event(&all, event)
}

/// The event, its file, the variables, the commit and pull request that are reported to, and the reason why
/// the job's token cannot write.
type Row<'a> = (&'a str, &'a Option<Value>, Pairs<'a>, &'a str, Option<ReadOnly>);

#[test]
fn each_event_reports_to_the_commit_it_is_about() {
    let own = event!("pull_request");
    let fork = event!("pull_request_fork");
    let gone = event!("pull_request_deleted_fork");
    let head = "head";
    let pull = "head !7";
    let nothing = None;
    let table: &[Row<'_>] = &[
        ("push", &event!("push"), PUSHED, head, None),
        ("push", &nothing, PUSHED, head, None),
        ("push", &nothing, &[("GITHUB_SHA", HEAD), ("GITHUB_REF", "refs/tags/v1")], head, None),
        ("create", &nothing, PUSHED, head, None),
        ("schedule", &nothing, PUSHED, head, None),
        ("workflow_dispatch", &nothing, PUSHED, head, None),
        ("repository_dispatch", &nothing, PUSHED, head, None),
        ("release", &nothing, PUSHED, head, None),
        ("deployment", &nothing, PUSHED, head, None),
        ("merge_group", &event!("merge_group"), PUSHED, head, None),
        ("pull_request", &own, MERGED, pull, None),
        ("pull_request_review", &own, MERGED, pull, None),
        ("pull_request_review_comment", &own, MERGED, pull, None),
        ("workflow_call", &own, MERGED, pull, None),
        ("pull_request", &fork, MERGED, pull, Some(ReadOnly::Fork)),
        ("pull_request_review", &fork, MERGED, pull, Some(ReadOnly::Fork)),
        ("pull_request", &gone, MERGED, pull, Some(ReadOnly::Fork)),
        ("pull_request_target", &fork, ON_BASE, pull, None),
        ("pull_request_target", &gone, ON_BASE, pull, None),
        ("workflow_run", &event!("workflow_run"), ON_BASE, pull, None),
        ("check_suite", &event!("check_suite"), ON_BASE, pull, None),
        ("check_run", &event!("check_run"), ON_BASE, head, None),
        ("status", &event!("status"), ON_BASE, head, None),
        ("issue_comment", &event!("comment_on_pull_request"), ON_BASE, "to look up !7", None),
        ("issue_comment", &event!("comment_on_issue"), PUSHED, head, None),
    ];
    for (name, event, variables, expected, read_only) in table {
        let found = run(name, event.as_ref(), &[variables]);
        let expected = format!("github https://api.github.com octo/shop {expected}");
        assert_eq!(subject(&found), expected, "{name} {variables:?}");
        assert_eq!(found.read_only, *read_only, "{name} {variables:?}");
        assert_eq!(url(&found), "https://github.com/octo/shop/actions/runs/1658821493");
        assert_eq!((found.attempt, found.job.as_deref()), (Some(2), Some("release/chaos")));
    }
}

#[test]
fn a_commit_is_never_guessed() {
    let pull = "github https://api.github.com octo/shop to look up !7";
    for name in ["pull_request", "pull_request_review", "workflow_call", "", "not_invented_yet"] {
        assert_eq!(subject(&run(name, None, &[MERGED])), pull, "{name}");
    }
    for name in ["workflow_run", "status", "check_run", "issue_comment", "pull_request_target"] {
        let found = run(name, None, &[ON_BASE]);
        assert_eq!(
            (found.commit.as_deref(), subject(&found).as_str()),
            (None, "the commit is not known: set `commit`")
        );
    }
}

#[test]
fn what_dependabot_causes_has_a_token_that_only_reads() {
    for name in ["push", "pull_request", "pull_request_review", "create", "deployment", "deployment_status"] {
        let found = run(name, event!("pull_request").as_ref(), &[PUSHED, DEPENDABOT]);
        assert_eq!(found.read_only, Some(ReadOnly::Dependabot), "{name}");
    }
    for name in ["pull_request_target", "workflow_run", "schedule"] {
        assert_eq!(
            run(name, event!("pull_request").as_ref(), &[PUSHED, DEPENDABOT]).read_only,
            None,
            "{name}"
        );
    }
}

#[test]
fn a_token_of_a_persons_is_told_from_the_jobs() {
    assert!(token_is_own("ghp_abc") && token_is_own("github_pat_abc"));
    assert!(!token_is_own("ghs_abc") && !token_is_own("0123456789abcdef0123456789abcdef01234567"));
}

#[test]
fn enterprise_has_its_api_beside_its_pages() {
    let server: Pairs<'_> = &[
        ("GITHUB_SERVER_URL", "https://ghes.example.com/"),
        ("GITHUB_API_URL", "https://ghes.example.com/api/v3/"),
    ];
    let found = run("push", None, &[PUSHED, server]);
    assert_eq!(subject(&found), "github https://ghes.example.com/api/v3 octo/shop head");
    assert_eq!(url(&found), "https://ghes.example.com/octo/shop/actions/runs/1658821493");

    for (server, api) in [
        ("https://ghes.example.com", "https://ghes.example.com/api/v3"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://github.com", "https://api.github.com"),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080/api/v3"),
    ] {
        let found = run("push", None, &[PUSHED, &[("GITHUB_SERVER_URL", server), ("GITHUB_API_URL", "")]]);
        assert_eq!(subject(&found), format!("github {api} octo/shop head"));
    }
}

const GITEA: Pairs<'_> = &[
    ("GITEA_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://gitea.example.com"),
    ("GITHUB_API_URL", "https://gitea.example.com/api/v1"),
];

#[test]
fn gitea_and_forgejo_are_not_github() {
    let found = run("pull_request", event!("pull_request_fork").as_ref(), &[MERGED, GITEA]);
    assert_eq!(found.ci.as_str(), "gitea-actions");
    assert_eq!(subject(&found), "gitea https://gitea.example.com/api/v1 octo/shop head !7");
    assert_eq!(url(&found), "https://gitea.example.com/octo/shop/actions/runs/12");
    assert_eq!(found.read_only, Some(ReadOnly::Fork));

    let found = run("push", None, &[PUSHED, GITEA, &[("FORGEJO_ACTIONS", "true")]]);
    assert_eq!(found.ci.as_str(), "forgejo-actions");
    assert_eq!(subject(&found), "forgejo https://gitea.example.com/api/v1 octo/shop head");
    assert_eq!(found.identity("r").attempt_key.lines().next(), Some("forgejo-actions"));

    let found =
        run("push", None, &[PUSHED, GITEA, &[("GITHUB_API_URL", "https://gitea.example.com/api/v3")]]);
    assert_eq!(subject(&found), "gitea https://gitea.example.com/api/v1 octo/shop head");

    let found = run("issue_comment", event!("comment_on_gitea_issue").as_ref(), &[PUSHED, GITEA]);
    assert_eq!(subject(&found), "gitea https://gitea.example.com/api/v1 octo/shop head");
}

#[test]
fn forgejos_own_names_do_as_well() {
    let found = in_env(&[&[
        ("FORGEJO_ACTIONS", "true"),
        ("FORGEJO_SERVER_URL", "https://codeberg.org"),
        ("FORGEJO_REPOSITORY", "octo/shop"),
        ("FORGEJO_RUN_NUMBER", "12"),
        ("FORGEJO_EVENT_NAME", "push"),
        ("FORGEJO_SHA", HEAD),
    ]]);
    assert_eq!(subject(&found), "forgejo https://codeberg.org/api/v1 octo/shop head");
    assert_eq!(url(&found), "https://codeberg.org/octo/shop/actions/runs/12");
}

#[test]
fn the_event_lies_where_github_says() {
    let path = |pairs: Pairs<'_>| {
        let env = Environment::from_pairs(pairs.iter().copied());
        Surroundings::event_path(&env).map(str::to_owned)
    };
    assert_eq!(path(GITHUB).as_deref(), Some("/github/workflow/event.json"));
    let forgejo: Pairs<'_> = &[("FORGEJO_ACTIONS", "true"), ("FORGEJO_EVENT_PATH", "/event.json")];
    assert_eq!(path(forgejo).as_deref(), Some("/event.json"));
    assert_eq!(path(&[("GITLAB_CI", "true"), ("GITHUB_EVENT_PATH", "/event.json")]), None);
}

#[test]
fn an_event_that_cannot_be_read_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("event.json");
    assert_eq!(read_event(&path), None);
    assert_eq!(read_event(dir.path()), None);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(read_event(&path), None);
    std::fs::write(&path, "{\"number\": 7}").unwrap();
    assert_eq!(read_event(&path), Some(serde_json::json!({ "number": 7 })));
    std::fs::write(&path, format!("{{}}{}", " ".repeat(25 << 20))).unwrap();
    assert_eq!(read_event(&path), None, "too large");
}

/// The event of a fork's run names no pull request, so the pull request is found by its head.
#[test]
fn the_pull_request_of_a_fork_is_looked_up_by_its_branch() {
    let event = event!("workflow_run_fork");
    let found = run("workflow_run", event.as_ref(), &[ON_BASE]);
    assert_eq!(subject(&found), "github https://api.github.com octo/shop head");
    let fork = found.subject().unwrap().fork.unwrap();
    assert_eq!((fork.owner.as_str(), fork.branch.as_str()), ("mona", "retry"));
    assert_eq!(found.read_only, None, "such a workflow has a token that writes");

    let other = Overrides { commit: Some(BASE), ..Overrides::default() };
    assert_eq!(found.clone().with(&other).subject().unwrap().fork, None, "another commit is no head of it");
    let own = run("workflow_run", event!("workflow_run").as_ref(), &[ON_BASE]);
    assert_eq!(own.subject().unwrap().fork, None);
    let same: Pairs<'_> = &[("GITHUB_REPOSITORY", "mona/shop")];
    assert_eq!(run("workflow_run", event.as_ref(), &[ON_BASE, same]).fork, None, "a branch without one");
}
