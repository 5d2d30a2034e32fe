//! Properties of all environments, events and inputs: nothing panics, and what is found has no credentials
//! and nothing that acts in a URL, a log or a path.

use proptest::prelude::*;
use serde_json::json;

use super::super::facts::is_commit;
use super::*;
use faultgate_core::model::ForgeKind;

const SECRET: &str = "s3cr3t";

const VARIABLES: &[&str] = &[
    "GITHUB_ACTIONS",
    "GITEA_ACTIONS",
    "FORGEJO_ACTIONS",
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_NUMBER",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_SHA",
    "GITHUB_REF",
    "GITHUB_EVENT_NAME",
    "GITHUB_ACTOR",
    "GITLAB_CI",
    "CI_API_V4_URL",
    "CI_SERVER_URL",
    "CI_PROJECT_ID",
    "CI_PROJECT_PATH",
    "CI_PIPELINE_ID",
    "CI_JOB_URL",
    "CI_COMMIT_SHA",
    "CI_ENVIRONMENT_NAME",
    "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_PROJECT_ID",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
    "CI_OPEN_MERGE_REQUESTS",
    "CODEBUILD_BUILD_ID",
    "CODEBUILD_BUILD_ARN",
    "CODEBUILD_SOURCE_REPO_URL",
    "CODEBUILD_SOURCE_VERSION",
    "CODEBUILD_RESOLVED_SOURCE_VERSION",
    "CODEBUILD_WEBHOOK_TRIGGER",
    "CODEBUILD_PUBLIC_BUILD_URL",
    "BITBUCKET_BUILD_NUMBER",
    "BITBUCKET_REPO_FULL_NAME",
    "BITBUCKET_COMMIT",
    "BUILDKITE",
    "BUILDKITE_REPO",
    "BUILDKITE_COMMIT",
    "BUILDKITE_BUILD_URL",
    "BUILDKITE_JOB_ID",
    "BUILDKITE_RETRY_COUNT",
    "CIRCLECI",
    "CIRCLE_REPOSITORY_URL",
    "CIRCLE_PULL_REQUEST",
    "CIRCLE_BUILD_URL",
    "TF_BUILD",
    "SYSTEM_COLLECTIONURI",
    "SYSTEM_TEAMPROJECT",
    "BUILD_BUILDID",
    "BUILD_REPOSITORY_URI",
    "BUILD_REPOSITORY_PROVIDER",
    "BUILD_SOURCEVERSION",
    "CI",
    "CI_REPO_URL",
    "CI_FORGE_TYPE",
    "CI_FORGE_URL",
    "CI_PIPELINE_URL",
    "DRONE",
    "DRONE_REPO_LINK",
    "DRONE_BUILD_LINK",
    "DRONE_COMMIT_SHA",
    "TEAMCITY_VERSION",
    "BUILD_URL",
    "BUILD_VCS_NUMBER",
    "JENKINS_URL",
    "GIT_URL",
    "GIT_COMMIT",
    "CHANGE_ID",
    "CHANGE_URL",
    "BRANCH_NAME",
    "AWS_REGION",
];

/// Makes addresses, some of them with credentials, and other texts that may stand in a variable.
fn word() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["https?://", "ssh://", Just(String::new())];
    let user = prop_oneof![Just(""), Just("s3cr3t@"), Just("mona:s3cr3t@"), Just("a@s3cr3t@")];
    let host = prop_oneof![
        Just("github.com"),
        Just("code.example.com"),
        Just("gitlab.example.com:8443"),
        Just("bitbucket.org"),
        Just("git-codecommit.eu-west-1.amazonaws.com"),
        Just("dev.azure.com"),
        Just("[::1]"),
        Just(""),
    ];
    let path = prop_oneof![
        "/[a-z]{1,4}/[a-z]{1,4}(\\.git)?",
        ":[a-z]{1,4}/[a-z]{1,4}",
        "/v1/repos/[a-z]{1,4}",
        ".{0,9}"
    ];
    let url = (scheme, user, host, path).prop_map(|(s, u, h, p)| format!("{s}{u}{h}{p}"));
    prop_oneof![
        4 => url,
        2 => "[0-9a-f]{40}",
        1 => "[0-9]{1,22}",
        1 => ".{0,12}",
        1 => prop_oneof![
            Just("true"), Just("woodpecker"), Just("pull_request"), Just("workflow_run"), Just("issue_comment"),
            Just("refs/pull/7/merge"), Just("pr/7"), Just("octo/shop"), Just("a/b!1,c"), Just("github"),
            Just("arn:aws:codebuild:eu-west-1:1:build/x:1"), Just("../.."), Just("\r\n::error::x"),
        ].prop_map(str::to_owned),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    (word(), word(), any::<u64>()).prop_map(|(a, b, n)| {
        json!({
            "number": n, "sha": a, "issue": { "number": n, "pull_request": b },
            "pull_request": { "number": n, "head": { "sha": a, "repo": { "full_name": b } } },
            "workflow_run": { "head_sha": b, "pull_requests": [{ "number": n }, a] },
        })
    })
}

