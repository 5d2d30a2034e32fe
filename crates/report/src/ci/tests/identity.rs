//! Tests of the identity of a run: its id, the key of its attempt, and the pipeline it belongs to.

use super::*;

fn identity(pairs: Pairs<'_>, random: &str) -> RunIdentity {
    in_env(&[pairs]).identity(random)
}

const GITHUB: Pairs<'_> = &[
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_REPOSITORY", "shop/web"),
    ("GITHUB_RUN_ID", "1234567890"),
    ("GITHUB_RUN_ATTEMPT", "1"),
    ("GITHUB_JOB", "chaos"),
    ("GITHUB_ACTION", "__run"),
    ("GITHUB_SHA", HEAD),
    ("RUNNER_NAME", "r1"),
];

fn github_with(name: &str, value: &str) -> RunIdentity {
    let pairs: Vec<_> = GITHUB.iter().map(|(n, v)| (*n, if *n == name { value } else { *v })).collect();
    identity(&pairs, "aaaaaaaa")
}

#[test]
fn a_retry_keeps_the_attempts_key_and_a_re_run_changes_it() {
    let first = identity(GITHUB, "aaaaaaaa");
    assert_eq!(first.attempt_key, identity(GITHUB, "bbbbbbbb").attempt_key);
    assert_ne!(first.id, identity(GITHUB, "bbbbbbbb").id, "rules and queues are an invocation's own");
    for name in ["GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "GITHUB_ACTION", "RUNNER_NAME"] {
        assert_ne!(first.attempt_key, github_with(name, "2").attempt_key, "{name}");
    }
}

#[test]
fn a_job_keeps_its_name_in_a_re_run() {
    let name = |run, attempt| {
        let pairs = [("GITHUB_WORKFLOW", "ci"), ("GITHUB_RUN_ID", run), ("GITHUB_RUN_ATTEMPT", attempt)];
        in_env(&[GITHUB, &pairs]).job
    };
    assert_eq!(name("1", "1").as_deref(), Some("ci/chaos"));
    assert_eq!(name("1", "1"), name("2", "3"));
}

#[test]
fn a_run_leads_back_to_its_pipeline() {
    let github = identity(GITHUB, "aaaaaaaa");
    assert_eq!(github.url.as_deref(), Some("https://github.com/shop/web/actions/runs/1234567890"));
    assert_eq!(github.id, "1234567890-1-aaaaaaaa");
    assert_eq!(github.commit.as_deref(), Some(HEAD));
    let gitlab = identity(
        &[("GITLAB_CI", "true"), ("CI_JOB_ID", "7"), ("CI_PIPELINE_ID", "5"), ("CI_JOB_URL", "https://x/7")],
        "aaaaaaaa",
    );
    assert_eq!((gitlab.ci.as_str(), gitlab.url.as_deref()), ("gitlab-ci", Some("https://x/7")));
    let codebuild =
        identity(&[("CODEBUILD_BUILD_ID", "chaos:0a1b-2c"), ("AWS_REGION", "eu-west-1")], "aaaaaaaa");
    assert_eq!((codebuild.ci.as_str(), codebuild.id.as_str()), ("codebuild", "0a1b-2c-aaaaaaaa"));
}

#[test]
fn names_made_of_a_run_id_fit_and_hold_nothing_odd() {
    let long = "9 ✗/".repeat(40);
    let run = identity(&[("GITLAB_CI", "true"), ("CI_PIPELINE_ID", &long)], "aaaaaaaa");
    assert!(
        run.id.len() <= 40 && run.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
        "{}",
        run.id
    );
}

#[test]
fn without_a_ci_each_invocation_is_an_attempt_of_its_own() {
    assert_ne!(identity(&[], "a").attempt_key, identity(&[], "b").attempt_key);
    assert_eq!((identity(&[], "a").ci.as_str(), identity(&[], "a").id.as_str()), ("none", "local-a"));
}

