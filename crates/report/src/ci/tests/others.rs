//! Tests of the CIs that need no file of their own, and of a machine without a CI.

use super::*;

/// Returns what the environment of a CI means: the subject, the run's page, the name of the job, and the
/// attempt.
fn told(sets: &[Pairs<'_>]) -> (String, String, Option<String>, Option<u32>) {
    let found = in_env(sets);
    (subject(&found), url(&found).to_owned(), found.job, found.attempt)
}

fn expect(
    subject: &str,
    url: &str,
    job: Option<&str>,
    attempt: Option<u32>,
) -> (String, String, Option<String>, Option<u32>) {
    (subject.to_owned(), url.to_owned(), job.map(str::to_owned), attempt)
}

const GITHUB: &str = "github https://api.github.com octo/shop";

#[test]
fn bitbucket_pipelines() {
    let env: Pairs<'_> = &[
        ("CI", "true"),
        ("BITBUCKET_BUILD_NUMBER", "42"),
        ("BITBUCKET_REPO_FULL_NAME", "octo/shop"),
        ("BITBUCKET_COMMIT", HEAD),
        ("BITBUCKET_STEP_RUN_NUMBER", "2"),
        ("BITBUCKET_PR_ID", "7"),
    ];
    assert_eq!(
        told(&[env]),
        expect(
            "bitbucket https://api.bitbucket.org/2.0 octo/shop head !7",
            "https://bitbucket.org/octo/shop/pipelines/results/42",
            None,
            Some(2)
        )
    );
}

#[test]
fn buildkite() {
    let env: Pairs<'_> = &[
        ("CI", "true"),
        ("BUILDKITE", "true"),
        ("BUILDKITE_REPO", "git@github.com:octo/shop.git"),
        ("BUILDKITE_COMMIT", HEAD),
        ("BUILDKITE_PULL_REQUEST", "false"),
        ("BUILDKITE_BUILD_URL", "https://buildkite.com/octo/shop/builds/1514"),
        ("BUILDKITE_BUILD_NUMBER", "1514"),
        ("BUILDKITE_JOB_ID", "0194c8d5-3d2f"),
        ("BUILDKITE_PIPELINE_SLUG", "shop"),
        ("BUILDKITE_STEP_KEY", "chaos"),
        ("BUILDKITE_RETRY_COUNT", "0"),
    ];
    let page = "https://buildkite.com/octo/shop/builds/1514#0194c8d5-3d2f";
    assert_eq!(told(&[env]), expect(&format!("{GITHUB} head"), page, Some("shop/chaos"), Some(1)));
    let pull: Pairs<'_> = &[("BUILDKITE_PULL_REQUEST", "7"), ("BUILDKITE_RETRY_COUNT", "1")];
    assert_eq!(told(&[env, pull]), expect(&format!("{GITHUB} head !7"), page, Some("shop/chaos"), Some(2)));
    assert_eq!(in_env(&[env, &[("BUILDKITE_COMMIT", "HEAD")]]).commit, None);
}

#[test]
fn circleci() {
    let env: Pairs<'_> = &[
        ("CI", "true"),
        ("CIRCLECI", "true"),
        ("CIRCLE_REPOSITORY_URL", "git@github.com:octo/shop.git"),
        ("CIRCLE_SHA1", HEAD),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/octo/shop/42"),
        ("CIRCLE_BUILD_NUM", "42"),
        ("CIRCLE_JOB", "chaos"),
    ];
    let page = "https://circleci.com/gh/octo/shop/42";
    let table: &[(Pairs<'_>, &str)] = &[
        (&[], "head"),
        (&[("CIRCLE_PULL_REQUEST", "https://github.com/octo/shop/pull/7")], "head !7"),
        (
            &[("CIRCLE_PULL_REQUESTS", "https://github.com/up/shop/pull/3,https://x/y/z/pull/4")],
            "head !3 up/shop",
        ),
        (&[("CIRCLE_PR_NUMBER", "7")], "head !7"),
    ];
    for (variables, expected) in table {
        let expected = expect(&format!("{GITHUB} {expected}"), page, Some("chaos"), None);
        assert_eq!(told(&[env, variables]), expected);
    }
}