fn kind() -> impl Strategy<Value = ForgeKind> {
    proptest::sample::select(ForgeKind::ALL.to_vec())
}

/// Asserts what is true of all surroundings, however they were found.
fn sound(found: &Surroundings) {
    let identity = found.identity("aaaaaaaa");
    assert!(identity.id.len() <= 40 && identity.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    let api = found.site.as_ref().map(|site| &site.api_url);
    for url in [found.run_url.as_ref(), api, found.server.as_ref()].into_iter().flatten() {
        assert!(url.starts_with("https://") || url.starts_with("http://"), "{url}");
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        assert!(
            authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('@')),
            "{url}"
        );
    }
    if let Ok(subject) = found.subject() {
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        assert!(subject.repository.bytes().all(safe) && !subject.repository.contains(".."), "{subject:?}");
        assert!(subject.commit.is_none_or(|commit| is_commit(&commit)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_found_panics_acts_or_tells_a_secret(
        ci in proptest::sample::select(VARIABLES),
        pairs in proptest::collection::vec((proptest::sample::select(VARIABLES), word()), 0..24),
        event in proptest::option::of(event()),
        git in proptest::option::of((word(), word())),
    ) {
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str())).chain([(ci, "true")]);
        let env = Environment::from_pairs(pairs.filter(|(_, value)| !value.contains('\0')));
        let git = git.map(|(head, origin)| Checkout { head: Some(head), origin: Some(origin) });
        let found = Surroundings::detect(&env, event.as_ref(), git.as_ref());
        sound(&found);
        prop_assert!(found.commit.as_deref().is_none_or(is_commit));
    }

    #[test]
    fn what_is_set_does_no_harm_either(
        pairs in proptest::collection::vec((proptest::sample::select(VARIABLES), word()), 0..12),
        texts in proptest::collection::vec(proptest::option::of(word()), 4),
        forge in proptest::option::of(kind()),
        tokens in proptest::collection::vec(kind(), 0..3),
        pull_request in any::<Option<u64>>(),
    ) {
        let env = Environment::from_pairs(pairs);
        let text = |place: usize| texts[place].as_deref();
        let overrides = Overrides {
            matrix: text(3),
            forge,
            forge_api_url: text(0),
            run_url: text(1),
            environment: text(0),
            repository: text(2),
            commit: text(3),
            pull_request,
            tokens,
        };
        sound(&Surroundings::detect(&env, None, None).with(&overrides));
    }

    #[test]
    fn the_credentials_of_a_repository_are_not_kept(url in word()) {
        for name in ["CODEBUILD_SOURCE_REPO_URL", "CODEBUILD_PUBLIC_BUILD_URL"] {
            let found = in_env(&[&[("CODEBUILD_BUILD_ID", "a:b"), (name, &url)]]);
            prop_assert!(!format!("{found:?}").contains(SECRET), "{found:?}");
        }
        let found = Surroundings::default().with(&Overrides { repository: Some(&url), ..Overrides::default() });
        prop_assert!(!url.contains(':') || !format!("{found:?}").contains(SECRET), "{found:?}");
    }
}