/// A key that two attempts share would let the second attempt find the experiment of the first.
#[test]
fn so_it_is_where_a_ci_does_not_tell_its_attempts_apart() {
    let build = |random| identity(&[("BUILDKITE", "true"), ("BUILDKITE_BUILD_NUMBER", "1514")], random);
    assert_ne!(build("a").attempt_key, build("b").attempt_key);
    assert_eq!(build("a").id, "1514-a");
    assert_eq!(identity(&[("DRONE", "true")], "a").id, "drone-a");
}

#[test]
fn logs_are_folded_as_the_ci_does_it() {
    let style = |name| in_env(&[&[(name, "true")]]).ci.log_style();
    assert_eq!(style("GITHUB_ACTIONS"), LogStyle::GitHub);
    assert_eq!(style("GITEA_ACTIONS"), LogStyle::GitHub);
    assert_eq!(style("FORGEJO_ACTIONS"), LogStyle::GitHub);
    assert_eq!(style("GITLAB_CI"), LogStyle::GitLab);
    assert_eq!(style("TF_BUILD"), LogStyle::Azure);
    assert_eq!(style("BUILDKITE"), LogStyle::Buildkite);
    assert_eq!(style("JENKINS_URL"), LogStyle::Plain);
}

#[test]
fn one_ci_inside_another_is_told_from_it() {
    let all = [
        ("FORGEJO_ACTIONS", "true", "forgejo-actions"),
        ("GITEA_ACTIONS", "true", "gitea-actions"),
        ("GITHUB_ACTIONS", "true", "github-actions"),
        ("GITLAB_CI", "true", "gitlab-ci"),
        ("BITBUCKET_BUILD_NUMBER", "1", "bitbucket-pipelines"),
        ("BUILDKITE", "true", "buildkite"),
        // A build of CodeBuild counts as one, unless it is a runner of another CI.
        ("CODEBUILD_BUILD_ID", "chaos:1", "codebuild"),
        ("CIRCLECI", "true", "circleci"),
        ("TF_BUILD", "True", "azure-pipelines"),
        ("CI", "woodpecker", "woodpecker"),
        ("DRONE", "true", "drone"),
        ("TEAMCITY_VERSION", "2026.1", "teamcity"),
        ("JENKINS_URL", "https://jenkins.example.com/", "jenkins"),
    ];
    for (place, (name, _, ci)) in all.iter().enumerate() {
        let rest: Vec<_> = all[place..].iter().map(|(name, value, _)| (*name, *value)).collect();
        assert_eq!(in_env(&[&rest]).ci.as_str(), *ci);
        let empty: Vec<_> = [(*name, " ")].to_vec();
        assert_ne!(in_env(&[&rest, &empty]).ci.as_str(), *ci, "an empty variable is unset");
    }
    assert_eq!(in_env(&[&[("CI", "true")]]).ci.as_str(), "none");
}