const AZURE: Pairs<'_> = &[
    ("TF_BUILD", "True"),
    ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/fabrikam/"),
    ("SYSTEM_TEAMPROJECT", "Web shop"),
    ("SYSTEM_STAGENAME", "verify"),
    ("SYSTEM_JOBNAME", "chaos"),
    ("SYSTEM_JOBATTEMPT", "1"),
    ("BUILD_BUILDID", "4711"),
    ("BUILD_DEFINITIONNAME", "shop"),
    ("BUILD_REASON", "IndividualCI"),
    ("BUILD_REPOSITORY_PROVIDER", "GitHub"),
    ("BUILD_REPOSITORY_URI", "https://github.com/octo/shop"),
    ("BUILD_SOURCEBRANCH", "refs/heads/main"),
    ("BUILD_SOURCEVERSION", HEAD),
];

#[test]
fn azure_pipelines() {
    let page = "https://dev.azure.com/fabrikam/Web%20shop/_build/results?buildId=4711";
    let job = Some("shop/verify/chaos");
    assert_eq!(told(&[AZURE]), expect(&format!("{GITHUB} head"), page, job, Some(1)));
    let pull: Pairs<'_> = &[
        ("BUILD_REASON", "PullRequest"),
        ("BUILD_SOURCEBRANCH", "refs/pull/7/merge"),
        ("BUILD_SOURCEVERSION", MERGE),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "1234567890"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "7"),
        ("SYSTEM_PULLREQUEST_SOURCECOMMITID", HEAD),
    ];
    assert_eq!(told(&[AZURE, pull]), expect(&format!("{GITHUB} head !7"), page, job, Some(1)));
    let little: Pairs<'_> =
        &[("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", ""), ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "")];
    assert_eq!(subject(&in_env(&[AZURE, pull, little])), format!("{GITHUB} to look up !7"));
}

#[test]
fn azure_tells_what_its_repositories_are_on() {
    let enterprise: Pairs<'_> = &[
        ("BUILD_REPOSITORY_PROVIDER", "GitHubEnterprise"),
        ("BUILD_REPOSITORY_URI", "https://code.example.com/octo/shop"),
    ];
    assert_eq!(
        subject(&in_env(&[AZURE, enterprise])),
        "github https://code.example.com/api/v3 octo/shop head"
    );
    let own: Pairs<'_> = &[
        ("BUILD_REPOSITORY_PROVIDER", "TfsGit"),
        ("BUILD_REPOSITORY_URI", "https://fabrikam@dev.azure.com/fabrikam/shop/_git/shop"),
    ];
    let found = in_env(&[AZURE, own])
        .with(&Overrides { tokens: vec![faultgate_core::model::ForgeKind::GitHub], ..Overrides::default() });
    assert_eq!(found.site, None, "no token of another forge may go there");
    assert!(subject(&found).contains("set `forge`"));
}

