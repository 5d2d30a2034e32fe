//! Tests of AWS CodeBuild: alone, in CodePipeline, as a runner of another CI, and started by a step of GitHub
//! Actions.

use super::*;
use faultgate_core::model::ForgeKind;

const CODEBUILD: Pairs<'_> = &[
    ("AWS_REGION", "eu-west-1"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
    (
        "CODEBUILD_BUILD_ARN",
        "arn:aws:codebuild:eu-west-1:111122223333:build/chaos-gate:0a1b2c3d-0000-4000-8000-0123456789ab",
    ),
    ("CODEBUILD_BUILD_ID", "chaos-gate:0a1b2c3d-0000-4000-8000-0123456789ab"),
    ("CODEBUILD_INITIATOR", "mona"),
    ("CODEBUILD_SOURCE_REPO_URL", "https://github.com/octo/shop.git"),
    ("CODEBUILD_SOURCE_VERSION", "main"),
    ("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD),
];

const IN_PIPELINE: Pairs<'_> = &[
    ("CODEBUILD_INITIATOR", "codepipeline/release"),
    ("CODEBUILD_SOURCE_REPO_URL", ""),
    ("CODEBUILD_SOURCE_VERSION", "arn:aws:s3:::artifacts/release/SourceArti/AbC.zip"),
    ("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
];

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn the_source_tells_forge_and_commit() {
    let github = "github https://api.github.com octo/shop head";
    let table: &[(&str, Pairs<'_>, &str)] = &[
        ("push", &[("CODEBUILD_WEBHOOK_TRIGGER", "branch/main")], github),
        ("tag", &[("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1")], github),
        ("commit", &[("CODEBUILD_SOURCE_VERSION", HEAD), ("CODEBUILD_RESOLVED_SOURCE_VERSION", "")], github),
        (
            "pull request",
            &[
                ("CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_UPDATED"),
                ("CODEBUILD_WEBHOOK_TRIGGER", "pr/7"),
                ("CODEBUILD_SOURCE_VERSION", "pr/7"),
            ],
            "github https://api.github.com octo/shop head !7",
        ),
        (
            "pull request started by hand",
            &[("CODEBUILD_SOURCE_VERSION", "pr/7")],
            "github https://api.github.com octo/shop head !7",
        ),
        (
            "merge of a pull request",
            &[
                ("CODEBUILD_SOURCE_VERSION", "refs/pull/7/merge"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", MERGE),
            ],
            "github https://api.github.com octo/shop to look up !7",
        ),
        (
            "merge of a pull request, by its commit",
            &[
                ("CODEBUILD_SOURCE_VERSION", "refs/pull/7/merge^{2222222222222222222222222222222222222222}"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", MERGE),
            ],
            "github https://api.github.com octo/shop to look up !7",
        ),
        (
            "head of a pull request",
            &[("CODEBUILD_SOURCE_VERSION", "refs/pull/7/head")],
            "github https://api.github.com octo/shop head !7",
        ),
        (
            "head of a pull request, by its commit",
            &[("CODEBUILD_SOURCE_VERSION", "refs/pull/7/head^{1111111111111111111111111111111111111111}")],
            "github https://api.github.com octo/shop head !7",
        ),
        (
            "head of a pull request, not resolved",
            &[
                ("CODEBUILD_SOURCE_VERSION", "refs/pull/7/head^{1111111111111111111111111111111111111111}"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
            ],
            "github https://api.github.com octo/shop head !7",
        ),
        (
            "branch by its commit",
            &[
                ("CODEBUILD_SOURCE_VERSION", "refs/heads/x^{1111111111111111111111111111111111111111}"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
            ],
            github,
        ),
        (
            "tag by its commit",
            &[
                ("CODEBUILD_SOURCE_VERSION", "refs/tags/v1^{1111111111111111111111111111111111111111}"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
            ],
            github,
        ),
        (
            "an object in S3",
            &[
                ("CODEBUILD_SOURCE_VERSION", "arn:aws:s3:::bucket/shop.zip"),
                ("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
            ],
            "the commit is not known: set `commit`",
        ),
        (
            "GitHub Enterprise",
            &[("CODEBUILD_SOURCE_REPO_URL", "https://github.example.com/octo/shop")],
            "github https://github.example.com/api/v3 octo/shop head",
        ),
        (
            "GitLab",
            &[("CODEBUILD_SOURCE_REPO_URL", "https://gitlab.com/octo/web/shop.git")],
            "gitlab https://gitlab.com/api/v4 octo/web/shop head",
        ),
        (
            "Bitbucket",
            &[("CODEBUILD_SOURCE_REPO_URL", "https://mona@bitbucket.org/octo/shop.git")],
            "bitbucket https://api.bitbucket.org/2.0 octo/shop head",
        ),
        (
            "CodeCommit",
            &[("CODEBUILD_SOURCE_REPO_URL", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")],
            "codecommit https://codecommit.eu-west-1.amazonaws.com shop head",
        ),
        (
            "CodeCommit in China",
            &[(
                "CODEBUILD_SOURCE_REPO_URL",
                "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/shop",
            )],
            "codecommit https://codecommit.cn-north-1.amazonaws.com.cn shop head",
        ),
        (
            "files in S3",
            &[("CODEBUILD_SOURCE_REPO_URL", "s3://bucket/shop.zip"), ("CODEBUILD_SOURCE_VERSION", "")],
            "the repository is not known: set `repository`",
        ),
    ];
    for (title, variables, expected) in table {
        let found = in_env(&[CODEBUILD, variables]);
        assert_eq!(subject(&found), *expected, "{title}");
        assert_eq!(found.job.as_deref(), Some("chaos-gate"));
    }
}

#[test]
fn a_host_that_says_nothing_is_what_the_token_says() {
    let found =
        in_env(&[CODEBUILD, &[("CODEBUILD_SOURCE_REPO_URL", "https://code.example.com/octo/shop.git")]]);
    assert_eq!(
        subject(&found),
        "it is not known which forge https://code.example.com is: set `forge`, and `forge-api-url` if its API is \
         not at the usual place"
    );
    for (kind, expected) in [
        (ForgeKind::GitHub, "github https://code.example.com/api/v3 octo/shop head"),
        (ForgeKind::GitLab, "gitlab https://code.example.com/api/v4 octo/shop head"),
    ] {
        let found = found.clone().with(&Overrides { tokens: vec![kind], ..Overrides::default() });
        assert_eq!(subject(&found), expected);
    }
    let both = Overrides { tokens: vec![ForgeKind::GitHub, ForgeKind::GitLab], ..Overrides::default() };
    assert_eq!(found.with(&both).site, None);
}

#[test]
fn a_pipeline_must_pass_what_its_build_is_not_told() {
    let missing = "set `repository` and `commit`, which CodePipeline passes as environment variables of the action: \
                   FAULTGATE_REPOSITORY with #{SourceVariables.FullRepositoryName} and FAULTGATE_COMMIT with \
                   #{SourceVariables.CommitId}";
    let found = in_env(&[CODEBUILD, IN_PIPELINE]);
    assert_eq!(subject(&found), format!("the repository is not known: {missing}"));
    let token = vec![ForgeKind::GitHub];
    let named = Overrides { repository: Some("octo/shop"), tokens: token.clone(), ..Overrides::default() };
    assert_eq!(subject(&found.clone().with(&named)), format!("the commit is not known: {missing}"));
    let both = Overrides { commit: Some(HEAD), ..named.clone() };
    assert_eq!(subject(&found.clone().with(&both)), "github https://api.github.com octo/shop head");
    let no_token = Overrides { tokens: vec![], ..both };
    assert!(subject(&found.with(&no_token)).contains("set `forge`"));

    // Some sources tell the commit in a pipeline all the same.
    let known = in_env(&[CODEBUILD, IN_PIPELINE, &[("CODEBUILD_RESOLVED_SOURCE_VERSION", HEAD)]]);
    assert_eq!(subject(&known.with(&named)), "github https://api.github.com octo/shop head");
}

#[test]
fn a_connection_of_codepipeline_is_no_forge() {
    let url = "https://codestar-connections.eu-west-1.amazonaws.com/git-http/111122223333/eu-west-1/ab/octo/shop.git";
    let found = in_env(&[CODEBUILD, IN_PIPELINE, &[("CODEBUILD_SOURCE_REPO_URL", url)]])
        .with(&Overrides { tokens: vec![ForgeKind::GitHub], ..Overrides::default() });
    assert_eq!((found.site, found.repository), (None, None), "no token may go there");
}

#[test]
fn a_build_has_a_page_in_the_console_of_its_partition() {
    let page = |arn: &str| {
        let found = in_env(&[CODEBUILD, &[("CODEBUILD_BUILD_ARN", arn)]]);
        url(&found).to_owned()
    };
    let id = "0a1b2c3d-0000-4000-8000-0123456789ab";
    let end = |account: &str| format!("{account}/projects/chaos-gate/build/chaos-gate%3A{id}/");
    for (partition, region, domain) in [
        ("aws", "eu-west-1", "aws.amazon.com"),
        ("aws-cn", "cn-north-1", "amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws-us-gov.com"),
    ] {
        assert_eq!(
            page(&format!("arn:{partition}:codebuild:{region}:111122223333:build/chaos-gate:{id}")),
            format!(
                "https://{region}.console.{domain}/codesuite/codebuild/{}?region={region}",
                end("111122223333")
            )
        );
    }
    assert_eq!(page("arn"), "none");
    let public: Pairs<'_> = &[("CODEBUILD_PUBLIC_BUILD_URL", "https://eu-west-1.codebuild.aws.amazon.com/b")];
    assert_eq!(url(&in_env(&[CODEBUILD, public])), public[0].1);
}

#[test]
fn the_legs_of_a_batch_are_told_apart() {
    let found = in_env(&[CODEBUILD, &[("CODEBUILD_BATCH_BUILD_IDENTIFIER", "eu")]]);
    assert_eq!(found.job.as_deref(), Some("chaos-gate/eu"));
}

/// The variables that the action aws-codebuild-run-build hands over to a build.
const STEP: Pairs<'_> = &[
    ("CI", "true"),
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_REPOSITORY", "octo/shop"),
    ("GITHUB_EVENT_NAME", "pull_request"),
    ("GITHUB_EVENT_PATH", "/home/runner/work/_temp/_github_workflow/event.json"),
    ("GITHUB_REF", "refs/pull/7/merge"),
    ("GITHUB_SHA", MERGE),
    ("GITHUB_RUN_ID", "1658821493"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("CODEBUILD_SOURCE_VERSION", HEAD),
];

#[test]
fn a_build_that_a_step_of_github_actions_starts_is_codebuilds() {
    let found = in_env(&[CODEBUILD, STEP]);
    assert_eq!((found.ci, found.ci.log_style()), (Ci::CodeBuild, LogStyle::Plain));
    assert_eq!(subject(&found), "github https://api.github.com octo/shop head !7");
    let env = Environment::from_pairs(CODEBUILD.iter().chain(STEP).copied());
    assert_eq!(Surroundings::event_path(&env), None, "its event is not here");

    let merged: Pairs<'_> =
        &[("CODEBUILD_SOURCE_VERSION", MERGE), ("CODEBUILD_RESOLVED_SOURCE_VERSION", MERGE)];
    let found = in_env(&[CODEBUILD, STEP, merged]);
    assert_eq!(subject(&found), "github https://api.github.com octo/shop to look up !7");

    let other: Pairs<'_> = &[("CODEBUILD_SOURCE_REPO_URL", "https://github.com/octo/web.git")];
    let found = in_env(&[CODEBUILD, STEP, other]);
    assert_eq!(subject(&found), "github https://api.github.com octo/web head", "another repository's step");
}

#[test]
fn a_build_that_is_a_runner_is_the_job_that_it_runs() {
    for (runner, ci) in [
        (&[("GITHUB_ACTIONS", "true"), ("RUNNER_NAME", "codebuild-1")] as Pairs<'_>, Ci::GitHubActions),
        (&[("GITLAB_CI", "true")], Ci::GitLabCi),
        (&[("BUILDKITE", "true")], Ci::Buildkite),
    ] {
        assert_eq!(in_env(&[CODEBUILD, runner]).ci, ci);
    }
}