/// The id that tells a pipeline from the next one is the same in all of its jobs and attempts.
#[test]
fn all_jobs_of_one_pipeline_are_of_one_run() {
    /// The CI, a job of a pipeline, two other jobs of it, a job of the next pipeline, and the pipeline's id.
    type Row<'a> = (&'a str, Pairs<'a>, [Pairs<'a>; 2], Pairs<'a>, Option<&'a str>);
    let table: [Row<'_>; 11] = [
        (
            "github-actions",
            GITHUB,
            [
                &[("GITHUB_JOB", "gate"), ("RUNNER_NAME", "r2")],
                &[("GITHUB_RUN_ATTEMPT", "2"), ("GITHUB_ACTION", "merged")],
            ],
            &[("GITHUB_RUN_ID", "1234567891")],
            Some("1234567890"),
        ),
        (
            "gitlab-ci",
            &[("GITLAB_CI", "true"), ("CI_PIPELINE_ID", "5"), ("CI_JOB_ID", "7")],
            [&[("CI_JOB_ID", "8"), ("CI_JOB_NAME", "gate")], &[("CI_JOB_ID", "9")]],
            &[("CI_PIPELINE_ID", "6")],
            Some("5"),
        ),
        (
            "codebuild",
            &[("CODEBUILD_BUILD_ID", "chaos:1"), ("CODEPIPELINE_EXECUTION_ID", "e-1")],
            [&[("CODEBUILD_BUILD_ID", "gate:2")], &[("CODEBUILD_BATCH_BUILD_IDENTIFIER", "leg")]],
            &[("CODEPIPELINE_EXECUTION_ID", "e-2")],
            Some("e-1"),
        ),
        (
            "bitbucket-pipelines",
            &[("BITBUCKET_BUILD_NUMBER", "5")],
            [&[("BITBUCKET_STEP_RUN_NUMBER", "2")], &[("BITBUCKET_PARALLEL_STEP", "1")]],
            &[("BITBUCKET_BUILD_NUMBER", "6")],
            Some("5"),
        ),
        (
            "buildkite",
            &[("BUILDKITE", "true"), ("BUILDKITE_BUILD_ID", "b-1"), ("BUILDKITE_JOB_ID", "j-1")],
            [&[("BUILDKITE_JOB_ID", "j-2")], &[("BUILDKITE_RETRY_COUNT", "1")]],
            &[("BUILDKITE_BUILD_ID", "b-2")],
            Some("b-1"),
        ),
        (
            "circleci",
            &[("CIRCLECI", "true"), ("CIRCLE_PIPELINE_ID", "p-1"), ("CIRCLE_WORKFLOW_ID", "w-1")],
            [&[("CIRCLE_BUILD_NUM", "8")], &[("CIRCLE_WORKFLOW_ID", "w-2")]],
            &[("CIRCLE_PIPELINE_ID", "p-2")],
            Some("p-1"),
        ),
        (
            "azure-pipelines",
            &[("TF_BUILD", "True"), ("BUILD_BUILDID", "5")],
            [&[("SYSTEM_JOBATTEMPT", "2")], &[("SYSTEM_JOBNAME", "gate")]],
            &[("BUILD_BUILDID", "6")],
            Some("5"),
        ),
        (
            "woodpecker",
            &[("CI", "woodpecker"), ("CI_PIPELINE_NUMBER", "5")],
            [&[("CI_STEP_NAME", "gate")], &[("CI_WORKFLOW_NAME", "chaos")]],
            &[("CI_PIPELINE_NUMBER", "6")],
            Some("5"),
        ),
        (
            "drone",
            &[("DRONE", "true"), ("DRONE_BUILD_NUMBER", "5")],
            [&[("DRONE_STEP_NAME", "gate")], &[("DRONE_STAGE_NAME", "chaos")]],
            &[("DRONE_BUILD_NUMBER", "6")],
            Some("5"),
        ),
        (
            "jenkins",
            &[("JENKINS_URL", "https://j.example/"), ("BUILD_TAG", "jenkins-shop-5"), ("BUILD_NUMBER", "5")],
            [&[("NODE_NAME", "a2")], &[("STAGE_NAME", "gate")]],
            &[("BUILD_TAG", "jenkins-shop-6")],
            Some("jenkins-shop-5"),
        ),
        ("none", &[("CI", "true")], [&[], &[]], &[], None),
    ];
    for (ci, run, jobs, next, id) in table {
        let told = |sets: &[Pairs<'_>]| {
            let found = in_env(sets).identity("a");
            assert_eq!(found.ci, ci);
            found.pipeline
        };
        assert_eq!(told(&[run]).as_deref(), id);
        for job in jobs {
            assert_eq!(told(&[run, job]).as_deref(), id, "{ci}: {job:?}");
        }
        assert!(id.is_none() || told(&[run, next]).as_deref() != id, "{ci}");
    }
}

/// Each build of a batch or a pipeline is a build of its own on these CIs.
#[test]
fn a_ci_that_does_not_group_its_jobs_tells_no_run() {
    for pairs in [
        &[("CODEBUILD_BUILD_ID", "chaos:1"), ("CODEBUILD_INITIATOR", "codepipeline/release")][..],
        &[("TEAMCITY_VERSION", "2026.1"), ("BUILD_NUMBER", "5")],
    ] {
        assert_eq!(identity(pairs, "a").pipeline, None, "{pairs:?}");
    }
}