#[test]
fn woodpecker() {
    let env: Pairs<'_> = &[
        ("CI", "woodpecker"),
        ("CI_REPO", "octo/shop"),
        ("CI_REPO_URL", "https://git.example.com/octo/shop"),
        ("CI_FORGE_TYPE", "gitea"),
        ("CI_FORGE_URL", "https://git.example.com"),
        ("CI_COMMIT_SHA", HEAD),
        ("CI_PIPELINE_NUMBER", "8"),
        ("CI_PIPELINE_URL", "https://ci.example.com/repos/7/pipeline/8"),
        ("CI_WORKFLOW_NAME", "release"),
        ("CI_STEP_NAME", "chaos"),
    ];
    let page = "https://ci.example.com/repos/7/pipeline/8";
    let job = Some("release/chaos");
    let gitea = "gitea https://git.example.com/api/v1 octo/shop head";
    assert_eq!(told(&[env]), expect(gitea, page, job, None));
    let pull: Pairs<'_> = &[("CI_PIPELINE_EVENT", "pull_request"), ("CI_COMMIT_PULL_REQUEST", "7")];
    assert_eq!(told(&[env, pull]), expect(&format!("{gitea} !7"), page, job, None));

    let table: &[(Pairs<'_>, &str)] = &[
        (
            &[
                ("CI_FORGE_TYPE", "github"),
                ("CI_FORGE_URL", "https://github.com"),
                ("CI_REPO_URL", "https://github.com/octo/shop"),
            ],
            "github https://api.github.com octo/shop head",
        ),
        (&[("CI_FORGE_TYPE", "gitlab")], "gitlab https://git.example.com/api/v4 octo/shop head"),
        (
            &[("CI_FORGE_TYPE", ""), ("CI_REPO_URL", "https://codeberg.org/octo/shop")],
            "forgejo https://codeberg.org/api/v1 octo/shop head",
        ),
    ];
    for (variables, expected) in table {
        assert_eq!(subject(&in_env(&[env, variables])), *expected);
    }
    let other =
        in_env(&[env, &[("CI_FORGE_TYPE", "bitbucket_dc"), ("CI_FORGE_URL", "https://gitlab.example.com")]]);
    assert_eq!(other.site, None);
}

#[test]
fn drone() {
    let env: Pairs<'_> = &[
        ("CI", "true"),
        ("DRONE", "true"),
        ("DRONE_REPO", "octo/shop"),
        ("DRONE_REPO_LINK", "https://gitea.example.com/octo/shop"),
        ("DRONE_COMMIT_SHA", HEAD),
        ("DRONE_BUILD_LINK", "https://drone.example.com/octo/shop/42"),
        ("DRONE_BUILD_NUMBER", "42"),
        ("DRONE_STAGE_NAME", "release"),
        ("DRONE_STEP_NAME", "chaos"),
        ("DRONE_PULL_REQUEST", "7"),
    ];
    let gitea = "gitea https://gitea.example.com/api/v1 octo/shop head !7";
    assert_eq!(
        told(&[env]),
        expect(gitea, "https://drone.example.com/octo/shop/42", Some("release/chaos"), None)
    );
    let clone: Pairs<'_> =
        &[("DRONE_REPO_LINK", ""), ("DRONE_GIT_HTTP_URL", "https://gitea.example.com/octo/shop.git")];
    assert_eq!(subject(&in_env(&[env, clone])), gitea);
}

#[test]
fn teamcity() {
    let env: Pairs<'_> = &[
        ("TEAMCITY_VERSION", "2026.1 (build 204567)"),
        ("TEAMCITY_PROJECT_NAME", "Shop"),
        ("TEAMCITY_BUILDCONF_NAME", "Chaos"),
        ("BUILD_NUMBER", "42"),
        ("BUILD_URL", "https://teamcity.example.com/build/4711"),
        ("BUILD_VCS_NUMBER", HEAD),
    ];
    let why = "the repository is not known: set `repository`";
    let page = "https://teamcity.example.com/build/4711";
    assert_eq!(told(&[env]), expect(why, page, Some("Shop/Chaos"), None));

    let environment = Environment::from_pairs(env.iter().copied());
    let git =
        Checkout { head: Some(MERGE.to_owned()), origin: Some("https://github.com/octo/shop".to_owned()) };
    let found = Surroundings::detect(&environment, None, Some(&git));
    assert_eq!(subject(&found), format!("{GITHUB} head"), "the CI knows the commit better");
}

const JENKINS: Pairs<'_> = &[
    ("JENKINS_URL", "https://jenkins.example.com/"),
    ("BUILD_URL", "https://jenkins.example.com/job/shop/job/main/42/"),
    ("BUILD_NUMBER", "42"),
    ("JOB_NAME", "shop/main"),
    ("GIT_URL", "https://github.com/octo/shop.git"),
    ("GIT_COMMIT", HEAD),
    ("BRANCH_NAME", "main"),
];

