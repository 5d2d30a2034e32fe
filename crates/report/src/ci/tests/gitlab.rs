//! Tests of GitLab CI: pipelines of branches, of merge requests, and of merged results.

use super::*;

const GITLAB: Pairs<'_> = &[
    ("CI", "true"),
    ("GITLAB_CI", "true"),
    ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
    ("CI_SERVER_URL", "https://gitlab.example.com"),
    ("CI_PROJECT_ID", "1234"),
    ("CI_PROJECT_PATH", "octo/web/shop"),
    ("CI_PIPELINE_ID", "500"),
    ("CI_PIPELINE_URL", "https://gitlab.example.com/octo/web/shop/-/pipelines/500"),
    ("CI_JOB_ID", "9001"),
    ("CI_JOB_NAME", "chaos"),
    ("CI_JOB_URL", "https://gitlab.example.com/octo/web/shop/-/jobs/9001"),
    ("CI_COMMIT_SHA", HEAD),
    ("CI_COMMIT_REF_NAME", "retry"),
];

const MERGE_REQUEST: Pairs<'_> = &[
    ("CI_PIPELINE_SOURCE", "merge_request_event"),
    ("CI_MERGE_REQUEST_IID", "12"),
    ("CI_MERGE_REQUEST_PROJECT_ID", "1234"),
    ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1234"),
    ("CI_MERGE_REQUEST_EVENT_TYPE", "detached"),
    ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
    ("CI_OPEN_MERGE_REQUESTS", "octo/web/shop!12"),
];

#[test]
fn each_pipeline_reports_to_its_commit_and_merge_request() {
    let table: &[(&str, Pairs<'_>, &str)] = &[
        ("branch", &[("CI_COMMIT_BRANCH", "retry")], "1234 head pipeline 500 [retry] [chaos]"),
        (
            "tag",
            &[("CI_COMMIT_TAG", "v1"), ("CI_COMMIT_REF_NAME", "v1")],
            "1234 head pipeline 500 [v1] [chaos]",
        ),
        (
            "branch with open merge requests",
            &[("CI_OPEN_MERGE_REQUESTS", "octo/web/shop!12,up/stream!3")],
            "1234 head !12 pipeline 500 [retry] [chaos]",
        ),
        (
            "branch of a fork with an open merge request",
            &[("CI_OPEN_MERGE_REQUESTS", "up/stream!3")],
            "1234 head !3 up/stream pipeline 500 [retry] [chaos]",
        ),
        ("merge request", MERGE_REQUEST, "1234 head !12 pipeline 500 [retry] [chaos]"),
    ];
    for (title, variables, expected) in table {
        let found = in_env(&[GITLAB, variables]);
        assert_eq!(
            subject(&found),
            format!("gitlab https://gitlab.example.com/api/v4 {expected}"),
            "{title}"
        );
        assert_eq!(found.read_only, None, "{title}");
        assert_eq!(found.repository.as_deref(), Some("octo/web/shop"), "people read the path");
        assert_eq!(url(&found), "https://gitlab.example.com/octo/web/shop/-/jobs/9001");
    }
}

#[test]
fn merged_results_report_to_the_head() {
    let merged: Pairs<'_> = &[
        ("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result"),
        ("CI_COMMIT_SHA", MERGE),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD),
    ];
    let found = in_env(&[GITLAB, MERGE_REQUEST, merged]);
    assert_eq!(
        subject(&found),
        "gitlab https://gitlab.example.com/api/v4 1234 head !12 pipeline 500 [retry] [chaos]"
    );

    for kind in ["merged_result", "merge_train"] {
        let unknown: Pairs<'_> = &[("CI_MERGE_REQUEST_EVENT_TYPE", kind), ("CI_COMMIT_SHA", MERGE)];
        let found = in_env(&[GITLAB, MERGE_REQUEST, unknown]);
        assert_eq!(found.commit, None, "{kind}");
    }
}

#[test]
fn a_merge_request_from_a_fork_belongs_to_its_target() {
    let in_fork: Pairs<'_> =
        &[("CI_MERGE_REQUEST_PROJECT_ID", "77"), ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1234")];
    let found = in_env(&[GITLAB, MERGE_REQUEST, in_fork]);
    assert_eq!(
        subject(&found),
        "gitlab https://gitlab.example.com/api/v4 1234 head !12 77 pipeline 500 [retry] [chaos]"
    );
    assert_eq!(found.read_only, None, "the token is the user's own");
}

#[test]
fn an_older_gitlab_names_its_server_only() {
    let found = in_env(&[GITLAB, &[("CI_API_V4_URL", ""), ("CI_SERVER_URL", "https://x.example/gitlab/")]]);
    assert_eq!(found.site.unwrap().api_url, "https://x.example/gitlab/api/v4");
    let found = in_env(&[GITLAB, &[("CI_JOB_URL", "")]]);
    assert_eq!(url(&found), "https://gitlab.example.com/octo/web/shop/-/pipelines/500");
}
