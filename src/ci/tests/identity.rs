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

/// A key that two attempts share would let the second find the experiment of the first.
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
        ("CODEBUILD_BUILD_ID", "chaos:1", "codebuild"),
        ("BITBUCKET_BUILD_NUMBER", "1", "bitbucket-pipelines"),
        ("BUILDKITE", "true", "buildkite"),
        ("CIRCLECI", "true", "circleci"),
        ("TF_BUILD", "True", "azure-pipelines"),
        ("CI", "woodpecker", "woodpecker"),
        ("DRONE", "true", "drone"),
        ("TEAMCITY_VERSION", "2026.1", "teamcity"),
        ("JENKINS_URL", "https://jenkins.example.com/", "jenkins"),
    ];
    for (place, (name, _, ci)) in all.iter().enumerate() {
        let rest: Vec<_> = all[place..].iter().map(|(name, value, _)| (*name, *value)).collect();
        assert_eq!(in_env(&[&rest]).ci.name(), *ci);
        let empty: Vec<_> = [(*name, " ")].to_vec();
        assert_ne!(in_env(&[&rest, &empty]).ci.name(), *ci, "an empty variable is unset");
    }
    assert_eq!(in_env(&[&[("CI", "true")]]).ci.name(), "none");
}