#[test]
fn jenkins() {
    let page = "https://jenkins.example.com/job/shop/job/main/42/";
    assert_eq!(told(&[JENKINS]), expect(&format!("{GITHUB} head"), page, Some("shop/main"), None));
    let gitlab: Pairs<'_> = &[("GIT_URL", "git@gitlab.example.com:octo/web/shop.git")];
    let on_gitlab = "gitlab https://gitlab.example.com/api/v4 octo/web/shop";
    let change: Pairs<'_> = &[
        ("CHANGE_ID", "7"),
        ("CHANGE_URL", "https://github.com/octo/shop/pull/7"),
        ("BRANCH_NAME", "PR-7"),
        ("GIT_COMMIT", MERGE),
    ];
    let table: &[(&str, &[Pairs<'_>], String)] = &[
        ("in doubt the head is looked up", &[change], format!("{GITHUB} to look up !7")),
        ("merged on trial", &[change, &[("BRANCH_NAME", "PR-7-merge")]], format!("{GITHUB} to look up !7")),
        (
            "not merged",
            &[change, &[("BRANCH_NAME", "PR-7-head"), ("GIT_COMMIT", HEAD)]],
            format!("{GITHUB} head !7"),
        ),
        (
            "repository by the page of the pull request",
            &[change, &[("GIT_URL", "")]],
            format!("{GITHUB} to look up !7"),
        ),
        (
            "pull request builder",
            &[&[("ghprbPullId", "7"), ("ghprbActualCommit", HEAD), ("GIT_COMMIT", MERGE)]],
            format!("{GITHUB} head !7"),
        ),
        (
            "GitLab's plugin",
            &[
                gitlab,
                &[
                    ("gitlabMergeRequestIid", "12"),
                    ("gitlabMergeRequestId", "99812"),
                    ("gitlabMergeRequestLastCommit", HEAD),
                    ("GIT_COMMIT", MERGE),
                ],
            ],
            format!("{on_gitlab} head !12"),
        ),
        (
            "GitLab's branch source",
            &[
                gitlab,
                &[
                    ("CHANGE_ID", "12"),
                    ("CHANGE_URL", "https://gitlab.example.com/octo/web/shop/-/merge_requests/12"),
                    ("BRANCH_NAME", "MR-12"),
                ],
            ],
            format!("{on_gitlab} head !12"),
        ),
    ];
    for (title, variables, expected) in table {
        let sets: Vec<Pairs<'_>> = std::iter::once(JENKINS).chain(variables.iter().copied()).collect();
        assert_eq!(subject(&in_env(&sets)), *expected, "{title}");
    }
}

#[test]
fn plain_git() {
    let git = |origin: &str| Checkout { head: Some(HEAD.to_owned()), origin: Some(origin.to_owned()) };
    let detect = |pairs: Pairs<'_>, git: &Checkout| {
        Surroundings::detect(&Environment::from_pairs(pairs.iter().copied()), None, Some(git))
    };
    let found = detect(&[], &git("git@github.com:octo/shop.git"));
    assert_eq!((found.ci, subject(&found)), (Ci::None, format!("{GITHUB} head")));
    let found = detect(&[], &git("/srv/git/shop"));
    assert_eq!(
        subject(&found),
        "the repository is not known, and there is no CI that is known and would tell: set `repository` and `commit`, \
         and `forge` where the repository's URL does not tell it"
    );

    // The checkout of another CI may be the trial merge or another repository, so it is not trusted there.
    let push: Pairs<'_> = &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "pull_request")];
    assert_eq!(detect(push, &git("git@github.com:octo/shop.git")).commit, None);
    let jenkins = &[JENKINS, &[("GIT_COMMIT", "")]].concat();
    assert_eq!(detect(jenkins, &git("git@github.com:octo/shop.git")).commit.as_deref(), Some(HEAD));
    assert_eq!(detect(jenkins, &git("git@github.com:octo/scripts.git")).commit, None);
    let change = &[JENKINS, &[("CHANGE_ID", "7"), ("GIT_COMMIT", "")]].concat();
    assert_eq!(detect(change, &git("git@github.com:octo/shop.git")).commit, None);
}
